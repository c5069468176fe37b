//! What can't be recorded: each a clear problem, and nothing lost by it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Ground, ahead, waiver};
use crate::server::problem;

const ATTEST: &str = "/api/v1/items/load-test/attestations";
const WAIVE: &str = "/api/v1/items/broken/waivers";
const MAINTAIN: &str = "/api/v1/maintenance";

/// The body with another field.
fn but(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_recorded_is_a_clear_problem() {
    let ground = Ground::new().await;
    let attest = || json!({ "who": "Jo" });
    let maintain = || json!({ "who": "Jo", "why": "disks", "until": ahead(3_600) });
    let long = "x".repeat(5_000);
    for (path, body, status, said) in [
        ("/api/v1/items/fine/attestations", attest(), 409, "nobody can attest it"),
        ("/api/v1/items/nope/attestations", attest(), 404, "no item has the id `nope`"),
        ("/api/v1/items/%ff/attestations", attest(), 404, "no item has the id"),
        (ATTEST, but(attest(), "who", json!("")), 422, "`who` is empty"),
        (ATTEST, but(attest(), "who", json!(" \t")), 422, "`who` is empty"),
        (ATTEST, but(attest(), "who", json!("Jo\nAl")), 422, "`who` is one line"),
        (ATTEST, but(attest(), "who", Value::Null), 400, "expected a string"),
        (
            ATTEST,
            but(attest(), "who", json!(7)),
            400,
            "an attestation: `who`: invalid type: integer",
        ),
        (ATTEST, json!({}), 400, "an attestation: missing field `who`"),
        (ATTEST, json!([]), 400, "wanted {\"who\""),
        (
            ATTEST,
            but(attest(), "colour", json!("red")),
            400,
            "an attestation: unknown field `colour`",
        ),
        (ATTEST, but(attest(), "until", json!(ahead(-60))), 422, "`until` lies in the past"),
        (
            ATTEST,
            but(attest(), "until", json!("soon")),
            400,
            "the body is not an attestation: `until`: ",
        ),
        (
            ATTEST,
            but(attest(), "until", json!(ahead(181 * 86_400))),
            422,
            "further than the item allows",
        ),
        (ATTEST, but(attest(), "note", json!(long)), 422, "`note`"),
        (ATTEST, but(attest(), "note", json!("\u{1b}[31m")), 422, "`note`"),
        (ATTEST, but(attest(), "link", json!("javascript:alert(1)")), 422, "`link`"),
        ("/api/v1/items/nope/waivers", waiver(), 404, "no item has the id `nope`"),
        ("/api/v1/items/fine/waivers", waiver(), 409, "only what fails can be waived"),
        ("/api/v1/items/grave/waivers", waiver(), 409, "can't be waived"),
        (WAIVE, but(waiver(), "who", json!("")), 422, "`who`"),
        (WAIVE, but(waiver(), "why", json!("")), 422, "`why`"),
        (WAIVE, but(waiver(), "reasons", json!([])), 422, "`reasons`"),
        (
            WAIVE,
            but(waiver(), "reasons", json!(["Whatever"])),
            422,
            "`broken` can't fail for `Whatever`; it can for ",
        ),
        (WAIVE, but(waiver(), "until", json!(ahead(-1))), 422, "`until` lies in the past"),
        (WAIVE, but(waiver(), "until", json!(ahead(8 * 86_400))), 422, "at most 7d"),
        (WAIVE, but(waiver(), "until", Value::Null), 400, "the body is not a waiver: `until`: "),
        (
            WAIVE,
            but(waiver(), "reasons", json!(["A", 7])),
            400,
            "`reasons[1]`: invalid type: integer",
        ),
        (
            WAIVE,
            json!({ "who": "Jo", "why": "w", "reasons": ["Refused"] }),
            400,
            "missing field `until`",
        ),
        (MAINTAIN, but(maintain(), "until", json!(ahead(-1))), 422, "`until`"),
        (MAINTAIN, but(maintain(), "until", json!(ahead(30 * 86_400))), 422, "at most 7d"),
        (MAINTAIN, but(maintain(), "from", json!(ahead(-3_600))), 422, "`from` lies in the past"),
        (
            MAINTAIN,
            but(maintain(), "sections", json!(["aft"])),
            404,
            "there is no section `aft`; there are after, before",
        ),
        (MAINTAIN, but(maintain(), "why", json!(" ")), 422, "`why`"),
    ] {
        let detail = problem(ground.post(path, &body).await, status).await;
        assert!(detail.contains(said), "{path} {body}: {detail}");
    }
    for path in [ATTEST, WAIVE, MAINTAIN] {
        assert_eq!(ground.acts(path).await, Vec::<Value>::new(), "{path}: nothing is recorded");
    }
    for (method, path) in [
        (Method::GET, "/api/v1/items/nope/waivers"),
        (Method::GET, "/api/v1/items/broken/waivers/nope"),
        (Method::GET, "/api/v1/items/load-test/attestations/%ff"),
        (Method::GET, "/api/v1/maintenance/nope"),
        (Method::DELETE, "/api/v1/items/broken/waivers/nope"),
        (Method::DELETE, "/api/v1/maintenance/nope"),
    ] {
        problem(ground.send(method, path, "secret-1", &json!({ "who": "Jo" })).await, 404).await;
    }
    assert_eq!(ground.written("attest", "rejected").await, 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_of_a_megabyte_is_too_large_and_the_daemon_goes_on() {
    let ground = Ground::new().await;
    let body = json!({ "who": "Jo", "note": "x".repeat(1024 * 1024) });
    let detail = problem(ground.post(ATTEST, &body).await, 413).await;
    assert_eq!(detail, "a body is at most 65536 bytes, and complete");
    assert_eq!(ground.acts(ATTEST).await, Vec::<Value>::new());
    ground.made(ATTEST, &json!({ "who": "Jo" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_what_is_lacking() {
    let ground = Ground::new().await;
    for (path, body, scope) in [
        (ATTEST, json!({ "who": "Jo" }), "attest"),
        (WAIVE, waiver(), "waive"),
        (MAINTAIN, json!({ "who": "Jo", "why": "w", "until": ahead(60) }), "waive"),
    ] {
        let answer = ground.send(Method::POST, path, "secret-2", &body).await;
        let detail = problem(answer, 403).await;
        assert_eq!(detail, format!("the token `pipeline` lacks the scope `{scope}`"));
        let answer = ground.send(Method::POST, path, "secret-9", &body).await;
        let challenge = answer.headers()["www-authenticate"].to_str().expect("text").to_owned();
        assert!(challenge.contains("invalid_token"), "{challenge}");
        problem(answer, 401).await;
        assert!(ground.acts(path).await.is_empty(), "{path}");
    }
    let answer = ground.post(ATTEST, &json!({ "who": "Jo" })).await;
    assert!(!answer.headers().contains_key("set-cookie"), "no cookies: no forged requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_misspells_an_item_is_told_what_is_alike() {
    let ground = Ground::new().await;
    for (method, below) in [
        (Method::GET, ""),
        (Method::GET, "/attestations"),
        (Method::GET, "/attestations/x"),
        (Method::GET, "/waivers"),
        (Method::POST, "/attempts"),
        (Method::POST, "/attestations"),
        (Method::DELETE, "/waivers/x"),
    ] {
        for (id, meant) in [("load-tst", "; did you mean `load-test`?"), ("nope", "")] {
            let path = format!("/api/v1/items/{id}{below}");
            let body = json!({ "who": "Jo" });
            let answer = ground.send(method.clone(), &path, "secret-1", &body).await;
            let detail = problem(answer, 404).await;
            assert_eq!(detail, format!("no item has the id `{id}`{meant}"), "{method} {path}");
        }
    }
}
