//! A registry that wants tokens, one that lies, and one that is broken.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use vigie::model::reason::Reason;
use vigie::systems::Systems;
use vigie::systems::clock::Clock;
use vigie_sim::net::site::{Answer, Site};

use super::image::{self, Stored, config, index, manifest};
use super::user;
use crate::net::ground::deserted;
use crate::support;

const BASIC: &str = "Basic YWxpY2U6aHVudGVyMg==";

struct Ground {
    site: Site,
    systems: Systems,
}

impl Ground {
    async fn new() -> Self {
        Self::with("").await
    }

    async fn with(more: &str) -> Self {
        let site = Site::plain().await.unwrap();
        let connections =
            format!("{{ registries: {{ '{}': {{ plain_http: true, {more} }} }} }}", site.address());
        Self { site, systems: support::systems(&connections, Clock::System) }
    }

    fn image(&self, rest: &str) -> String {
        format!("{}/{rest}", self.site.address())
    }

    async fn refusal(&self) -> (Reason, String) {
        let obstacle = user(&self.systems, &self.image("shop/api:1")).await.unwrap_err();
        (obstacle.reason, obstacle.because)
    }
}

/// A site that answers nothing without a token, which it hands out itself.
async fn guarded(more: &str) -> Ground {
    let ground = Ground::with(more).await;
    let site = &ground.site;
    let realm = format!("http://{}/token", site.address());
    let challenge = format!("Bearer realm=\"{realm}\",service=\"shop\",scope=\"x\"");
    site.answer("*", Answer::new(401, "").header("www-authenticate", &challenge));
    let config = config("1000");
    let manifest = manifest(&config);
    let paths = [
        ("/v2/shop/api/manifests/1".to_owned(), manifest.answer()),
        (format!("/v2/shop/api/blobs/{}", config.digest), config.answer()),
    ];
    for (path, answer) in paths {
        site.answer_to("Bearer t0ken", &path, answer);
    }
    ground
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_says_for_the_repository_alone() {
    let ground = guarded("").await;
    ground.site.answer("/token", Answer::new(200, json!({ "token": "t0ken" }).to_string()));
    assert_eq!(user(&ground.systems, &ground.image("shop/api:1")).await.unwrap(), "1000");
    let asked = ground.site.asked();
    let targets: Vec<&str> = asked.iter().map(|asked| asked.target.as_str()).collect();
    assert_eq!(targets[1], "/token?service=shop&scope=repository%3Ashop%2Fapi%3Apull");
    assert_eq!(asked.len(), 4, "{targets:?}");
}

#[tokio::test]
async fn the_token_server_learns_the_credential_and_the_registry_only_the_token() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "hunter2").unwrap();
    let credential = format!(
        "credential: {{ basic: {{ username: alice, password: {{ file: '{}' }} }} }}",
        password.path().display()
    );
    let ground = guarded(&credential).await;
    let token = Answer::new(200, json!({ "access_token": "t0ken" }).to_string());
    ground.site.answer_to(BASIC, "/token", token);
    assert_eq!(user(&ground.systems, &ground.image("shop/api:1")).await.unwrap(), "1000");
    for asked in ground.site.asked() {
        let shown = asked.headers.get("authorization").map(|value| value.to_str().unwrap());
        assert_eq!(shown == Some(BASIC), asked.target.starts_with("/token"), "{}", asked.target);
    }
    std::fs::write(password.path(), "wrong").unwrap();
    ground.site.answer("/token", Answer::new(401, ""));
    ground.site.answer("/v2/shop/api/manifests/1", Answer::new(200, "never seen"));
    ground.site.answer(
        "/v2/shop/api/manifests/2",
        Answer::new(401, "").header(
            "www-authenticate",
            &format!("Bearer realm=\"http://{}/token\"", ground.site.address()),
        ),
    );
    let image = ground.image("shop/api:2");
    let before = ground.site.asked().len();
    for said in ["refuses the configured credential", "it is tried again when it changes"] {
        let obstacle = user(&ground.systems, &image).await.unwrap_err();
        assert_eq!(obstacle.reason, Reason::UNAUTHORIZED);
        assert!(obstacle.because.contains(said), "{obstacle}");
    }
    let tried = ground.site.asked().split_off(before);
    let tried = tried.iter().filter(|asked| asked.target.starts_with("/token"));
    assert_eq!(tried.count(), 1, "a refused credential is sent once");
}

