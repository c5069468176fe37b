//! A real barman store: PostgreSQL, whose backups and WAL Debian's `barman-cli-cloud` has written
//! into a real object store.
//!
//! It is made once: two base backups, a switch to timeline 2, and WAL without a gap up to its end.
//! Tests work in copies, and damage those.

use std::sync::Arc;

use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::store::{self, ROOT_KEY, ROOT_SECRET, Store};
use crate::postgres_server::{PATIENCE, PostgresServer, succeeded};

/// The name that the server's backups go under.
pub const SERVER: &str = "orders";

/// What was written by barman, in a bucket.
pub struct Barman {
    pub store: Arc<Store>,
    pub bucket: String,
}

/// The store as it was written, which nobody changes; none where it can't be made here.
pub async fn shared() -> Option<Arc<Barman>> {
    static WRITTEN: OnceCell<Option<Arc<Barman>>> = OnceCell::const_new();
    WRITTEN.get_or_init(async || Some(Arc::new(Barman::write().await?))).await.clone()
}

impl Barman {
    async fn write() -> Option<Self> {
        let barman = Self { store: store::shared().await?, bucket: "barman-as-written".to_owned() };
        barman.store.create(&barman.bucket).await;
        let mut server = PostgresServer::create().await;
        let archive = format!(
            "archive_command = 'env {} barman-cloud-wal-archive --gzip --endpoint-url {} s3://{} \
             {SERVER} %p'",
            credentials().map(|(name, value)| format!("{name}={value}")).join(" "),
            barman.store.endpoint,
            barman.bucket,
        );
        server.configure(&["wal_level = replica", "archive_mode = on", &archive]);
        server.run().await;
        server.sql("CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id").await;
        barman.back_up(&server).await;
        barman.go_on(&server, 3).await;
        barman.back_up(&server).await;
        barman.go_on(&server, 1).await;
        server.stop().await;
        server.file("data/standby.signal", "");
        server.run().await;
        server.promote().await;
        barman.go_on(&server, 2).await;
        Some(barman)
    }

    async fn back_up(&self, server: &PostgresServer) {
        let mut backup = server.command("barman-cloud-backup");
        backup.args(["--gzip", "--immediate-checkpoint", "--endpoint-url", &self.store.endpoint]);
        backup.args(["--host", "127.0.0.1", "--port", &server.port.to_string()]);
        backup.args(["--user", "postgres", &format!("s3://{}", self.bucket), SERVER]);
        succeeded(as_root(backup)).await;
    }

