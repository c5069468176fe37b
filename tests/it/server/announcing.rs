//! Who announces a deployment, and who asks for it.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use vigie::server::Limits;

use super::writing::write_tokens;
use super::{Cardboard, Running, problem};
use crate::fixtures::{everything, now};

const PATH: &str = "/api/v1/deployments";

async fn guarded() -> (Running, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens.yaml");
    write_tokens(&file, &[("pipeline", "secret-1", "announce"), ("jo", "secret-2", "look")]);
    let mut snapshot = everything();
    snapshot.deployments.clear();
    let daemon = Cardboard::new(snapshot);
    (Running::start(daemon, Some(file), Limits::default()).await, folder)
}

impl Running {
    async fn announce(&self, token: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = self.request(Method::POST, PATH).bearer_auth(token).body(body);
        request.send().await.expect("an answer")
    }

    async fn announced(&self, announcement: Value) -> Value {
        self.told(announcement, 201).await
    }

    async fn told(&self, announcement: Value, status: u16) -> Value {
        let answer = self.announce("secret-1", announcement.to_string()).await;
        assert_eq!(answer.status(), status);
        let place = answer.headers()["location"].to_str().expect("text").to_owned();
        let made: Value = answer.json().await.expect("JSON");
        let kept: Value = self.get(&place).await.json().await.expect("JSON");
        assert_eq!(made, kept);
        made
    }

    async fn deployments(&self) -> Vec<Value> {
        let mut all: Value = self.get(PATH).await.json().await.expect("JSON");
        all["deployments"].as_array_mut().map(std::mem::take).expect("a list")
    }
}

#[tokio::test]
async fn an_announced_deployment_is_the_current_one() {
    let (server, _folder) = guarded().await;
    assert_eq!(server.deployments().await, Vec::<Value>::new());
    let metrics = server.get("/metrics").await.text().await.expect("text");
    assert!(!metrics.contains("vigie_deployment"), "no rows without a deployment");
    let made = server
        .announced(json!({
            "version": "2026.11.1", "who": "Jo", "environment": "staging",
            "started": "2026-11-20T10:00:00Z", "migration": "20261119_add_index",
            "ticket": "CHG-7", "notes": "by night",
        }))
        .await;
    let wanted = json!({
        "id": "20261120t100000z", "environment": "staging", "version": "2026.11.1", "who": "Jo",
        "token": "pipeline", "started": "2026-11-20T10:00:00Z", "announced": now().to_string(),
        "migration": "20261119_add_index", "ticket": "CHG-7", "notes": "by night", "current": true,
    });
    assert_eq!(made, wanted);
    let metrics = server.get("/metrics").await.text().await.expect("text");
    for row in [
        "vigie_deployment_info{deployment=\"20261120t100000z\",version=\"2026.11.1\",environment=\"staging\"} 1",
        "vigie_deployment_started_timestamp_seconds{environment=\"staging\"} 1795168800",
    ] {
        assert!(metrics.lines().any(|line| line == row), "{row} in {metrics}");
    }
    let page = server.get("/").await.text().await.expect("text");
    assert!(page.contains("2026.11.1"), "the page names it");
    let row =
        "vigie_writes_total{action=\"announce\",outcome=\"accepted\",environment=\"staging\"} 1";
    assert!(server.get("/metrics").await.text().await.expect("text").contains(row));
}

#[tokio::test]
async fn the_newest_begun_is_current_whenever_it_is_told() {
    let (server, _folder) = guarded().await;
    let at = |day: &str| json!({ "version": day, "who": "Jo", "started": format!("2026-11-{day}T00:00:00Z") });
    server.announced(at("20")).await;
    let older = server.announced(at("19")).await;
    assert_eq!(older["current"], false, "told late");
    server.announced(at("21")).await;
    let versions = |all: Vec<Value>| {
        let one =
            |one: &Value| (one["version"].as_str().unwrap().to_owned(), one["current"] == true);
        all.iter().map(one).collect::<Vec<_>>()
    };
    let wanted = [("21", true), ("20", false), ("19", false)];
    let wanted = wanted.map(|(version, current)| (version.to_owned(), current));
    assert_eq!(versions(server.deployments().await), wanted);
}

