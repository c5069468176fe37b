//! A configuration is loaded anew while the real daemon runs: by a swap of files, by a signal, by
//! request; a bad one leaves what runs alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use vigie_sim::kubernetes::{ApiServer, Settings, trackdechets};
use vigie_sim::net::site::{Answer, Site};

use crate::drill::Daemon;

/// What `printf %s let-me | sha256sum` prints is in the file; the daemon never sees the token before.
const TOKEN: &str = "let-me";
const TOKENS: &str = "- name: test\n  sha256: SUM\n  scopes: [reload]\n";

struct Ground {
    folder: tempfile::TempDir,
    site: Site,
}

impl Ground {
    async fn new() -> Self {
        let site = Site::plain().await.expect("a site");
        site.answer("/", Answer::new(200, "fine"));
        Self { folder: tempfile::tempdir().expect("a folder"), site }
    }

    /// Writes a checklist of these items under a name of its own, and swaps the link to it, as the
    /// kubelet does with a mounted `ConfigMap`.
    fn swap(&self, version: &str, items: &[&str]) -> PathBuf {
        let at = self.site.address();
        let item = |id: &&str| {
            format!(
                "      - {{ id: {id}, title: T, severity: info, every: 1h, checks: [{{ http: {{ url: 'http://{at}/' }} }}] }}\n"
            )
        };
        let items: String = items.iter().map(item).collect();
        let text = format!("sections:\n  - id: s\n    title: S\n    items:\n{items}");
        self.link(version, &text)
    }

    fn link(&self, version: &str, text: &str) -> PathBuf {
        let folder = self.folder.path();
        fs::write(folder.join(version), text).expect("written");
        let (link, new) = (folder.join("checklist.yaml"), folder.join("new-link"));
        symlink(folder.join(version), &new).expect("a link");
        fs::rename(&new, &link).expect("swapped");
        link
    }

    fn asked(&self) -> usize {
        self.site.asked().len()
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn items(daemon: &Daemon) -> Vec<String> {
    daemon.standings().await.into_keys().collect()
}

async fn metric(daemon: &Daemon, name: &str) -> String {
    let text = daemon.get("/metrics").await;
    text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned()
}

fn hang_up(daemon: &Daemon) {
    let sent = Command::new("kill").arg("-HUP").arg(daemon.id().to_string()).status();
    assert!(sent.expect("kill").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_file_is_taken_and_costs_one_look_at_what_is_new() {
    let ground = Ground::new().await;
    let daemon = Daemon::start(&[ground.swap("one", &["a", "b"])]).await;
    until("both are looked at", async || ground.asked() >= 2).await;
    ground.swap("two", &["a", "b", "c"]);
    until("the new item is there", async || items(&daemon).await == ["a", "b", "c"]).await;
    until("it is looked at", async || ground.asked() == 3).await;
    ground.swap("three", &["c"]);
    hang_up(&daemon);
    until("what is gone vanishes", async || items(&daemon).await == ["c"]).await;
    assert_eq!(ground.asked(), 3, "what did not change was not looked at again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_opens_no_watch_that_is_open_already() {
    let ground = Ground::new().await;
    let cluster = ApiServer::start(Settings::default()).await.expect("a cluster");
    trackdechets::furnish(&cluster).expect("furnished");
    let kubeconfig = ground.folder.path().join("kubeconfig");
    cluster.write_kubeconfig(&kubeconfig, None).expect("written");
    let checklist = |title: &str, timeout: &str| {
        format!(
            "connections: {{ kubernetes: {{ kubeconfig: {{ path: '{}' }} }} }}\nsections:\n  - id: s\n    title: S\n    \
             items:\n      - {{ id: pods, title: {title}, severity: info, checks: [{{ pods: {{ namespaces: [trackdechets] }} }}] }}\n      \
             - {{ id: workloads, title: W, severity: info, timeout: {timeout}, \
             checks: [{{ workloads: {{ namespaces: [trackdechets] }} }}] }}\n",
            path(&kubeconfig)
        )
    };
    let daemon = Daemon::start(&[ground.link("one", &checklist("Pods", "10s"))]).await;
    let passing =
        async || daemon.standings().await.values().all(|(standing, _)| standing == "passing");
    until("both pass", passing).await;
    let asked = cluster.requests().len();
    ground.link("two", &checklist("Renamed", "11s"));
    until("the new title is shown", async || daemon.get("/").await.contains("Renamed")).await;
    until("both pass again", passing).await;
    let more: Vec<_> = cluster.requests().into_iter().skip(asked).collect();
    assert!(more.is_empty(), "{more:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_leaves_what_runs_alone_and_is_told() {
    let ground = Ground::new().await;
    let daemon = Daemon::start(&[ground.swap("one", &["a"])]).await;
    let successful = "vigie_config_last_reload_successful";
    assert!(metric(&daemon, successful).await.ends_with(" 1"));
    ground.link("two", "sections:\n  - { id: s, titel: S }\n");
    hang_up(&daemon);
    until("it is told", async || metric(&daemon, successful).await.ends_with(" 0")).await;
    assert_eq!(items(&daemon).await, ["a"]);
    assert!(daemon.get("/").await.contains("did you mean `title`?"), "the page says why");
    ground.swap("three", &["b"]);
    until("the next good one is taken", async || items(&daemon).await == ["b"]).await;
    assert!(metric(&daemon, successful).await.ends_with(" 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_is_told_and_taken_when_it_is_back() {
    let ground = Ground::new().await;
    let file = ground.swap("one", &["a"]);
    let daemon = Daemon::start(std::slice::from_ref(&file)).await;
    let successful = "vigie_config_last_reload_successful";
    fs::remove_file(&file).expect("removed");
    until("it is told", async || metric(&daemon, successful).await.ends_with(" 0")).await;
    assert_eq!(items(&daemon).await, ["a"]);
    ground.swap("one", &["a"]);
    until("the same file is good again", async || {
        metric(&daemon, successful).await.ends_with(" 1")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_needs_a_token_and_says_what_is_wrong() {
    let ground = Ground::new().await;
    let file = ground.swap("one", &["a"]);
    let tokens = ground.folder.path().join("tokens.yaml");
    fs::write(&tokens, TOKENS.replace("SUM", &digest(TOKEN))).expect("written");
    let daemon = Daemon::start_with(&[file], &["--tokens", path(&tokens)]).await;
    assert_eq!(daemon.post("/-/reload", "wrong").await.0, 401);
    assert_eq!(daemon.post("/-/reload", TOKEN).await.0, 200);
    ground.link("two", "nonsense: 1\n");
    let (status, body) = daemon.post("/-/reload", TOKEN).await;
    assert!(status >= 400 && body.contains("`nonsense` is not known here"), "{status} {body}");
    assert_eq!(items(&daemon).await, ["a"]);
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path")
}

fn digest(token: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(token))
}
