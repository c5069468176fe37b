//! Tokens of OAuth 2.0: from a real server, and from one that says whatever it is told.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use vigie::model::finding::Verdict;
use vigie::model::judgement::Judgement;
use vigie::model::reason::Reason;
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::site::{Answer, Site};

use super::ground::{Ground, deserted};
use crate::support::look_within;

/// `oidc-provider`, with an API that takes its tokens alone (`tests/node/issuer.mjs`).
struct Issuer {
    origin: String,
    said: Lines<BufReader<ChildStdout>>,
    input: ChildStdin,
    _child: Child,
}

impl Issuer {
    async fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
        assert!(
            folder.join("node_modules/oidc-provider").exists(),
            "the npm packages are missing; `tests/setup.sh` installs them"
        );
        let mut child = Command::new("node")
            .arg(folder.join("issuer.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node; `tests/setup.sh` installs it");
        let input = child.stdin.take().expect("an input");
        let mut said = BufReader::new(child.stdout.take().expect("an output")).lines();
        let origin = said.next_line().await.expect("node speaks").expect("an origin");
        Self { origin, said, input, _child: child }
    }

    /// What it was asked since it was asked the last time, in order.
    async fn asked(&mut self) -> Vec<String> {
        self.tell("what").await
    }

    async fn tell(&mut self, command: &str) -> Vec<String> {
        self.input.write_all(format!("{command}\n").as_bytes()).await.expect("node listens");
        let mut asked = Vec::new();
        loop {
            let line = self.said.next_line().await.expect("node speaks").expect("an answer");
            if line == "ok" {
                return asked;
            }
            asked.push(line);
        }
    }

    fn check(&self, ground: &Ground, grant: &str) -> String {
        let secret =
            |name: &str, text: &str| format!("{{ file: '{}' }}", ground.file(name, text).display());
        let grant = grant.replace('$', &secret("client", "client-s3cret"));
        let grant = grant.replace('%', &secret("user", "user-s3cret"));
        format!(
            "http: {{ url: '{origin}/api', expect: {{ json: {{ /status: {{ is: up }} }} }}, \
             login: {{ oauth2: {{ token_url: '{origin}/token', {grant} }} }} }}",
            origin = self.origin
        )
    }
}

const CLIENT: &str = "client_id: client_secret_basic, client_secret: $, scopes: [read]";
const USER: &str = "client_id: client_secret_post, client_secret: $, client_secret_in: body, \
                    password: { username: shop, password: % }";

#[tokio::test]
async fn a_real_server_issues_one_token_for_all_who_hold_the_grant() {
    let (mut issuer, ground) = (Issuer::start().await, Ground::new().await);
    for grant in [CLIENT, USER] {
        let check = issuer.check(&ground, grant);
        let judgements = join_all((0..4).map(|_| ground.look(&check))).await;
        for judgement in judgements {
            assert_eq!(judgement.verdict(), Verdict::Pass, "{grant}: {}", judgement.because());
        }
        let asked = issuer.asked().await;
        assert_eq!(asked.iter().filter(|line| *line == "token 200").count(), 1, "{asked:?}");
        assert_eq!(asked.iter().filter(|line| *line == "api 200").count(), 4, "{asked:?}");
    }
    // A token that was revoked before its time is replaced within the look.
    issuer.tell("revoke").await;
    let judgement = ground.look(&issuer.check(&ground, CLIENT)).await;
    assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    assert_eq!(issuer.asked().await, ["api 401", "token 200", "api 200"]);
}

#[tokio::test]
async fn a_real_server_refuses_once_and_is_asked_again_when_the_secret_changes() {
    let (mut issuer, ground) = (Issuer::start().await, Ground::new().await);
    for (grant, file, right, code) in [
        (CLIENT, "client", "client-s3cret", "token 401"),
        (USER, "user", "user-s3cret", "token 400"),
    ] {
        let check = issuer.check(&ground, grant);
        ground.file(file, "wr0ng-s3cret");
        for look in 0..3 {
            let judgement = ground.look(&check).await;
            let said = (judgement.verdict(), judgement.reason());
            assert_eq!(said, (Verdict::Fail, Some(Reason::UNAUTHORIZED)), "{grant}");
            let because = judgement.because();
            assert_eq!(because.contains("is not asked since"), look > 0, "{because}");
            assert!(because.contains("tried again when it changes, or at 2040-06-0"), "{because}");
            assert!(!because.contains("s3cret"), "{because}");
        }
        assert_eq!(issuer.asked().await, [code], "{grant}");
        ground.file(file, right);
        let judgement = ground.look(&check).await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{grant}: {}", judgement.because());
        assert_eq!(issuer.asked().await, ["token 200", "api 200"]);
    }
}

