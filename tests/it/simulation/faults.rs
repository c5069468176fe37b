//! What the simulated server does wrong on demand, and what it lets tests count.

use std::pin::pin;
use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt};
use http::{Method, Request};
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams, WatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use vigie_sim::kubernetes::{Act, ApiServer, Blow, Fault, Rule, Settings, User, Voice, pods};

use super::facts::{Lines, SOON, call};
use super::{Simulation, client};

/// Long enough to see that something does not come.
const A_MOMENT: Duration = Duration::from_millis(200);

const PODS: &str = "/api/v1/namespaces/default/pods";

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "containers": [{ "name": "c", "image": "i" }] },
        "status": { "phase": "Running" },
    })
}

async fn get(client: &Client, path: &str) -> (u16, Value) {
    call(client, Method::GET, path, "", Value::Null).await
}

/// Polls until `done`.
async fn until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !done() {
        assert!(Instant::now() < deadline, "never");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_silent_server_accepts_and_says_nothing_until_it_speaks() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    let mut lines = Lines::open(&client, &format!("{PODS}?watch=1")).await;
    simulation.server.speak(Voice::Silent);
    assert!(TcpStream::connect(simulation.server.address()).await.is_ok());
    let asked = tokio::spawn(async move { get(&client, PODS).await.0 });
    simulation.server.apply(pod("a")).expect("a pod");
    assert!(timeout(A_MOMENT, lines.line()).await.is_err(), "a watch was told something");
    assert!(!asked.is_finished());
    simulation.server.speak(Voice::Speaking);
    assert_eq!(asked.await.expect("an answer"), 200);
    assert_eq!(lines.event().await.0, "ADDED");
}

#[tokio::test]
async fn watches_alone_can_be_mute() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    let mut lines = Lines::open(&client, &format!("{PODS}?watch=1")).await;
    simulation.server.speak(Voice::WatchesMute);
    simulation.server.apply(pod("a")).expect("a pod");
    assert_eq!(get(&client, PODS).await.0, 200);
    assert!(timeout(A_MOMENT, lines.line()).await.is_err());
    simulation.server.heal();
    assert_eq!(lines.event().await.0, "ADDED");
}

#[tokio::test]
async fn a_server_that_refuses_comes_back_on_the_same_port() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    let lines = Lines::open(&client, &format!("{PODS}?watch=1")).await;
    simulation.server.refuse().await;
    assert_eq!(lines.rest().await, [], "an open watch is cut");
    let refused = TcpStream::connect(simulation.server.address()).await.expect_err("refused");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    simulation.server.listen().await;
    assert_eq!(get(&client, PODS).await.0, 200);
}

#[tokio::test]
async fn open_watches_take_blows() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    for blow in [Blow::Cut, Blow::Close, Blow::Expire, Blow::Garbage] {
        let request = Request::get(format!("{PODS}?watch=1")).body(Vec::new()).expect("a request");
        let body = client.request_stream(request).await.expect("a watch");
        assert_eq!(simulation.server.open_watches("pods"), 1);
        assert_eq!(simulation.server.blow(blow), 1);
        let mut lines = pin!(body.lines());
        let next = timeout(SOON, lines.next()).await.expect("in time");
        match blow {
            Blow::Cut => assert!(next.expect("an end").is_err(), "the end must be an error"),
            Blow::Close => assert!(next.is_none(), "{next:?}"),
            Blow::Expire => {
                let line = next.expect("a line").expect("a line");
                assert!(line.contains(r#""type":"ERROR""#) && line.contains("410"), "{line}");
            }
            Blow::Garbage => {
                let line = next.expect("a line").expect("a line");
                assert!(serde_json::from_str::<Value>(&line).is_err(), "{line}");
                assert_eq!(simulation.server.blow(Blow::Close), 1, "the watch goes on");
            }
        }
        until(|| simulation.server.open_watches("pods") == 0).await;
    }
}

#[tokio::test]
async fn a_watch_that_its_client_leaves_is_closed() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    let api: Api<Pod> = Api::default_namespaced(client);
    let watch = api.watch(&WatchParams::default(), "0").await.expect("a watch");
    assert_eq!(simulation.server.open_watches("pods"), 1);
    drop(watch);
    until(|| simulation.server.open_watches("pods") == 0).await;
}