#[tokio::test]
async fn who_tells_the_same_again_makes_no_second_one() {
    let (server, _folder) = guarded().await;
    let body = json!({ "version": "1", "who": "Jo", "started": "2026-11-20T00:00:00Z" });
    let first = server.announced(body.clone()).await;
    let again = server.told(body.clone(), 200).await;
    assert_eq!(first, again);
    let mut spaced = serde_json::to_string_pretty(&body).expect("JSON");
    spaced.push('\n');
    assert_eq!(
        server.announce("secret-1", spaced).await.status(),
        201,
        "other bytes, same rollout"
    );
    assert_eq!(server.deployments().await.len(), 1);
    let mut other = body;
    other["version"] = "2".into();
    let other = server.announced(other).await;
    assert_eq!(other["id"], "20261120t000000z-2", "two began at once");
    assert_eq!(server.deployments().await.len(), 2);
}

#[tokio::test]
async fn at_most_fifty_are_kept() {
    let (server, _folder) = guarded().await;
    for hour in 0..60 {
        let started = now() - jiff::SignedDuration::from_hours(hour);
        let body = json!({ "version": hour.to_string(), "who": "Jo", "started": started });
        server.announce("secret-1", body.to_string()).await;
    }
    let all = server.deployments().await;
    assert_eq!((all.len(), &all[0]["version"]), (50, &json!("0")));
}

#[tokio::test]
async fn what_is_no_announcement_is_refused() {
    let (server, _folder) = guarded().await;
    let long = "x".repeat(200);
    for (body, status, said) in [
        (String::new(), 400, "EOF"),
        ("<html>".to_owned(), 400, "the body is not JSON: expected value"),
        ("<html>".to_owned(), 400, r#"; wanted {"version": "…", "who": "…"}"#),
        (
            json!({ "version": "1" }).to_string(),
            400,
            "the body is not an announcement: missing field `who`",
        ),
        (json!({ "version": "1" }).to_string(), 400, r#"; wanted {"version": "…", "who": "…"}"#),
        (json!({ "version": "1", "who": "Jo", "colour": "red" }).to_string(), 400, "unknown field"),
        (json!({ "version": 1, "who": "Jo" }).to_string(), 400, "expected a string"),
        (json!({ "version": "1", "who": "Jo", "started": "now" }).to_string(), 400, "started"),
        (json!({ "version": long, "who": "Jo" }).to_string(), 422, "`version`"),
        (json!({ "version": "1", "who": "" }).to_string(), 422, "`who`"),
        (
            json!({ "version": "1", "who": "Jo", "environment": "dev" }).to_string(),
            422,
            "`staging`",
        ),
        (
            json!({ "version": "1", "who": "Jo", "started": "2100-01-01T00:00:00Z" }).to_string(),
            422,
            "future",
        ),
    ] {
        let answer = server.announce("secret-1", body.clone()).await;
        let detail = problem(answer, status).await;
        assert!(detail.contains(said) || said == "started", "{body}: {detail}");
    }
    let answer = server.announce("secret-1", "x".repeat(70_000)).await;
    problem(answer, 413).await;
    assert_eq!(server.deployments().await, Vec::<Value>::new());
    problem(server.get("/api/v1/deployments/nothing").await, 404).await;
}

#[tokio::test]
async fn announcing_needs_its_own_scope() {
    let (server, _folder) = guarded().await;
    let body = json!({ "version": "1", "who": "Jo" }).to_string();
    let detail = problem(server.announce("secret-2", body.clone()).await, 403).await;
    assert_eq!(detail, "the token `jo` lacks the scope `announce`");
    problem(server.announce("secret-3", body).await, 401).await;
    assert_eq!(server.deployments().await, Vec::<Value>::new());
}
