//! One stream: what it says, and how it outlives whatever goes wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use vigie::model::needs::{Needs, Resource, Watch};
use vigie::model::reason::Reason;
use vigie::systems::kubernetes::pod::Pod;
use vigie::systems::kubernetes::workload::Workload;
use vigie::systems::kubernetes::{PODS, Pace, Table};
use vigie_sim::kubernetes::{Act, Blow, Fault, Kind, Voice};

use super::{Cluster, NAMESPACE, brisk, pod, until, with};

/// A kept watch, and how to ask about it.
struct Watched {
    cluster: Cluster,
    needs: Needs,
    watch: Watch,
}

impl Watched {
    async fn pods() -> Self {
        Self::paced(brisk()).await
    }

    async fn paced(pace: Pace) -> Self {
        let mut cluster = Cluster::start().await;
        cluster.connect(&cluster.connection(""), pace);
        Self::of(cluster, PODS)
    }

    /// Watches nothing yet.
    fn of(cluster: Cluster, resource: Resource) -> Self {
        let watch = Watch { resource, namespace: Some(NAMESPACE.to_owned()), selector: None };
        let needs = Needs { watches: vec![watch.clone()], ..Needs::default() };
        Self { cluster, needs, watch }
    }

    async fn keep(&self) {
        let kubernetes = &self.cluster.systems.kubernetes;
        kubernetes.keep(&BTreeSet::from([self.watch.clone()]));
        kubernetes.settled(&self.needs.watches).await;
    }

    fn names(&self) -> Result<Vec<String>, Reason> {
        let names = |table: &Table<Pod>| table.records().map(|pod| pod.name.to_string()).collect();
        let read = self.cluster.systems.kubernetes.read(&self.needs, &self.watch, names);
        read.map_err(|obstacle| obstacle.reason)
    }

    async fn shows(&self, names: &[&str]) {
        let wanted = Ok(names.iter().map(|&name| name.to_owned()).collect());
        let seen = until(async || self.names(), |seen| *seen == wanted).await;
        assert_eq!(seen, wanted);
    }

    async fn says(&self, reason: Reason) {
        assert_eq!(until(async || self.names(), |seen| *seen == Err(reason)).await, Err(reason));
    }

    fn is_up(&self) -> bool {
        self.cluster.systems.kubernetes.streams()[0].up
    }

    async fn is_up_again(&self) {
        assert!(until(async || self.is_up(), |up| *up).await, "the stream is up");
    }

    async fn goes_down(&self) {
        assert!(!until(async || self.is_up(), |up| !*up).await, "the stream is down");
    }
}

#[tokio::test]
async fn a_change_is_told_and_what_changes_nothing_is_not() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    let kubernetes = &watched.cluster.systems.kubernetes;
    let mut revision = kubernetes.revision(&watched.watch).expect("it is kept");
    let before = *revision.borrow_and_update();
    watched.cluster.put(pod("b"));
    watched.shows(&["a", "b"]).await;
    assert!(*revision.borrow_and_update() > before);
    let before = *revision.borrow_and_update();
    watched.cluster.put(with(pod("b"), "/metadata/annotations", json!({ "seen": "twice" })));
    watched.cluster.remove("pods/shop/a");
    watched.shows(&["b"]).await;
    assert_eq!(*revision.borrow_and_update(), before + 1, "the annotation is nobody's concern");
}

#[tokio::test]
async fn the_steady_state_costs_one_watch_and_no_list() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    for number in 0..20 {
        watched.cluster.put(with(pod("a"), "/metadata/labels", json!({ "n": number.to_string() })));
    }
    watched.cluster.put(pod("b"));
    watched.shows(&["a", "b"]).await;
    let key = ["watch", "pods", "200"].map(str::to_owned);
    assert_eq!(watched.cluster.systems.kubernetes.requests(), [(key, 1)].into());
    assert_eq!(watched.cluster.server.requests().len(), 1);
}

