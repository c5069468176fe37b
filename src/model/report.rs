//! Reports: one attempt at an item, and what came of it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::Verdict;
use super::item::ItemId;
use super::judgement::Judgement;
use super::reason::Reason;

/// Why an attempt was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(utoipa::ToSchema)]
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
    /// What was found of a person's word, where one can stand in for the checks.
    pub word: Option<CheckReport>,
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
    /// Worst of its checks; or of the word that stands in for them, where that says better.
    pub fn verdict(&self) -> Verdict {
        self.deciding().map_or(Verdict::Unknown, |check| check.judgement.verdict())
    }

    /// The reason of the check that decides, the first of equals; none while it passes.
    pub fn reason(&self) -> Option<Reason> {
        match self.deciding() {
            Some(check) => check.judgement.reason(),
            None => Some(Reason::NOTHING_SEEN),
        }
    }

    /// One sentence for the whole attempt.
    pub fn because(&self) -> String {
        match self.deciding() {
            Some(check) => check.judgement.because(),
            None => "the item has no check".to_owned(),
        }
    }

    /// All that was said, the word that may stand in for the checks last.
    pub fn all(&self) -> impl Iterator<Item = &CheckReport> {
        self.checks.iter().chain(&self.word)
    }

    /// When time alone will change what was said, at the earliest.
    pub fn changes_at(&self) -> Option<Timestamp> {
        self.all().filter_map(|check| check.judgement.changes_at).min()
    }

    /// What decides the attempt: the worst check, unless a person's word says better.
    pub fn deciding(&self) -> Option<&CheckReport> {
        let worst = self.worst()?;
        let better = |word: &&CheckReport| {
            let holds = matches!(word.judgement.verdict(), Verdict::Pass | Verdict::Warn);
            holds && word.judgement.verdict() < worst.judgement.verdict()
        };
        Some(self.word.as_ref().filter(better).unwrap_or(worst))
    }

    fn worst(&self) -> Option<&CheckReport> {
        let verdict = self.checks.iter().map(|check| check.judgement.verdict()).max()?;
        self.checks.iter().find(|check| check.judgement.verdict() == verdict)
    }
}
