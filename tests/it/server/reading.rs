//! What everybody may read.

use jiff::SignedDuration;
use reqwest::Method;

use super::{Running, problem};

#[tokio::test]
async fn pages_are_html_under_a_strict_policy() {
    let server = Running::plain().await;
    for (path, status, shown) in [
        ("/", 200, "1 item fails"),
        ("/items/pods-running", 200, "CrashLoopBackOff"),
        ("/items/nope", 404, "There is nothing here"),
        ("/nope", 404, "There is nothing here"),
    ] {
        let answer =
            server.request(Method::GET, path).header("accept", "text/html,*/*;q=0.8").send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), status, "{path}");
        let headers = answer.headers().clone();
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        let policy = headers["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(answer.text().await.expect("a page").contains(shown), "{path}");
    }
}

#[tokio::test]
async fn the_api_answers_json_and_problems() {
    let server = Running::plain().await;
    let answer = server.get("/api/v1/checklist").await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let policy = answer.headers()["content-security-policy"].to_str().expect("text");
    assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'");
    let told: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(told["counts"]["failing"], 1);
    let told: serde_json::Value =
        server.get("/api/v1/items/queues").await.json().await.expect("JSON");
    assert_eq!(told["item"]["standing"], "passing");
    for path in ["/api/v1/items/nope", "/api/v1/items/%ff", "/api/v1/nope", "/items/nope"] {
        let detail = problem(server.get(path).await, 404).await;
        assert!(!detail.is_empty());
    }
}

#[tokio::test]
async fn the_checklist_is_had_as_markdown() {
    let server = Running::plain().await;
    let answer = server.get("/api/v1/checklist.md").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/markdown; charset=utf-8");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let text = answer.text().await.expect("text");
    assert!(text.starts_with("# Deployment checklist: `staging`\n"), "{text}");
    assert!(text.contains("- [ ] Every pod runs and is ready `pods-running`\n"), "{text}");
}

#[tokio::test]
async fn the_record_tells_deployments_and_what_people_did() {
    let server = Running::plain().await;
    let told: serde_json::Value = server.get("/api/v1/records").await.json().await.expect("JSON");
    assert_eq!(told["environment"], "staging");
    assert_eq!(told["deployments"][0]["version"], "2026.11.1");
    assert_eq!(told["maintenance"], serde_json::json!([]));
    let first = &told["items"][0];
    assert_eq!(first["id"], "pods-running");
    assert!(first["known_since"].is_string() && first["waivers"].is_array(), "{first}");
}

#[tokio::test]
async fn healthy_fails_when_the_engine_has_not_ticked() {
    let server = Running::plain().await;
    assert_eq!(server.get("/-/healthy").await.status(), 200);
    for seconds in [31, -31] {
        let tick = super::now() - SignedDuration::from_secs(seconds);
        server.daemon.vitals.lock().unwrap().last_tick = tick;
        let answer = server.get("/-/healthy").await;
        assert_eq!(answer.status(), 503);
        assert!(answer.text().await.expect("text").contains("last ticked at 2026-11-23T"));
    }
    assert_eq!(server.get("/").await.status(), 200, "the page says it, too, and stays");
}

#[tokio::test]
async fn ready_says_what_is_waited_for() {
    let server = Running::plain().await;
    assert_eq!(server.get("/-/ready").await.status(), 200);
    *server.daemon.ready.lock().unwrap() = Err("the journal is being read".to_owned());
    let answer = server.get("/-/ready").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.text().await.expect("text"), "the journal is being read\n");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = Running::plain().await;
    for path in [
        "/",
        "/metrics",
        "/-/healthy",
        "/api/v1/checklist",
        "/api/v1/checklist.md",
        "/items/queues",
    ] {
        let answer = server.request(Method::HEAD, path).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.headers().contains_key("content-type"));
        assert!(answer.bytes().await.expect("a body").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_know_is_a_problem() {
    let server = Running::plain().await;
    for (method, path, allowed) in [
        (Method::POST, "/metrics", "GET,HEAD"),
        (Method::DELETE, "/api/v1/items/queues", "GET,HEAD"),
        (Method::GET, "/-/reload", "POST"),
    ] {
        let answer = server.request(method, path).send().await.expect("an answer");
        assert_eq!(answer.headers()["allow"], allowed, "{path}");
        problem(answer, 405).await;
    }
}