#[tokio::test]
async fn a_watch_that_stays_wanted_stays_open_and_another_is_closed() {
    let watched = Watched::pods().await;
    watched.keep().await;
    let kubernetes = &watched.cluster.systems.kubernetes;
    let other = Watch { namespace: Some("other".to_owned()), ..watched.watch.clone() };
    kubernetes.keep(&BTreeSet::from([watched.watch.clone(), other.clone()]));
    kubernetes.settled(&[other]).await;
    assert_eq!(watched.cluster.server.open_watches("pods"), 2);
    kubernetes.keep(&BTreeSet::from([watched.watch.clone()]));
    let open = async || watched.cluster.server.open_watches("pods");
    assert_eq!(until(open, |open| *open == 1).await, 1);
    assert_eq!(watched.cluster.server.count("watch", "pods"), 2, "the first was left alone");
}

#[tokio::test]
async fn a_watch_that_was_not_declared_is_not_read() {
    let watched = Watched::pods().await;
    watched.keep().await;
    let read = watched.cluster.systems.kubernetes.read(
        &Needs::default(),
        &watched.watch,
        |_: &Table<Pod>| (),
    );
    assert_eq!(read.unwrap_err().reason, Reason::UNDECLARED);
}

#[tokio::test]
async fn a_stream_that_ends_is_resumed_where_it_ended() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    for blow in [Blow::Close, Blow::Cut, Blow::Garbage] {
        let before = watched.cluster.server.count("watch", "pods");
        watched.cluster.server.blow(blow);
        let count = async || watched.cluster.server.count("watch", "pods");
        assert!(until(count, |count| *count > before).await > before, "{blow:?}");
        watched.is_up_again().await;
    }
    watched.cluster.put(pod("b"));
    watched.shows(&["a", "b"]).await;
    let resumed = watched.cluster.server.requests();
    assert!(resumed[1..].iter().all(|request| !request.query.contains("sendInitialEvents")));
    assert_eq!(watched.cluster.server.count("list", "pods"), 0);
}

#[tokio::test]
async fn bookmarks_move_the_place_where_a_stream_is_resumed() {
    let watched = Watched::pods().await;
    watched.cluster.server.behave(|server| server.bookmark_every = Duration::from_millis(50));
    watched.keep().await;
    let other = with(pod("x"), "/metadata/namespace", json!("elsewhere"));
    watched.cluster.put(other);
    let newest = watched.cluster.server.revision();
    let resumed_at = async || {
        watched.cluster.server.blow(Blow::Close);
        tokio::time::sleep(Duration::from_millis(100)).await;
        watched.cluster.server.requests().last().expect("a request").query.clone()
    };
    let wanted = format!("resourceVersion={newest}");
    let query = until(resumed_at, |query| query.ends_with(&wanted)).await;
    assert!(query.ends_with(&wanted), "{query}");
}

#[tokio::test]
async fn an_expired_stream_is_listed_again_and_what_vanished_is_swept() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.cluster.put(pod("b"));
    watched.keep().await;
    watched.shows(&["a", "b"]).await;
    watched.cluster.server.refuse().await;
    watched.goes_down().await;
    watched.cluster.remove("pods/shop/a");
    watched.cluster.put(pod("c"));
    watched.cluster.server.expire_history();
    assert_eq!(watched.names().unwrap(), ["a", "b"], "what is known stays, for a while");
    watched.cluster.server.listen().await;
    watched.shows(&["b", "c"]).await;
}

#[tokio::test]
async fn an_expiry_in_the_middle_of_a_stream_is_listed_again() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    watched.cluster.server.blow(Blow::Expire);
    watched.cluster.put(pod("b"));
    watched.shows(&["a", "b"]).await;
    let lists = async || {
        let requests = watched.cluster.server.requests();
        requests.iter().filter(|request| request.query.contains("sendInitialEvents")).count()
    };
    assert_eq!(until(lists, |lists| *lists == 2).await, 2);
}

#[tokio::test]
async fn a_server_that_does_not_stream_lists_is_asked_in_pages() {
    let watched = Watched::pods().await;
    watched.cluster.server.behave(|server| server.streaming_lists = false);
    let template = vigie_sim::kubernetes::pods::typical(NAMESPACE, "web");
    watched.cluster.server.load(&template, 1_200, 5).expect("pods");
    watched.keep().await;
    assert_eq!(watched.names().unwrap().len(), 1_200);
    assert_eq!(watched.cluster.server.count("list", "pods"), 3, "pages of 500");
    watched.cluster.put(pod("a"));
    let count = async || watched.names().map(|names| names.len());
    assert_eq!(until(count, |count| *count == Ok(1_201)).await, Ok(1_201));
}