#[tokio::test]
async fn a_blob_may_lie_elsewhere_and_no_credential_goes_there() {
    let ground = guarded("").await;
    ground.site.answer("/token", Answer::new(200, json!({ "token": "t0ken" }).to_string()));
    let elsewhere = Site::plain().await.unwrap();
    let config = config("1000");
    elsewhere.answer("/bucket/blob", config.answer());
    let target = format!("http://{}/bucket/blob?signature=x", elsewhere.address());
    let path = format!("/v2/shop/api/blobs/{}", config.digest);
    ground.site.answer_to("Bearer t0ken", &path, Answer::new(307, "").header("location", &target));
    assert_eq!(user(&ground.systems, &ground.image("shop/api:1")).await.unwrap(), "1000");
    let asked = elsewhere.asked();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn who_was_shown_a_credential_may_repeat_it_and_is_not_repeated() {
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "hunter2").unwrap();
    let credential = format!(
        "credential: {{ basic: {{ username: alice, password: {{ file: '{}' }} }} }}",
        password.path().display()
    );
    let fault = json!({ "code": "hunter2", "message": "no such user alice:hunter2, t0ken" });
    let words = json!({ "errors": [fault] });
    let ground = guarded(&credential).await;
    for status in [400, 404, 429, 500] {
        ground.site.answer("/token", Answer::new(status, words.to_string()));
        let (_, because) = ground.refusal().await;
        assert!(because.ends_with(&status.to_string()), "{because}");
    }
    ground.site.answer("/token", Answer::new(200, json!({ "token": "t0ken" }).to_string()));
    let manifest = "/v2/shop/api/manifests/1";
    ground.site.answer_to("Bearer t0ken", manifest, Answer::new(403, words.to_string()));
    let (reason, because) = ground.refusal().await;
    assert_eq!(reason, Reason::FORBIDDEN);
    assert!(because.ends_with("its registry answers 403"), "{because}");
    // Of one that was shown nothing the words help.
    let ground = Ground::new().await;
    let words = json!({ "errors": [{ "message": "manifest unknown" }] });
    ground.site.answer("*", Answer::new(404, words.to_string()));
    assert!(ground.refusal().await.1.ends_with("answers 404: manifest unknown"));
}

#[tokio::test]
async fn who_offers_both_is_asked_for_a_token() {
    let ground = guarded("").await;
    let site = &ground.site;
    let bearer = format!("Bearer realm=\"http://{}/token\"", site.address());
    let both = Answer::new(401, "").header("www-authenticate", "Basic realm=\"x\"");
    site.answer("*", both.header("www-authenticate", &bearer));
    site.answer("/token", Answer::new(200, json!({ "token": "t0ken" }).to_string()));
    assert_eq!(user(&ground.systems, &ground.image("shop/api:1")).await.unwrap(), "1000");
}

#[tokio::test]
async fn every_status_has_its_reason() {
    let ground = Ground::new().await;
    for (status, reason) in [
        (403, Reason::FORBIDDEN),
        (404, Reason::NOT_FOUND),
        (429, Reason::THROTTLED),
        (500, Reason::SERVER_ERROR),
        (503, Reason::SERVER_ERROR),
        (418, Reason::GARBLED),
        (401, Reason::GARBLED),
    ] {
        ground.site.answer("*", Answer::new(status, "{\"errors\": 7}"));
        assert_eq!(ground.refusal().await.0, reason, "{status}");
    }
}