#[tokio::test]
async fn requests_fail_as_often_as_told() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    let server = &simulation.server;
    let busy = Act::Status { code: 429, retry_after: Some(7) };
    server.inject(Fault::new(busy).verb("list").resource("pods").times(2));
    for _ in 0..2 {
        let request = Request::get(PODS).body(Vec::new().into()).expect("a request");
        let answer = client.send(request).await.expect("an answer");
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()["retry-after"], "7");
        assert_eq!(get(&client, "/api/v1/nodes").await.0, 200, "others are served");
    }
    assert_eq!(get(&client, PODS).await.0, 200);
    server.inject(Fault::new(Act::Status { code: 500, retry_after: None }).times(1));
    let (code, status) = get(&client, PODS).await;
    assert_eq!((code, status["reason"].as_str()), (500, Some("InternalError")));
    server.inject(Fault::new(Act::Garbage).times(1));
    let (code, body) = get(&client, PODS).await;
    assert!(code == 200 && body.is_string(), "{body}");
    server.inject(Fault::new(Act::Forbid).resource("secrets"));
    let (code, status) = get(&client, "/api/v1/namespaces/default/secrets/s").await;
    assert_eq!((code, status["reason"].as_str()), (403, Some("Forbidden")));
    server.inject(Fault::new(Act::Delay(A_MOMENT)).times(1));
    let begun = Instant::now();
    assert_eq!(get(&client, PODS).await.0, 200);
    assert!(begun.elapsed() >= A_MOMENT);
    server.inject(Fault::new(Act::Hang).resource("pods"));
    assert!(timeout(A_MOMENT, get(&client, PODS)).await.is_err());
    server.heal();
    assert_eq!(get(&client, PODS).await.0, 200);
    let codes: Vec<_> =
        server.requests().iter().filter(|r| r.path == PODS).map(|r| r.code).collect();
    let answered = [429, 429, 200, 500, 200, 200].map(Some);
    assert_eq!(codes, [&answered[..], &[None, Some(200)]].concat());
}

#[tokio::test]
async fn a_list_is_cut_in_mid_body() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    simulation.server.load(&pods::typical("default", "api"), 100, 2).expect("pods");
    simulation.server.inject(Fault::new(Act::CutAfter(100_000)).times(1));
    let request = Request::get(PODS).body(Vec::new().into()).expect("a request");
    let answer = client.send(request).await.expect("a beginning");
    assert_eq!(answer.status(), 200);
    assert!(answer.into_body().collect().await.is_err(), "the body was whole");
    assert_eq!(simulation.server.bytes_sent(), 100_000);
    assert_eq!(simulation.server.count("list", "pods"), 1);
}

#[tokio::test]
async fn open_watches_outlive_the_expiry_of_history() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    let from = simulation.server.revision();
    let mut lines = Lines::open(&client, &format!("{PODS}?watch=1&resourceVersion={from}")).await;
    simulation.server.expire_history();
    simulation.server.apply(pod("a")).expect("a pod");
    assert_eq!(lines.event().await.0, "ADDED");
    let mut late = Lines::open(&client, &format!("{PODS}?watch=1&resourceVersion={from}")).await;
    let (word, status) = late.event().await;
    assert_eq!((word.as_str(), &status["code"]), ("ERROR", &json!(410)));
}

#[tokio::test]
async fn an_old_etcd_sends_no_initial_events() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    simulation.server.behave(|behaviour| behaviour.streaming_lists = false);
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let mut lines = Lines::open(&client, &format!("{PODS}?{query}")).await;
    let (word, status) = lines.event().await;
    assert_eq!((word.as_str(), &status["code"]), ("ERROR", &json!(500)));
    let message = status["message"].as_str().expect("a message");
    assert!(message.contains("storage feature RequestWatchProgress is disabled"), "{message}");
    assert_eq!(lines.line().await, None);
}

