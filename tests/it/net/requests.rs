//! What `http` sends, and which of several requests decides.

use vigie::model::finding::Verdict;
use vigie_sim::net::site::{Answer, Site};

use super::ground::Ground;

#[tokio::test]
async fn bodies_are_sent_as_what_they_are() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(200, "fine"));
    let secret = ground.file("secret", "p&ss w\n");
    for (body, content_type, sent) in [
        ("body: '{}'".to_owned(), None, "{}"),
        (
            "json: { query: '{__typename}' }".to_owned(),
            Some("application/json"),
            r#"{"query":"{__typename}"}"#,
        ),
        (
            format!("form: {{ user: 'a b', word: {{ file: '{}' }} }}", secret.display()),
            Some("application/x-www-form-urlencoded"),
            "user=a+b&word=p%26ss+w",
        ),
        (
            "json: [1], headers: { Content-Type: application/x-own }".to_owned(),
            Some("application/x-own"),
            "[1]",
        ),
    ] {
        let check = format!("http: {{ url: 'http://{}/', method: POST, {body} }}", site.address());
        let judgement = ground.look(&check).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{body}: {}", judgement.because());
        let asked = site.asked().pop().unwrap();
        let came = asked.headers.get("content-type").map(|value| value.to_str().unwrap());
        assert_eq!((came, asked.body), (content_type, sent.to_owned().into()), "{body}");
    }
}

/// `api-health`: Apollo Server 3 had a health endpoint of its own, version 4 has none.
fn alternatives(site: &Site) -> String {
    format!(
        "http: {{ url: 'http://{}/.well-known/apollo/server-health', \
         expect: {{ json: {{ /status: {{ is: pass }} }} }}, alternatives: [\
         {{ path: /ping, expect: {{ body: {{ must_match: ['^Pong!'] }} }} }}, \
         {{ path: /, method: POST, json: {{ query: '{{__typename}}' }}, \
         expect: {{ json: {{ /data/__typename: {{ is: Query }} }} }} }}] }}",
        site.address()
    )
}

#[tokio::test]
async fn the_first_request_that_is_there_decides_and_is_named() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    let check = alternatives(&site);
    let none = ground.look(&check).await;
    assert_eq!(none.verdict(), Verdict::Fail, "nothing is there");
    assert!(none.because().contains("/ping answers 404"), "{}", none.because());
    assert!(none.because().contains("3 of 3, answers 404"), "{}", none.because());

    site.answer("/", Answer::new(200, r#"{"data":{"__typename":"Query"}}"#));
    let third = ground.look(&check).await;
    assert_eq!(third.verdict(), Verdict::Pass, "{}", third.because());
    assert!(third.because().contains("/, 3 of 3, answers 200"), "{}", third.because());
    assert_eq!(site.asked().pop().unwrap().body, r#"{"query":"{__typename}"}"#);

    site.answer("/ping", Answer::new(200, "Pong!"));
    let second = ground.look(&check).await;
    assert!(second.because().contains("/ping, 2 of 3, answers 200"), "{}", second.because());
    assert_eq!(site.asked().pop().unwrap().target, "/ping");
}

#[tokio::test]
async fn no_alternative_makes_good_what_is_there_and_in_trouble() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("/ping", Answer::new(200, "Pong!"));
    let check = alternatives(&site);
    let health = "/.well-known/apollo/server-health";
    for (answer, code) in [
        (Answer::new(500, ""), "ServerError"),
        (Answer::new(503, ""), "ServerError"),
        (Answer::new(401, ""), "Unauthorized"),
        (Answer::new(403, ""), "Forbidden"),
        (Answer::new(429, ""), "Throttled"),
        (Answer::new(200, r#"{"status":"fail"}"#), "WrongJson"),
        (Answer::new(200, "<html>"), "NotJson"),
    ] {
        let before = site.asked().len();
        site.answer(health, answer);
        let judgement = ground.look(&check).await;
        let said = judgement.reason().map_or("-", vigie::model::reason::Reason::code);
        assert_eq!(said, code, "{}", judgement.because());
        assert_eq!(site.asked().len(), before + 1, "no other was asked");
    }
}
