//! `http`: every reason, from a site on loopback.

mod behind;
mod claims;

use std::time::Duration;

use vigie::checks::http::Http;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie_sim::net::broken::Fault;
use vigie_sim::net::site::{Answer, Site};

use super::fetching::broken;
use super::{Provocation, provoke};
use crate::net::ground::Ground;

#[tokio::test(flavor = "multi_thread")]
async fn http_gives_every_reason() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    let mut rows = of_answers();
    rows.extend(fetching!(Http, "http"));
    rows.extend(claims::provocations());
    rows.extend(behind::provocations());
    rows
}

fn of_answers() -> Vec<Provocation> {
    rows! { Http:
        "WrongStatus" Fail plain(Answer::new(404, ""), "");
        "WrongHeader" Fail plain(ok("x"), "expect: { headers: { content-type: html } }");
        "WrongBody" Fail plain(ok("down"), "expect: { body: { must_match: [up] } }");
        "NotJson" Fail plain(ok("<html>"), "expect: { json: { /status: { is: up } } }");
        "WrongJson" Fail plain(ok("{\"status\":\"down\"}"), "expect: { json: { /status: { is: up } } }");
        "WrongRedirect" Fail plain(ok("x"), "redirects: { expect: { location: ^https } }");
        "TooManyRedirects" Fail plain(Answer::new(302, "").header("location", "/on"), "redirects: { follow: 1 }");
        "RedirectLoop" Fail plain(Answer::new(302, "").header("location", "/"), "");
        "TooSlow" Warn plain(ok("x").after(Duration::from_millis(60)), "warn_slower_than: 50ms");
        "TooSlow" Fail plain(ok("x").after(Duration::from_millis(60)), "fail_slower_than: 50ms");
        "TooLarge" Fail plain(ok("12345"), "max_bytes: 4");
        "Throttled" Fail plain(Answer::new(429, "").header("retry-after", "30"), "");
        "Unauthorized" Fail plain(Answer::new(401, ""), "");
        "Forbidden" Fail plain(Answer::new(403, ""), "");
        "ServerError" Fail plain(Answer::new(503, "no healthy upstream"), "");
        "DsnMalformed" Fail dsn("http://0abc@$/project");
        "DsnDiffers" Fail dsn("http://0abc@sentry.test/42");
        "Garbled" Fail broken("http", "http", Fault::Says("SSH-2.0-x\r\n".into()));
    }
}

/// A site that answers well, and a DSN.
async fn dsn(text: &str) -> Judgement {
    let ground = Ground::new().await;
    let site = Site::plain().await.expect("a site");
    site.answer("*", ok("fine"));
    let origin = site.address().to_string();
    let file = ground.file("dsn", &text.replace('$', &origin));
    let judgement = ground
        .look(&format!(
            "http: {{ url: 'http://{origin}/', dsn: {{ file: '{}' }} }}",
            file.display()
        ))
        .await;
    assert!(!format!("{judgement:?}").contains("0abc"), "{judgement:?}");
    assert!(!format!("{:?}", site.asked()).contains("0abc"), "nothing of it is sent");
    judgement
}

#[tokio::test]
async fn a_dsn_that_leads_to_the_url_is_as_good_as_what_answers_there() {
    let judgement = dsn("http://0abc@$/42\n").await;
    assert_eq!(judgement.reason(), None, "{}", judgement.because());
    let judgement = dsn("").await;
    assert_eq!(judgement.verdict(), Verdict::Unknown, "{}", judgement.because());
}

fn ok(body: &'static str) -> Answer {
    Answer::new(200, body)
}

async fn plain(answer: Answer, rest: &str) -> Judgement {
    let ground = Ground::new().await;
    let site = Site::plain().await.expect("a site");
    site.answer("*", answer);
    ground.look(&format!("http: {{ url: 'http://{}/', {rest} }}", site.address())).await
}
