//! Findings and obstacles: an answer with its evidence, or why there is none.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::measure::Sample;
use super::reason::Reason;

/// What one look at a line, a check or an item amounts to; the order is from best to worst.
///
/// Worst of several: fail > unknown > warn > pass. A blind line must not hide a failing one, and a
/// warning must not hide that something could not be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(utoipa::ToSchema)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It holds, and somebody should look.
    Warn,
    /// Nobody could tell.
    Unknown,
    /// It does not hold.
    Fail,
}

impl Verdict {
    /// All of them, for series that must exist at zero.
    pub const ALL: [Self; 4] = [Self::Pass, Self::Warn, Self::Fail, Self::Unknown];

    /// The word in labels, the API and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// How a finding grades the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// It holds.
    Pass,
    /// It holds, and somebody should look: here is why.
    Warn(Reason),
    /// It does not hold: here is why.
    Fail(Reason),
}

/// An answer with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Pass, warn or fail, with the reason of the latter two.
    pub grade: Grade,
    /// A sentence for the person on call: what was seen, then what was allowed, with units.
    pub because: String,
    /// The figures that were seen, for `/metrics`.
    pub samples: Vec<Sample>,
}

impl Finding {
    /// The claim holds.
    pub fn pass(because: impl Into<String>) -> Self {
        Self { grade: Grade::Pass, because: because.into(), samples: Vec::new() }
    }

    /// The claim holds, and somebody should look.
    pub fn warn(reason: Reason, because: impl Into<String>) -> Self {
        Self { grade: Grade::Warn(reason), because: because.into(), samples: Vec::new() }
    }

    /// The claim does not hold.
    pub fn fail(reason: Reason, because: impl Into<String>) -> Self {
        Self { grade: Grade::Fail(reason), because: because.into(), samples: Vec::new() }
    }

    /// Adds a figure.
    pub fn measured(mut self, sample: Sample) -> Self {
        self.samples.push(sample);
        self
    }
}

/// Why there is no answer.
///
/// Also the error type of every connection in `systems`: the one place where an SDK's error becomes
/// a reason. A check that asks its *subject* turns the obstacle into a failure with
/// [`Obstacle::into_failure`]; one that asks a *witness* passes it on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{because}")]
pub struct Obstacle {
    /// The code.
    pub reason: Reason,
    /// A sentence: what was tried, and what came instead of an answer. No secret in it.
    pub because: String,
    /// Whether the cause lies on our own side (a missing secret, our resolver), so that even a
    /// subject can't be blamed for it.
    pub ours: bool,
}

impl Obstacle {
    /// An obstacle on the way to, or at, the system that was asked.
    pub fn new(reason: Reason, because: impl Into<String>) -> Self {
        Self { reason, because: because.into(), ours: false }
    }

    /// An obstacle on our own side: always unknown, whomever the check asks.
    pub fn ours(reason: Reason, because: impl Into<String>) -> Self {
        Self { reason, because: because.into(), ours: true }
    }

    /// The question has no answer yet.
    pub fn not_yet(because: impl Into<String>) -> Self {
        Self::ours(Reason::NOT_YET, because)
    }

    /// The question is about the current deployment, and none is known.
    pub fn no_deployment() -> Self {
        let because = "no deployment is known here: announce the current one";
        Self::ours(Reason::NO_DEPLOYMENT, because)
    }

    /// Reads the silence of a subject as evidence: a failure with the same reason.
    ///
    /// # Errors
    /// The obstacle itself, where the cause is ours.
    pub fn into_failure(self) -> Result<Finding, Self> {
        if self.ours { Err(self) } else { Ok(Finding::fail(self.reason, self.because)) }
    }
}
