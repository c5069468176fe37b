//! Passwords and tokens of the connections that are asked by an API, and of databases, are shown
//! nowhere by the daemon, however those who are asked throw them back.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use vigie_sim::net::site::{Answer, Site};
use vigie_sim::postgres::{Postgres, Said};

use super::{VALUE, databases, encoded, search, start};
use crate::kubernetes::until;

/// The user of those that take a user and a password.
const USER: &str = "jo";

/// Answers that repeat what was sent, where an API puts words of its own.
fn echoes(login: &str) -> Vec<(u16, String)> {
    let words = if login.starts_with("basic") {
        format!("{VALUE} Basic {}", encoded(&format!("{USER}:{VALUE}")))
    } else {
        VALUE.to_owned()
    };
    let labels = format!(r#"{{"alertname":"{words}","job":"{words}"}}"#);
    let time = "2026-01-01T00:00:00Z";
    vec![
        (200, format!(r#"{{"status":"error","error":"{words}"}}"#)),
        (200, format!(r#"{{"status":"{words}","timed_out":false}}"#)),
        (
            200,
            format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{labels},"value":[1,"{words}"]}}]}}}}"#
            ),
        ),
        (
            200,
            format!(
                r#"{{"status":"success","warnings":["{words}"],"data":{{"alerts":[{{"labels":{labels},"state":"firing","activeAt":"{time}"}}]}}}}"#
            ),
        ),
        (
            200,
            format!(
                r#"{{"status":"success","data":{{"activeTargets":[{{"labels":{labels},"health":"down","lastError":"{words}"}}],"activeAlertmanagers":[],"groups":[{{"name":"{words}","rules":[{{"name":"{words}","health":"err","lastError":"{words}"}}]}}]}}}}"#
            ),
        ),
        (
            200,
            format!(
                r#"[{{"labels":{labels},"startsAt":"{time}","status":{{"state":"active"}},"node":"{words}","index":"{words}"}}]"#
            ),
        ),
        (400, format!(r#"{{"status":400,"error":{{"type":"{words}","reason":"{words}"}}}}"#)),
        (401, format!(r#"{{"status":"error","errorType":"{words}","error":"{words}"}}"#)),
        (403, format!(r#""{words}""#)),
        (404, format!(r#"{{"status":404,"error":"alias {words}"}}"#)),
        (302, words.clone()),
        (500, words),
    ]
}

/// Each way to show a credential.
fn logins(folder: &TempDir) -> Vec<(&'static str, String)> {
    let secret = format!("{{ file: '{}' }}", folder.path().join("secret").display());
    let basic = format!("basic: {{ username: {USER}, password: {secret} }}");
    vec![
        ("prometheus", format!("bearer: {secret}")),
        ("prometheus", basic.clone()),
        ("alertmanager", format!("bearer: {secret}")),
        ("alertmanager", basic.clone()),
        ("elasticsearch", format!("api_key: {secret}")),
        ("elasticsearch", basic),
    ]
}

/// What is asked of each.
fn checks(system: &str, name: &str) -> Vec<String> {
    match system {
        "prometheus" => vec![
            format!(
                "prometheus_query: {{ connection: {name}, expression: up, above: {{ fail: 1 }} }}"
            ),
            format!(
                "prometheus_server: {{ connection: {name}, targets: {{}}, rules: {{}}, alertmanagers: {{}} }}"
            ),
            format!(
                "firing_alerts: {{ from: {{ prometheus: {name} }}, matchers: ['job=~\".*\"'], began: any_time }}"
            ),
        ],
        "alertmanager" => vec![format!(
            "firing_alerts: {{ from: {{ alertmanager: {name} }}, matchers: ['job=~\".*\"'], began: any_time }}"
        )],
        _ => vec![format!(
            "elasticsearch: {{ connection: {name}, health: {{}}, version: {{ at_least: '7.0' }}, aliases: [{{ name: a }}], \
             indices: [{{ name: b }}], disks: {{}}, newest: {{ index: b, field: at, within: {{ fail: 1h }} }} }}"
        )],
    }
}

/// A checklist in which each who is asked throws back each credential in each way.
struct Ground {
    sites: Vec<Site>,
    database: Postgres,
    folder: TempDir,
    file: PathBuf,
    items: usize,
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("secret"), VALUE).expect("a secret");
        let (mut sites, mut connections, mut items) = (Vec::new(), String::new(), Vec::new());
        for system in ["prometheus", "alertmanager", "elasticsearch"] {
            connections.push_str(&format!("  {system}:\n"));
            let logins = logins(&folder).into_iter().filter(|(of, _)| *of == system);
            for (login, (_, written)) in logins.enumerate() {
                for (at, (status, body)) in echoes(&written).into_iter().enumerate() {
                    let site = Site::plain().await.expect("a site");
                    let answer = Answer::new(status, body).header("location", &format!("/{VALUE}"));
                    site.answer("*", answer);
                    let url = format!("http://{}", site.address());
                    let url = match system {
                        "alertmanager" => format!("urls: ['{url}']"),
                        _ => format!("url: '{url}'"),
                    };
                    let name = format!("{system}-{login}-{at}");
                    connections.push_str(&format!("    {name}: {{ {url}, {written} }}\n"));
                    items.extend(checks(system, &name));
                    sites.push(site);
                }
            }
        }
        let (database, urls) = databases().await;
        database.say("query", Said::error("42601", &format!("{VALUE} is no SQL")));
        database.say("password", Said::rows(&[&["in"]]));
        connections.push_str("  postgres:\n");
        for (at, url) in urls.iter().enumerate() {
            let secret = folder.path().join(format!("url{at}"));
            fs::write(&secret, url).expect("written");
            let secret = secret.display();
            connections.push_str(&format!("    d{at}: {{ url_from: {{ file: '{secret}' }} }}\n"));
            items.push(format!(
                "postgres: {{ connection: d{at}, queries: [{{ name: q, sql: SELECT 1 }}] }}"
            ));
        }
        let mut text = format!(
            "environment: test\nconnections:\n{connections}sections:\n  - id: s\n    title: S\n    items:\n"
        );
        for (at, check) in items.iter().enumerate() {
            text.push_str(&format!(
                "      - id: i{at}\n        title: I\n        severity: critical\n        \
                 every: 1s\n        checks:\n          - {check}\n"
            ));
        }
        let file = folder.path().join("checklist.yaml");
        fs::write(&file, text).expect("written");
        Self { sites, database, folder, file, items: items.len() }
    }
}

#[tokio::test]
async fn the_daemon_shows_no_credential_of_a_connection() {
    let ground = Ground::new().await;
    let log = ground.folder.path().join("log");
    let listen = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let listen = listen.expect("its address").to_string();
    let _daemon = start(&ground.file, &log, &listen);
    let get = async |path: &str| {
        let answer = reqwest::get(format!("http://{listen}{path}")).await.ok()?;
        answer.text().await.ok()
    };
    let standings = async || get("/api/v1/checklist").await.unwrap_or_default();
    let all_looked =
        |text: &String| text.contains("\"i0\"") && !text.contains("\"standing\":\"pending\"");
    let checklist = until(standings, all_looked).await;
    assert!(all_looked(&checklist), "{checklist} {}", fs::read_to_string(&log).unwrap_or_default());
    let mut paths = vec!["/".to_owned(), "/metrics".to_owned(), "/api/v1/checklist".to_owned()];
    for item in 0..ground.items {
        paths.extend([format!("/items/i{item}"), format!("/api/v1/items/i{item}")]);
    }
    let mut told = String::new();
    for path in paths {
        let text = get(&path).await.unwrap_or_else(|| panic!("{path} answers"));
        search(&path, &text);
        told.push_str(&text);
    }
    for reason in ["Unauthorized", "Forbidden", "ServerError", "Garbled", "SecretMissing"] {
        assert!(told.contains(reason), "{reason} is among what is told");
    }
    let logged = fs::read_to_string(&log).expect("a log");
    assert!(logged.contains("DEBUG"), "each attempt is in it, whatever it found");
    search("the log", &logged);
    for site in &ground.sites {
        let asked = format!("{:?}", site.asked());
        let basic = encoded(&format!("{USER}:{VALUE}"));
        assert!(asked.contains(VALUE) || asked.contains(&basic), "it was sent, all the same");
    }
    assert!(!ground.database.asked().is_empty(), "the database was asked");
}
