//! What needs a token.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::Notify;
use vigie::server::{Limits, LookNow};

use super::{Cardboard, Running, problem};
use crate::fixtures::everything;

const LOOK: &str = "/api/v1/items/queues/attempts";

pub fn write_tokens(at: &Path, tokens: &[(&str, &str, &str)]) {
    let lines = tokens.iter().map(|(name, token, scopes)| {
        let digest = Sha256::digest(token)
            .iter()
            .fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        format!("- {{ name: {name}, sha256: \"{digest}\", scopes: [{scopes}] }}\n")
    });
    std::fs::write(at, lines.collect::<String>()).expect("a file of tokens");
}

pub async fn guarded() -> (Running, TempDir) {
    guarded_by("pipeline").await
}

async fn guarded_by(name: &str) -> (Running, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens.yaml");
    write_tokens(&file, &[(name, "secret-1", "look, reload"), ("jo", "secret-2", "sign_off")]);
    let daemon = Cardboard::new(everything());
    (Running::start(daemon, Some(file), Limits::default()).await, folder)
}

impl Running {
    async fn post(&self, path: &str, token: Option<&str>) -> reqwest::Response {
        let request = self.request(Method::POST, path);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.expect("an answer")
    }

    pub async fn written(&self, action: &str, outcome: &str) -> u64 {
        let text = self.get("/metrics").await.text().await.expect("text");
        let row = format!("vigie_writes_total{{action=\"{action}\",outcome=\"{outcome}\",");
        let line = text.lines().find(|line| line.starts_with(&row)).expect("the row");
        line.rsplit(' ').next().expect("a value").parse().expect("a count")
    }
}

#[tokio::test]
async fn without_a_file_of_tokens_nothing_is_written_and_the_answer_says_how_to_enable_it() {
    let server = Running::plain().await;
    for path in ["/-/reload", LOOK] {
        let detail = problem(server.post(path, Some("secret-1")).await, 403).await;
        assert!(detail.contains("--tokens") && detail.contains("sha256sum"), "{detail}");
    }
    assert_eq!(server.daemon.reloads.load(Ordering::SeqCst), 0);
    assert_eq!(server.written("reload", "denied").await, 1);
}

