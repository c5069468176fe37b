//! Human acts on their way into the record: made whole, then applied.
//!
//! One at a time: two that come at once get different ids, and the second sees the first.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::App;
use crate::checks::KINDS;
use crate::model::acts::requests::{
    AttestationRequest, Making, Refused, WaiverRequest, Wish, WithdrawalRequest,
};
use crate::model::acts::{Act, Attestation, Ended, EndedBy, Maintenance, Waiver};
use crate::model::item::ItemId;
use crate::model::judgement::legible;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::Standing;

/// How much of a name that nobody knows is repeated.
const LONGEST_ECHO: usize = 100;

impl App {
    /// Makes a wish an act, and records it.
    pub(super) async fn take_act(&self, wish: Wish, token: String) -> Result<Act, Refused> {
        let _one_at_a_time = self.acting.lock().await;
        let snapshot = self.board.snapshot();
        let act = match wish {
            Wish::Attest { item, request } => {
                Act::Attestation(self.attestation(&snapshot, &item, request, token)?)
            }
            Wish::Waive { item, request } => {
                Act::Waiver(self.waiver(&snapshot, &item, request, token)?)
            }
            Wish::EndWaiver { item, waiver, request } => {
                Act::Waiver(self.ended_waiver(&snapshot, &item, &waiver, request, token)?)
            }
            Wish::Maintain(request) => {
                let known = |id: &ItemId| snapshot.sections.iter().any(|section| section.id == *id);
                Act::Maintenance(request.made(known, self.making(&snapshot, token))?)
            }
            Wish::EndMaintenance { maintenance, request } => {
                Act::Maintenance(self.ended_maintenance(&snapshot, &maintenance, request, token)?)
            }
        };
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
        let waiver = request.made(id, longest, is_documented, self.making(snapshot, token))?;
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
            let waiver = legible(waiver, LONGEST_ECHO);
            return Err(Refused::not_found(format!("`{item}` has no waiver `{waiver}`")));
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
            let id = legible(id, LONGEST_ECHO);
            return Err(Refused::not_found(format!("there is no maintenance `{id}`")));
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

fn known<'s>(snapshot: &'s Snapshot, item: &str) -> Result<&'s ItemState, Refused> {
    let state = snapshot.item(item).map(AsRef::as_ref);
    state.ok_or_else(|| {
        let item = legible(item, LONGEST_ECHO);
        Refused::not_found(format!("no item has the id `{item}`"))
    })
}

fn applies(state: &ItemState) -> Result<(), Refused> {
    if state.folded.standing == Standing::NotApplicable {
        let because = format!("`{}` does not apply to this environment", state.card.id);
        return Err(Refused::conflict(because));
    }
    Ok(())
}

/// Whether a check can give this reason.
fn is_documented(code: &str) -> bool {
    KINDS.iter().flat_map(|kind| kind.reasons).any(|known| known.reason.code() == code)
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
