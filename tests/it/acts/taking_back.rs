//! What was said is taken back: by whom it may, once, and with nothing lost from the record.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Ground, ahead, waiver};
use crate::server::problem;

const ATTEST: &str = "/api/v1/items/load-test/attestations";
const WAIVE: &str = "/api/v1/items/broken/waivers";

fn id(act: &Value) -> &str {
    act["id"].as_str().expect("an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_is_taken_back_and_the_one_before_counts_again() {
    let ground = Ground::new().await;
    let first = ground.made(ATTEST, &json!({ "who": "Jo", "until": ahead(86_400) })).await;
    let second = ground.made(ATTEST, &json!({ "who": "Al" })).await;
    ground.until("load-test", "passing").await;
    let place = format!("{ATTEST}/{}", id(&second));
    let end = async |token: &str| {
        ground.send(Method::DELETE, &place, token, &json!({ "who": "Al" })).await
    };
    assert_eq!(
        problem(end("secret-2").await, 403).await,
        "the token `pipeline` lacks the scope `attest`"
    );
    let answer = end("secret-3").await;
    assert_eq!(answer.status(), 200);
    let ended: Value = answer.json().await.expect("JSON");
    assert_eq!((&ended["valid"], &ended["ended"]["by"]), (&json!(false), &json!("withdrawal")));
    assert_eq!((&ended["ended"]["who"], &ended["ended"]["token"]), (&json!("Al"), &json!("al")));
    assert_eq!(ground.json(&place).await, ended, "it stays in the record");
    assert_eq!(ground.acts(ATTEST).await.len(), 2);
    ground.because("load-test", "attested by Jo").await;
    assert_eq!(problem(end("secret-3").await, 409).await, "the attestation was taken back already");
    let place = format!("{ATTEST}/{}", id(&first));
    let answer = ground.send(Method::DELETE, &place, "secret-3", &json!({ "who": "Al" })).await;
    assert_eq!(answer.status(), 200, "nobody needs the token that it came with");
    ground.until("load-test", "pending").await;
    assert_eq!(ground.written("end_attestation", "accepted").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_no_act_is_told_which_there_are() {
    let ground = Ground::new().await;
    let word = ground.made(ATTEST, &json!({ "who": "Jo" })).await;
    let borne = ground.made(WAIVE, &waiver()).await;
    let until = ahead(3_600);
    let span = json!({ "who": "Jo", "why": "disks", "until": until, "sections": ["after"] });
    let span = ground.made("/api/v1/maintenance", &span).await;
    let none = ", and none that could be taken back".to_owned();
    let is = |act: &Value| format!("; what can be taken back is `{}`", id(act));
    for (path, told) in [
        (ATTEST, format!("`load-test` has no attestation `x`{}", is(&word))),
        (WAIVE, format!("`broken` has no waiver `x`{}", is(&borne))),
        ("/api/v1/maintenance", format!("there is no maintenance `x`{}", is(&span))),
        ("/api/v1/items/fine/waivers", format!("`fine` has no waiver `x`{none}")),
        ("/api/v1/items/fine/attestations", format!("`fine` has no attestation `x`{none}")),
    ] {
        let path = format!("{path}/x");
        let answer = ground.send(Method::DELETE, &path, "secret-1", &json!({ "who": "Jo" })).await;
        assert_eq!(problem(answer, 404).await, told);
    }
    let place = format!("{ATTEST}/{}", id(&word));
    for (body, status) in [(json!({}), 400), (json!({ "who": " " }), 422), (json!(["Jo"]), 400)] {
        problem(ground.send(Method::DELETE, &place, "secret-1", &body).await, status).await;
    }
    assert_eq!(ground.json(&place).await, word, "nothing of it has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_tells_which_of_its_codes_do_not_fail_now() {
    let ground = Ground::new().await;
    let mut wide = waiver();
    wide["reasons"] = json!(["WrongStatus", "Refused", "TimedOut"]);
    let made = ground.made(WAIVE, &wide).await;
    assert_eq!(made["not_failing"], json!(["Refused", "TimedOut"]), "{made}");
    let place = format!("{WAIVE}/{}", id(&made));
    let answer = ground.send(Method::DELETE, &place, "secret-1", &json!({ "who": "Jo" })).await;
    let ended: Value = answer.json().await.expect("JSON");
    assert_eq!(ended["not_failing"], json!([]), "it covers nothing any more");
    let made = ground.made(WAIVE, &waiver()).await;
    assert_eq!(made["not_failing"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_judged_by_the_terms_that_are_in_force() {
    let ground = Ground::new().await;
    let word = ground.made(ATTEST, &json!({ "who": "Jo" })).await;
    let borne = ground.made(WAIVE, &waiver()).await;
    ground.until("load-test", "passing").await;
    ground.until("broken", "waived").await;
    ground
        .reload(|text| {
            text.replace("valid_for: 180d", "valid_for: 1s")
                .replace("waivable_for: 7d", "waivable_for: 1s")
        })
        .await;
    ground.because("load-test", "which was valid until").await;
    ground.until("load-test", "failing").await;
    ground.until("broken", "failing").await;
    let word = ground.json(&format!("{ATTEST}/{}", id(&word))).await;
    assert_eq!((&word["valid"], &word["ended"]), (&json!(false), &Value::Null), "{word}");
    let borne = ground.json(&format!("{WAIVE}/{}", id(&borne))).await;
    assert_eq!((&borne["open"], &borne["not_failing"]), (&json!(false), &json!([])), "{borne}");
    // Who lengthens the terms takes the words as they were meant.
    ground.reload(str::to_owned).await;
    ground.until("load-test", "passing").await;
    ground.until("broken", "waived").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_for_the_next_deployment_is_for_none_that_had_begun() {
    let ground = Ground::new().await;
    let path = "/api/v1/items/read-through/attestations";
    ground.made(path, &json!({ "who": "Jo" })).await;
    let announce = async |version: &str, started: i64| {
        let body = json!({ "version": version, "who": "Jo", "started": ahead(started) });
        ground.made("/api/v1/deployments", &body).await
    };
    announce("begun an hour ago", -3_600).await;
    ground.because("read-through", "nobody has attested it").await;
    let word = &ground.acts(path).await[0];
    assert_eq!((&word["next_deployment"], &word["valid"]), (&json!(true), &json!(false)));
    let begins = announce("begins now", 0).await;
    ground.until("read-through", "passing").await;
    assert_eq!(ground.acts(path).await[0]["deployment"], begins["id"]);
}
