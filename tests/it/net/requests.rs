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

/// A provider's account, in the shape that Brevo documents.
#[tokio::test]
async fn credits_are_counted_with_the_applications_own_key() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    let key = ground.file("key", "xkeysib-s3cret\n");
    let check = format!(
        "http: {{ url: 'http://{}/v3/account', login: {{ api_key: {{ header: api-key, \
         from: {{ file: '{}' }} }} }}, expect: {{ numbers: {{ credits: {{ \
         cel: 'json.plan.filter(p, p.creditsType == \"sendLimit\")[0].credits', \
         warn_below: 5000, fail_below: 500 }} }} }} }}",
        site.address(),
        key.display()
    );
    for (credits, verdict, code) in [
        ("8755", Verdict::Pass, "-"),
        ("4999.5", Verdict::Warn, "NumberTooLow"),
        ("12", Verdict::Fail, "NumberTooLow"),
        ("\"many\"", Verdict::Unknown, "EvaluationError"),
    ] {
        let plan = format!(
            r#"{{"email":"a@b.test","plan":[{{"type":"sms","creditsType":"smsLimit","credits":0}},
               {{"type":"free","creditsType":"sendLimit","credits":{credits}}}]}}"#
        );
        site.answer("/v3/account", Answer::new(200, plan));
        let judgement = ground.look(&check).await;
        let said = (judgement.verdict(), judgement.reason().map_or("-", |reason| reason.code()));
        assert_eq!(said, (verdict, code), "{}", judgement.because());
        let number = judgement.samples().iter().find(|one| one.measure.name == "vigie_http_number");
        let wanted = credits.parse().ok();
        assert_eq!(number.map(|sample| sample.value), wanted, "exported whatever it is");
        assert_eq!(site.asked().pop().unwrap().headers["api-key"], "xkeysib-s3cret");
    }
}

/// The examples in the comments of the kind's own.
#[test]
fn examples_in_comments_are_checks() {
    let kind = vigie::checks::KINDS.iter().find(|kind| kind.name == "http").unwrap();
    let mut checks = Vec::<String>::new();
    for line in kind.example.lines() {
        match line.strip_prefix("#     ") {
            Some(parameter) => {
                let check = checks.last_mut().expect("a title first");
                check.push_str(&format!("  {parameter}\n"));
            }
            None if line.starts_with("#   ") => checks.push("http:\n".to_owned()),
            None => {}
        }
    }
    assert!(checks.len() >= 5, "{checks:?}");
    for text in checks {
        let check = crate::support::check(&text);
        assert_eq!(check.flaws(), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn parameters_that_contradict_each_other_are_told() {
    let plain = crate::support::check("http: { url: 'http://a.test/', ca: { env: A } }").flaws();
    assert!(plain.iter().any(|told| told.contains("`connections.net.ca` is what is trusted")));
    for (rest, flaw) in [
        ("body: a, json: {}", "`body` and `json` exclude each other"),
        ("body_from: { env: A }, form: {}", "`body_from` and `form` exclude each other"),
        ("login: { bearer: { env: A } }, headers: { authorization: a }", "is the `login`'s"),
        ("login: { api_key: { from: { env: A } } }", "either a `header` or the `query`"),
        ("login: { basic: { username: 'a:b', password: { env: A } } }", "with a colon"),
        ("login: { oauth2: { token_url: 'https://a/', client_id: a } }", "needs a `client_secret`"),
        ("alternatives: [{ path: '//evil.test/' }]", "is not a path"),
        ("alternatives: [{ path: ping }]", "is not a path"),
        ("alternatives_on: [404, 500-599]", "500 is trouble"),
        ("alternatives: [{ path: /a }], redirects: { expect: { location: . } }", "exclude"),
        (
            "behind: { service: { namespace: a, name: b } }, connect_to: 'a:1'",
            "`behind` is of no use",
        ),
        (
            "expect: { numbers: { a: { cel: json, fail_below: 2, warn_below: 1 } } }",
            "must be below",
        ),
    ] {
        let check = crate::support::check(&format!("http: {{ url: 'https://a.test/', {rest} }}"));
        let flaws = check.flaws();
        assert!(flaws.iter().any(|told| told.contains(flaw)), "{rest}: {flaws:?}");
    }
}
