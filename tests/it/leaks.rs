//! What a Secret holds is shown nowhere, however it is malformed: not by the daemon's page, metrics,
//! API or log at its most talkative, nor by `vigie once`.

mod asked;
mod logins;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use vigie_sim::kubernetes::{Act, ApiServer, Fault, Settings};
use vigie_sim::postgres::{Postgres, Said};

use crate::kubernetes::until;

const VALUE: &str = "hunter2-Zq8xK41vPw0e";

fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

/// Secrets' `data`, malformed or not as wanted.
fn malformed() -> Vec<Value> {
    let value = encoded(VALUE);
    let (begin, end) = value.split_at(value.len() / 2);
    vec![
        json!({ "A": { "value": value } }),
        json!({ "A": [value] }),
        json!({ "A": format!("{value}!") }),
        json!({ "A": format!("{begin}\u{7}{end}") }),
        json!({ "A": format!("{begin} {end}") }),
        json!({ "A": VALUE }),
        json!({ "A": 7, "B": value }),
        json!(value),
        json!([value]),
        json!({ "A": encoded(&format!("changeme-{VALUE}")), "B": value }),
        json!({ "A": encoded(&format!("postgres://shop:{VALUE}@:5432")) }),
        json!({ "A": encoded(&format!("{VALUE}://shop@db")), "B": encoded(&format!("-{VALUE}")) }),
        json!({ "A": value, "B": value }),
        json!({ "tls.crt": value, "tls.key": value }),
        json!({ "tls.crt": encoded(&pem(VALUE)), "tls.key": encoded(&pem(VALUE)) }),
        json!({ "tls.crt": format!("{value}!"), "tls.key": 7 }),
    ]
}

/// What looks like a certificate, and is none.
fn pem(text: &str) -> String {
    let text = encoded(text);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// Words of which none may be seen anywhere: the value and its encodings, at each of the three
/// places in which a group of bytes may begin, whole or in halves.
fn forbidden() -> Vec<String> {
    let mut words = vec![VALUE.to_owned(), VALUE[..10].to_owned(), VALUE[10..].to_owned()];
    for shift in 0..3 {
        let text = encoded(&format!("{}{VALUE}", "x".repeat(shift)));
        let inner = &text[4..text.len() - 4];
        words.extend([inner[..10].to_owned(), inner[inner.len() - 10..].to_owned()]);
    }
    words
}

struct Ground {
    server: ApiServer,
    folder: TempDir,
}

impl Ground {
    async fn new() -> Self {
        let server = ApiServer::start(Settings::default()).await.expect("a simulated API server");
        let ground = Self { server, folder: tempfile::tempdir().expect("a folder") };
        for (number, data) in malformed().into_iter().enumerate() {
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret", "data": data,
                "metadata": { "namespace": "shop", "name": format!("s{number}") },
            });
            ground.server.apply(secret).expect("a Secret");
        }
        ground
    }

    fn items() -> usize {
        malformed().len()
    }

    /// A checklist with an item for each Secret.
    fn file(&self) -> PathBuf {
        let mut text = format!(
            "environment: test\nconnections: {{ kubernetes: {{ server: {{ url: '{}' }} }} }}\n\
             sections:\n  - id: s\n    title: S\n    items:\n",
            self.server.url()
        );
        for number in 0..Self::items() {
            text.push_str(&format!(
                "      - id: i{number}\n        title: I\n        severity: critical\n        \
                 every: 1s\n        checks: [{{ secret_keys: {{ namespace: shop, secrets: \
                 [s{number}], distinct: true, all_keys: true, keys: {{ A: {{ url: {{ schemes: \
                 [postgres] }} }}, B: {{ exactly: 99, optional: true }} }} }} }}, \
                 {{ tls: {{ target: '127.0.0.1:9', matches_secret: {{ namespace: shop, name: \
                 s{number} }} }} }}]\n"
            ));
        }
        let path = self.folder.path().join("checklist.yaml");
        fs::write(&path, text).expect("written");
        path
    }
}

fn search(place: &str, text: &str) {
    for word in forbidden() {
        assert!(!text.contains(&word), "`{word}` is shown by {place}");
    }
}

/// A daemon; killed when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn vigie() -> Command {
    Command::new(env!("CARGO_BIN_EXE_vigie"))
}

fn start(file: &Path, log: &Path, listen: &str) -> Daemon {
    let log = fs::File::create(log).expect("a log");
    let mut command = vigie();
    command.args(["--log-level", "trace", "run", "--listen", listen, "-c"]).arg(file);
    Daemon(command.stdout(Stdio::null()).stderr(log).spawn().expect("the daemon"))
}