    /// Fills so many segments of WAL, and waits until they are archived.
    async fn go_on(&self, server: &PostgresServer, segments: usize) {
        let mut last = String::new();
        for _ in 0..segments {
            server.sql("INSERT INTO orders SELECT generate_series(1, 1000)").await;
            last = server.sql("SELECT pg_walfile_name(pg_switch_wal())").await;
        }
        let end = Instant::now() + PATIENCE;
        let query = "SELECT last_archived_wal FROM pg_stat_archiver";
        while server.sql(query).await < last {
            assert!(Instant::now() < end, "`{last}` is not archived: {}", server.log());
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// The same in a bucket of its own, to be damaged.
    pub async fn copy(&self, bucket: &str) -> Self {
        let copy = Self { store: Arc::clone(&self.store), bucket: bucket.to_owned() };
        copy.store.create(bucket).await;
        for key in self.store.keys(&self.bucket, "").await {
            self.store.copy(&self.bucket, bucket, (&key, &key)).await;
        }
        copy
    }

    /// The names of the base backups, such as `20260315T120000`, oldest first.
    pub async fn backups(&self) -> Vec<String> {
        let keys = self.store.keys(&self.bucket, &format!("{SERVER}/base/")).await;
        let infos = keys.iter().filter_map(|key| key.strip_suffix("/backup.info"));
        infos.filter_map(|folder| Some(folder.rsplit_once('/')?.1.to_owned())).collect()
    }

    /// The keys of all archived WAL, in order of their names.
    pub async fn wals(&self) -> Vec<String> {
        self.store.keys(&self.bucket, &format!("{SERVER}/wals/")).await
    }

    /// Writes the `backup.info` of a backup anew.
    pub async fn rewrite(&self, backup: &str, how: impl FnOnce(String) -> String) {
        let key = info(backup);
        let text = String::from_utf8(self.store.read(&self.bucket, &key).await).expect("text");
        self.store.write(&self.bucket, &key, how(text)).await;
    }

    /// Cuts a `backup.info` in the middle.
    pub async fn truncate(&self, backup: &str) {
        self.rewrite(backup, |text| text[..text.len() / 2].to_owned()).await;
    }

    /// Says of a backup that it failed.
    pub async fn fail(&self, backup: &str) {
        self.rewrite(backup, |text| {
            assert!(text.contains("status=DONE"), "{text}");
            text.replace("status=DONE", "status=FAILED").replace("error=None", "error=no space")
        })
        .await;
    }

    /// Removes the segment of WAL in the middle of all that are archived of timeline 1; its key is
    /// returned.
    pub async fn lose_a_wal(&self) -> String {
        let wals = self.wals().await;
        let first: Vec<_> = wals.iter().filter(|key| key.contains("/00000001")).collect();
        let key = first[first.len() / 2].clone();
        self.store.remove(&self.bucket, &key).await;
        key
    }

    /// Says of a backup that it was taken under another name, on another day: `20260101`, and the
    /// same as `2026-01-01`.
    pub async fn move_to(&self, backup: &str, (name, day): (&str, &str)) -> String {
        let (date, time) = backup.split_once('T').expect("a backup's name");
        let moved = format!("{name}T{time}");
        let from = format!("{SERVER}/base/{backup}/");
        for key in self.store.keys(&self.bucket, &from).await {
            let new = key.replace(backup, &moved);
            self.store.copy(&self.bucket, &self.bucket, (&key, &new)).await;
            self.store.remove(&self.bucket, &key).await;
        }
        let written = format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]);
        self.rewrite(&moved, |text| text.replace(&written, day)).await;
        moved
    }
}

/// The key of a `backup.info`.
fn info(backup: &str) -> String {
    format!("{SERVER}/base/{backup}/backup.info")
}

/// What barman's programs find in their surroundings.
fn credentials() -> [(&'static str, &'static str); 3] {
    [
        ("AWS_ACCESS_KEY_ID", ROOT_KEY),
        ("AWS_SECRET_ACCESS_KEY", ROOT_SECRET),
        ("AWS_DEFAULT_REGION", store::REGION),
    ]
}

fn as_root(mut command: Command) -> Command {
    command.envs(credentials());
    command
}

#[tokio::test]
async fn barman_itself_reads_what_the_fixture_holds() {
    let Some(written) = shared().await else { return };
    let [first, second] = &written.backups().await[..] else { panic!("two backups") };
    let wals = written.wals().await;
    for form in ["/00000001", "/00000002.history", "/00000002"] {
        assert!(wals.iter().any(|key| key.contains(form)), "{form} in {wals:?}");
    }
    let copy = written.copy("barman-damaged").await;
    copy.fail(second).await;
    let lost = copy.lose_a_wal().await;
    assert!(!copy.wals().await.contains(&lost));
    let moved = copy.move_to(first, ("20260101", "2026-01-01")).await;
    let list = async || {
        let mut list = Command::new("barman-cloud-backup-list");
        list.args(["--format", "json", "--endpoint-url", &copy.store.endpoint]);
        list.args([&format!("s3://{}", copy.bucket), SERVER]);
        let listed: serde_json::Value =
            serde_json::from_str(&succeeded(as_root(list)).await).expect("JSON");
        let listed = listed["backups_list"].as_array().expect("backups").clone();
        let of = |what: &str| listed.iter().map(|one| one[what].to_string()).collect::<Vec<_>>();
        [of("backup_id"), of("status"), of("begin_time")].map(|words| words.join(" "))
    };
    let [ids, states, times] = list().await;
    assert_eq!(ids, format!("\"{moved}\" \"{second}\""));
    assert_eq!(states, "\"DONE\" \"FAILED\"");
    assert!(times.contains("Jan  1") || times.contains("2026-01-01"), "{times}");
    copy.truncate(&moved).await;
    assert_eq!(copy.backups().await.len(), 2);
}
