//! What checks of endpoints see and say beyond a single reason.

use std::time::Duration;

use bytes::Bytes;
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::dns::{Behaviour, Record};
use vigie_sim::net::mill::Sort;
use vigie_sim::net::site::{Answer, Site};

use super::ground::{Ground, HERE};
use crate::support::look_within;

fn code(judgement: &Judgement) -> &'static str {
    judgement.reason().map_or("-", vigie::model::reason::Reason::code)
}

fn figure(judgement: &Judgement, name: &str, labels: &[&str]) -> Option<f64> {
    let sample = judgement.samples().iter().find(|sample| {
        sample.measure.name == name
            && labels.iter().all(|l| sample.labels.iter().any(|s| &**s == *l))
    });
    sample.map(|sample| sample.value)
}

#[tokio::test]
async fn a_good_answer_passes_with_its_status_and_phases() {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf(Sort::Good, -1, 90)).await;
    let target = format!("https://app.test:{}/ping", site.address().port());
    let body = "expect: { body: { must_match: [fine] } }";
    let judgement = ground.look(&format!("http: {{ url: '{target}?token=s3cret', {body} }}")).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(figure(&judgement, "vigie_http_status_code", &[&target]), Some(200.0));
    for phase in ["resolve", "connect", "tls", "processing", "transfer"] {
        let took = figure(&judgement, "vigie_http_duration_seconds", &[&target, phase]);
        assert!(took.is_some_and(|took| took > 0.0), "{phase}: {took:?}");
    }
    assert_eq!(site.asked()[0].target, "/ping?token=s3cret");
    assert!(!format!("{judgement:?}").contains("s3cret"));
}

#[tokio::test]
async fn secrets_are_sent_where_they_belong_and_nowhere_else() {
    let ground = Ground::new().await;
    let (first, other) = (Site::plain().await.unwrap(), Site::plain().await.unwrap());
    let away = format!("http://{}/away", other.address());
    first.answer("/", Answer::new(302, "").header("location", "/next"));
    first.answer("/next", Answer::new(307, "").header("location", &away));
    other.answer("*", Answer::new(500, "you sent nothing, s3cret"));
    let secret = ground.file("token", "s3cret\n");
    let check = format!(
        "http: {{ url: 'http://{}/', method: POST, body_from: {{ file: '{secret}' }}, \
         secret_headers: {{ Authorization: {{ from: {{ file: '{secret}' }}, prefix: 'Bearer ' }} }} }}",
        first.address(),
        secret = secret.display(),
    );
    let judgement = ground.look(&check).await;
    assert_eq!(code(&judgement), "ServerError");
    assert!(!format!("{judgement:?}").contains("s3cret"), "{judgement:?}");
    assert!(judgement.because().contains("after 2 redirects"), "{}", judgement.because());
    for asked in first.asked() {
        assert_eq!(asked.headers["authorization"], "Bearer s3cret");
    }
    assert_eq!(first.asked()[0].body, "s3cret");
    assert!(!other.asked()[0].headers.contains_key("authorization"));
    assert!(other.asked()[0].body.is_empty());
}

#[tokio::test]
async fn a_redirect_can_be_what_is_expected() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("/", Answer::new(308, "").header("location", "https://app.test/?code=s3cret"));
    site.answer("/temporary", Answer::new(302, "").header("location", "https://app.test/"));
    site.answer("/nowhere", Answer::new(308, "").header("location", "javascript:alert(1)"));
    let look = async |path: &str, location: &str| {
        let url = format!("http://{}{path}", site.address());
        let check = format!(
            "http: {{ url: '{url}', redirects: {{ expect: {{ location: '{location}' }} }} }}"
        );
        ground.look(&check).await
    };
    assert_eq!(look("/", "^https://app\\.test/").await.verdict(), Verdict::Pass);
    let wrong = look("/", "^https://other").await;
    assert_eq!(code(&wrong), "WrongRedirect");
    assert!(!wrong.because().contains("s3cret"), "{}", wrong.because());
    assert_eq!(code(&look("/temporary", ".").await), "WrongRedirect");
    assert_eq!(code(&look("/nowhere", ".").await), "WrongRedirect");
    assert_eq!(code(&look("/absent", ".").await), "WrongRedirect");
}

#[tokio::test]
async fn a_redirect_is_named_by_its_host_and_never_by_what_was_asked() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    for (location, named) in [
        ("https://elsewhere.test/s3cret?token=s3cret", "redirects to https://elsewhere.test, "),
        ("https://S3CRET.elsewhere.test/", "redirects to another host, "),
    ] {
        site.answer("*", Answer::new(302, "").header("location", location));
        let url = format!("http://{}/?key=s3cret", site.address());
        let look = async |more: &str| {
            let expect = "redirects: { expect: { location: '^https://app', status: [302] } }";
            ground.look(&format!("http: {{ url: '{url}', {more}{expect} }}")).await
        };
        let judgement = look("").await;
        assert_eq!(code(&judgement), "WrongRedirect");
        assert!(judgement.because().contains(named), "{}", judgement.because());
        assert!(!format!("{judgement:?}").to_lowercase().contains("s3cret"), "{judgement:?}");
        let told = look("headers: { authorization: Basic abc }, ").await;
        assert!(told.because().contains("redirects to another host, "), "{}", told.because());
    }
}