#[tokio::test]
async fn what_is_too_large_lies_or_is_packed_is_not_believed() {
    let ground = Ground::new().await;
    let path = "/v2/shop/api/manifests/1";
    let good = config("1000");
    let whole = manifest(&good);
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; 64 << 20]).unwrap();
    let bomb = Answer::new(200, bomb.finish().unwrap()).header("content-encoding", "gzip");
    let huge = Answer::new(200, vec![b' '; (4 << 20) + 1]);
    let other = whole.answer().header("docker-content-digest", &good.digest);
    let round = Answer::new(307, "").header("location", path);
    let inner = index(&[("amd64", &index(&[]))]);
    ground
        .site
        .answer(&format!("/v2/shop/api/manifests/{}", index(&[]).digest), index(&[]).answer());
    for (answer, reason, said) in [
        (Answer::new(200, "<html>"), Reason::GARBLED, "is not a manifest in JSON"),
        (bomb, Reason::GARBLED, "in a compressed form"),
        (huge, Reason::TOO_LARGE, "more than 4194304 bytes"),
        (other, Reason::GARBLED, "has another digest"),
        (round, Reason::GARBLED, "redirects more than 3 times"),
        (inner.answer(), Reason::GARBLED, "an index of indexes"),
        (index(&[]).answer(), Reason::NOT_FOUND, "has no image for linux/amd64"),
    ] {
        ground.site.answer(path, answer);
        let (given, because) = ground.refusal().await;
        assert_eq!(given, reason, "{because}");
        assert!(because.contains(said), "{because}");
    }
}

#[tokio::test]
async fn a_configuration_is_believed_only_by_its_digest_and_as_that_of_an_image() {
    let ground = Ground::new().await;
    let (good, bad) = (config("1000"), config("0"));
    image::serve(&ground.site, "shop/api", "1", &good);
    let blob = format!("/v2/shop/api/blobs/{}", good.digest);
    ground.site.answer(&blob, bad.answer());
    let (reason, because) = ground.refusal().await;
    assert_eq!(reason, Reason::GARBLED);
    assert!(because.contains("another digest"), "{because}");
    let chart = Stored::raw("application/vnd.cncf.helm.config.v1+json", b"{}".to_vec());
    image::serve(&ground.site, "shop/api", "1", &chart);
    let (reason, because) = ground.refusal().await;
    assert_eq!(reason, Reason::GARBLED);
    assert!(because.contains("it is no image"), "{because}");
    let mut liar = config("1000");
    liar.bytes = vec![b' '; (4 << 20) + 1].into();
    image::serve(&ground.site, "shop/api", "1", &liar);
    assert_eq!(ground.refusal().await.0, Reason::TOO_LARGE);
}

#[tokio::test]
async fn a_registry_that_is_silent_or_gone_says_so_in_time() {
    let ground = Ground::new().await;
    ground.site.answer("*", Answer::new(200, "{}").after(Duration::from_secs(60)));
    let (reason, because) = ground.refusal().await;
    assert_eq!(reason, Reason::TIMED_OUT, "{because}");
    let address = deserted().await;
    let connections = format!("{{ registries: {{ '{address}': {{ plain_http: true }} }} }}");
    let systems = support::systems(&connections, Clock::System);
    let obstacle = user(&systems, &format!("{address}/shop/api:1")).await.unwrap_err();
    assert_eq!(obstacle.reason, Reason::REFUSED, "{obstacle}");
}

#[tokio::test]
async fn what_a_digest_names_is_asked_once() {
    let ground = Ground::new().await;
    let manifest = image::serve(&ground.site, "shop/api", "1", &config("1000"));
    let pinned = ground.image(&format!("shop/api@{}", manifest.digest));
    for _ in 0..3 {
        assert_eq!(user(&ground.systems, &pinned).await.unwrap(), "1000");
    }
    assert_eq!(ground.site.asked().len(), 2);
    assert_eq!(user(&ground.systems, &ground.image("shop/api:1")).await.unwrap(), "1000");
    assert_eq!(ground.site.asked().len(), 3, "a tag may have moved");
}