/// A token's endpoint and an API, each of which says what it is told.
struct Scene {
    ground: Ground,
    issuer: Site,
    api: Site,
}

impl Scene {
    async fn new() -> Self {
        let (issuer, api) = (Site::plain().await.unwrap(), Site::plain().await.unwrap());
        api.answer("*", Answer::new(200, "fine"));
        let scene = Self { ground: Ground::new().await, issuer, api };
        scene.ground.file("secret", "s3cret");
        scene
    }

    fn issues(&self, status: u16, body: &str) {
        self.issuer.answer("/token", Answer::new(status, body.to_owned()));
    }

    fn check_at(&self, token_url: &str, rest: &str) -> String {
        let secret = self.ground.folder().join("secret");
        format!(
            "http: {{ url: 'http://{}/', login: {{ oauth2: {{ token_url: '{token_url}', \
             client_id: me, client_secret: {{ file: '{}' }}, {rest} }} }} }}",
            self.api.address(),
            secret.display()
        )
    }

    async fn look(&self, rest: &str) -> Judgement {
        let url = format!("http://{}/token", self.issuer.address());
        self.ground.look(&self.check_at(&url, rest)).await
    }
}

fn said(judgement: &Judgement) -> (Verdict, &'static str) {
    (judgement.verdict(), judgement.reason().map_or("-", Reason::code))
}

