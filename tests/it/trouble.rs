//! Systems in trouble, all at once, under one daemon: each that it asks is dead, silent, lying,
//! enormous, and forbidden. Every item says so for its own reason, and one whose system is well is
//! looked at all the time.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use vigie_sim::net::broken::{Broken, Fault};
use vigie_sim::net::dns::{Behaviour, Names};
use vigie_sim::net::site::{Answer, Site};

use crate::drill::Daemon;
use crate::net::ground::deserted;

/// How long all of them may take to be told; a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a system does, in a word of its items' ids.
const STATES: [&str; 5] = ["dead", "silent", "lying", "enormous", "forbidden"];

/// How the items of a kind stand, and why, in each of these states.
type Row = (&'static str, &'static str, [&'static str; 5]);

const UNKNOWN: &str = "unknown";
const FAILING: &str = "failing";

/// A silent witness is no evidence: what it was to tell is unknown. A silent subject fails.
const WANTED: &[Row] = &[
    ("backup", UNKNOWN, ["Refused", "TimedOut", "Garbled", "TooLarge", "Forbidden"]),
    ("bull-queue", UNKNOWN, ["Refused", "TimedOut", "Garbled", "TooLarge", "Unauthorized"]),
    ("dns", FAILING, ["Refused", "TimedOut", "Garbled", "Garbled", "Refused"]),
    ("elasticsearch", UNKNOWN, ["Refused", "TimedOut", "Garbled", "TooLarge", "Forbidden"]),
    (
        "event-stream",
        FAILING,
        ["Refused", "NoFirstEvent", "WrongContentType", "TooLarge", "Forbidden"],
    ),
    ("firing-alerts", UNKNOWN, ["Refused", "TimedOut", "Garbled", "TooLarge", "Forbidden"]),
    ("http", FAILING, ["Refused", "TimedOut", "WrongJson", "TooLarge", "Forbidden"]),
    ("postgres", FAILING, ["Refused", "TimedOut", "Garbled", "TooLarge", "Unauthorized"]),
    ("prometheus-query", UNKNOWN, ["Refused", "TimedOut", "Garbled", "TooLarge", "Forbidden"]),
    ("prometheus-server", FAILING, ["Refused", "TimedOut", "Garbled", "TooLarge", "Forbidden"]),
    ("registry-image", FAILING, ["Refused", "TimedOut", "Garbled", "TooLarge", "Forbidden"]),
    ("s3-bucket", FAILING, ["Refused", "TimedOut", "Garbled", "TooLarge", "Forbidden"]),
    ("tls", FAILING, ["Refused", "TimedOut", "TlsFailed", "TlsFailed", "TlsFailed"]),
];

/// An answer of HTTP.
fn http(status: &str, body: &str) -> Bytes {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .into()
}

/// A message of PostgreSQL that refuses whoever asks.
fn no_entry() -> Bytes {
    let fields = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host\0\0";
    let length = u32::try_from(fields.len() + 4).expect("short").to_be_bytes();
    [b"E", &length[..], fields].concat().into()
}

/// A message of PostgreSQL that tells a setting.
fn setting() -> Bytes {
    let fields = [b"k\0", &[b'7'; 4096][..], b"\0"].concat();
    let length = u32::try_from(fields.len() + 4).expect("short").to_be_bytes();
    [b"S", &length[..], &fields].concat().into()
}

/// What a server of this protocol does in a state.
fn fault(protocol: &str, state: &str) -> Fault {
    let endless = |head: &'static [u8]| {
        Fault::Endless(Bytes::from_static(head), Bytes::from_static(&[b'7'; 4096]))
    };
    match (protocol, state) {
        (_, "silent") => Fault::Silent,
        ("redis", "lying") => Fault::SaysAndHolds(http("400 Bad Request", "")),
        ("redis", "enormous") => endless(b"$536870912\r\n"),
        ("redis", _) => {
            let refusal = Bytes::from_static(b"-NOAUTH Authentication required.\r\n");
            Fault::Endless(refusal.clone(), refusal)
        }
        ("postgres" | "tls", "lying") => Fault::Says(http("400 Bad Request", "")),
        ("postgres", "enormous") => {
            // Lets whoever asks in, and tells its settings without end.
            Fault::Endless(Bytes::from_static(b"R\0\0\0\x08\0\0\0\0"), setting())
        }
        ("postgres", _) => Fault::Says(no_entry()),
        ("tls", "enormous") => endless(b"\x16\x03\x03\xff\xff"),
        // A fatal alert: access denied.
        ("tls", _) => Fault::Says(Bytes::from_static(b"\x15\x03\x03\x00\x02\x02\x31")),
        (_, "lying") => Fault::Says(http("200 OK", "{\"lie\":true}")),
        (_, "enormous") => {
            endless(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n[\"")
        }
        _ => Fault::Says(http("403 Forbidden", "")),
    }
}

/// Items' checks, and the connections that they name.
#[derive(Default)]
struct Town {
    servers: Vec<Broken>,
    names: Vec<Names>,
    connections: BTreeMap<&'static str, BTreeMap<String, Value>>,
    items: Vec<(String, Value)>,
}

impl Town {
    /// A town with a system of each sort in each state.
    async fn found(folder: &Path) -> Self {
        let mut town = Self::default();
        let key = folder.join("key");
        fs::write(&key, "a-key-of-a-store").expect("a file");
        for state in STATES {
            let at = town.serve("http", state).await;
            let url = format!("http://{at}/");
            let expect = json!({ "json": { "/status": { "is": "up" } } });
            town.item("http", state, &json!({ "url": url, "expect": expect }));
            town.item("event_stream", state, &json!({ "url": url, "first_within": "1s" }));
            for system in ["elasticsearch", "prometheus"] {
                town.connect(system, state, json!({ "url": url }));
            }
            town.connect("alertmanager", state, json!({ "urls": [url] }));
            let store = json!({
                "endpoint": url,
                "region": "here",
                "access_key": { "file": key },
                "secret_key": { "file": key },
            });
            town.connect("s3", state, store);
            town.item("elasticsearch", state, &json!({ "connection": state, "health": {} }));
            let query = json!({ "connection": state, "expression": "up", "below": { "fail": 1 } });
            town.item("prometheus_query", state, &query);
            let server = json!({ "connection": state, "targets": { "jobs": { "api": 1 } } });
            town.item("prometheus_server", state, &server);
            let alerts = json!({
                "from": { "alertmanager": state }, "began": "any_time",
                "matchers": ["severity=\"critical\""],
            });
            town.item("firing_alerts", state, &alerts);
            town.item("s3_bucket", state, &json!({ "connection": state, "bucket": "dumps" }));
            let backup = json!({
                "connection": state,
                "bucket": "dumps",
                "layout": { "barman": { "server": "orders" } },
                "max_age": { "fail": "1d" },
            });
            town.item("backup", state, &backup);
            let registry = town.serve("http", state).await;
            town.connections
                .entry("registries")
                .or_default()
                .insert(registry.clone(), json!({ "plain_http": true }));
            let image = format!("{registry}/shop/api:1");
            town.item("registry_image", state, &json!({ "images": [image] }));
            let at = town.serve("tls", state).await;
            town.item("tls", state, &json!({ "target": at }));
            let at = town.serve("redis", state).await;
            town.connect("redis", state, json!({ "url": format!("redis://{at}") }));
            town.item("bull_queue", state, &json!({ "connection": state, "queues": ["mail"] }));
            let at = town.serve("postgres", state).await;
            let (host, port) = at.split_once(':').expect("a port");
            let port: u16 = port.parse().expect("a port");
            let database = json!({
                "host": host, "port": port, "user": "vigie", "sslmode": "disable",
            });
            town.connect("postgres", state, database);
            town.item("postgres", state, &json!({ "connection": state, "reachable": {} }));
            let at = town.name(state).await;
            town.item("dns", state, &json!({ "names": ["app.test"], "resolvers": [at] }));
        }
        town
    }

    /// Where a server of this protocol is in this state.
    async fn serve(&mut self, protocol: &str, state: &str) -> String {
        if state == "dead" {
            return deserted().await.to_string();
        }
        let server = Broken::start(fault(protocol, state)).await.expect("a server");
        let address = server.address().to_string();
        self.servers.push(server);
        address
    }

    /// Where a resolver is in this state.
    async fn name(&mut self, state: &str) -> String {
        let behaviour = match state {
            "dead" => return deserted().await.to_string(),
            "silent" => Behaviour::Silent,
            "lying" => Behaviour::Garbled,
            "enormous" => Behaviour::CutAlways,
            _ => Behaviour::Code(5),
        };
        let names = Names::start().await.expect("a resolver");
        names.set("app.test", behaviour);
        let address = names.address().to_string();
        self.names.push(names);
        address
    }

    fn connect(&mut self, system: &'static str, state: &str, connection: Value) {
        self.connections.entry(system).or_default().insert(state.to_owned(), connection);
    }

    fn item(&mut self, kind: &str, state: &str, check: &Value) {
        let id = format!("{}-{state}", kind.replace('_', "-"));
        self.items.push((id, json!({ kind: check })));
    }

    /// All of it as a configuration, with an item more that looks at what is well.
    fn configuration(&self, well: &Site) -> String {
        let item = |(id, check): &(String, Value)| {
            json!({
                "id": id, "title": id, "severity": "warning", "every": "5s", "timeout": "2s",
                "unknown_after": 1, "checks": [check],
            })
        };
        let mut items: Vec<_> = self.items.iter().map(item).collect();
        let check = json!({ "http": { "url": format!("http://{}/", well.address()) } });
        items.push(json!({
            "id": "well", "title": "Well", "severity": "warning", "every": "1s", "timeout": "1s",
            "checks": [check],
        }));
        let sections = json!([{ "id": "s", "title": "S", "items": items }]);
        json!({ "connections": self.connections, "sections": sections }).to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_system_in_trouble_is_told_of_and_none_holds_up_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::found(folder.path()).await;
    let well = Site::plain().await.expect("a site");
    well.answer("*", Answer::new(200, "well"));
    let file = folder.path().join("checklist.yaml");
    fs::write(&file, town.configuration(&well)).expect("a file");
    let daemon = Daemon::start(&[file]).await;
    let mut wanted = BTreeMap::new();
    for (kind, standing, reasons) in WANTED {
        for (state, reason) in STATES.iter().zip(reasons) {
            let said = ((*standing).to_owned(), (*reason).to_owned());
            wanted.insert(format!("{kind}-{state}"), said);
        }
    }
    // One that is large may truly have so much to tell.
    let large = (UNKNOWN.to_owned(), "TooLarge".to_owned());
    wanted.insert("prometheus-server-enormous".to_owned(), large);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut standings = daemon.standings().await;
        let (standing, reason) = standings.remove("well").expect("the item");
        let is_well = standing == "pending" || standing == "passing";
        assert!(is_well, "what is well is {standing} {reason}");
        if standings == wanted {
            break;
        }
        let other = |(id, said): &(&String, &(String, String))| wanted.get(*id) != Some(*said);
        let others: Vec<_> = standings.iter().filter(other).collect();
        assert!(Instant::now() < deadline, "{others:#?}");
        sleep(Duration::from_millis(200)).await;
    }
    // They go on being looked at, and what is well does not wait for them.
    let seen = well.asked().len();
    while well.asked().len() < seen + 5 {
        assert!(Instant::now() < deadline, "what is well is not looked at any more");
        assert_eq!(daemon.standings().await["well"].0, "passing");
        sleep(Duration::from_millis(200)).await;
    }
}
