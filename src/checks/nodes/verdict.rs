//! What is said of one node.

use std::time::Duration;

use jiff::Timestamp;

use super::Nodes;
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Answer;
use crate::model::reason::{CLOCK_TOLERANCE, Documented, Reason};
use crate::systems::kubernetes::node::{Node, Pressure, Readiness};

macro_rules! reasons {
    ($($name:ident $code:literal $how:ident $means:literal;)*) => {
        $(pub(super) const $name: Documented = Documented::$how(Reason::new($code), $means);)*
    };
}

reasons! {
    NOT_READY "NotReady" warns_or_fails
        "A node says that it is not ready; it fails after `ready_within`.";
    NODE_LOST "NodeLost" fails "A node's kubelet is not heard of any more.";
    MEMORY_PRESSURE "MemoryPressure" fails "A node is short of memory, and evicts pods.";
    DISK_PRESSURE "DiskPressure" fails "A node is short of disk, and evicts pods.";
    PID_PRESSURE "PIDPressure" fails "A node is short of process ids.";
    NETWORK_UNAVAILABLE "NetworkUnavailable" fails "A node's network is not set up.";
    CORDONED "Cordoned" warns "A node takes no new pods: it is cordoned, or being deleted.";
}

/// What a node is to those who look for room; the order is that of the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// It is ready and takes pods.
    Ready,
    /// It is ready, and a taint that is not tolerated keeps pods away.
    Tainted,
    /// It is ready, and takes no new pods.
    Cordoned,
    /// It says that it is not ready.
    NotReady,
    /// It says nothing.
    Lost,
}

impl State {
    pub(super) const ALL: [Self; 5] =
        [Self::Ready, Self::Tainted, Self::Cordoned, Self::NotReady, Self::Lost];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Tainted => "tainted",
            Self::Cordoned => "cordoned",
            Self::NotReady => "not_ready",
            Self::Lost => "lost",
        }
    }
}

impl Nodes {
    /// The state of a node; none where it can't be told.
    pub(super) fn state(&self, node: &Node) -> Option<State> {
        if node.missing.is_some() {
            return None;
        }
        let bars = |taint| !self.tolerated_taints.iter().any(|one| one.covers(taint));
        Some(match node.ready {
            Readiness::Lost => State::Lost,
            Readiness::NotReady => State::NotReady,
            Readiness::Ready if node.cordoned || node.leaving => State::Cordoned,
            Readiness::Ready if node.taints.iter().any(bars) => State::Tainted,
            Readiness::Ready => State::Ready,
        })
    }

    /// The worst that there is to say against a node.
    pub(super) fn complaint(&self, node: &Node, now: Timestamp) -> Option<Answer> {
        if let Some(missing) = node.missing {
            let because = format!("the API server does not give {missing}");
            return Some(Obstacle::new(Reason::GARBLED, because).into());
        }
        let words = node.words.as_deref().unwrap_or_default();
        match node.ready {
            Readiness::Lost => return Some(self.lost(node, words, now).into()),
            Readiness::NotReady => return Some(self.not_ready(node, words, now)),
            Readiness::Ready => {}
        }
        if let Some(pressure) = node.pressures.first() {
            return Some(pressed(*pressure).into());
        }
        let why = if node.leaving {
            "is being deleted"
        } else if node.cordoned {
            "is cordoned"
        } else {
            return None;
        };
        let because = format!("{why} and takes no new pods");
        Some(Finding::warn(CORDONED.reason, because).into())
    }

    /// However our clocks differ, it is lost. The machine of a node that is being deleted is turned
    /// off before the node is gone.
    fn lost(&self, node: &Node, words: &str, now: Timestamp) -> Finding {
        let lasted = lasted(node, now);
        let goes = node.leaving
            && lasted.as_ref().is_ok_and(|lasted| *lasted <= self.ready_within.0.get());
        let since = lasted.map(|lasted| format!(" for {}", spoken(lasted))).unwrap_or_default();
        if goes {
            let because = format!("is being deleted, and has not been heard of{since}");
            return Finding::warn(CORDONED.reason, because);
        }
        Finding::fail(NODE_LOST.reason, format!("has not been heard of{since}; last: {words}"))
    }

    fn not_ready(&self, node: &Node, words: &str, now: Timestamp) -> Answer {
        let allowed = self.ready_within.0.get();
        let lasted = match lasted(node, now) {
            Ok(lasted) => lasted,
            Err(obstacle) => return obstacle.into(),
        };
        let because = format!(
            "has not been ready for {}, {} allowed; it says: {words}",
            spoken(lasted),
            spoken(allowed)
        );
        if lasted > allowed {
            Finding::fail(NOT_READY.reason, because).into()
        } else {
            Finding::warn(NOT_READY.reason, because).into()
        }
    }
}

fn pressed(pressure: Pressure) -> Finding {
    let (documented, because) = match pressure {
        Pressure::Memory => (MEMORY_PRESSURE, "is short of memory, and evicts pods"),
        Pressure::Disk => (DISK_PRESSURE, "is short of disk, and evicts pods"),
        Pressure::Pid => (PID_PRESSURE, "is short of process ids"),
        Pressure::Network => (NETWORK_UNAVAILABLE, "has no network for pods yet"),
    };
    Finding::fail(documented.reason, because)
}

/// How long a node is in its state. A time far ahead is not believed.
fn lasted(node: &Node, now: Timestamp) -> Result<Duration, Obstacle> {
    let since = node.since.unwrap_or(now);
    let ahead = since.duration_since(now);
    if ahead > CLOCK_TOLERANCE {
        let ahead = spoken(ahead.unsigned_abs());
        let because =
            format!("is not ready since {since:.0}, which lies {ahead} ahead; 2m allowed");
        return Err(Obstacle::new(Reason::CLOCK_SKEW, because));
    }
    Ok(Duration::try_from(now.duration_since(since)).unwrap_or_default())
}