#[tokio::test]
async fn a_list_that_is_cut_in_the_middle_sweeps_nothing() {
    for paged in [false, true] {
        let watched = Watched::pods().await;
        watched.cluster.server.behave(|server| server.streaming_lists = !paged);
        for name in ["a", "b", "c"] {
            watched.cluster.put(pod(name));
        }
        watched.keep().await;
        let verb = if paged { "list" } else { "watch" };
        watched.cluster.server.refuse().await;
        watched.goes_down().await;
        watched.cluster.server.expire_history();
        watched.cluster.remove("pods/shop/c");
        let cut = Fault::new(Act::CutAfter(900)).verb(verb).resource("pods");
        let resumed = Fault::new(Act::Status { code: 410, retry_after: None }).verb("watch");
        watched.cluster.server.inject(resumed.times(1));
        watched.cluster.server.inject(cut);
        watched.cluster.server.listen().await;
        let asked = watched.cluster.server.count(verb, "pods");
        let count = async || watched.cluster.server.count(verb, "pods");
        until(count, |count| *count > asked + 2).await;
        assert_eq!(watched.names().unwrap(), ["a", "b", "c"], "paged: {paged}");
        assert!(!watched.is_up());
        watched.cluster.server.heal();
        watched.shows(&["a", "b"]).await;
    }
}

#[tokio::test]
async fn a_first_list_that_is_cut_or_garbled_is_no_list() {
    for act in [Act::CutAfter(900), Act::Garbage] {
        let watched = Watched::pods().await;
        watched.cluster.put(pod("a"));
        watched.cluster.put(pod("b"));
        watched.cluster.server.inject(Fault::new(act));
        watched.keep().await;
        watched.says(Reason::STREAM_DOWN).await;
        watched.cluster.server.heal();
        watched.shows(&["a", "b"]).await;
    }
}

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
async fn a_stream_that_is_refused_for_too_long_is_not_believed() {
    let watched = Watched::paced(Pace { silence: Duration::from_secs(1), ..brisk() }).await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    watched.cluster.server.refuse().await;
    watched.says(Reason::STREAM_DOWN).await;
    watched.cluster.server.listen().await;
    watched.shows(&["a"]).await;
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
        let names = |table: &Table<Workload>| {
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
async fn an_object_that_can_not_be_read_is_named_and_the_others_are_read() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.cluster.put(with(pod("b"), "/status/containerStatuses/0/restartCount", json!("7")));
    watched.keep().await;
    watched.shows(&["a"]).await;
    let garbled =
        |table: &Table<Pod>| table.garbled().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    let kubernetes = &watched.cluster.systems.kubernetes;
    assert_eq!(kubernetes.read(&watched.needs, &watched.watch, garbled).unwrap(), ["shop/b"]);
    watched.cluster.put(pod("b"));
    watched.shows(&["a", "b"]).await;
    assert!(kubernetes.read(&watched.needs, &watched.watch, garbled).unwrap().is_empty());
}

#[tokio::test]
async fn names_with_anything_in_them_are_kept_apart() {
    let watched = Watched::pods().await;
    for name in ["a\"b", "<script>", "café\n", "a/b"] {
        let object: Value = with(pod("x"), "/metadata/name", json!(name));
        // A real server refuses most of these; Vigie must not rely on it.
        let _taken = watched.cluster.server.apply(object);
    }
    watched.cluster.put(pod("plain"));
    watched.keep().await;
    assert!(watched.names().unwrap().contains(&"plain".to_owned()));
}

#[tokio::test]
async fn the_servers_clock_is_compared_with_ours() {
    let watched = Watched::pods().await;
    watched.cluster.server.behave(|server| {
        server.date_offset = jiff::SignedDuration::from_mins(5);
    });
    watched.keep().await;
    let skew = watched.cluster.systems.kubernetes.clock_skew().expect("a Date header");
    let since_start = vigie::systems::clock::Clock::System
        .now()
        .duration_since(watched.cluster.clock.now())
        .as_secs_f64();
    assert!((skew - 300.0).abs() < 2.0 + since_start, "{skew}");
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
