//! Servers that are silent, refuse, forbid, throttle or are old.

use std::time::Duration;

use serde_json::json;
use vigie::model::needs::Resource;
use vigie::model::reason::Reason;
use vigie::systems::kubernetes::whole::Metadata;
use vigie::systems::kubernetes::{PODS, Pace, Table};
use vigie_sim::kubernetes::{Act, Blow, Fault, Kind, Voice};

use super::watched::Watched;
use super::{Cluster, NAMESPACE, brisk, pod, until};

#[tokio::test]
async fn a_silent_stream_is_opened_anew_and_is_not_believed_meanwhile() {
    let watched = Watched::paced(Pace { silence: Duration::from_secs(1), ..brisk() }).await;
    watched.cluster.server.behave(|server| server.bookmark_every = Duration::from_millis(100));
    watched.cluster.put(pod("a"));
    watched.keep().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(watched.names().unwrap(), ["a"], "bookmarks are heard");
    watched.cluster.server.speak(Voice::Silent);
    watched.says(Reason::STREAM_SILENT).await;
    watched.cluster.put(pod("b"));
    watched.cluster.server.heal();
    watched.shows(&["a", "b"]).await;
}

#[tokio::test]
async fn what_was_known_is_not_told_while_the_server_refuses() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    watched.cluster.server.refuse().await;
    watched.says(Reason::STREAM_DOWN).await;
    watched.cluster.server.listen().await;
    watched.shows(&["a"]).await;
}

#[tokio::test]
async fn a_stream_that_goes_on_tells_nothing_before_it_has_told_what_was_missed() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    watched.cluster.server.refuse().await;
    watched.says(Reason::STREAM_DOWN).await;
    for number in 0..200 {
        watched.cluster.put(pod(&format!("missed-{number}")));
    }
    watched.cluster.server.listen().await;
    let seen = until(async || watched.names(), Result::is_ok).await;
    assert_eq!(seen.map(|names| names.len()), Ok(201));
    assert_eq!(watched.cluster.server.count("list", "pods"), 0, "it was resumed");
}

#[tokio::test]
async fn a_connection_that_breaks_once_is_opened_again_and_doubted_by_nobody() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    let before = watched.cluster.server.count("watch", "pods");
    watched.cluster.server.blow(Blow::Cut);
    let resumed = async || {
        assert_eq!(watched.names().as_deref(), Ok(&["a".to_owned()][..]));
        watched.cluster.server.count("watch", "pods")
    };
    assert!(until(resumed, |count| *count > before).await > before);
}

#[tokio::test]
async fn a_refusal_of_rights_is_told_at_once_and_heals() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    watched.cluster.server.inject(Fault::new(Act::Forbid));
    watched.cluster.server.blow(Blow::Cut);
    watched.says(Reason::FORBIDDEN).await;
    watched.cluster.server.heal();
    watched.shows(&["a"]).await;
}

#[tokio::test]
async fn a_kind_that_is_installed_later_is_seen() {
    let widgets = Resource {
        group: "example.org".into(),
        version: "v1".into(),
        plural: "widgets".into(),
        kind: "Widget".into(),
    };
    let watched = Watched::of(Cluster::start().await, widgets);
    watched.keep().await;
    let names = async || {
        let names = |table: &Table<Metadata>| {
            table.records().map(|widget| widget.name.to_string()).collect::<Vec<_>>()
        };
        let kubernetes = &watched.cluster.systems.kubernetes;
        kubernetes.read(&watched.needs, &watched.watch, names).map_err(|obstacle| obstacle.reason)
    };
    assert_eq!(names().await, Err(Reason::KIND_UNKNOWN));
    watched.cluster.server.register(Kind::custom("example.org/v1", "Widget", "widgets"));
    watched.cluster.put(json!({
        "apiVersion": "example.org/v1", "kind": "Widget",
        "metadata": { "namespace": NAMESPACE, "name": "w" },
    }));
    let wanted = Ok(vec!["w".to_owned()]);
    assert_eq!(until(names, |seen| *seen == wanted).await, wanted);
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    let throttled = Act::Status { code: 429, retry_after: Some(2) };
    watched.cluster.server.inject(Fault::new(throttled).times(1));
    watched.keep().await;
    watched.says(Reason::STREAM_DOWN).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(watched.cluster.server.requests().len(), 1, "pauses are of milliseconds otherwise");
    watched.shows(&["a"]).await;
}