#[tokio::test]
async fn the_daemon_shows_no_value_of_a_malformed_secret() {
    let ground = Ground::new().await;
    let log = ground.folder.path().join("log");
    let listen = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let listen = listen.expect("its address").to_string();
    let _daemon = start(&ground.file(), &log, &listen);
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
    for item in 0..Ground::items() {
        paths.extend([format!("/items/i{item}"), format!("/api/v1/items/i{item}")]);
    }
    for path in paths {
        let text = get(&path).await.unwrap_or_else(|| panic!("{path} answers"));
        assert!(text.len() > 100, "{path}: {text}");
        search(&path, &text);
    }
    let logged = fs::read_to_string(&log).expect("a log");
    assert!(logged.contains("/api/v1/namespaces/shop/secrets/s3"), "the log speaks of Secrets");
    assert!(logged.contains("TRACE") && logged.contains("hyper"), "of all crates, at all levels");
    search("the log", &logged);
}

#[tokio::test]
async fn once_shows_no_value_whatever_stands_between() {
    let ground = Ground::new().await;
    let file = ground.file();
    let mut acts: Vec<_> = [60, 110, 120, 130, 150].map(|at| Some(Act::CutAfter(at))).to_vec();
    acts.extend([None, Some(Act::Garbage), Some(Act::Status { code: 500, retry_after: None })]);
    let formats = ["text", "json", "junit"];
    for (act, format) in acts.into_iter().zip(formats.iter().cycle()) {
        ground.server.heal();
        if let Some(act) = act {
            ground.server.inject(Fault::new(act).resource("secrets"));
        }
        let mut command = tokio::process::Command::from(vigie());
        command.args(["--log-level", "trace", "once", "--format", format, "-c"]).arg(&file);
        let output = command.kill_on_drop(true).output().await.expect("the binary");
        let (said, logged) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(logged.contains("secrets/s3") && said.len() > 100, "{act:?}: {said}");
        search(&format!("once as {format} at {act:?}"), &said);
        search(&format!("the log of once at {act:?}"), &logged);
    }
}

/// Connection strings of a database, good and malformed, and what the server says to them.
async fn databases() -> (Postgres, Vec<String>) {
    let server = Postgres::start().await.expect("a database");
    let port = server.address().port();
    let urls = vec![
        format!("postgresql://app:{VALUE}@127.0.0.1:{port}/shop?sslmode=prefer&pgbouncer=true"),
        format!("host=127.0.0.1 port={port} user=app password='{VALUE}'"),
        format!("postgresql://app:{VALUE}@127.0.0.1:1/shop"),
        format!("postgresql://app:{VALUE}@127.0.0.1:{VALUE}/shop"),
        format!("postgresql://app:%zz{VALUE}@127.0.0.1/shop"),
        format!("mysql://app:{VALUE}@127.0.0.1/shop"),
        format!("password='{VALUE}"),
        format!("postgresql://{VALUE}"),
        VALUE.to_owned(),
    ];
    (server, urls)
}

#[tokio::test]
async fn once_shows_no_password_of_a_database_whatever_the_server_says() {
    let (server, urls) = databases().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = String::from("environment: test\nconnections:\n  postgres:\n");
    for (number, url) in urls.iter().enumerate() {
        let secret = folder.path().join(format!("url{number}"));
        fs::write(&secret, url).expect("written");
        text.push_str(&format!(
            "    d{number}: {{ url_from: {{ file: '{}' }} }}\n",
            secret.display()
        ));
    }
    text.push_str("sections:\n  - id: s\n    title: S\n    items:\n");
    for number in 0..urls.len() {
        text.push_str(&format!(
            "      - {{ id: i{number}, title: I, severity: critical, checks: [{{ postgres: \
             {{ connection: d{number}, queries: [{{ name: q, sql: SELECT 1 }}] }} }}] }}\n"
        ));
    }
    let file = folder.path().join("checklist.yaml");
    fs::write(&file, text).expect("written");
    let echo = Said::error("XX000", &format!("you said {VALUE} to me"));
    let mut talkative = false;
    let refused = Said::error("28P01", &format!("{VALUE} is wrong"));
    for (said, format) in
        [(Said::rows(&[&["in"]]), "text"), (refused, "json"), (echo, "junit"), (Said::Bye, "text")]
    {
        server.say("query", Said::error("42601", &format!("{VALUE} is no SQL")));
        server.say("password", said);
        let mut command = tokio::process::Command::from(vigie());
        command.args(["--log-level", "trace", "once", "--format", format, "-c"]).arg(&file);
        let output = command.kill_on_drop(true).output().await.expect("the binary");
        let (told, logged) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("i8"), "{told}\n{logged}");
        talkative |= logged.contains("TRACE");
        for word in [VALUE, &VALUE[..10], &VALUE[10..]] {
            assert!(!told.contains(word), "`{word}` is shown: {told}");
            assert!(!logged.contains(word), "`{word}` is logged: {logged}");
        }
    }
    assert!(talkative, "the log is at its most talkative");
    assert!(server.asked().iter().any(|sql| sql.contains("SELECT 1")), "somebody came in");
}
