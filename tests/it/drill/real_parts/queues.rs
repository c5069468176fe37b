//! The queues: a master, its replica and a sentinel, and workers of the real Bull.
//!
//! Law: what happens here is done by Redis' own commands, by signals, and by Bull, as an operator, a
//! machine or the application would.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use vigie::systems::clock::Clock;
use vigie_sim::redis::TRACKDECHETS_QUEUES;

use crate::redis::node::Node;
use crate::redis::server::{Server, say};

/// The library that Trackdéchets has its queues by.
const LIBRARY: &str = "bull";
/// The queue whose worker can be taken away by itself.
const MAIL: &str = "queue_sendmail";
/// A queue that is worked by all others' workers.
const WEBHOOKS: &str = "queue_webhooks_production";
/// The limit of memory, far above what a few jobs take.
const MEMORY: &str = "200mb";
/// What Redis lets Vigie do, and nothing else.
const RIGHTS: &str = "~* resetchannels -@all +@read +@connection +info +role +config|get";
/// How long anything may take that has to come true.
const PATIENCE: Duration = Duration::from_secs(30);
/// A job that has been waiting for twenty minutes.
const LONG: i64 = 20 * 60 * 1000;

/// All of it.
pub struct Queues {
    servers: Mutex<[Server; 2]>,
    sentinel: Mutex<Server>,
    /// Adds jobs, and pauses.
    clerk: Mutex<Node>,
    /// Works all queues but one.
    staff: Mutex<Node>,
    /// Works that one.
    mail: Mutex<Option<Node>>,
    password: PathBuf,
}

/// The user that Vigie is at Redis.
pub const USER: &str = "vigie";

impl Queues {
    /// Starts all of it; Vigie's password goes to a file in `folder`.
    pub async fn open(folder: &Path) -> Self {
        let user = format!("user {USER} on >{} {RIGHTS}", password(1));
        let memory = format!("maxmemory {MEMORY}");
        let lines = ["repl-diskless-sync-delay 0", "repl-timeout 5", "save \"\"", &memory, &user];
        let master = Server::redis(&lines).await;
        let follows = format!("replicaof 127.0.0.1 {}", master.port);
        let replica = Server::redis(&[&lines[..], &[&follows]].concat()).await;
        // A busy machine keeps a master silent for seconds, and nobody is to replace it for that.
        let sentinel = Server::patient_sentinel(master.port, PATIENCE).await;
        let port = sentinel.port;
        let queues = Self {
            servers: Mutex::new([master, replica]),
            sentinel: Mutex::new(sentinel),
            clerk: Mutex::new(Node::through_sentinel(LIBRARY, port)),
            staff: Mutex::new(Node::through_sentinel(LIBRARY, port)),
            mail: Mutex::new(None),
            password: folder.join("redis-password"),
        };
        std::fs::write(&queues.password, password(1)).expect("a file");
        for queue in TRACKDECHETS_QUEUES.iter().filter(|queue| **queue != MAIL) {
            queues.staff.lock().await.tell("work", queue, json!({})).await;
        }
        queues.employ_mail().await;
        for queue in TRACKDECHETS_QUEUES {
            queues.add(queue, 3, json!({})).await;
        }
        queues.knows_a_replica().await;
        queues
    }

    /// Where the sentinel listens.
    pub async fn sentinel(&self) -> String {
        format!("127.0.0.1:{}", self.sentinel.lock().await.port)
    }

    /// The file with Vigie's password.
    pub fn password_file(&self) -> &Path {
        &self.password
    }

