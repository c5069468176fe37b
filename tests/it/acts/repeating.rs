//! What comes twice is done once, and what comes at once is not lost.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Ground, ahead, waiver};
use crate::server::problem;

const ATTEST: &str = "/api/v1/items/load-test/attestations";
const WAIVE: &str = "/api/v1/items/broken/waivers";

impl Ground {
    /// Status and body of a post under a key.
    async fn keyed(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(self.url(path)).bearer_auth("secret-1").json(body);
        let answer = request.header("Idempotency-Key", key).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_request_is_the_same_act() {
    let ground = Ground::new().await;
    let body = json!({ "who": "Jo", "note": "done" });
    let made = ground.made(ATTEST, &body).await;
    let again = ground.post(ATTEST, &body).await;
    assert_eq!(again.status(), 200);
    let place = again.headers()["location"].to_str().expect("text").to_owned();
    assert_eq!(place, format!("{ATTEST}/{}", made["id"].as_str().expect("an id")));
    assert_eq!(again.json::<Value>().await.expect("JSON"), made);
    assert_eq!(ground.acts(ATTEST).await.len(), 1);
    assert_eq!(ground.written("attest", "repeated").await, 1);
    let others = ground.send(Method::POST, ATTEST, "secret-3", &body).await;
    assert_eq!(others.status(), 201, "another's token is another's word");
    let elsewhere = ground.post("/api/v1/items/by-hand/attestations", &body).await;
    assert_eq!(elsewhere.status(), 201, "another item is another act");
    assert_eq!(ground.acts(ATTEST).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_names_a_request() {
    let ground = Ground::new().await;
    let body = json!({ "who": "Jo" });
    let (status, first) = ground.keyed(ATTEST, "job-7", &body).await;
    assert_eq!(status, 201);
    assert_eq!(ground.keyed(ATTEST, "job-7", &body).await, (200, first));
    let (status, second) = ground.keyed(ATTEST, "job-8", &body).await;
    assert_eq!(status, 201, "who gives another key means another act: {second}");
    let (status, refused) = ground.keyed(ATTEST, "job-7", &json!({ "who": "Al" })).await;
    assert_eq!((status, &refused["title"]), (422, &json!("Key used before")));
    let (status, refused) = ground.keyed(ATTEST, "job 7", &body).await;
    assert_eq!((status, &refused["title"]), (400, &json!("No key")));
    assert_eq!(ground.acts(ATTEST).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_may_be_asked_again() {
    let ground = Ground::new().await;
    let body = json!({ "who": "" });
    for _ in 0..2 {
        let (status, refused) = ground.keyed(ATTEST, "job-7", &body).await;
        assert_eq!((status, &refused["title"]), (422, &json!("Not valid")));
    }
    let (status, _) = ground.keyed(ATTEST, "job-7", &json!({ "who": "Jo" })).await;
    assert_eq!(status, 201, "nothing was done under this key yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_may_be_done_again() {
    let ground = Ground::new().await;
    let body = waiver();
    let made = ground.made(WAIVE, &body).await;
    let place = format!("{WAIVE}/{}", made["id"].as_str().expect("an id"));
    let ended = ground.send(Method::DELETE, &place, "secret-1", &json!({ "who": "Jo" })).await;
    assert_eq!(ended.status(), 200);
    let again = ground.made(WAIVE, &body).await;
    assert_ne!(again["id"], made["id"]);
    assert_eq!(again["open"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_says_no_word_again_that_was_taken_back() {
    let ground = Ground::new().await;
    let body = waiver();
    let (_, made) = ground.keyed(WAIVE, "job-8", &body).await;
    let place = format!("{WAIVE}/{}", made["id"].as_str().expect("an id"));
    let ended = ground.send(Method::DELETE, &place, "secret-1", &json!({ "who": "Jo" })).await;
    assert_eq!(ended.status(), 200);
    let (status, refused) = ground.keyed(WAIVE, "job-8", &body).await;
    assert_eq!((status, &refused["title"]), (409, &json!("Key used before")));
    let detail = refused["detail"].as_str().expect("a sentence");
    assert!(detail.contains(&place) && detail.contains("taken back"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_word_for_word_gets_no_twin() {
    let ground = Ground::new().await;
    let until = ahead(3_600);
    let span = json!({ "who": "Jo", "why": "disks", "until": until, "sections": ["before"] });
    let waiver = waiver();
    for (path, body) in [("/api/v1/maintenance", &span), (WAIVE, &waiver)] {
        let key = |number: u32| format!("{}-{number}", &path[path.len() - 5..]);
        let (status, first) = ground.keyed(path, &key(1), body).await;
        assert_eq!(status, 201, "{first}");
        // Another key: that of a daemon which was restarted is as unknown.
        let (_, again) = ground.keyed(path, &key(2), body).await;
        assert_eq!(again["id"], first["id"], "{path}");
        let mut other = body.clone();
        other["why"] = json!("something else");
        let (_, other) = ground.keyed(path, &key(3), &other).await;
        assert_ne!(other["id"], first["id"]);
        let ended = ground
            .send(
                Method::DELETE,
                &format!("{path}/{}", first["id"].as_str().expect("an id")),
                "secret-1",
                &json!({ "who": "Jo" }),
            )
            .await;
        assert_eq!(ended.status(), 200);
        let (_, anew) = ground.keyed(path, &key(4), body).await;
        assert_ne!(anew["id"], first["id"], "what was taken back may be done again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_all_recorded() {
    let ground = Ground::new().await;
    let bodies: Vec<_> = (0..20).map(|n| json!({ "who": format!("Jo {n}") })).collect();
    let made = bodies.iter().map(async |body| {
        let answer = ground.post(ATTEST, body).await;
        assert_eq!(answer.status(), 201);
        answer.json::<Value>().await.expect("JSON")
    });
    let made = futures::future::join_all(made).await;
    let id = |act: &Value| act["id"].as_str().expect("an id").to_owned();
    let told: BTreeSet<_> = made.iter().map(id).collect();
    assert_eq!(told.len(), 20, "each has an id of its own");
    let kept: BTreeSet<_> = ground.acts(ATTEST).await.iter().map(id).collect();
    assert_eq!(told, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_at_once_is_one_act() {
    let ground = Ground::new().await;
    let body = waiver();
    let twice = (0..10).map(async |_| ground.post(WAIVE, &body).await);
    let answers = futures::future::join_all(twice).await;
    let mut ids = BTreeSet::new();
    let mut fresh = 0;
    for answer in answers {
        fresh += u32::from(answer.status() == 201);
        let act: Value = answer.json().await.expect("JSON");
        ids.insert(act["id"].as_str().expect("an id").to_owned());
    }
    assert_eq!((fresh, ids.len()), (1, 1));
    assert_eq!(ground.acts(WAIVE).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_back_what_another_took_back_is_told() {
    let ground = Ground::new().await;
    let made = ground.made(WAIVE, &waiver()).await;
    let place = format!("{WAIVE}/{}", made["id"].as_str().expect("an id"));
    let ends = ["Jo", "Al"].map(|who| json!({ "who": who }));
    let [first, second] = &ends;
    let (first, second) = tokio::join!(
        ground.send(Method::DELETE, &place, "secret-1", first),
        ground.send(Method::DELETE, &place, "secret-3", second),
    );
    let (done, told) = if first.status() == 200 { (first, second) } else { (second, first) };
    assert_eq!(done.status(), 200);
    assert_eq!(problem(told, 409).await, "the waiver has ended already");
}
