//! What people said of an item: attestations, waivers, maintenance; and the forms to say more.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::super::moment::Moment;
use super::super::section::web_link;
use crate::model::acts::terms::Validity;
use crate::model::acts::{Attestation, Covers, Ended, EndedBy, Maintenance, Waiver};
use crate::model::deployment::Deployment;
use crate::model::duration::spoken;
use crate::model::report::Word;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::Standing;

/// All that people said.
pub(super) struct Acts<'a> {
    pub(super) attestations: Vec<AttestationView<'a>>,
    pub(super) waivers: Vec<WaiverView<'a>>,
    /// Maintenance that the item is in, and that it will be in.
    pub(super) maintenance: Vec<MaintenanceView<'a>>,
    /// The commands that take back what counts, or will.
    pub(super) take_back: Vec<String>,
}

pub(super) struct AttestationView<'a> {
    pub(super) id: &'a str,
    pub(super) at: Moment,
    pub(super) who: &'a str,
    pub(super) token: &'a str,
    /// What it covers, in words.
    pub(super) covers: String,
    pub(super) valid: bool,
    /// How it was taken back, in words.
    pub(super) ended: Option<String>,
    pub(super) note: Option<&'a str>,
    /// Where the evidence is; a browser may follow it.
    pub(super) link: Option<&'a str>,
}

pub(super) struct WaiverView<'a> {
    pub(super) id: &'a str,
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
    pub(super) id: &'a str,
    /// Whether the configuration declares it: then it is taken out there.
    pub(super) configured: bool,
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
            let Attestation { id, item: _, who, token, at, covers, note, link, ended } =
                attestation;
            let end = state.terms.and_then(|terms| terms.end(attestation, now));
            AttestationView {
                id,
                at: Moment::new(*at, now),
                who,
                token,
                covers: covered(covers, end),
                valid: state.holds(attestation, deployment, now),
                ended: ended.as_ref().map(|ended| told(ended, now)),
                note: note.as_deref(),
                link: link.as_deref().and_then(web_link),
            }
        };
        let ahead = |span: &&'a Maintenance| {
            span.ended.is_none() && now < span.until && span.is_about(&state.card.section)
        };
        let maintenance = snapshot.maintenance.iter().rev().map(AsRef::as_ref).filter(ahead);
        Self {
            take_back: take_back(state, deployment, maintenance.clone(), now),
            attestations: state.attestations.iter().map(|a| attestation(a)).collect(),
            waivers: state
                .waivers
                .iter()
                .map(|waiver| WaiverView::new(state, waiver, now))
                .collect(),
            maintenance: maintenance.map(|span| MaintenanceView::new(span, now)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { attestations, waivers, maintenance, take_back: _ } = self;
        attestations.is_empty() && waivers.is_empty() && maintenance.is_empty()
    }
}

/// The command for each act that can be taken back: the word that counts and the one that waits, open
/// waivers, and what somebody declared.
fn take_back<'a>(
    state: &'a ItemState,
    deployment: Option<&Deployment>,
    maintenance: impl Iterator<Item = &'a Maintenance>,
    now: Timestamp,
) -> Vec<String> {
    let id = &state.card.id;
    let counts = state.word(deployment, now);
    let waits = state.attestations.iter().find(|word| {
        let end = || state.terms.and_then(|terms| terms.end(word, now));
        word.covers == Covers::NextDeployment
            && word.ended.is_none()
            && end().is_some_and(|end| now < end)
    });
    let waits = waits.filter(|word| counts.is_none_or(|counts| counts.id != word.id));
    let words = waits.into_iter().chain(counts);
    let words = words.map(|word| (format!("attest {id}"), word.id.as_str()));
    let waivers = state.waivers.iter().filter(|waiver| waiver.is_open(now));
    let waivers = waivers.map(|waiver| (format!("waive {id}"), waiver.id.as_str()));
    let spans = maintenance.filter(|span| span.token.is_some());
    let spans = spans.map(|span| ("maintain".to_owned(), span.id.as_str()));
    let all = words.chain(waivers).chain(spans);
    let command = |(what, id): (String, &str)| {
        format!("vigie {what} --who \"Your name\" --take-back {id} --token-file TOKEN --url URL")
    };
    all.map(command).collect()
}

/// What a word covers, and when it ends on the item's present terms.
fn covered(covers: &Covers, end: Option<Timestamp>) -> String {
    match (covers, end) {
        (Covers::Until(until), end) => format!("until {:.0}", end.unwrap_or(*until)),
        (Covers::Deployment(id), _) => format!("the deployment {id}"),
        (Covers::NextDeployment, Some(end)) => {
            format!("the coming deployment, until {end:.0}")
        }
        (Covers::NextDeployment, None) => "the coming deployment".to_owned(),
    }
}

impl<'a> WaiverView<'a> {
    fn new(state: &ItemState, waiver: &'a Waiver, now: Timestamp) -> Self {
        let Waiver { id, item: _, who, token, at, until, reasons, why, ended } = waiver;
        let end = state.end_of_waiver(waiver, now);
        let barred = end.is_none().then(|| "the item can't be waived any more".to_owned());
        Self {
            id,
            at: Moment::new(*at, now),
            who,
            token,
            until: Moment::new(end.unwrap_or(*until), now),
            open: state.bears(waiver, now),
            ended: ended.as_ref().map(|ended| told(ended, now)).or(barred),
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
            id: &span.id,
            configured: span.token.is_none(),
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
    /// What an attestation answers, in words, where the item is looked at as well.
    pub(super) answers: Option<String>,
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
            attest: attest.map(|terms| {
                let (terms, by_deployment) = match terms.valid {
                    Validity::For(period) => (format!("at most {}", spoken(period)), false),
                    Validity::Deployment => ("one deployment".to_owned(), true),
                };
                let word = state.latest.iter().find_map(|report| report.word.as_ref());
                Attest { terms, by_deployment, answers: word.map(answered) }
            }),
            waive: state
                .waivable_for
                .filter(|longest| standing == Standing::Failing && *longest > Duration::ZERO)
                .map(|longest| Waive { longest: spoken(longest), reasons: state.failing_codes() }),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.attest.is_none() && self.waive.is_none()
    }
}

/// What a word answers of that which is looked at.
fn answered(word: &Word) -> String {
    let codes: Vec<_> = word.answers.iter().map(|reason| reason.code()).collect();
    match codes.split_last() {
        None => "It answers what can't be seen; what is seen to fail shows through.".to_owned(),
        Some((last, [])) => format!(
            "It answers what can't be seen, and {last}; whatever else is seen to fail shows through."
        ),
        Some((last, others)) => format!(
            "It answers what can't be seen, {} and {last}; whatever else is seen to fail shows through.",
            others.join(", ")
        ),
    }
}