#[tokio::test]
async fn trouble_of_a_tokens_endpoint_is_no_refusal_and_is_asked_again() {
    for (status, body, judged) in [
        (500, "", "ServerError"),
        (503, "<html>s3cret", "ServerError"),
        (429, "", "Throttled"),
        (404, "", "NoToken"),
        (302, "", "NoToken"),
        (400, r#"{"error":"invalid_scope","error_description":"s3cret"}"#, "NoToken"),
        (200, "not JSON, s3cret", "NoToken"),
        (200, r#"{"access_token":7}"#, "NoToken"),
        (200, r#"{"access_token":"a","token_type":"mac"}"#, "NoToken"),
    ] {
        let scene = Scene::new().await;
        scene.issues(status, body);
        let judgement = scene.look("").await;
        assert_eq!(said(&judgement), (Verdict::Unknown, "NoToken"), "{status} {body}");
        let judgement = scene.look("judged: true").await;
        assert_eq!(said(&judgement), (Verdict::Fail, judged), "{status} {body}");
        assert!(!format!("{judgement:?}").contains("s3cret"), "{judgement:?}");
        assert_eq!(scene.issuer.asked().len(), 2, "{status} {body}: asked at each look");
        assert!(scene.api.asked().is_empty(), "without a token nobody asks the API");
        scene.issues(200, r#"{"access_token":"t"}"#);
        let judgement = scene.look("").await;
        assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
    }
}

#[tokio::test]
async fn a_silent_tokens_endpoint_blinds_unless_it_is_judged() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"a".to_vec();
    let whole = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    for (fault, reason) in [
        (Fault::HangsUp, "Reset"),
        (Fault::Reset, "Reset"),
        (Fault::Silent, "TimedOut"),
        (Fault::Says(head.into()), "Reset"),
        (Fault::Says(b"SSH-2.0-x\r\n".to_vec().into()), "Garbled"),
        (Fault::Endless(whole.into(), b"[[[[[[[[[[[[[[[[".to_vec().into()), "NoToken"),
    ] {
        let scene = Scene::new().await;
        let server = Broken::start(fault.clone()).await.unwrap();
        let url = format!("http://{}/token", server.address());
        for (rest, wanted) in
            [("", (Verdict::Unknown, "NoToken")), ("judged: true", (Verdict::Fail, reason))]
        {
            let check = scene.check_at(&url, rest);
            let judgement =
                look_within(Duration::from_secs(1), &check, &scene.ground.systems).await;
            assert_eq!(said(&judgement), wanted, "{fault:?} {rest}: {}", judgement.because());
        }
    }
    let scene = Scene::new().await;
    let url = format!("http://{}/token", deserted().await);
    let judgement = scene.ground.look(&scene.check_at(&url, "")).await;
    assert_eq!(said(&judgement), (Verdict::Unknown, "NoToken"), "{}", judgement.because());
    assert!(judgement.because().contains("issues no token"), "{}", judgement.because());
}

#[tokio::test]
async fn a_token_that_is_refused_fresh_is_the_grants_trouble_and_not_shown_again() {
    let scene = Scene::new().await;
    scene.issues(200, r#"{"access_token":"issued-t0ken","expires_in":3600}"#);
    scene.api.answer("*", Answer::new(401, "no, issued-t0ken"));
    for look in 0..3 {
        let judgement = scene.look("").await;
        assert_eq!(said(&judgement), (Verdict::Fail, "Unauthorized"), "{}", judgement.because());
        assert_eq!(judgement.because().contains("is not asked since"), look > 0);
        assert!(!format!("{judgement:?}").contains("t0ken"), "{judgement:?}");
    }
    assert_eq!((scene.issuer.asked().len(), scene.api.asked().len()), (1, 1));
    assert_eq!(scene.api.asked()[0].headers["authorization"], "Bearer issued-t0ken");
}

#[tokio::test]
async fn an_account_that_is_refused_is_not_shown_again_whatever_is_asked_for() {
    for (status, body, of_scope) in [
        (400, r#"{"error":"invalid_grant"}"#, false),
        (401, r#"{"error":"invalid_client"}"#, false),
        (401, "", false),
        (400, r#"{"error":"unauthorized_client"}"#, true),
        (403, r#"{"error":"access_denied"}"#, true),
    ] {
        let scene = Scene::new().await;
        let answer = Answer::new(status, body).after(Duration::from_millis(50));
        scene.issuer.answer("/token", answer);
        let scopes = ["scopes: [a]", "scopes: [b]", "client_secret_in: body", "scopes: [a]"];
        let looks = join_all(scopes.map(|scope| scene.look(scope))).await;
        for judgement in looks {
            assert_eq!(said(&judgement), (Verdict::Fail, "Unauthorized"), "{status} {body}");
        }
        let asked = if of_scope { 3 } else { 1 };
        assert_eq!(scene.issuer.asked().len(), asked, "{status} {body}");
    }
}

#[tokio::test]
async fn an_old_token_that_is_forbidden_is_replaced_once() {
    let scene = Scene::new().await;
    scene.issues(200, r#"{"access_token":"old","expires_in":3600}"#);
    assert_eq!(said(&scene.look("").await).0, Verdict::Pass);
    scene.api.answer("*", Answer::new(403, ""));
    scene.api.answer_to("Bearer new", "/", Answer::new(200, "fine"));
    scene.issues(200, r#"{"access_token":"new","expires_in":3600}"#);
    let judgement = scene.look("").await;
    assert_eq!(said(&judgement), (Verdict::Pass, "-"), "{}", judgement.because());
    scene.api.answer_to("Bearer new", "/", Answer::new(403, ""));
    for _ in 0..3 {
        assert_eq!(said(&scene.look("").await), (Verdict::Fail, "Forbidden"));
    }
    assert_eq!(scene.issuer.asked().len(), 3, "once for each that was forbidden when old");
}

#[tokio::test]
async fn a_token_is_asked_for_anew_when_it_has_expired() {
    let scene = Scene::new().await;
    for (lasts, asked) in [(0, 3), (3600, 1)] {
        let before = scene.issuer.asked().len();
        scene.ground.file("secret", &format!("s3cret-{lasts}"));
        scene.issues(200, &format!(r#"{{"access_token":"t","expires_in":{lasts}}}"#));
        for _ in 0..3 {
            let judgement = scene.look("").await;
            assert_eq!(judgement.verdict(), Verdict::Pass, "{}", judgement.because());
        }
        assert_eq!(scene.issuer.asked().len() - before, asked, "{lasts}");
    }
}

#[tokio::test]
async fn a_token_of_the_urls_own_origin_is_judged_with_it() {
    let scene = Scene::new().await;
    let own = format!("http://{}/token", scene.api.address());
    scene.api.answer("/token", Answer::new(503, ""));
    let judgement = scene.ground.look(&scene.check_at(&own, "")).await;
    assert_eq!(said(&judgement), (Verdict::Fail, "ServerError"), "{}", judgement.because());
    let judgement = scene.ground.look(&scene.check_at(&own, "judged: false")).await;
    assert_eq!(said(&judgement), (Verdict::Unknown, "NoToken"), "{}", judgement.because());
}