#[tokio::test]
async fn a_missing_or_wrong_token_is_refused_with_a_challenge() {
    let (server, _folder) = guarded().await;
    for (token, challenge) in [
        (None, "Bearer realm=\"vigie\""),
        (Some("secret-3"), "Bearer realm=\"vigie\", error=\"invalid_token\""),
    ] {
        let answer = server.post("/-/reload", token).await;
        assert_eq!(answer.headers()["www-authenticate"], challenge);
        let detail = problem(answer, 401).await;
        assert!(!detail.contains("secret"), "{detail}");
    }
    let basic = server.request(Method::POST, LOOK).basic_auth("pipeline", Some("secret-1"));
    problem(basic.send().await.expect("an answer"), 401).await;
    assert_eq!(server.daemon.reloads.load(Ordering::SeqCst), 0);
    assert!(server.daemon.looks.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_without_the_scope_is_refused() {
    let (server, _folder) = guarded().await;
    let answer = server.post(LOOK, Some("secret-2")).await;
    let challenge = answer.headers()["www-authenticate"].to_str().expect("text").to_owned();
    assert!(challenge.ends_with("error=\"insufficient_scope\", scope=\"look\""), "{challenge}");
    let detail = problem(answer, 403).await;
    assert_eq!(detail, "the token `jo` lacks the scope `look`");
    assert_eq!(server.written("look", "denied").await, 1);
}

#[tokio::test]
async fn a_look_is_asked_for() {
    let (server, _folder) = guarded().await;
    assert_eq!(server.post(LOOK, Some("secret-1")).await.status(), 202);
    assert_eq!(*server.daemon.looks.lock().unwrap(), ["queues"]);
    assert_eq!(server.written("look", "accepted").await, 1);
    assert_eq!(server.written("look", "failed").await, 0, "zero counts are shown");
}

#[tokio::test]
async fn a_look_that_can_not_be_had_is_a_problem() {
    let (server, _folder) = guarded().await;
    let say = |look| *server.daemon.look.lock().unwrap() = look;
    say(LookNow::TooSoon { retry_after: Duration::from_millis(11_200) });
    let answer = server.post(LOOK, Some("secret-1")).await;
    assert_eq!(answer.headers()["retry-after"], "12");
    problem(answer, 429).await;
    say(LookNow::NotLookedAt { because: "it does not apply here".to_owned() });
    let detail = problem(server.post(LOOK, Some("secret-1")).await, 409).await;
    assert_eq!(detail, "it does not apply here");
    say(LookNow::NotFound);
    problem(server.post(LOOK, Some("secret-1")).await, 404).await;
    problem(server.post("/api/v1/items/NO%20ID/attempts", Some("secret-1")).await, 404).await;
    assert_eq!(server.written("look", "rejected").await, 4);
}

#[tokio::test]
async fn a_reload_answers_what_came_of_it() {
    let (server, _folder) = guarded().await;
    assert_eq!(server.post("/-/reload", Some("secret-1")).await.status(), 200);
    *server.daemon.reload.lock().unwrap() = Err("checklist.yaml:3:5: unknown key".to_owned());
    let detail = problem(server.post("/-/reload", Some("secret-1")).await, 500).await;
    assert_eq!(detail, "checklist.yaml:3:5: unknown key");
    assert_eq!(server.daemon.reloads.load(Ordering::SeqCst), 2);
    assert_eq!(server.written("reload", "failed").await, 1);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_reload_half_done() {
    let (server, _folder) = guarded().await;
    let gate = Arc::new(Notify::new());
    *server.daemon.gate.lock().unwrap() = Some(Arc::clone(&gate));
    let request = server.request(Method::POST, "/-/reload").bearer_auth("secret-1");
    let given_up = request.timeout(Duration::from_millis(300)).send().await;
    assert!(given_up.is_err());
    gate.notify_one();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while server.daemon.reloads.load(Ordering::SeqCst) == 0 {
        assert!(tokio::time::Instant::now() < deadline, "the reload was dropped");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_changed_file_of_tokens_counts_at_once() {
    let (server, folder) = guarded().await;
    let file = folder.path().join("tokens.yaml");
    write_tokens(&file, &[("pipeline", "secret-9", "look")]);
    assert_eq!(server.post(LOOK, Some("secret-1")).await.status(), 401);
    assert_eq!(server.post(LOOK, Some("secret-9")).await.status(), 202);
    std::fs::write(&file, "- { name: pipeline, sha256: nonsense, scopes: [look] }")
        .expect("a file");
    let detail = problem(server.post(LOOK, Some("secret-9")).await, 503).await;
    assert!(!detail.contains("nonsense"), "{detail}");
    std::fs::remove_file(&file).expect("it goes");
    problem(server.post(LOOK, Some("secret-9")).await, 503).await;
    assert_eq!(server.daemon.looks.lock().unwrap().len(), 1);
}

/// What is logged while it lives, in this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_write_leaves_one_line_in_the_log_and_no_token_in_it() {
    let log = Log::default();
    let (writer, target) = (log.clone(), tracing_subscriber::fmt().with_ansi(false));
    // For the whole process: places that log ask, when any test first reaches them, who listens.
    tracing::subscriber::set_global_default(target.with_writer(move || writer.clone()).finish())
        .expect("no other test listens to the log");
    let (server, _folder) = guarded_by("auditor").await;
    server.post(LOOK, Some("secret-1")).await;
    server.post(LOOK, Some("secret-7")).await;
    tracing::callsite::rebuild_interest_cache();
    log.0.lock().unwrap().clear();
    server.post("/api/v1/items/audited/attempts", Some("secret-1")).await;
    server.post("/api/v1/items/audited/attempts", Some("secret-7")).await;
    server.post("/-/reload", None).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).expect("text");
    // Other tests may write at the same time; the item is this one's alone.
    let lines: Vec<_> = log.lines().filter(|line| line.contains("\"audited\"")).collect();
    let [accepted, wrong] = lines[..] else { panic!("{log}") };
    for part in ["INFO vigie::audit", "look", "accepted", "auditor", "127.0.0.1"] {
        assert!(accepted.contains(part), "{part}: {accepted}");
    }
    assert!(wrong.contains("WARN vigie::audit") && wrong.contains("denied"), "{wrong}");
    assert!(log.lines().any(|line| line.contains("reload") && line.contains("denied")), "{log}");
    assert!(!log.contains("secret-"), "{log}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_problem() {
    let (server, _folder) = guarded().await;
    let request = server.request(Method::POST, "/-/reload").bearer_auth("secret-1");
    let answer = request.body(vec![b'x'; 70_000]).send().await.expect("an answer");
    problem(answer, 413).await;
    assert_eq!(server.daemon.reloads.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_daemon_does_not_start_on_a_file_of_tokens_that_it_can_not_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens.yaml");
    let digest = "0".repeat(64);
    for (text, why) in [
        (None, "No such file"),
        (Some("- { name: jo, sha256: abc, scopes: [look] }".to_owned()), "the sha256 of `jo`"),
        (
            Some(format!(
                "- {{ name: jo, sha256: \"{digest}\", scopes: [look] }}\n- {{ name: 1 }}"
            )),
            "its entry 2 lacks `sha256`, by its line 2",
        ),
        (
            Some(format!("- {{ name: jo, sha256: \"{digest}\", scopes: [look, sign-off] }}")),
            "number 2 of the `scopes` of its entry 1 is unknown; known are look, reload, announce",
        ),
    ] {
        if let Some(text) = text {
            std::fs::write(&file, text).expect("written");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.args(["run", "--listen", "127.0.0.1:0", "-c", "config/minimal.yaml", "--tokens"]);
        let output = command.arg(&file).kill_on_drop(true).output();
        // Half a minute: a daemon that does start would run on.
        let output = tokio::time::timeout(Duration::from_secs(30), output).await;
        let output = output.expect("it ends").expect("vigie runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        let place = format!("the token file {} can't be used: ", file.display());
        assert!(said.contains(&place) && said.contains(why), "{why:?} in {said}");
    }
}
