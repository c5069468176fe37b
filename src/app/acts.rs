//! Human acts on their way into the record: made whole, then applied.
//!
//! One at a time: two that come at once get different ids, and the second sees the first.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::MutexGuard;

use super::App;
use crate::checks::codes;
use crate::journal::{Record, Unrecorded};
use crate::model::acts::requests::{
    AttestationRequest, Making, Refused, WaiverRequest, Wish, WithdrawalRequest,
};
use crate::model::acts::{Act, Attestation, Ended, EndedBy, Maintenance, Waiver};
use crate::model::deployment::{Announcement, Deployment};
use crate::model::finding::Verdict;
use crate::model::item::names_of_sections;
use crate::model::judgement::legible;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::Standing;

/// How much of a name that nobody knows is repeated.
const LONGEST_ECHO: usize = 100;
/// How many acts are told of where another was meant.
const MOST_OTHERS: usize = 5;
/// How long somebody who acts waits for the acts of others.
const LONGEST_TURN: Duration = Duration::from_secs(5);

impl App {
    /// Sees an act through, even where whoever asked for it goes away: what is recorded must take
    /// effect. It takes as long as the journal does: who keeps people waiting no longer than they
    /// care to wait is the guard of the server, who goes on to remember what came of it.
    pub(super) async fn seen_through<T: Send + 'static, F>(
        &self,
        act: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, Refused>
    where
        F: Future<Output = Result<T, Refused>> + Send + 'static,
    {
        let Some(this) = self.this.upgrade() else {
            return Err(Refused::not_recorded("Vigie is about to end"));
        };
        let done = tokio::spawn(act(this)).await;
        done.unwrap_or_else(|_| {
            Err(Refused::not_recorded("Vigie's own code broke; its log says where"))
        })
    }

