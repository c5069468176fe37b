//! One stream: what it says, and how it outlives whatever goes wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use vigie::model::needs::{Needs, Watch};
use vigie::model::reason::Reason;
use vigie::systems::kubernetes::pod::Pod;
use vigie::systems::kubernetes::{Pace, Table};
use vigie_sim::kubernetes::{Act, Blow, Fault};

use super::watched::Watched;
use super::{NAMESPACE, brisk, pod, until, with};

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
    watched.cluster.put(pod("c"));
    watched.shows(&["a", "b", "c"]).await;
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
    watched.says(Reason::STREAM_DOWN).await;
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
async fn a_cut_after_which_the_place_is_forgotten_is_no_blindness() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    watched.cluster.server.expire_history();
    watched.cluster.server.blow(Blow::Cut);
    watched.cluster.put(pod("b"));
    let seen = async || {
        let names = watched.names();
        assert!(names.is_ok(), "{names:?}");
        names.expect("names")
    };
    assert_eq!(until(seen, |names| names.len() == 2).await, ["a", "b"]);
}

#[tokio::test]
async fn a_server_that_calls_every_list_expired_is_down() {
    let gone = Fault::new(Act::Status { code: 410, retry_after: None });
    let watched = Watched::pods().await;
    watched.cluster.server.inject(gone.clone());
    watched.keep().await;
    watched.says(Reason::STREAM_DOWN).await;
    watched.cluster.server.heal();
    watched.shows(&[]).await;
    watched.is_up_again().await;
    watched.cluster.server.inject(gone);
    watched.cluster.server.blow(Blow::Expire);
    watched.goes_down().await;
}

#[tokio::test]
async fn a_server_that_did_not_stream_lists_is_asked_again_after_a_while() {
    let pace = Pace { stream_again_after: Duration::from_secs(1), ..brisk() };
    let watched = Watched::paced(pace).await;
    watched.cluster.server.behave(|server| server.streaming_lists = false);
    watched.cluster.put(pod("a"));
    watched.keep().await;
    assert_eq!(watched.cluster.server.count("list", "pods"), 1);
    watched.cluster.server.behave(|server| server.streaming_lists = true);
    watched.cluster.server.forget_requests();
    let streamed = async || {
        watched.cluster.server.blow(Blow::Expire);
        let requests = watched.cluster.server.requests();
        requests.iter().any(|request| request.query.contains("sendInitialEvents"))
    };
    assert!(until(streamed, |streamed| *streamed).await);
    watched.shows(&["a"]).await;
}

#[tokio::test]
async fn an_object_without_a_name_is_forgotten_when_a_list_does_not_show_it() {
    let watched = Watched::pods().await;
    watched.cluster.put(pod("a"));
    watched.keep().await;
    let kubernetes = &watched.cluster.systems.kubernetes;
    let garbled = async || {
        let count = |table: &Table<Pod>| table.garbled().count();
        kubernetes.read(&watched.needs, &watched.watch, count).unwrap()
    };
    let large = "x".repeat(9 << 20);
    watched.cluster.put(with(pod("b"), "/metadata/annotations", json!({ "large": large })));
    assert_eq!(until(garbled, |count| *count == 1).await, 1);
    watched.cluster.remove("pods/shop/b");
    let healed = async || {
        watched.cluster.server.blow(Blow::Close);
        garbled().await
    };
    assert_eq!(until(healed, |count| *count == 0).await, 0);
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
        assert_eq!(watched.names(), Err(Reason::STREAM_DOWN), "paged: {paged}");
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
