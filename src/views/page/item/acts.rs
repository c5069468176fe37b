//! What people said of an item: attestations, waivers, maintenance; and the forms to say more.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::super::moment::Moment;
use super::super::section::web_link;
use crate::model::acts::terms::Validity;
use crate::model::acts::{Attestation, Covers, Ended, EndedBy, Maintenance, Waiver};
use crate::model::duration::spoken;
use crate::model::finding::Verdict;
use crate::model::reason::Reason;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::Standing;

/// All that people said.
pub(super) struct Acts<'a> {
    pub(super) attestations: Vec<AttestationView<'a>>,
    pub(super) waivers: Vec<WaiverView<'a>>,
    /// Maintenance that the item is in, and that it will be in.
    pub(super) maintenance: Vec<MaintenanceView<'a>>,
}

pub(super) struct AttestationView<'a> {
    pub(super) at: Moment,
    pub(super) who: &'a str,
    pub(super) token: &'a str,
    /// What it covers, in words.
    pub(super) covers: String,
    pub(super) valid: bool,
    pub(super) note: Option<&'a str>,
    /// Where the evidence is; a browser may follow it.
    pub(super) link: Option<&'a str>,
}

pub(super) struct WaiverView<'a> {
    pub(super) at: Moment,
    pub(super) who: &'a str,
    pub(super) token: &'a str,
    pub(super) until: Moment,
    pub(super) open: bool,
    /// How it ended, in words.
    pub(super) ended: Option<String>,
    pub(super) reasons: &'a [String],
    pub(super) why: &'a str,
}

pub(super) struct MaintenanceView<'a> {
    pub(super) by: &'a str,
    pub(super) on: bool,
    pub(super) from: Moment,
    pub(super) until: Moment,
    pub(super) why: &'a str,
}

impl<'a> Acts<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, state: &'a ItemState, now: Timestamp) -> Self {
        let deployment = snapshot.deployment().map(AsRef::as_ref);
        let attestation = |attestation: &'a Attestation| {
            let Attestation { id: _, item: _, who, token, at, covers, note, link } = attestation;
            AttestationView {
                at: Moment::new(*at, now),
                who,
                token,
                covers: covered(covers),
                valid: attestation.is_valid(deployment, now),
                note: note.as_deref(),
                link: link.as_deref().and_then(web_link),
            }
        };
        let ahead = |span: &&'a Maintenance| {
            span.ended.is_none() && now < span.until && span.is_about(&state.card.section)
        };
        let maintenance = snapshot.maintenance.iter().rev().map(AsRef::as_ref).filter(ahead);
        Self {
            attestations: state.attestations.iter().map(|a| attestation(a)).collect(),
            waivers: state.waivers.iter().map(|waiver| WaiverView::new(waiver, now)).collect(),
            maintenance: maintenance.map(|span| MaintenanceView::new(span, now)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { attestations, waivers, maintenance } = self;
        attestations.is_empty() && waivers.is_empty() && maintenance.is_empty()
    }
}

fn covered(covers: &Covers) -> String {
    match covers {
        Covers::Until(until) => format!("until {until:.0}"),
        Covers::Deployment(id) => format!("the deployment {id}"),
        Covers::NextDeployment => "the coming deployment".to_owned(),
    }
}

impl<'a> WaiverView<'a> {
    fn new(waiver: &'a Waiver, now: Timestamp) -> Self {
        let Waiver { id: _, item: _, who, token, at, until, reasons, why, ended } = waiver;
        Self {
            at: Moment::new(*at, now),
            who,
            token,
            until: Moment::new(*until, now),
            open: waiver.is_open(now),
            ended: ended.as_ref().map(|ended| told(ended, now)),
            reasons,
            why,
        }
    }
}

fn told(Ended { at, by }: &Ended, now: Timestamp) -> String {
    let ago = Moment::new(*at, now).ago();
    match by {
        EndedBy::Lapse => format!("its time was over {ago}"),
        EndedBy::Recovery => format!("the item recovered {ago}"),
        EndedBy::Withdrawal { who, token } => {
            format!("taken back by {who} {ago}, with the token {token}")
        }
    }
}

impl<'a> MaintenanceView<'a> {
    fn new(span: &'a Maintenance, now: Timestamp) -> Self {
        Self {
            by: span.by(),
            on: span.is_on(now),
            from: Moment::new(span.from, now),
            until: Moment::new(span.until, now),
            why: &span.why,
        }
    }
}

/// What can be said of an item from its page.
pub(super) struct Forms<'a> {
    /// Whether the daemon takes anything at all.
    pub(super) writable: bool,
    pub(super) attest: Option<Attest>,
    pub(super) waive: Option<Waive<'a>>,
}

/// The item can be attested.
pub(super) struct Attest {
    /// For how long, in words.
    pub(super) terms: String,
    /// Whether it is attested for one deployment, not for a time.
    pub(super) by_deployment: bool,
}

/// The item fails, and can be waived.
pub(super) struct Waive<'a> {
    /// The furthest end, in words.
    pub(super) longest: String,
    /// The reasons for which it fails.
    pub(super) reasons: BTreeSet<&'a str>,
}

impl<'a> Forms<'a> {
    pub(super) fn new(state: &'a ItemState, writable: bool) -> Self {
        let standing = state.folded.standing;
        let attest = state.terms.filter(|_| standing != Standing::NotApplicable);
        Self {
            writable,
            attest: attest.map(|terms| match terms.valid {
                Validity::For(period) => {
                    Attest { terms: format!("at most {}", spoken(period)), by_deployment: false }
                }
                Validity::Deployment => {
                    Attest { terms: "one deployment".to_owned(), by_deployment: true }
                }
            }),
            waive: state
                .waivable_for
                .filter(|longest| standing == Standing::Failing && *longest > Duration::ZERO)
                .map(|longest| Waive { longest: spoken(longest), reasons: failing(state) }),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.attest.is_none() && self.waive.is_none()
    }
}

/// The codes for which an item fails: what made it fail, and what was seen to fail since.
fn failing(state: &ItemState) -> BTreeSet<&str> {
    let checks = state.latest.iter().flat_map(|report| &report.checks);
    let lines = checks.flat_map(|check| check.judgement.lines());
    let seen = lines.filter(|line| line.verdict == Verdict::Fail).filter_map(|line| line.reason);
    seen.chain(state.folded.reason).map(Reason::code).collect()
}