    /// One at a time. Who waits for too long is sent away before anything was tried.
    async fn turn(&self) -> Result<MutexGuard<'_, ()>, Refused> {
        let turn = tokio::time::timeout(LONGEST_TURN, self.acting.lock()).await;
        turn.map_err(|_| Refused::not_recorded("the journal is busy with the act of another"))
    }

    /// Records before anything takes effect.
    async fn keep(&self, record: serde_json::Result<Record>) -> Result<(), Refused> {
        let record = record.map_err(|error| Refused::not_recorded(error.to_string()))?;
        let kept = self.keeping().record(vec![record], self.clock.now()).await;
        kept.map_err(|Unrecorded(why)| Refused::not_recorded(why))
    }

    /// Takes a rollout into the record.
    pub(super) async fn take_announcement(
        &self,
        announcement: Announcement,
        token: String,
    ) -> Result<Arc<Deployment>, Refused> {
        let _turn = self.turn().await?;
        let now = self.clock.now();
        announcement.check(&self.board.snapshot().environment, now).map_err(Refused::invalid)?;
        // The same start makes it the same rollout, however long the journal takes.
        let announcement =
            Announcement { started: announcement.started.or(Some(now)), ..announcement };
        let foreseen = self.board.foreseen(announcement.clone(), token.clone(), now);
        self.keep(Record::deployment(&foreseen)).await?;
        let announced = self.engine.announce(announcement, token);
        announced.ok_or_else(|| Refused::not_recorded("the board did not take it"))
    }

    /// Makes a wish an act, and records it.
    pub(super) async fn take_act(&self, wish: Wish, token: String) -> Result<Act, Refused> {
        let _turn = self.turn().await?;
        // Before it is ready it has no items, which says nothing of what there is.
        self.keeping().ready().map_err(Refused::not_recorded)?;
        let snapshot = self.board.snapshot();
        let act = match wish {
            Wish::Attest { item, request } => {
                Act::Attestation(self.attestation(&snapshot, &item, request, token)?)
            }
            Wish::EndAttestation { item, attestation, request } => Act::Attestation(
                self.ended_attestation(&snapshot, &item, &attestation, request, token)?,
            ),
            Wish::Waive { item, request } => {
                Act::Waiver(self.waiver(&snapshot, &item, request, token)?)
            }
            Wish::EndWaiver { item, waiver, request } => {
                Act::Waiver(self.ended_waiver(&snapshot, &item, &waiver, request, token)?)
            }
            Wish::Maintain(request) => {
                let known = names_of_sections(snapshot.sections.iter().map(|section| &section.id));
                Act::Maintenance(request.made(&known, self.making(&snapshot, token))?)
            }
            Wish::EndMaintenance { maintenance, request } => {
                Act::Maintenance(self.ended_maintenance(&snapshot, &maintenance, request, token)?)
            }
        };
        if let Some(twin) = twin(&snapshot, &act, self.clock.now()) {
            return Ok(twin);
        }
        self.keep(Record::act(&act)).await?;
        self.engine.act(act.clone()).await;
        Ok(act)
    }

    fn attestation(
        &self,
        snapshot: &Snapshot,
        item: &str,
        request: AttestationRequest,
        token: String,
    ) -> Result<Attestation, Refused> {
        let state = known(snapshot, item)?;
        let Some(terms) = state.terms else {
            let because = format!("`{item}` is decided by looking: nobody can attest it");
            return Err(Refused::conflict(because));
        };
        applies(state)?;
        request.made(&state.card.id, terms, self.making(snapshot, token))
    }

    fn ended_attestation(
        &self,
        snapshot: &Snapshot,
        item: &str,
        attestation: &str,
        request: WithdrawalRequest,
        token: String,
    ) -> Result<Attestation, Refused> {
        let state = known(snapshot, item)?;
        let Some(word) = state.attestations.iter().find(|known| known.id == attestation) else {
            let now = self.clock.now();
            let stands = |word: &&Arc<Attestation>| {
                word.ended.is_none() && word.until().is_none_or(|until| now < until)
            };
            let others = state.attestations.iter().filter(stands).map(|word| word.id.as_str());
            let what = format!("`{item}` has no attestation");
            return Err(no_such_act(&what, attestation, others));
        };
        if word.ended.is_some() {
            return Err(Refused::conflict("the attestation was taken back already"));
        }
        if word.until().is_some_and(|until| until <= self.clock.now()) {
            return Err(Refused::conflict("the attestation has lapsed already"));
        }
        Ok(Attestation { ended: Some(self.withdrawn(request, token)?), ..(**word).clone() })
    }

    fn waiver(
        &self,
        snapshot: &Snapshot,
        item: &str,
        request: WaiverRequest,
        token: String,
    ) -> Result<Waiver, Refused> {
        let state = known(snapshot, item)?;
        applies(state)?;
        let (id, longest) = (&state.card.id, state.waivable_for);
        let can = codes(&state.card.kinds, &[Verdict::Fail]);
        let waiver = request.made(id, longest, &can, self.making(snapshot, token))?;
        let standing = state.folded.standing;
        if standing != Standing::Failing {
            let because = format!("`{item}` is {standing}: only what fails can be waived");
            return Err(Refused::conflict(because));
        }
        Ok(waiver)
    }

    fn ended_waiver(
        &self,
        snapshot: &Snapshot,
        item: &str,
        waiver: &str,
        request: WithdrawalRequest,
        token: String,
    ) -> Result<Waiver, Refused> {
        let state = known(snapshot, item)?;
        let Some(waiver) = state.waivers.iter().find(|known| known.id == waiver) else {
            let now = self.clock.now();
            let others = state.waivers.iter().filter(|known| known.is_open(now));
            let what = format!("`{item}` has no waiver");
            return Err(no_such_act(&what, waiver, others.map(|known| known.id.as_str())));
        };
        if !waiver.is_open(self.clock.now()) {
            return Err(Refused::conflict("the waiver has ended already"));
        }
        Ok(Waiver { ended: Some(self.withdrawn(request, token)?), ..(**waiver).clone() })
    }

    fn ended_maintenance(
        &self,
        snapshot: &Snapshot,
        id: &str,
        request: WithdrawalRequest,
        token: String,
    ) -> Result<Maintenance, Refused> {
        let Some(span) = snapshot.maintenance.iter().find(|span| span.id == id) else {
            let now = self.clock.now();
            let others = snapshot
                .maintenance
                .iter()
                .filter(|span| span.token.is_some() && span.ended.is_none() && now < span.until);
            let others = others.map(|span| span.id.as_str());
            return Err(no_such_act("there is no maintenance", id, others));
        };
        if span.token.is_none() {
            return Err(Refused::conflict("the configuration declares it: take it out there"));
        }
        if span.ended.is_some() || span.until <= self.clock.now() {
            return Err(Refused::conflict("the maintenance has ended already"));
        }
        Ok(Maintenance { ended: Some(self.withdrawn(request, token)?), ..(**span).clone() })
    }

    fn withdrawn(&self, request: WithdrawalRequest, token: String) -> Result<Ended, Refused> {
        let who = request.who()?;
        Ok(Ended { at: self.clock.now(), by: EndedBy::Withdrawal { who, token } })
    }

    fn making<'s>(&self, snapshot: &'s Snapshot, token: String) -> Making<'s> {
        let now = self.clock.now();
        let deployment = snapshot.deployment().map(AsRef::as_ref);
        Making { id: free_id(snapshot, now), token, now, deployment }
    }
}

