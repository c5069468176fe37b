//! Logins: how they are shown, and what comes of them once they are refused.

use std::time::Duration;

use futures::future::join_all;
use vigie::config::yaml;
use vigie::model::finding::Verdict;
use vigie::model::reason::Reason;
use vigie::systems::Connections;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::site::{Answer, Site};

use super::ground::{Ground, deserted};
use crate::support::{look, look_within};

fn check(site: &Site, path: &str, login: &str) -> String {
    format!("http: {{ url: 'http://{}{path}', login: {{ {login} }} }}", site.address())
}

/// Logins by a secret in a file, in each way that they can be shown.
fn logins(file: &str) -> [String; 4] {
    [
        format!("basic: {{ username: me, password: {file} }}"),
        format!("bearer: {file}"),
        format!("api_key: {{ header: Api-Key, from: {file} }}"),
        format!("api_key: {{ query: key, from: {file} }}"),
    ]
}

#[tokio::test]
async fn a_login_is_shown_as_its_kind_is() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(500, "you said w&rd"));
    let file = format!("{{ file: '{}' }}", ground.file("word", "w&rd\n").display());
    for (login, header, value, target) in [
        (0, "authorization", "Basic bWU6dyZyZA==", "/a?b=c"),
        (1, "authorization", "Bearer w&rd", "/a?b=c"),
        (2, "api-key", "w&rd", "/a?b=c"),
        (3, "api-key", "", "/a?b=c&key=w%26rd"),
    ] {
        let judgement = ground.look(&check(&site, "/a?b=c", &logins(&file)[login])).await;
        let asked = site.asked().pop().unwrap();
        let came = asked.headers.get(header).map_or("", |value| value.to_str().unwrap());
        assert_eq!((came, asked.target.as_str()), (value, target));
        assert!(!format!("{judgement:?}").contains("w&rd"), "{judgement:?}");
    }
}

#[tokio::test]
async fn a_login_that_is_refused_is_not_tried_again_by_anybody_until_it_changes() {
    for number in 0..4 {
        let ground = Ground::new().await;
        let site = Site::plain().await.unwrap();
        site.answer("*", Answer::new(401, ""));
        let file = format!("{{ file: '{}' }}", ground.file("word", "wrong").display());
        let login = &logins(&file)[number];
        let first = ground.look(&check(&site, "/one", login)).await;
        assert!(
            first.because().contains("tried again when it changes, or at 2040-06-02T00:00:00Z")
        );
        for path in ["/one", "/two"] {
            let judgement = ground.look(&check(&site, path, login)).await;
            let said = (judgement.verdict(), judgement.reason());
            assert_eq!(said, (Verdict::Fail, Some(Reason::UNAUTHORIZED)), "{login}");
            let because = judgement.because();
            assert!(because.contains("is not asked since"), "{because}");
            assert!(because.contains("it changes, or at 2040-06-0"), "{because}");
        }
        assert_eq!(site.asked().len(), 1, "{login}");
        site.answer("*", Answer::new(200, ""));
        ground.file("word", "right");
        let judgement = ground.look(&check(&site, "/one", login)).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{login}: {}", judgement.because());
    }
}

#[tokio::test]
async fn ten_looks_at_once_send_a_wrong_password_once() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(401, "").after(Duration::from_millis(100)));
    let file = format!("{{ file: '{}' }}", ground.file("word", "wrong").display());
    let checks: Vec<_> =
        (0..10).map(|n| check(&site, &format!("/{n}"), &logins(&file)[0])).collect();
    for judgement in join_all(checks.iter().map(|check| ground.look(check))).await {
        assert_eq!(judgement.reason(), Some(Reason::UNAUTHORIZED), "{}", judgement.because());
    }
    assert_eq!(site.asked().len(), 1);
}

#[tokio::test]
async fn a_login_that_nobody_answers_is_waited_for_and_fails_all_who_wait() {
    let ground = Ground::new().await;
    let server = Broken::start(Fault::Silent).await.unwrap();
    let file = ground.file("word", "right");
    let check = format!(
        "http: {{ url: 'http://{}/', login: {{ bearer: {{ file: '{}' }} }} }}",
        server.address(),
        file.display()
    );
    let looks = (0..3).map(|_| look_within(Duration::from_secs(1), &check, &ground.systems));
    for judgement in join_all(looks).await {
        let said = (judgement.verdict(), judgement.reason());
        assert_eq!(said, (Verdict::Fail, Some(Reason::TIMED_OUT)), "{}", judgement.because());
    }
}

#[tokio::test]
async fn what_was_refused_stays_refused_when_connections_change() {
    let ground = Ground::new().await;
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(401, ""));
    let file = format!("{{ file: '{}' }}", ground.file("word", "wrong").display());
    let check = check(&site, "/", &logins(&file)[0]);
    ground.look(&check).await;
    let before = Connections::default();
    for after in [
        "net: { resolvers: ['127.0.0.1:53'] }",
        "kubernetes: { server: { url: 'http://127.0.0.1:9' } }",
    ] {
        let after: Connections = yaml::from_str(after).unwrap();
        let systems = ground.systems.changed(&before, &after);
        let judgement = look(&check, &systems).await;
        assert!(judgement.because().contains("is not asked since"), "{}", judgement.because());
    }
    assert_eq!(site.asked().len(), 1);
}

