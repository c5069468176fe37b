//! Passwords, tokens and keys that `http` sends, and tokens that are issued for them, are shown
//! nowhere: not by the daemon, not by `once`, however the endpoint throws them back.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use vigie_sim::net::site::{Answer, Site};

use super::{VALUE, search, start, vigie};
use crate::kubernetes::until;

/// Where secrets are thrown back in different ways.
const PATHS: [&str; 6] = ["/fine", "/refused", "/forbidden", "/broken", "/away", "/strange"];

/// A site for each way, so that a refusal at one of them says nothing of the others; and one that
/// issues tokens.
struct Ground {
    sites: Vec<Site>,
    issuer: Site,
    folder: TempDir,
}

impl Ground {
    async fn new() -> Self {
        let echo = format!(r#"{{"error":"{VALUE}","status":"{VALUE}","left":1}}"#);
        let mut sites = Vec::new();
        for (path, status) in PATHS.into_iter().zip([200, 401, 403, 500, 302, 200]) {
            let site = Site::plain().await.expect("a site");
            let answer = Answer::new(status, echo.clone()).header("x-echo", VALUE);
            let answer =
                answer.header("retry-after", VALUE).header("location", &format!("/{VALUE}"));
            site.answer(path, answer.clone());
            site.answer("*", answer);
            sites.push(site);
        }
        let issuer = Site::plain().await.expect("a site");
        issuer.answer("/token", Answer::new(200, format!(r#"{{"access_token":"{VALUE}"}}"#)));
        issuer.answer("/stingy", Answer::new(400, format!(r#"{{"error":"{VALUE}"}}"#)));
        issuer.answer("/mute", Answer::new(200, format!(r#"{{"error_description":"{VALUE}"}}"#)));
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("secret"), VALUE).expect("a secret");
        Self { sites, issuer, folder }
    }

    /// Each way to send a secret.
    fn logins(&self) -> Vec<String> {
        let secret = format!("{{ file: '{}' }}", self.folder.path().join("secret").display());
        let grant = |path: &str, rest: &str| {
            let url = format!("http://{}{path}", self.issuer.address());
            format!(
                "login: {{ oauth2: {{ token_url: '{url}', client_id: {secret}, client_secret: \
                 {secret}, {rest} }} }}"
            )
        };
        vec![
            format!("login: {{ basic: {{ username: {secret}, password: {secret} }} }}"),
            format!("login: {{ bearer: {secret} }}"),
            format!("login: {{ api_key: {{ header: api-key, from: {secret} }} }}"),
            format!("login: {{ api_key: {{ query: key, from: {secret} }} }}"),
            format!("secret_headers: {{ x-key: {{ from: {secret}, prefix: 'Key ' }} }}"),
            format!("method: POST, body_from: {secret}"),
            format!("method: POST, form: {{ user: me, word: {secret} }}"),
            grant("/token", "scopes: [read]"),
            grant("/token", &format!("password: {{ username: {secret}, password: {secret} }}")),
            grant("/stingy", "client_secret_in: body"),
            grant("/mute", &format!("parameters: {{ audience: {secret} }}")),
        ]
    }

    /// A checklist with an item for each way to send a secret, to each way to throw it back.
    fn file(&self) -> (PathBuf, usize) {
        let mut text =
            "environment: test\nsections:\n  - id: s\n    title: S\n    items:\n".to_owned();
        let mut items = 0;
        for login in self.logins() {
            for (path, site) in PATHS.into_iter().zip(&self.sites) {
                let url = format!("http://{}{path}", site.address());
                let expect = match path {
                    "/fine" => {
                        "expect: { json: { /status: { is: up } }, headers: { x-echo: never } }"
                    }
                    "/strange" => {
                        "expect: { cel: [{ cel: json.status == 'up' }, \
                         { cel: json.status.size() < json.absent }], body: { must_contain: [''] }, \
                         numbers: { left: { cel: json.status, fail_below: 5 } } }"
                    }
                    _ => "redirects: { follow: 1 }",
                };
                text.push_str(&format!(
                    "      - id: i{items}\n        title: I\n        severity: critical\n        \
                     every: 1s\n        checks: [{{ http: {{ url: '{url}', {login}, {expect} }} }}]\n"
                ));
                items += 1;
            }
        }
        let path = self.folder.path().join("checklist.yaml");
        fs::write(&path, text).expect("written");
        (path, items)
    }
}

#[tokio::test]
async fn the_daemon_shows_no_credential_that_an_endpoint_throws_back() {
    let ground = Ground::new().await;
    let (file, items) = ground.file();
    let log = ground.folder.path().join("log");
    let listen = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let listen = listen.expect("its address").to_string();
    let _daemon = start(&file, &log, &listen);
    let get = async |path: &str| {
        let answer = reqwest::get(format!("http://{listen}{path}")).await.ok()?;
        answer.text().await.ok()
    };
    let standings = async || get("/api/v1/checklist").await.unwrap_or_default();
    let all_looked =
        |text: &String| text.contains("\"i0\"") && !text.contains("\"standing\":\"pending\"");
    let checklist = until(standings, all_looked).await;
    assert!(all_looked(&checklist), "{checklist}");
    let mut paths = vec!["/".to_owned(), "/metrics".to_owned(), "/api/v1/checklist".to_owned()];
    for item in 0..items {
        paths.extend([format!("/items/i{item}"), format!("/api/v1/items/i{item}")]);
    }
    let mut told = String::new();
    for path in paths {
        let text = get(&path).await.unwrap_or_else(|| panic!("{path} answers"));
        search(&path, &text);
        told.push_str(&text);
    }
    for reason in [
        "Unauthorized",
        "Forbidden",
        "ServerError",
        "TooManyRedirects",
        "WrongHeader",
        "ExpressionFalse",
        "EvaluationError",
        "NoToken",
    ] {
        assert!(told.contains(reason), "{reason} is among what is told");
    }
    let logged = fs::read_to_string(&log).expect("a log");
    assert!(logged.contains("DEBUG"), "each attempt is in it, whatever it found");
    search("the log", &logged);
    for site in ground.sites.iter().chain([&ground.issuer]) {
        assert!(format!("{:?}", site.asked()).contains(VALUE), "it was sent, all the same");
    }
}

#[tokio::test]
async fn once_shows_no_credential_that_an_endpoint_throws_back() {
    let ground = Ground::new().await;
    let (file, _) = ground.file();
    for format in ["text", "json", "junit"] {
        let mut command = tokio::process::Command::from(vigie());
        command.args(["--log-level", "trace", "once", "--format", format, "-c"]).arg(&file);
        let output = command.kill_on_drop(true).output().await.expect("the binary");
        let (said, logged) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("ServerError") && said.contains("NoToken"), "{format}: {said}");
        search(&format!("once as {format}"), &said);
        search(&format!("the log of once as {format}"), &logged);
    }
}
