//! Human acts over a real socket, on the real daemon: what is recorded, what is refused and why, what
//! comes twice, and the commands that do it.

mod fuzzing;
mod lossy;
mod recording;
mod refusing;
mod repeating;
mod taking_back;
mod terminal;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use vigie::systems::clock::Clock;
use vigie_sim::net::site::{Answer, Site};

use crate::drill::Daemon;
use crate::server::write_tokens;

/// One item that holds, one that does not, one that a person decides, one that a person may.
const CHECKLIST: &str = "\
environment: staging
sections:
  - id: before
    title: Before
    items:
      - { id: fine, title: F, severity: info, every: 1s, checks: [{ http: { url: 'http://SITE/fine' } }] }
      - { id: broken, title: B, severity: info, every: 1s, waivable_for: 7d, checks: [{ http: { url: 'http://SITE/broken' } }] }
      - { id: grave, title: G, severity: critical, every: 1s, waivable_for: never, checks: [{ http: { url: 'http://SITE/broken' } }] }
      - { id: load-test, title: L, severity: info, mode: attested, checks: [{ attestation: { valid_for: 180d } }] }
      - { id: read-through, title: R, severity: info, mode: attested, checks: [{ attestation: { valid_for: deployment } }] }
  - id: after
    title: After
    items:
      - { id: by-hand, title: H, severity: info, every: 1s, mode: auto_attestable, attestation: { valid_for: 30d, answers: [WrongStatus] }, checks: [{ http: { url: 'http://SITE/broken' } }] }
";

/// A daemon with a site to look at, and tokens.
pub struct Ground {
    daemon: Daemon,
    client: Client,
    folder: TempDir,
    /// What the daemon was started with.
    checklist: String,
    _site: Site,
}

impl Ground {
    /// Where `broken` fails already.
    async fn new() -> Self {
        Self::of(CHECKLIST).await
    }

    /// The same with another checklist, which has a `broken`, too.
    pub async fn of(checklist: &str) -> Self {
        let site = Site::plain().await.expect("a site");
        site.answer("/fine", Answer::new(200, "fine"));
        site.answer("/broken", Answer::new(404, "broken"));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("checklist.yaml");
        let text = checklist.replace("SITE", &site.address().to_string());
        std::fs::write(&file, &text).expect("written");
        let tokens = folder.path().join("tokens.yaml");
        write_tokens(
            &tokens,
            &[
                ("jo", "secret-1", "look, reload, announce, attest, waive"),
                ("pipeline", "secret-2", "look, reload, announce"),
                ("al", "secret-3", "attest, waive"),
            ],
        );
        let tokens = tokens.to_str().expect("a path");
        let daemon = Daemon::start_with(&[file], &["--tokens", tokens]).await;
        let client = Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
        let ground = Self { daemon, client, folder, checklist: text, _site: site };
        let there = ground.daemon.standings().await;
        for item in ["broken", "api-answers"].into_iter().filter(|id| there.contains_key(*id)) {
            ground.until(item, "failing").await;
        }
        ground
    }

    /// A file that holds a token, for commands.
    pub fn token_file(&self, token: &str) -> PathBuf {
        let file = self.folder.path().join(token);
        std::fs::write(&file, format!("{token}\n")).expect("written");
        file
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.daemon.address())
    }

    async fn send(&self, method: Method, path: &str, token: &str, body: &Value) -> Response {
        let request = self.client.request(method, self.url(path)).bearer_auth(token).json(body);
        request.send().await.expect("an answer")
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(Method::POST, path, "secret-1", body).await
    }

    /// What a post has made; it can be asked for where the answer says.
    async fn made(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status(), 201, "{path}");
        let place = answer.headers()["location"].to_str().expect("text").to_owned();
        let made: Value = answer.json().await.expect("JSON");
        assert_eq!(self.json(&place).await, made);
        made
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.daemon.get(path).await).expect("JSON")
    }

    /// The acts of a list.
    async fn acts(&self, path: &str) -> Vec<Value> {
        let list = self.json(path).await;
        let (_, acts) = list.as_object().and_then(|list| list.iter().next()).expect("a list");
        acts.as_array().expect("acts").clone()
    }

    async fn until(&self, item: &str, standing: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let standings = self.daemon.standings().await;
            if standings[item].0 == standing {
                return;
            }
            assert!(Instant::now() < deadline, "{item} is to be {standing}: {standings:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until an item's sentence holds this.
    async fn because(&self, item: &str, part: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let whole = self.json(&format!("/api/v1/items/{item}")).await;
            let because = whole["item"]["because"].as_str().expect("a sentence");
            if because.contains(part) {
                return;
            }
            assert!(Instant::now() < deadline, "{item} is to say `{part}`: {because}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Has the daemon load its checklist anew, after this change of what it was at first.
    async fn reload(&self, change: impl FnOnce(&str) -> String) {
        let file = self.folder.path().join("checklist.yaml");
        std::fs::write(&file, change(&self.checklist)).expect("written");
        let answer = self.send(Method::POST, "/-/reload", "secret-1", &json!({})).await;
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// A count of `/metrics`.
    async fn written(&self, action: &str, outcome: &str) -> u64 {
        let row = format!("vigie_writes_total{{action=\"{action}\",outcome=\"{outcome}\"");
        let text = self.daemon.get("/metrics").await;
        let line = text.lines().find(|line| line.starts_with(&row)).expect("the row");
        line.rsplit(' ').next().expect("a value").parse().expect("a count")
    }
}

/// So many seconds from now, to the second, as people are told.
fn ahead(seconds: i64) -> String {
    format!("{:.0}", Clock::System.now() + jiff::SignedDuration::from_secs(seconds))
}

/// A waiver of what `broken` fails for.
fn waiver() -> Value {
    json!({ "who": "Jo", "why": "known", "reasons": ["WrongStatus"], "until": ahead(3_600) })
}
