//! Reports: one attempt at an item, and what came of it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::finding::Verdict;
use super::item::ItemId;
use super::judgement::Judgement;
use super::reason::Reason;

/// Why an attempt was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Its schedule said so.
    Scheduled,
    /// A watched object changed.
    Changed,
    /// Somebody asked.
    Asked,
    /// A round of a deployment's watch.
    Round,
    /// The last verdict contradicts the standing.
    Confirming,
}

/// One attempt at an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Which item.
    pub item: ItemId,
    /// The item's generation: a report of an older one is refused.
    #[serde(skip)]
    pub generation: u64,
    /// Why it was made.
    pub cause: Cause,
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    #[serde(serialize_with = "super::duration::seconds")]
    pub took: Duration,
    /// What its checks said, in file order.
    pub checks: Vec<CheckReport>,
}

/// What one check of an item said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// The check's kind.
    pub kind: &'static str,
    /// How long it took.
    #[serde(serialize_with = "super::duration::seconds")]
    pub took: Duration,
    /// What it said.
    pub judgement: Judgement,
}

impl Report {
    /// Worst of its checks.
    pub fn verdict(&self) -> Verdict {
        self.worst().map_or(Verdict::Unknown, |check| check.judgement.verdict())
    }

    /// The reason of the worst check, the first of equals; none while all pass.
    pub fn reason(&self) -> Option<Reason> {
        match self.worst() {
            Some(check) => check.judgement.reason(),
            None => Some(Reason::NOTHING_SEEN),
        }
    }

    /// One sentence for the whole attempt.
    pub fn because(&self) -> String {
        match self.worst() {
            Some(check) => check.judgement.because(),
            None => "the item has no check".to_owned(),
        }
    }

    fn worst(&self) -> Option<&CheckReport> {
        let verdict = self.checks.iter().map(|check| check.judgement.verdict()).max()?;
        self.checks.iter().find(|check| check.judgement.verdict() == verdict)
    }
}
