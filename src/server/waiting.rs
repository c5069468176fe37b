//! Waiting for what takes its time: a client is told within a while, and what goes on goes on.

use std::future::Future;
use std::time::Duration;

use axum::response::Response;
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;

use super::answer::{defect, problem};
use crate::model::duration::spoken;
use crate::views::api::Problem;

/// How long somebody who writes is kept waiting.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What comes within that time.
pub(super) async fn in_time<T>(what: impl Future<Output = T>) -> Result<T, Elapsed> {
    tokio::time::timeout(LONGEST_WAIT, what).await
}

/// What is told of that which does not; and what becomes of it where it is asked for `again`.
pub(super) fn not_yet(again: &str) -> String {
    let within = spoken(LONGEST_WAIT);
    format!("it is not done within {within}, and still may be: {again}")
}

/// The answer of what goes on in a task of its own. Who waits is told within a while, and the task goes
/// on: whatever comes of it is recorded, and remembered for those who ask again.
pub(super) async fn awaited(acting: JoinHandle<Response>, again: &str) -> Response {
    match in_time(acting).await {
        Ok(done) => done.unwrap_or_else(|error| defect("writing", &error)),
        Err(_) => problem(503, Problem::NOT_DONE_YET, not_yet(again)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::HeaderValue;
    use bytes::Bytes;
    use tokio::time::Instant;

    use super::*;
    use crate::server::replay::{Done, Name, Replays};

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_and_what_goes_on_is_remembered() {
        let replays = Arc::new(Replays::default());
        let name = Name::of("jo", Some(&HeaderValue::from_static("job-7")), [0; 32]).unwrap();
        let done = |place: &str| Done {
            digest: [0; 32],
            content: Bytes::new(),
            place: place.to_owned(),
            at: Instant::now(),
        };
        let acting = tokio::spawn({
            let (replays, name) = (Arc::clone(&replays), name.clone());
            async move {
                let mut slot = replays.slot(&name, Instant::now()).await;
                tokio::time::sleep(2 * LONGEST_WAIT).await;
                *slot = Some(done("/api/v1/deployments/1"));
                problem(500, "Nobody", "hears it")
            }
        });
        assert_eq!(awaited(acting, "ask").await.status(), 503);
        let slot = replays.slot(&name, Instant::now()).await;
        assert_eq!(slot.as_ref().map(|done| done.place.as_str()), Some("/api/v1/deployments/1"));
    }
}
