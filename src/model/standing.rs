//! Standings: what the board holds of an item after damping.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::reason::Reason;

/// What is held of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(utoipa::ToSchema)]
pub enum Standing {
    /// Nobody knows yet.
    Pending,
    /// It holds.
    Passing,
    /// It holds, and somebody should look.
    Warning,
    /// It does not hold.
    Failing,
    /// Nobody can tell.
    Unknown,
    /// Somebody took the blame for its reasons.
    Waived,
    /// It does not apply to this environment.
    NotApplicable,
}

impl Standing {
    /// All of them, for state sets.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Passing,
        Self::Warning,
        Self::Failing,
        Self::Unknown,
        Self::Waived,
        Self::NotApplicable,
    ];

    /// The word in labels, the API and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Failing => "failing",
            Self::Unknown => "unknown",
            Self::Waived => "waived",
            Self::NotApplicable => "not_applicable",
        }
    }

    /// For worst-of: failing > unknown > pending > warning (waived counts as one) > passing.
    pub const fn badness(self) -> u8 {
        match self {
            Self::NotApplicable => 0,
            Self::Passing => 1,
            Self::Warning | Self::Waived => 2,
            Self::Pending => 3,
            Self::Unknown => 4,
            Self::Failing => 5,
        }
    }

    /// The worst of several; not-applicable ones are left out.
    pub fn worst(standings: impl IntoIterator<Item = Self>) -> Option<Self> {
        standings
            .into_iter()
            .filter(|standing| *standing != Self::NotApplicable)
            .max_by_key(|standing| standing.badness())
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A standing as it is shown at some moment: staleness, dependencies and waivers considered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The standing.
    pub standing: Standing,
    /// Why; while warning, failing, unknown or waived.
    pub reason: Option<Reason>,
    /// The sentence behind it.
    pub because: String,
    /// Since when it stands so.
    pub since: Timestamp,
}

/// A change of standing: one line of log, one row of journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Turn {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub from: Standing,
    /// What it became.
    pub to: Standing,
    /// Why, unless it passes.
    pub reason: Option<Reason>,
    /// The sentence.
    pub because: String,
}

#[cfg(test)]
mod tests {
    use super::Standing::*;
    use super::*;

    #[test]
    fn the_worst_standing_leaves_out_what_does_not_apply() {
        assert_eq!(Standing::worst([Passing, Unknown, Failing]), Some(Failing));
        assert_eq!(Standing::worst([Passing, Pending, Warning]), Some(Pending));
        assert_eq!(Standing::worst([Passing, Waived]), Some(Waived));
        assert_eq!(Standing::worst([NotApplicable]), None);
    }
}