#[tokio::test]
async fn broken_answers_are_told_apart() {
    let ground = Ground::new().await;
    let head = "HTTP/1.1 200 OK\r\n";
    let long = "a".repeat(1000);
    for (fault, reason) in [
        (Fault::HangsUp, "Reset"),
        (says(&format!("{head}content-length: 10\r\n\r\nshort")), "Reset"),
        (says(&format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nab")), "Reset"),
        (says(&format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\nab")), "Garbled"),
        (says("HTTP/1.1 99999 ?\r\n\r\n"), "Garbled"),
        (says(&format!("{head}content-encoding: gzip\r\ncontent-length: 2\r\n\r\nup")), "Garbled"),
        (
            Fault::Endless(head.as_bytes().to_vec().into(), format!("x: {long}\r\n").into()),
            "TooLarge",
        ),
        (Fault::Endless(head.as_bytes().to_vec().into(), "x: a\r\n".into()), "TooLarge"),
        (Fault::Endless(Bytes::new(), "HTTP/1.1 100 Continue\r\n\r\n".into()), "TimedOut"),
        (
            Fault::Endless(
                format!("{head}transfer-encoding: chunked\r\n\r\n2\r\nup\r\n0\r\n").into(),
                "x: a\r\n".into(),
            ),
            "Garbled",
        ),
        (Fault::Endless(format!("{head}\r\n").into(), long.clone().into()), "TooLarge"),
        (Fault::Endless(Bytes::new(), Bytes::from_static(b"x")), "Garbled"),
        (Fault::SaysAndHolds(format!("{head}content-length: 10\r\n\r\nshort").into()), "TimedOut"),
        (Fault::SaysAndHolds(head.as_bytes().to_vec().into()), "TimedOut"),
        (Fault::Drips(format!("{head}content-length: 2\r\n\r\nup").into()), "TimedOut"),
    ] {
        let server = Broken::start(fault.clone()).await.unwrap();
        let url = format!("http://{}/", server.address());
        let check = format!("http: {{ url: '{url}', expect: {{ body: {{ must_match: [up] }} }} }}");
        let judgement = look_within(Duration::from_secs(1), &check, &ground.systems).await;
        let told = format!("{fault:?}").chars().take(80).collect::<String>();
        assert_eq!(code(&judgement), reason, "{told}: {}", judgement.because());
        assert_eq!(judgement.verdict(), Verdict::Fail, "{told}");
    }
}

fn says(text: &str) -> Fault {
    Fault::Says(text.to_owned().into())
}

#[tokio::test]
async fn hostile_text_is_told_without_its_teeth() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    let body = format!("<script>\u{1b}[31m\n\"{}", "é".repeat(10_000));
    site.answer("*", Answer::new(500, body).header("retry-after", "<b>\"now\"</b>"));
    let judgement = ground.look(&format!("http: {{ url: 'http://{}/' }}", site.address())).await;
    let because = judgement.because();
    assert!(!because.contains(char::is_control) && because.chars().count() < 400, "{because}");

    let text = Record::text(b"v=<script>\"\n\\ \xff");
    ground.names.set("x.test", Behaviour::Records(vec![text]));
    let judgement =
        ground.look("dns: { name: x.test, record: TXT, expected: { all: [v=1] } }").await;
    assert_eq!(code(&judgement), "UnexpectedRecords");
    assert!(!judgement.because().contains(char::is_control), "{}", judgement.because());
}

#[tokio::test]
async fn every_address_of_a_name_is_looked_at() {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf(Sort::Good, -1, 90)).await;
    let both = ["127.0.0.1", "127.0.0.2"].map(|address| Record::address(address.parse().unwrap()));
    ground.names.set("app.test", Behaviour::Records(both.to_vec()));
    let target = format!("app.test:{}", site.address().port());
    let judgement = ground.look(&format!("tls: {{ target: '{target}' }}")).await;
    assert_eq!(code(&judgement), "Refused", "{}", judgement.because());
    let verdicts: Vec<_> =
        judgement.lines().iter().map(|line| (line.subject.clone(), line.verdict)).collect();
    let line = |address: &str, verdict| (format!("{target} at {address}"), verdict);
    assert_eq!(verdicts, [line("127.0.0.1", Verdict::Pass), line("127.0.0.2", Verdict::Fail)]);
    let judgement = ground.look(&format!("tls: {{ target: '{target}', addresses: any }}")).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let judgement = ground.look(&format!("http: {{ url: 'https://{target}/' }}")).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn the_chain_ends_where_its_first_certificate_does() {
    let day = Duration::from_hours(24);
    let ground = Ground::whose_intermediate_lasts(10 * day).await;
    let site = ground.secure_site(&ground.leaf(Sort::Good, -1, 90)).await;
    let target = format!("app.test:{}", site.address().port());
    let judgement = ground.look(&format!("tls: {{ target: '{target}' }}")).await;
    assert_eq!((code(&judgement), judgement.verdict()), ("CertificateExpiring", Verdict::Warn));
    assert!(judgement.because().contains("`Mill intermediate` in its chain expires in 10d"));
    let end = |certificate| {
        let labels = [target.as_str(), "127.0.0.1", certificate];
        figure(&judgement, "vigie_tls_not_after_timestamp_seconds", &labels).unwrap()
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 have few bits")]
    let now = super::ground::now().as_second() as f64;
    assert!((end("chain") - now - 10.0 * 86_400.0).abs() < 1.0);
    assert!((end("leaf") - now - 90.0 * 86_400.0).abs() < 1.0);
}

#[tokio::test]
async fn a_certificate_can_be_replaced_and_trusted_by_itself() {
    let ground = Ground::new().await;
    let alone = ground.leaf(Sort::SelfSignedAuthority, -1, 90);
    let site = ground.secure_site(&alone).await;
    let ca = ground.file("alone.pem", &alone.chain_pem);
    let check = format!("tls: {{ target: 'app.test:{}'", site.address().port());
    assert_eq!(code(&ground.look(&format!("{check} }}")).await), "SelfSigned");
    let pinned = format!("{check}, ca: {{ file: '{}' }} }}", ca.display());
    let judgement = ground.look(&pinned).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    site.certify(&ground.leaf(Sort::ByRoot, -1, 90)).unwrap();
    assert_eq!(ground.look(&format!("{check} }}")).await.verdict(), Verdict::Pass);
    assert_eq!(code(&ground.look(&pinned).await), "UnknownIssuer");
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_gets_it_or_says_so() {
    let ground = Ground::new().await;
    let site = Site::mutual(&ground.leaf(Sort::Good, -1, 90), ground.clients.root()).await.unwrap();
    site.answer("*", Answer::new(200, "fine"));
    let with = ground.client_certificate();
    let port = site.address().port();
    for (check, reason) in [
        (format!("tls: {{ target: 'app.test:{port}'"), "ClientCertificateRequired"),
        (format!("http: {{ url: 'https://app.test:{port}/'"), "TlsFailed"),
    ] {
        let judgement = ground.look(&format!("{check}, {with} }}")).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{check}: {}", judgement.because());
        let judgement = ground.look(&format!("{check} }}")).await;
        assert_eq!(code(&judgement), reason, "{check}: {}", judgement.because());
        assert!(judgement.because().contains("CertificateRequired"), "{}", judgement.because());
    }
}

#[tokio::test]
async fn a_probe_can_be_sent_elsewhere_and_still_asks_for_the_name() {
    let ground = Ground::new().await;
    let site = ground.secure_site(&ground.leaf_for(Sort::Good, &["public.test"], -1, 90)).await;
    let to = format!("connect_to: '{}'", site.address());
    let judgement = ground.look(&format!("http: {{ url: 'https://public.test/', {to} }}")).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(site.asked()[0].headers["host"], "public.test");
    let judgement = ground.look(&format!("tls: {{ target: 'public.test:443', {to} }}")).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn a_long_answer_comes_over_tcp_and_a_closed_port_refuses() {
    let ground = Ground::new().await;
    let many = (0..40_u8).map(|n| Record::address([192, 0, 2, n].into())).collect();
    ground.names.set("x.test", Behaviour::OverTcp(many));
    let resolver = ground.names.address();
    let check = format!("dns: {{ name: x.test, resolvers: ['{resolver}'], min_answers: 40 }}");
    let judgement = ground.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    let nobody = super::ground::deserted().await;
    let judgement = ground.look(&format!("dns: {{ name: x.test, resolvers: ['{nobody}'] }}")).await;
    assert_eq!(code(&judgement), "Refused", "{}", judgement.because());
}

#[tokio::test]
async fn a_name_that_is_no_name_is_not_found() {
    let ground = Ground::new().await;
    ground.names.point("app.test", HERE);
    for check in ["tls: { target: 'a..b:443' }", "http: { url: 'https://a..b/' }"] {
        let judgement = ground.look(check).await;
        assert_eq!(code(&judgement), "NameNotFound", "{check}: {}", judgement.because());
        assert_eq!(judgement.verdict(), Verdict::Fail, "{check}");
    }
}