#[tokio::test]
async fn bookmarks_come_as_often_as_told() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    simulation.server.behave(|behaviour| behaviour.bookmark_every = Duration::from_millis(50));
    let mut lines = Lines::open(&client, &format!("{PODS}?watch=1&allowWatchBookmarks=true")).await;
    for _ in 0..3 {
        let line = lines.line().await.expect("a bookmark");
        assert!(line.starts_with(r#"{"type":"BOOKMARK""#), "{line}");
    }
}

#[tokio::test]
async fn tokens_are_rotated_and_rights_come_from_bindings() {
    let simulation = Simulation::start().await;
    let server = &simulation.server;
    let nobody = simulation.client("nobody").await;
    assert_eq!(get(&nobody, PODS).await.0, 403);
    let role = |rules: Value| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": { "name": "reader", "namespace": "default" },
            "rules": rules,
        })
    };
    let list = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["list"] }]);
    server.apply(role(list)).expect("a role");
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": "reader", "namespace": "default" },
        "subjects": [{ "kind": "User", "name": "nobody" }],
        "roleRef": { "kind": "Role", "name": "reader" },
    });
    server.apply(binding).expect("a binding");
    assert_eq!(get(&nobody, PODS).await.0, 200);
    assert_eq!(get(&nobody, "/api/v1/pods").await.0, 403, "elsewhere it is still forbidden");
    server.rotate("nobody", "somebody");
    assert_eq!(get(&nobody, PODS).await.0, 401);

    let one = Rule::cluster(&["get", "list"], &[""], &["secrets"]).within("default").only("s");
    server.admit("nobody", User::new("vigie", vec![one]));
    let secrets = "/api/v1/namespaces/default/secrets";
    assert_eq!(get(&nobody, &format!("{secrets}/other")).await.0, 403);
    assert_eq!(get(&nobody, &format!("{secrets}/s")).await.0, 404);
    assert_eq!(get(&nobody, secrets).await.0, 403);
    let named = format!("{secrets}?fieldSelector=metadata.name%3Ds");
    assert_eq!(get(&nobody, &named).await.0, 200, "a list by one name is a right on that name");
}

#[tokio::test]
async fn health_fails_and_the_clock_is_wrong_on_demand() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    simulation.server.behave(|behaviour| {
        behaviour.failing_health.insert("etcd".to_owned());
        behaviour.date_offset = jiff::SignedDuration::from_hours(-2);
    });
    let (code, report) = get(&client, "/readyz").await;
    assert_eq!(code, 500);
    assert!(report.as_str().expect("text").contains("[-]etcd failed"), "{report}");
    let request = Request::get("/version").body(Vec::new().into()).expect("a request");
    let answer = client.send(request).await.expect("an answer");
    let date = answer.headers()["date"].to_str().expect("a date").to_owned();
    let date = jiff::fmt::rfc2822::parse(&date).expect("a date").timestamp();
    let now = vigie::systems::clock::Clock::System.now();
    assert!((now - date).get_seconds() > 7_000, "{date}");
}

