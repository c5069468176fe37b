//! What goes on while nothing happens: logs are written, segments of databases' logs archived.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::backups::{LogOf, POSTGRES_SERVER};
use super::databases::ALIASES;
use crate::elasticsearch::Elasticsearch;
use crate::kubernetes::{ApiServer, trackdechets};
use crate::s3::{POSTGRES_BUCKET, Store};

/// How often segments are archived, in seconds.
const ARCHIVED: u64 = 120;
/// Logs whose newest line is older, in milliseconds, have stopped.
const STOPPED: i64 = 60_000;

/// Lives on, second by second, until it is dropped.
pub(in crate::town) fn live(
    kubernetes: &ApiServer,
    store: &Store,
    search: &Arc<Elasticsearch>,
    now: Timestamp,
) -> impl Future<Output = ()> + Send + use<> {
    let (kubernetes, store, search) = (kubernetes.clone(), store.clone(), Arc::clone(search));
    async move {
        let mut runs = trackdechets::Runs::new();
        let mut log = LogOf::up_to(now);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        for count in 1_u64.. {
            second.tick().await;
            write_documents(&search);
            trackdechets::write_of_starts(&kubernetes, &mut runs).ok();
            if count.is_multiple_of(ARCHIVED) {
                let at = now.saturating_add(SignedDuration::from_secs(
                    i64::try_from(count).unwrap_or_default(),
                ));
                let at = at.unwrap_or(now);
                log.archive(&store, (POSTGRES_BUCKET, POSTGRES_SERVER), at);
            }
        }
    }
}

/// Logs go on, unless they have stopped: then their newest line is older than that.
fn write_documents(search: &Elasticsearch) {
    let mut cluster = search.like();
    let now = millis();
    for index in &mut cluster.indices {
        index.newest = index.newest.map(|newest| if now - newest < STOPPED { now } else { newest });
    }
    search.become_like(&cluster, &ALIASES);
}

/// Milliseconds since 1970.
pub(super) fn millis() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "a simulated system has a clock of its own")]
    Timestamp::now().as_millisecond()
}
