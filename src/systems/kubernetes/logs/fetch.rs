//! The requests for one container's log.

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use super::answer::{Answer, Cursor};
use super::{MOST_BYTES, Plan, Source, Trouble, UNREADABLE};
use crate::model::finding::Obstacle;
use crate::model::needs::{Needs, Right};
use crate::model::reason::Reason;
use crate::systems::kubernetes::{Ask, Kubernetes, Refused};

/// What a server may send beyond the limit that it was told.
const SLACK: usize = 64 << 10;
/// The least that is worth asking for, in bytes.
const LEAST: usize = 4 << 10;

/// What is to be asked of a container.
#[derive(Debug)]
pub(super) struct Place {
    /// Which container.
    pub(super) source: Source,
    /// Where the log of the run before is to be read from, where that is still to be done.
    pub(super) previous: Option<Cursor>,
    /// Where the log is to be read from.
    pub(super) cursor: Cursor,
    /// Whether it is known that there is a line.
    pub(super) heard: bool,
}

/// A part of a log.
#[derive(Debug, Default)]
pub(super) struct Body {
    bytes: Bytes,
    /// Whether it was cut by the limit.
    pub(super) cut: bool,
}

impl Body {
    pub(super) fn answer(&self, ended: bool, now: Timestamp) -> Answer<'_> {
        Answer { body: &self.bytes, cut: self.cut, ended, now }
    }
}

/// What came.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The log of the run before; none where there was no such run.
    pub(super) previous: Option<Body>,
    /// Why it could not be read, though it may be there.
    pub(super) previous_trouble: Option<Trouble>,
    /// The log.
    pub(super) current: Result<Body, Trouble>,
    /// Whether there is any line, older ones included.
    pub(super) has_lines: bool,
}

/// What is asked for.
struct Wish {
    previous: bool,
    since: Timestamp,
    limit: usize,
    last_line_alone: bool,
}

impl Kubernetes {
    pub(super) async fn fetch(
        &self,
        needs: &Needs,
        right: &Right,
        place: &Place,
        plan: Plan,
    ) -> Fetched {
        let mut fetched = Fetched {
            previous: None,
            previous_trouble: None,
            current: Err(Trouble::NoTime),
            has_lines: false,
        };
        // One kubelet that hangs leaves time for others.
        let left = plan.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            fetched.previous_trouble = place.previous.map(|_| Trouble::NoTime);
            return fetched;
        }
        let until = Instant::now() + left / 3;
        let ask = async |wish: Wish| self.part(needs, right, place, wish, until).await;
        let told = |refused| trouble(refused, &place.source.pod.name);
        let mut limit = MOST_BYTES;
        if let Some(cursor) = place.previous {
            let wish = Wish { previous: true, since: cursor.at, limit, last_line_alone: false };
            match ask(wish).await {
                Ok(body) => {
                    limit = limit.saturating_sub(body.bytes.len()).max(LEAST);
                    fetched.previous = Some(body);
                }
                Err(refused) if refused.code == Some(400) => (),
                Err(refused) => fetched.previous_trouble = Some(told(refused)),
            }
        }
        let since = place.cursor.at;
        let wish = Wish { previous: false, since, limit, last_line_alone: false };
        fetched.current = ask(wish).await.map_err(told);
        let is_empty = fetched.current.as_ref().is_ok_and(|body| body.bytes.is_empty());
        if is_empty && !place.heard {
            // Nothing new in a log of which nothing was read yet: is there anything at all?
            let since = Timestamp::MIN;
            let wish = Wish { previous: false, since, limit: LEAST, last_line_alone: true };
            match ask(wish).await {
                Ok(body) => fetched.has_lines = !body.bytes.is_empty(),
                Err(refused) => fetched.current = Err(told(refused)),
            }
        }
        fetched
    }

    async fn part(
        &self,
        needs: &Needs,
        right: &Right,
        place: &Place,
        wish: Wish,
        until: Instant,
    ) -> Result<Body, Refused> {
        let path = path(&place.source, &wish);
        let ask = Ask {
            right,
            path: &path,
            post: None,
            metadata_only: false,
            longest: wish.limit + SLACK,
            until,
        };
        let bytes = self.ask(needs, ask).await?;
        let cut = !wish.last_line_alone && bytes.len() >= wish.limit;
        Ok(Body { bytes, cut })
    }
}

fn path(source: &Source, wish: &Wish) -> String {
    let Source { workload: _, pod, container, role: _ } = source;
    let Wish { previous, since, limit, last_line_alone } = wish;
    let mut path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?container={container}&timestamps=true&limitBytes={limit}",
        pod.namespace, pod.name
    );
    if *previous {
        path.push_str("&previous=true");
    }
    if *last_line_alone {
        path.push_str("&tailLines=1");
    }
    if *since > Timestamp::MIN {
        // The API server passes whole seconds on to the kubelet.
        let since = Timestamp::from_second(since.as_second()).unwrap_or(*since);
        path.push_str(&format!("&sinceTime={since}"));
    }
    path
}

/// What a refusal means of a log of `pod`.
fn trouble(refused: Refused, pod: &str) -> Trouble {
    let said = &refused.obstacle.because;
    match refused.code {
        Some(400) if said.contains("is waiting to start") => Trouble::NotStarted,
        // What is not found may be the pod's node as well, which the server calls a pod, too: then
        // nobody has read the log.
        Some(404) if said.contains(&format!("\"{pod}\" not found")) => Trouble::Gone,
        Some(400 | 404 | 500..) => {
            let because = refused.obstacle.because.clone();
            Trouble::Refused(Refused { obstacle: Obstacle::new(UNREADABLE, because), ..refused })
        }
        None if refused.obstacle.reason == Reason::STREAM_DOWN => {
            let because = refused.obstacle.because.clone();
            Trouble::Refused(Refused { obstacle: Obstacle::new(UNREADABLE, because), ..refused })
        }
        _ => Trouble::Refused(refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_is_gone_and_a_node_that_is_gone_are_told_apart() {
        for (missing, gone) in [("web-1", true), ("node-1", false), ("web-12", false)] {
            let because = format!(
                "reading pods/log: the API server answers 404: pods \"{missing}\" not found"
            );
            let obstacle = Obstacle::new(Reason::KIND_UNKNOWN, because);
            let refused = Refused { obstacle, code: Some(404), absent: true };
            let trouble = trouble(refused, "web-1");
            assert_eq!(matches!(trouble, Trouble::Gone), gone, "{missing}: {trouble:?}");
        }
    }
}