#[tokio::test]
async fn logs_are_read_as_asked() {
    let simulation = Simulation::start().await;
    let server = &simulation.server;
    server.apply(pod("p")).expect("a pod");
    let old = "2026-01-01T00:00:00Z".parse().expect("a time");
    let new = "2026-01-02T00:00:00Z".parse().expect("a time");
    server.log_at("default/p", "c", &["one", "two"], old);
    server.log_at("default/p", "c", &["three"], new);
    let api: Api<Pod> = Api::default_namespaced(simulation.client("root").await);
    let read = async |change: fn(&mut LogParams)| {
        let mut parameters = LogParams::default();
        change(&mut parameters);
        api.logs("p", &parameters).await
    };
    assert_eq!(read(|_| {}).await.expect("a log"), "one\ntwo\nthree\n");
    assert_eq!(read(|p| p.tail_lines = Some(1)).await.expect("a log"), "three\n");
    assert_eq!(read(|p| p.limit_bytes = Some(5)).await.expect("a log"), "one\nt");
    let since =
        |p: &mut LogParams| p.since_time = Some("2026-01-01T12:00:00Z".parse().expect("a time"));
    assert_eq!(read(since).await.expect("a log"), "three\n");
    let stamped = read(|p| p.timestamps = true).await.expect("a log");
    assert!(stamped.starts_with("2026-01-01T00:00:00.000000000Z one\n"), "{stamped}");
    let previous = |p: &mut LogParams| p.previous = true;
    let refused = read(previous).await.expect_err("it never restarted");
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 400));
    server.turn_log("default/p", "c");
    assert_eq!(read(previous).await.expect("a log"), "one\ntwo\nthree\n");
    assert_eq!(read(|_| {}).await.expect("a log"), "");
    assert!(read(|p| p.container = Some("other".to_owned())).await.is_err());
}

#[tokio::test]
async fn limits_are_ignored_at_version_zero_as_on_many_servers() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    simulation.server.load(&pods::typical("default", "api"), 3, 1).expect("pods");
    let listed = async || {
        let list = get(&client, &format!("{PODS}?limit=1&resourceVersion=0")).await.1;
        list["items"].as_array().expect("items").len()
    };
    assert_eq!(listed().await, 3);
    simulation.server.behave(|behaviour| behaviour.unpaged_at_zero = false);
    assert_eq!(listed().await, 1);
}

#[tokio::test]
async fn a_service_account_is_found_in_its_files_and_plain_http_is_spoken() {
    let simulation = Simulation::start().await;
    let folder = simulation.folder.path().join("serviceaccount");
    simulation.server.write_service_account(&folder, "root", "vigie").expect("files");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file");
    assert_eq!((read("token").as_str(), read("namespace").as_str()), ("root", "vigie"));
    assert_eq!(Some(read("ca.crt").as_str()), simulation.server.authority());
    let plain = ApiServer::start(Settings::default()).await.expect("a server");
    let kubeconfig = simulation.folder.path().join("plain.kubeconfig");
    plain.write_kubeconfig(&kubeconfig, None).expect("a kubeconfig");
    assert_eq!(get(&client(&kubeconfig, true).await, "/api/v1/nodes").await.0, 200);
    let address = plain.address();
    drop(plain);
    until(|| std::net::TcpStream::connect(address).is_err()).await;
}

#[tokio::test]
async fn ten_thousand_pods_are_listed_by_pages() {
    let simulation = Simulation::start().await;
    let client = simulation.client("root").await;
    simulation.server.load(&pods::typical("default", "api"), 10_000, 50).expect("pods");
    let one = get(&client, &format!("{PODS}/api-5d8c7b9f6d-42")).await.1;
    let size = one.to_string().len();
    assert!((6_500..9_000).contains(&size), "{size} bytes");
    assert_eq!(one["spec"]["nodeName"], "node-42");
    let api: Api<Pod> = Api::default_namespaced(client);
    let on_one_node = ListParams::default().fields("spec.nodeName=node-7").limit(500);
    assert_eq!(api.list(&on_one_node).await.expect("a list").items.len(), 200);
    let page = api.list(&ListParams::default().limit(500)).await.expect("a page");
    assert_eq!((page.items.len(), page.metadata.remaining_item_count), (500, Some(9_500)));
    simulation
        .server
        .patch("pods/default/api-5d8c7b9f6d-42", &json!({ "status": { "phase": "Failed" } }))
        .expect("a patch");
    let failed = api.list(&ListParams::default().fields("status.phase!=Running")).await;
    assert_eq!(failed.expect("a list").items.len(), 1);
}
