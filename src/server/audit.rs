//! The record of requests to write: one line of log and one count each, whatever came of them. Of
//! those that come too fast the first has its line, so that nobody fills a disk with them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use tracing::{info, warn};

use super::tokens::Scope;
use crate::model::judgement::legible;

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// An attempt now.
    Look,
    /// Loading the configuration anew.
    Reload,
    /// Taking a deployment into the record.
    Announce,
    /// Attesting an item.
    Attest,
    /// Taking an attestation back.
    EndAttestation,
    /// Waiving an item.
    Waive,
    /// Ending a waiver before its time.
    EndWaiver,
    /// Declaring maintenance.
    Maintain,
    /// Ending maintenance before its time.
    EndMaintenance,
}

impl Action {
    const ALL: [Self; 9] = [
        Self::Look,
        Self::Reload,
        Self::Announce,
        Self::Attest,
        Self::EndAttestation,
        Self::Waive,
        Self::EndWaiver,
        Self::Maintain,
        Self::EndMaintenance,
    ];

    /// The word in labels and logs.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Reload => "reload",
            Self::Announce => "announce",
            Self::Attest => "attest",
            Self::EndAttestation => "end_attestation",
            Self::Waive => "waive",
            Self::EndWaiver => "end_waiver",
            Self::Maintain => "maintain",
            Self::EndMaintenance => "end_maintenance",
        }
    }

    /// What a token must allow for it.
    pub(super) const fn scope(self) -> Scope {
        match self {
            Self::Look => Scope::Look,
            Self::Reload => Scope::Reload,
            Self::Announce => Scope::Announce,
            Self::Attest | Self::EndAttestation => Scope::Attest,
            Self::Waive | Self::EndWaiver | Self::Maintain | Self::EndMaintenance => Scope::Waive,
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Done.
    Accepted,
    /// It was done before, for the same request.
    Repeated,
    /// The token is missing, wrong, or lacks the scope; or writing is not enabled.
    Denied,
    /// It can't be done as things are: no such item, too soon, a body too large.
    Rejected,
    /// It was tried and did not succeed.
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] =
        [Self::Accepted, Self::Repeated, Self::Denied, Self::Rejected, Self::Failed];

    const fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Repeated => "repeated",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}

/// One request to write.
pub(super) struct Entry<'a> {
    /// What it wants.
    pub(super) action: Action,
    /// What came of it.
    pub(super) outcome: Outcome,
    /// The name of its token; empty where none was accepted.
    pub(super) token: &'a str,
    /// What it is about: an item's id, or nothing.
    pub(super) about: &'a str,
    /// Where it came from.
    pub(super) peer: SocketAddr,
    /// Why it was not done.
    pub(super) because: &'a str,
    /// Whether the log has told of its like a moment ago: it is counted alone.
    pub(super) told: bool,
}

/// Counts and logs what is written.
#[derive(Default)]
pub(super) struct Audit(Mutex<BTreeMap<[&'static str; 2], u64>>);

impl Audit {
    /// Counts and logs one request.
    pub(super) fn record(&self, entry: &Entry<'_>) {
        let Entry { action, outcome, token, about, peer, because, told } = entry;
        let (action, outcome_word) = (action.label(), outcome.label());
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry([action, outcome_word]).or_default() += 1;
        drop(counts);
        if *told {
            return;
        }
        let about = legible(about, 100);
        if *outcome == Outcome::Accepted {
            info!(target: "vigie::audit", action, outcome = outcome_word, token, about, %peer, "write");
        } else {
            warn!(
                target: "vigie::audit",
                action, outcome = outcome_word, token, about, %peer, because, "write"
            );
        }
    }

    /// All counts by action and outcome, zero counts included.
    pub(super) fn counts(&self) -> BTreeMap<[&'static str; 2], u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for action in Action::ALL {
            for outcome in Outcome::ALL {
                counts.entry([action.label(), outcome.label()]).or_default();
            }
        }
        counts
    }
}