#[tokio::test]
async fn a_login_stays_with_the_first_origin() {
    let ground = Ground::new().await;
    let (first, other) = (Site::plain().await.unwrap(), Site::plain().await.unwrap());
    other.answer("*", Answer::new(401, ""));
    let away = format!("http://{}/away", other.address());
    first.answer("*", Answer::new(302, "").header("location", &away));
    let file = format!("{{ file: '{}' }}", ground.file("word", "w&rd").display());
    for login in logins(&file) {
        for _ in 0..2 {
            let before = first.asked().len();
            let judgement = ground.look(&check(&first, "/", &login)).await;
            assert_eq!(judgement.reason(), Some(Reason::UNAUTHORIZED), "{login}");
            assert_eq!(first.asked().len(), before + 1, "the other's refusal is not about it");
        }
        let asked = other.asked().pop().unwrap();
        assert!(!format!("{asked:?}").contains("w&rd"), "{asked:?}");
        assert!(!format!("{asked:?}").contains("bWU6dyZyZA"), "{asked:?}");
    }
}

#[tokio::test]
async fn one_credential_is_one_by_whatever_way_it_is_sent() {
    let ground = Ground::new().await;
    let (first, other) = (Site::plain().await.unwrap(), Site::plain().await.unwrap());
    first.answer("*", Answer::new(401, ""));
    let file = format!("{{ file: '{}' }}", ground.file("word", "wrong").display());
    let direct = check(&first, "/", &logins(&file)[0]);
    ground.look(&direct).await;
    let elsewhere = format!("connect_to: '{}', login: ", other.address());
    let judgement = ground.look(&direct.replace("login: ", &elsewhere)).await;
    assert_eq!(judgement.reason(), Some(Reason::UNAUTHORIZED), "{}", judgement.because());
    assert_eq!((first.asked().len(), other.asked().len()), (1, 0));
}

#[tokio::test]
async fn who_asks_by_a_plain_header_is_not_quoted_either_nor_tried_again() {
    let ground = Ground::new().await;
    for (name, rest) in [
        ("Authorization", "headers: { Authorization: 'Basic s3cret' }"),
        ("cookie", "headers: { cookie: 'a=s3cret' }"),
    ] {
        let site = Site::plain().await.unwrap();
        site.answer("*", Answer::new(401, "who is s3cret?"));
        let check = format!("http: {{ url: 'http://{}/', {rest} }}", site.address());
        for _ in 0..3 {
            let judgement = ground.look(&check).await;
            assert_eq!(judgement.reason(), Some(Reason::UNAUTHORIZED), "{name}");
            assert!(!format!("{judgement:?}").contains("s3cret"), "{judgement:?}");
        }
        assert_eq!(site.asked().len(), 1, "{name}");
    }
    let site = Site::plain().await.unwrap();
    site.answer("*", Answer::new(404, "there is no /?token=s3cret"));
    let check = format!("http: {{ url: 'http://{}/?token=s3cret' }}", site.address());
    let judgement = ground.look(&check).await;
    assert!(!format!("{judgement:?}").contains("s3cret"), "{judgement:?}");
    assert!(judgement.because().contains("answers 404"), "{}", judgement.because());
}

#[tokio::test]
async fn where_an_answer_sends_who_holds_a_secret_is_not_quoted() {
    let ground = Ground::new().await;
    let file = format!("{{ file: '{}' }}", ground.file("word", "s3cret").display());
    let login = format!("login: {{ bearer: {file} }}");
    let dead = deserted().await;
    for (location, redirects) in [
        ("/s3cret".to_owned(), "follow: 1"),
        ("/s3cret/".to_owned(), "follow: 5"),
        ("http://s3cret.test/".to_owned(), "follow: 5"),
        ("https://app.test/s3cret".to_owned(), "expect: { to: 'https://other.test/' }"),
        ("https://app.test/s3cret".to_owned(), "expect: { https: same_url, status: [301] }"),
        (format!("http://{dead}/s3cret"), "follow: 5"),
        ("ftp://s3cret/".to_owned(), "follow: 5"),
        ("s3cret:".to_owned(), "follow: 5"),
    ] {
        let site = Site::plain().await.unwrap();
        site.answer("*", Answer::new(302, "").header("location", &location));
        let check = format!(
            "http: {{ url: 'http://{}/', {login}, redirects: {{ {redirects} }} }}",
            site.address()
        );
        let judgement = ground.look(&check).await;
        assert_eq!(judgement.verdict(), Verdict::Fail, "{location}: {}", judgement.because());
        assert!(!format!("{judgement:?}").contains("s3cret"), "{location}: {judgement:?}");
    }
}