    /// A sentinel can only choose a replica that it has seen in good health.
    async fn knows_a_replica(&self) {
        let port = self.sentinel.lock().await.port;
        let end = Instant::now() + PATIENCE;
        loop {
            let known = say(port, "SENTINEL REPLICAS mymaster").await.unwrap_or_default();
            if known.contains("master-link-status\r\n$2\r\nok") {
                return;
            }
            assert!(Instant::now() < end, "the replica never came up: {known}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The port of whoever is master now.
    async fn master(&self) -> u16 {
        for server in &*self.servers.lock().await {
            if say(server.port, "ROLE").await.is_ok_and(|role| role.contains("master")) {
                return server.port;
            }
        }
        panic!("there is no master");
    }

    async fn tell_master(&self, line: &str) {
        let answer = say(self.master().await, line).await.expect("an answer");
        assert!(!answer.starts_with('-'), "{line}: {answer}");
    }

    async fn staff(&self, mode: &str) -> Node {
        let mut node = Node::through_sentinel(LIBRARY, self.sentinel.lock().await.port);
        node.tell("work", MAIL, json!({ "mode": mode })).await;
        node
    }

    /// A worker of the mail begins; one that was there before ends after that, as in a rollout.
    pub async fn employ_mail(&self) {
        let node = self.staff("finish").await;
        if let Some(mut before) = self.mail.lock().await.replace(node) {
            before.kill().await;
        }
    }

    /// The worker of the mail is killed.
    pub async fn kill_mail(&self) {
        self.mail.lock().await.as_mut().expect("a worker").kill().await;
    }

    /// The worker of the mail is replaced by one that never finishes a job, and a mail waits since
    /// twenty minutes behind the one that it has taken.
    pub async fn hang_mail(&self) {
        self.active("0").await;
        let node = self.staff("hang").await;
        self.mail.lock().await.replace(node).expect("a worker").kill().await;
        self.add(MAIL, 1, json!({})).await;
        self.active("1").await;
        let long_ago = Clock::System.now().as_millisecond() - LONG;
        self.add(MAIL, 1, json!({ "timestamp": long_ago })).await;
    }

    /// A worker of the mail that has taken a job stands still: its connections stay, and the lock of
    /// its job runs out.
    pub async fn freeze_mail(&self) {
        // What another worker left behind is no sign that this one has taken anything.
        self.active("0").await;
        let node = self.staff("hang").await;
        self.mail.lock().await.replace(node).expect("a worker").kill().await;
        self.add(MAIL, 1, json!({})).await;
        self.active("1").await;
        self.mail.lock().await.as_ref().expect("a worker").freeze();
    }

    /// Waits until so many mails are being sent.
    async fn active(&self, count: &str) {
        let end = Instant::now() + PATIENCE;
        let active = format!("LLEN bull:{MAIL}:active");
        while say(self.master().await, &active).await.expect("an answer").trim()
            != format!(":{count}")
        {
            assert!(Instant::now() < end, "{count} mails are not being sent");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Mails can't be sent for a while: thirty jobs fail.
    pub async fn fail_mails(&self) {
        let node = self.staff("fail").await;
        self.mail.lock().await.replace(node).expect("a worker").kill().await;
        self.add(MAIL, 30, json!({})).await;
    }

    /// They can be sent again, and those that are sent outnumber by far those that were not.
    pub async fn send_mails(&self) {
        self.employ_mail().await;
        self.add(MAIL, 1500, json!({})).await;
    }

    async fn add(&self, queue: &str, count: u32, options: serde_json::Value) {
        let given = json!({ "count": count, "options": options });
        self.clerk.lock().await.tell("add", queue, given).await;
    }

    /// Somebody pauses a queue.
    pub async fn pause(&self) {
        self.clerk.lock().await.tell("pause", WEBHOOKS, json!({})).await;
    }

    /// And lets it go on.
    pub async fn resume(&self) {
        self.clerk.lock().await.tell("resume", WEBHOOKS, json!({})).await;
    }

    /// Jobs for later, and jobs for now that are done at once.
    pub async fn plan(&self) {
        self.add(WEBHOOKS, 50, json!({ "delay": 3_600_000 })).await;
        self.add(WEBHOOKS, 200, json!({})).await;
    }

    /// What Redis does where its memory is full.
    pub async fn evict(&self, policy: &str) {
        self.tell_master(&format!("CONFIG SET maxmemory-policy {policy}")).await;
    }

    /// The limit of memory becomes less than what is in use.
    pub async fn fill_memory(&self) {
        let info = say(self.master().await, "INFO memory").await.expect("an answer");
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        let used: u64 = used.expect("a figure").trim().parse().expect("a number");
        self.tell_master(&format!("CONFIG SET maxmemory {}", used / 2)).await;
    }

    /// It becomes what it was.
    pub async fn free_memory(&self) {
        self.tell_master(&format!("CONFIG SET maxmemory {MEMORY}")).await;
    }

    /// Where the dump should go is a folder, and so it can't be written.
    pub async fn spoil_dumps(&self) {
        std::fs::create_dir(self.dump().await).expect("a folder");
        self.save("err").await;
    }

    /// It can be written again, and is.
    pub async fn mend_dumps(&self) {
        std::fs::remove_dir(self.dump().await).expect("a folder");
        self.save("ok").await;
    }

    /// The master writes itself to disk, as it does every hour.
    pub async fn dump_well(&self) {
        self.save("ok").await;
    }

    async fn dump(&self) -> PathBuf {
        let master = self.master().await;
        let servers = self.servers.lock().await;
        let server = servers.iter().find(|server| server.port == master).expect("a master");
        server.folder().join("dump.rdb")
    }

    async fn save(&self, outcome: &str) {
        let (port, end) = (self.master().await, Instant::now() + PATIENCE);
        let status = format!("rdb_last_bgsave_status:{outcome}");
        say(port, "BGSAVE").await.expect("an answer");
        loop {
            sleep(Duration::from_millis(100)).await;
            let info = say(port, "INFO persistence").await.expect("an answer");
            let ended = info.contains("rdb_bgsave_in_progress:0");
            if ended && info.contains(&status) {
                return;
            }
            assert!(Instant::now() < end, "never: {status}");
            if ended {
                say(port, "BGSAVE").await.expect("an answer");
            }
        }
    }

    /// Vigie's password is changed in Redis, and nobody told Vigie.
    pub async fn change_password(&self) {
        self.allow(&format!("resetpass >{}", password(2))).await;
    }

    /// Somebody tells it.
    pub fn tell_password(&self) {
        std::fs::write(&self.password, password(2)).expect("a file");
    }

    /// Vigie may not list clients any more, as with some who run Redis for others.
    pub async fn hide_clients(&self) {
        self.allow("-client|list").await;
    }

    /// It may again.
    pub async fn show_clients(&self) {
        self.allow("+client|list").await;
    }

    /// On both: a user's rights are not replicated.
    async fn allow(&self, rule: &str) {
        for server in &*self.servers.lock().await {
            say(server.port, &format!("ACL SETUSER {USER} {rule}")).await.expect("an answer");
            say(server.port, &format!("CLIENT KILL USER {USER}")).await.expect("an answer");
        }
    }

    /// The sentinel makes the replica master, and the master a replica.
    pub async fn fail_over(&self) {
        let before = self.master().await;
        self.knows_a_replica().await;
        let port = self.sentinel.lock().await.port;
        say(port, "SENTINEL FAILOVER mymaster").await.expect("an answer");
        let end = Instant::now() + PATIENCE;
        let asked = "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster";
        while say(port, asked).await.expect("an answer").contains(&before.to_string()) {
            assert!(Instant::now() < end, "no failover");
            sleep(Duration::from_millis(50)).await;
        }
        self.knows_a_replica().await;
    }

    /// The replica is killed.
    pub async fn kill_replica(&self) {
        let master = self.master().await;
        let mut servers = self.servers.lock().await;
        let replica = servers.iter_mut().find(|server| server.port != master);
        replica.expect("a replica").kill().await;
    }

    /// All servers are killed, the sentinel first.
    pub async fn kill(&self) {
        self.sentinel.lock().await.kill().await;
        for server in &mut *self.servers.lock().await {
            server.kill().await;
        }
    }

    /// Whoever was killed starts again.
    pub async fn revive(&self) {
        for server in &mut *self.servers.lock().await {
            server.revive_if_dead().await;
        }
        self.sentinel.lock().await.revive_if_dead().await;
        self.knows_a_replica().await;
    }
}

fn password(number: u32) -> String {
    format!("a-password-of-vigie-{number}")
}
