//! `http`: every reason, from a site on loopback.

use std::time::Duration;

use vigie::checks::http::Http;
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
        "Garbled" Fail broken("http", "http", Fault::Says("SSH-2.0-x\r\n".into()));
    }
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
