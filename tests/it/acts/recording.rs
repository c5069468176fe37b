//! What people say is recorded, shown, and taken back.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Ground, ahead, waiver};

#[tokio::test(flavor = "multi_thread")]
async fn an_attested_item_passes_under_the_persons_name() {
    let ground = Ground::new().await;
    let path = "/api/v1/items/load-test/attestations";
    let body =
        json!({ "who": "Jo Doe", "note": "500 users, 1% errors", "link": "https://ci.example/7" });
    let made = ground.made(path, &body).await;
    for (field, wanted) in [
        ("item", json!("load-test")),
        ("who", json!("Jo Doe")),
        ("token", json!("jo")),
        ("note", json!("500 users, 1% errors")),
        ("link", json!("https://ci.example/7")),
        ("deployment", Value::Null),
        ("valid", json!(true)),
    ] {
        assert_eq!(made[field], wanted, "{field}: {made}");
    }
    ground.until("load-test", "passing").await;
    assert_eq!(ground.acts(path).await, std::slice::from_ref(&made));
    let item = ground.json("/api/v1/items/load-test").await;
    assert_eq!(item["attestations"][0], made);
    assert_eq!(
        (&item["attestable"], &item["attested_per_deployment"]),
        (&json!(true), &json!(false))
    );
    assert!(item["attestable_until"].is_string(), "{item}");
    assert!(item["item"]["because"].as_str().expect("a sentence").contains("Jo Doe"), "{item}");
    let metrics = ground.daemon.get("/metrics").await;
    let row = "vigie_attestation_end_timestamp_seconds{item=\"load-test\",";
    assert_eq!(metrics.lines().filter(|line| line.starts_with(row)).count(), 1, "{metrics}");
    assert_eq!(ground.written("attest", "accepted").await, 1);
    assert_eq!(ground.written("waive", "accepted").await, 0, "zero counts are shown");
    let looked_at = ground.json("/api/v1/items/fine").await;
    assert_eq!(looked_at["attestable"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_of_a_deployment_waits_for_it() {
    let ground = Ground::new().await;
    let path = "/api/v1/items/read-through/attestations";
    let early = ground.made(path, &json!({ "who": "Jo" })).await;
    assert_eq!(early["next_deployment"], true);
    assert!(early["until"].is_string(), "it lapses where none begins in time: {early}");
    let deployment =
        ground.made("/api/v1/deployments", &json!({ "version": "7", "who": "Jo" })).await;
    ground.until("read-through", "passing").await;
    let taken = &ground.acts(path).await[0];
    assert_eq!((&taken["id"], &taken["deployment"]), (&early["id"], &deployment["id"]));
    assert_eq!((&taken["valid"], &taken["until"]), (&json!(true), &Value::Null));
    let metrics = ground.daemon.get("/metrics").await;
    assert!(!metrics.contains("vigie_attestation_end_timestamp_seconds"), "it has no end in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attestable_item_passes_by_a_persons_word() {
    let ground = Ground::new().await;
    ground.until("by-hand", "failing").await;
    ground.made("/api/v1/items/by-hand/attestations", &json!({ "who": "Jo" })).await;
    ground.until("by-hand", "passing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_is_shown_until_it_is_taken_back() {
    let ground = Ground::new().await;
    let path = "/api/v1/items/broken/waivers";
    let made = ground.made(path, &waiver()).await;
    assert_eq!(
        (&made["open"], &made["ended"], &made["token"]),
        (&json!(true), &Value::Null, &json!("jo"))
    );
    ground.until("broken", "waived").await;
    let item = ground.json("/api/v1/items/broken").await;
    assert_eq!(item["waivers"][0], made);
    assert!(item["waivable_until"].is_string(), "{item}");
    let row = "vigie_waiver_end_timestamp_seconds{item=\"broken\",";
    assert!(ground.daemon.get("/metrics").await.contains(row));

    let place = format!("{path}/{}", made["id"].as_str().expect("an id"));
    let end = async |token: &str| {
        ground.send(Method::DELETE, &place, token, &json!({ "who": "Al" })).await
    };
    assert_eq!(end("secret-2").await.status(), 403, "it takes the scope `waive`");
    let ended = end("secret-3").await;
    assert_eq!(ended.status(), 200);
    let ended: Value = ended.json().await.expect("JSON");
    assert_eq!(ended["open"], false);
    let by = &ended["ended"];
    assert_eq!(
        (&by["by"], &by["who"], &by["token"]),
        (&json!("withdrawal"), &json!("Al"), &json!("al"))
    );
    ground.until("broken", "failing").await;
    assert_eq!(ground.json(&place).await, ended, "it stays in the record");
    assert!(!ground.daemon.get("/metrics").await.contains(row));
    assert_eq!(end("secret-3").await.status(), 409, "it has ended");
    assert_eq!(ground.written("end_waiver", "accepted").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_is_declared_and_ended() {
    let ground = Ground::new().await;
    let path = "/api/v1/maintenance";
    let body =
        json!({ "who": "Jo", "why": "new disks", "until": ahead(3_600), "sections": ["before"] });
    let made = ground.made(path, &body).await;
    assert_eq!((&made["on"], &made["sections"]), (&json!(true), &json!(["before"])));
    ground.until("broken", "waived").await;
    ground.until("by-hand", "failing").await;
    assert_eq!(ground.json("/api/v1/items/broken").await["maintenance"], made);
    assert_eq!(ground.json("/api/v1/items/by-hand").await["maintenance"], Value::Null);
    let place = format!("{path}/{}", made["id"].as_str().expect("an id"));
    let ended = ground.send(Method::DELETE, &place, "secret-3", &json!({ "who": "Al" })).await;
    assert_eq!(ended.status(), 200);
    let ended: Value = ended.json().await.expect("JSON");
    assert_eq!((&ended["on"], &ended["ended"]["who"]), (&json!(false), &json!("Al")));
    assert_eq!(ground.acts(path).await, [ended]);
    ground.until("broken", "failing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_in_a_note_stays_text() {
    let ground = Ground::new().await;
    let html = "<img src=x onerror=alert(1)>\n</td><script>alert(2)</script> & \"quotes\"";
    let body =
        json!({ "who": "<b>Jo</b>", "note": html, "link": "https://ci.example/?a=1&b=\"2\"" });
    let made = ground.made("/api/v1/items/load-test/attestations", &body).await;
    assert_eq!((&made["note"], &made["who"]), (&json!(html), &json!("<b>Jo</b>")));
    let mut waiver = waiver();
    waiver["why"] = json!(html);
    ground.made("/api/v1/items/broken/waivers", &waiver).await;
    ground.until("load-test", "passing").await;
    ground.until("broken", "waived").await;
    for path in ["/", "/items/load-test", "/items/broken"] {
        let page = ground.daemon.get(path).await;
        for live in ["<img src=x", "<script>alert", "<b>Jo"] {
            assert!(!page.contains(live), "{path} holds `{live}`");
        }
    }
}