#[tokio::test]
async fn parts_of_lists_do_not_make_old_records_believed() {
    let watched = Watched::paced(Pace { silence: Duration::from_secs(1), ..brisk() }).await;
    watched.cluster.put(pod("a"));
    watched.cluster.put(pod("b"));
    watched.keep().await;
    watched.cluster.server.refuse().await;
    watched.cluster.server.expire_history();
    watched.cluster.server.inject(Fault::new(Act::CutAfter(900)));
    watched.cluster.server.listen().await;
    watched.says(Reason::STREAM_DOWN).await;
    let asked = watched.cluster.server.requests().len();
    let count = async || watched.cluster.server.requests().len();
    until(count, |count| *count > asked + 10).await;
    assert_eq!(watched.names(), Err(Reason::STREAM_DOWN));
}

/// A server of before streaming lists: it takes the question for an ordinary watch, and never says
/// that the list is complete.
async fn old_server(listener: tokio::net::TcpListener) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut kept = Vec::new();
    loop {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut head = vec![0; 8192];
        let read = socket.read(&mut head).await.expect("a request");
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        let object = pod("a");
        let body = if head.contains("watch=true") {
            let event = json!({ "type": "ADDED", "object": object });
            let line = if head.contains("sendInitialEvents") {
                format!("{event}\n")
            } else {
                String::new()
            };
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{line}")
        } else {
            let list = json!({ "metadata": { "resourceVersion": "7" }, "items": [object] });
            let list = list.to_string();
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{list}", list.len())
        };
        socket.write_all(body.as_bytes()).await.expect("an answer");
        kept.push(socket);
    }
}

#[tokio::test]
async fn a_server_that_ignores_the_wish_for_a_streamed_list_is_asked_in_pages() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(old_server(listener));
    let mut cluster = Cluster::start().await;
    let pace = Pace { list_within: Duration::from_secs(1), ..brisk() };
    cluster.connect(&format!("server: {{ url: '{url}' }}"), pace);
    let watched = Watched::of(cluster, PODS);
    watched.keep().await;
    watched.shows(&["a"]).await;
    let list = ["list", "pods", "200"].map(str::to_owned);
    assert_eq!(watched.cluster.systems.kubernetes.requests()[&list], 1);
    server.abort();
}

/// A server whose lists never end: each page names a next one.
async fn endless_server(listener: tokio::net::TcpListener) {
    let list = json!({ "metadata": { "resourceVersion": "7", "continue": "more" }, "items": [] });
    let refused = json!({ "kind": "Status", "code": 400 });
    let router = axum::Router::new().fallback(async move |request: axum::extract::Request| {
        let query = request.uri().query().unwrap_or_default();
        if query.contains("watch=true") {
            (http::StatusCode::BAD_REQUEST, axum::Json(refused))
        } else {
            (http::StatusCode::OK, axum::Json(list))
        }
    });
    axum::serve(listener, router).await.expect("it serves");
}

#[tokio::test]
async fn a_list_that_does_not_end_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(endless_server(listener));
    let mut cluster = Cluster::start().await;
    let pace = Pace { list_within: Duration::from_millis(100), ..brisk() };
    cluster.connect(&format!("server: {{ url: '{url}' }}"), pace);
    let watched = Watched::of(cluster, PODS);
    let settled = tokio::time::timeout(Duration::from_secs(20), watched.keep()).await;
    settled.expect("it is known why there is no list");
    watched.says(Reason::STREAM_DOWN).await;
    server.abort();
}
