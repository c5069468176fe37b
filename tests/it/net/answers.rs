//! What `http` reads of answers, and what it sends after one that refuses a credential.

use std::time::Duration;

use vigie::model::finding::Verdict;
use vigie::model::reason::Reason;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::site::{Answer, Site};

use super::ground::Ground;
use crate::support::look_within;

#[tokio::test]
async fn a_refused_credential_is_not_sent_again_until_it_changes() {
    let grant = r#"{"error":"invalid_grant"}"#;
    let header = "secret_headers: { Authorization: { from: { file: '$' } } }";
    let body = "method: POST, body_from: { file: '$' }";
    for (status, answer, sent, reason) in [
        (401, "", header, Reason::UNAUTHORIZED),
        (403, "", header, Reason::FORBIDDEN),
        (401, "", body, Reason::UNAUTHORIZED),
        (400, grant, body, Reason::UNAUTHORIZED),
    ] {
        let ground = Ground::new().await;
        let site = Site::plain().await.unwrap();
        site.answer("*", Answer::new(status, answer));
        let token = ground.file("token", "wrong\n");
        let sent = sent.replace('$', &token.display().to_string());
        let check = format!("http: {{ url: 'http://{}/', {sent} }}", site.address());
        for look in 0..3 {
            let judgement = ground.look(&check).await;
            let said = (judgement.verdict(), judgement.reason());
            assert_eq!(said, (Verdict::Fail, Some(reason)), "{status} {sent}");
            let because = judgement.because();
            assert_eq!(because.contains("is not asked since"), look > 0, "{because}");
            assert!(!because.contains("wrong"), "{because}");
        }
        assert_eq!(site.asked().len(), 1, "{status} {sent}");
        site.answer("*", Answer::new(200, "fine"));
        ground.file("token", "right\n");
        assert_eq!(ground.look(&check).await.verdict(), Verdict::Pass);
        assert_eq!(site.asked().len(), 2);
    }
}

#[tokio::test]
async fn a_refusal_that_is_expected_or_of_no_credential_is_looked_at_again() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(401, ""));
    let token = ground.file("token", "wrong\n");
    let header = format!(
        "secret_headers: {{ Authorization: {{ from: {{ file: '{}' }} }} }}",
        token.display()
    );
    for (rest, verdict) in [
        (format!("{header}, expect: {{ status: [401] }}"), Verdict::Pass),
        ("headers: { x: y }".to_owned(), Verdict::Fail),
    ] {
        let before = site.asked().len();
        for _ in 0..2 {
            let check = format!("http: {{ url: 'http://{}/', {rest} }}", site.address());
            assert_eq!(ground.look(&check).await.verdict(), verdict, "{rest}");
        }
        assert_eq!(site.asked().len(), before + 2, "{rest}");
    }
}

#[tokio::test]
async fn a_refusal_at_one_url_says_nothing_of_another_where_it_is_of_rights() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(200, ""));
    site.answer("/admin", Answer::new(403, ""));
    site.answer("/login", Answer::new(401, ""));
    let token = ground.file("token", "wrong\n");
    let mut seen = Vec::new();
    for path in ["/admin", "/", "/login", "/"] {
        let check = format!(
            "http: {{ url: 'http://{}{path}', \
             secret_headers: {{ Authorization: {{ from: {{ file: '{}' }} }} }} }}",
            site.address(),
            token.display()
        );
        seen.push(ground.look(&check).await.reason());
    }
    let (forbidden, unauthorized) = (Some(Reason::FORBIDDEN), Some(Reason::UNAUTHORIZED));
    assert_eq!(seen, [forbidden, None, unauthorized, unauthorized]);
    assert_eq!(site.asked().len(), 3);
}

#[tokio::test]
async fn bodies_are_read_where_something_is_asked_about_them() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(200, "a".repeat(2_000_000)));
    let there = format!("location: http://{}/\r\n", site.address());
    let endless =
        |head: &str| Fault::Endless(format!("HTTP/1.1 {head}\r\n").into(), "a".repeat(1000).into());
    let stalls = "HTTP/1.1 503 No\r\ncontent-length: 9\r\n\r\nno he";
    let asks = "expect: { body: { must_match: [a] } }";
    for (fault, rest, reason) in [
        (endless("500 No\r\n"), asks, Some(Reason::SERVER_ERROR)),
        (Fault::SaysAndHolds(stalls.into()), asks, Some(Reason::SERVER_ERROR)),
        (endless("200 OK\r\n"), asks, Some(Reason::TOO_LARGE)),
        (endless("200 OK\r\n"), "max_bytes: 10", Some(Reason::TOO_LARGE)),
        (endless("200 OK\r\n"), "", None),
        (endless(&format!("302 Found\r\n{there}")), "", None),
        (endless(&format!("301 Moved\r\n{there}")), "redirects: { expect: { location: . } }", None),
    ] {
        let server = Broken::start(fault).await.unwrap();
        let check = format!("http: {{ url: 'http://{}/', {rest} }}", server.address());
        let judgement = look_within(Duration::from_secs(2), &check, &ground.systems).await;
        assert_eq!(judgement.reason(), reason, "{rest}: {}", judgement.because());
    }
    let judgement = ground.look(&format!("http: {{ url: 'http://{}/' }}", site.address())).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}

#[tokio::test]
async fn an_answer_is_timed_to_its_end_however_long_it_is() {
    let ground = Ground::new().await;
    let mut stalls = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 3 << 20);
    stalls.push_str(&"x".repeat(2 << 20));
    let server = Broken::start(Fault::SaysAndHolds(stalls.into())).await.unwrap();
    let check = format!("http: {{ url: 'http://{}/', fail_slower_than: 100ms }}", server.address());
    let judgement = look_within(Duration::from_secs(2), &check, &ground.systems).await;
    assert_eq!(judgement.reason(), Some(Reason::TIMED_OUT), "{}", judgement.because());
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let endless = Fault::Endless(head.into(), "a".repeat(1000).into());
    let server = Broken::start(endless).await.unwrap();
    let check = format!("http: {{ url: 'http://{}/', fail_slower_than: 10s }}", server.address());
    let judgement = look_within(Duration::from_secs(2), &check, &ground.systems).await;
    assert_eq!(judgement.verdict(), Verdict::Fail, "{}", judgement.because());
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(200, vec![b'x'; 3 << 20]));
    let check = format!("http: {{ url: 'http://{}/', fail_slower_than: 10s }}", site.address());
    let judgement = ground.look(&check).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
}
