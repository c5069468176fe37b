//! `http`: every reason, from a site on loopback.

mod behind;
mod claims;

use std::time::Duration;

use bytes::Bytes;
use vigie::checks::http::Http;
use vigie::model::judgement::Judgement;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::dns::Behaviour;
use vigie_sim::net::mill::Sort;
use vigie_sim::net::site::{Answer, Site};

use super::{Provocation, provoke};
use crate::net::ground::{Ground, deserted};
use crate::support::look_within;

#[tokio::test(flavor = "multi_thread")]
async fn http_gives_every_reason() {
    provoke(provocations()).await;
}

pub fn provocations() -> Vec<Provocation> {
    let mut rows = of_answers();
    rows.extend(of_connections());
    rows.extend(claims::provocations());
    rows.extend(behind::provocations());
    rows.extend(of_certificates());
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
        "TooManyRedirects" Fail plain(Answer::new(302, "").header("location", "/again"), "");
        "TooSlow" Warn plain(ok("x").after(Duration::from_millis(60)), "warn_slower_than: 50ms");
        "TooSlow" Fail plain(ok("x").after(Duration::from_millis(60)), "fail_slower_than: 50ms");
        "TooLarge" Fail plain(ok("12345"), "max_bytes: 4");
        "Throttled" Fail plain(Answer::new(429, "").header("retry-after", "30"), "");
        "Unauthorized" Fail plain(Answer::new(401, ""), "");
        "Forbidden" Fail plain(Answer::new(403, ""), "");
        "ServerError" Fail plain(Answer::new(503, "no healthy upstream"), "");
    }
}

fn of_connections() -> Vec<Provocation> {
    rows! { Http:
        "Garbled" Fail broken("http", Fault::Says(Bytes::from_static(b"SSH-2.0-x\r\n")));
        "Reset" Fail broken("http", Fault::Reset);
        "TimedOut" Fail broken("http", Fault::Silent);
        "TlsFailed" Fail broken("https", Fault::Says(Bytes::from_static(b"HTTP/1.1 400 \r\n\r\n")));
        "Refused" Fail async { at(&format!("http://{}/", deserted().await)).await };
        "Unreachable" Fail at("http://127.255.255.255:9/");
        "Unreachable" Unknown at("http://[fe80::1]:9/");
        "NameNotFound" Fail at("http://absent.test/");
        "ResolverFailed" Unknown async {
            let ground = Ground::new().await;
            ground.names.set("sick.test", Behaviour::Code(2));
            ground.look("http: { url: 'http://sick.test/' }").await
        };
        "SecretMissing" Unknown at("http://app.test:9/', secret_headers: { a: { from: { env: NONE_SUCH } } }, body: '");
    }
}

fn of_certificates() -> Vec<Provocation> {
    rows! { Http:
        "CertificateExpired" Fail secure(Sort::Good, "app.test", -90, -1);
        "CertificateNotYetValid" Fail secure(Sort::Good, "app.test", 1, 90);
        "NameMismatch" Fail secure(Sort::Good, "other.test", -1, 90);
        "UnknownIssuer" Fail async {
            let (ground, stranger) = (Ground::new().await, Ground::new().await);
            let site = stranger.secure_site(&stranger.leaf(Sort::Good, -1, 90)).await;
            ground.look(&https(&site)).await
        };
        "SelfSigned" Fail secure(Sort::SelfSigned, "app.test", -1, 90);
        "ChainIncomplete" Fail secure(Sort::Incomplete, "app.test", -1, 90);
        "CertificateInvalid" Fail secure(Sort::ForClients, "app.test", -1, 90);
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

async fn broken(scheme: &str, fault: Fault) -> Judgement {
    let ground = Ground::new().await;
    let server = Broken::start(fault).await.expect("a server");
    let check = format!("http: {{ url: '{scheme}://{}/' }}", server.address());
    look_within(Duration::from_secs(1), &check, &ground.systems).await
}

async fn at(url: &str) -> Judgement {
    Ground::new().await.look(&format!("http: {{ url: '{url}' }}")).await
}

async fn secure(sort: Sort, name: &str, from: i64, until: i64) -> Judgement {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf_for(sort, &[name], from, until)).await;
    ground.look(&https(&site)).await
}

fn https(site: &Site) -> String {
    format!("http: {{ url: 'https://app.test:{}/' }}", site.address().port())
}