/// The same act, word for word, where it counts already: it is asked for again by somebody who did not
/// hear the answer, be it of a daemon before this one, which took its keys with it.
fn twin(snapshot: &Snapshot, act: &Act, now: Timestamp) -> Option<Act> {
    match act {
        Act::Waiver(made) if made.ended.is_none() => {
            let mut open = snapshot.item(made.item.as_str())?.open_waivers(now);
            let alike = |known: &&Arc<Waiver>| {
                let (id, at) = (known.id.clone(), known.at);
                Waiver { id, at, ..made.clone() } == ***known
            };
            open.find(alike).map(|known| Act::Waiver(Waiver::clone(known)))
        }
        Act::Maintenance(made) if made.ended.is_none() => {
            // One that begins now, asked for again, would begin a little later.
            let alike = |known: &&Arc<Maintenance>| {
                let from = if known.is_on(now) { made.from.min(known.from) } else { made.from };
                let (id, at) = (known.id.clone(), known.at);
                Maintenance { id, at, from, ..made.clone() } == ***known
            };
            let known = snapshot.maintenance.iter().find(alike)?;
            Some(Act::Maintenance(Maintenance::clone(known)))
        }
        Act::Attestation(_) | Act::Waiver(_) | Act::Maintenance(_) => None,
    }
}

fn known<'s>(snapshot: &'s Snapshot, item: &str) -> Result<&'s ItemState, Refused> {
    let state = snapshot.item(item).map(AsRef::as_ref);
    state.ok_or_else(|| {
        let item = legible(item, LONGEST_ECHO);
        Refused::not_found(format!("no item has the id `{item}`"))
    })
}

/// There is no act of this id; there are these, newest first.
fn no_such_act<'a>(what: &str, id: &str, others: impl Iterator<Item = &'a str>) -> Refused {
    let id = legible(id, LONGEST_ECHO);
    let others: Vec<_> = others.take(MOST_OTHERS).map(|id| format!("`{id}`")).collect();
    let instead = match others.as_slice() {
        [] => "and none that could be taken back".to_owned(),
        others => format!("what can be taken back is {}", others.join(", ")),
    };
    let joint = if others.is_empty() { "," } else { ";" };
    Refused::not_found(format!("{what} `{id}`{joint} {instead}"))
}

fn applies(state: &ItemState) -> Result<(), Refused> {
    if state.folded.standing == Standing::NotApplicable {
        let because = format!("`{}` does not apply to this environment", state.card.id);
        return Err(Refused::conflict(because));
    }
    Ok(())
}

/// When it was made, in letters that paths bear, and a number where two were made at once.
fn free_id(snapshot: &Snapshot, now: Timestamp) -> String {
    let taken: BTreeSet<&str> = snapshot
        .items
        .iter()
        .flat_map(|item| {
            let attestations = item.attestations.iter().map(|act| act.id.as_str());
            attestations.chain(item.waivers.iter().map(|act| act.id.as_str()))
        })
        .chain(snapshot.maintenance.iter().map(|act| act.id.as_str()))
        .collect();
    let id = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dt%H%M%S%3fz").to_string();
    let mut numbered = (2..).map(|number| format!("{id}-{number}"));
    let mut all = std::iter::once(id.clone()).chain(&mut numbered);
    all.find(|id| !taken.contains(id.as_str())).unwrap_or(id)
}
