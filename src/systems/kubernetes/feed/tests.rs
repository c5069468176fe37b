//! What a refusal means, and that a crash is outlived.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use vigie_sim::kubernetes::{ApiServer, Settings};

use super::super::JOBS;
use super::super::access::{Access, Connection};
use super::super::counted::Traffic;
use super::super::pool::Words;
use super::super::table::Key;
use super::*;
use crate::model::needs::{Resource, Watch};
use crate::model::reason::Reason;

#[test]
fn only_the_refusals_of_servers_that_can_not_stream_lists_lead_to_pages() {
    let storage = "storage: required storage feature RequestWatchProgress is disabled";
    let (etcd, busy) = (Some(storage.to_owned()), Some("etcdserver: no leader".to_owned()));
    for (code, message, initial, unstreamed) in [
        (400, None, true, true),
        (422, None, true, true),
        (422, None, false, false),
        (500, etcd.clone(), true, true),
        (500, etcd, false, false),
        (500, busy, true, false),
        (500, None, true, false),
        (503, None, true, false),
    ] {
        let failure = Failure { message: message.clone(), ..Failure::default() };
        let end = ended(Refusal::coded("watching pods", code, &failure), initial);
        let is = matches!(end, End::Unstreamed);
        assert_eq!(is, unstreamed, "{code} {message:?}, as a list: {initial}");
    }
}

/// A record that makes its maker panic the first time.
#[derive(Debug, PartialEq)]
struct Trap;

static CRASHES: AtomicU32 = AtomicU32::new(0);

impl Record for Trap {
    type Wire = serde_json::Value;

    fn of(_: Self::Wire, _: &Key, _: &Resource, _: &mut Words) -> Self {
        assert!(CRASHES.fetch_add(1, Ordering::SeqCst) > 0, "the first one");
        Self
    }
}

#[tokio::test]
async fn a_crash_is_told_and_outlived() {
    let server = ApiServer::start(Settings::default()).await.unwrap();
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "namespace": "d", "name": "a" },
    });
    server.apply(job).unwrap();
    let connection = format!("server: {{ url: '{}' }}", server.url());
    let connection: Connection = serde_saphyr::from_str(&connection).unwrap();
    let traffic = Arc::new(Traffic::new(Clock::System));
    let requests = Requests::new(Arc::new(Access::new(connection, traffic)));
    let watch = Watch::all(JOBS);
    let stream = Arc::new(Stream::<Trap>::new(watch));
    let pause = Duration::from_millis(100);
    let pace = Pace { first_pause: pause, longest_pause: pause, ..Pace::default() };
    let mut revision = stream.pulse.revision();
    let feed = Feed::new(Arc::clone(&stream), requests, pace, Clock::System);
    let task = tokio::spawn(feed.run());
    let changed = timeout(Duration::from_secs(20), revision.changed()).await;
    changed.expect("the crash is told").unwrap();
    assert_eq!(stream.pulse.obstacle(pace.silence).unwrap().reason, Reason::CRASHED);
    let changed = timeout(Duration::from_secs(20), revision.changed()).await;
    changed.expect("the list is complete").unwrap();
    assert_eq!(stream.read(|table| table.records().count()), 1);
    task.abort();
}
