//! The ledger of one run: a snapshot that is filled in look by look, so that whatever reads a
//! daemon's board reads this as well.
//!
//! Its law: no damping, and no pretence. What only a record knows (a person's word, the deployment)
//! does not apply where no record was named, and is counted, so that the summary can say so.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::records::{ItemRecord, Record};
use crate::checklist::Item;
use crate::config::Configuration;
use crate::model::finding::Verdict;
use crate::model::item::{ItemId, Mode};
use crate::model::judgement::Line;
use crate::model::reason::Reason;
use crate::model::records::Records;
use crate::model::report::{Deciding, Report};
use crate::model::snapshot::{Blocked, Carried, Folded, ItemState, Snapshot};
use crate::model::standing::Standing;

/// The kinds of check that look at nothing but the record; what they wait for is no blindness.
const OWN_RECORDS: [&str; 3] = ["attestation", "deployment", "rollup"];

/// What is known so far.
pub(super) struct Ledger {
    snapshot: Snapshot,
    /// Whether a record was named.
    recorded: bool,
    /// Items that do not apply for want of a record.
    unrecorded: BTreeSet<ItemId>,
}

impl Ledger {
    /// A ledger of items at which nobody has looked.
    pub(super) fn new(
        configuration: &Configuration,
        items: &[Arc<Item>],
        record: Option<Record>,
        now: Timestamp,
    ) -> Self {
        let recorded = record.is_some();
        let Record { from: _, deployments, maintenance, items: mut acts } =
            record.unwrap_or_default();
        let mut unrecorded = BTreeSet::new();
        let mut states = Vec::with_capacity(items.len());
        for item in items {
            let id = &item.card.id;
            let unknown = item.applies && item.card.mode == Mode::Attested && !recorded;
            if unknown {
                unrecorded.insert(id.clone());
            }
            let folded = match (item.applies, unknown) {
                (false, _) => absent("does not apply to this environment", now),
                (true, true) => {
                    absent("is decided by a person's word, and no record was named", now)
                }
                (true, false) => folded(Standing::Pending, None, "nobody has looked yet", now),
            };
            let acts = acts.remove(id).unwrap_or_default();
            states.push(Arc::new(state(item, folded, acts, now)));
        }
        let declared = configuration.checklist.maintenance.iter().cloned().map(Arc::new);
        let mut maintenance: Vec<_> =
            maintenance.into_iter().filter(|span| span.token.is_some()).map(Arc::new).collect();
        maintenance.extend(declared);
        maintenance.sort_by_key(|span| std::cmp::Reverse(span.from));
        let snapshot = Snapshot {
            environment: configuration.settings.environment.clone(),
            sections: Arc::clone(&configuration.checklist.sections),
            items: states,
            streams: Vec::new(),
            deployments: deployments.into_iter().map(Arc::new).collect(),
            maintenance,
            pauses: Arc::from([]),
        };
        Self { snapshot, recorded, unrecorded }
    }

    /// All that is known, as a daemon's board would have it.
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Only these items are kept; what was looked at for their sake alone is forgotten.
    pub(super) fn retain(&mut self, wanted: &BTreeSet<ItemId>) {
        self.snapshot.items.retain(|item| wanted.contains(&item.card.id));
        self.unrecorded.retain(|id| wanted.contains(id));
    }

    /// How many items do not apply for want of a record.
    pub(super) fn unrecorded(&self) -> usize {
        self.unrecorded.len()
    }

    /// Whether an item is still to be looked at; one whose dependency does not hold is not.
    pub(super) fn wants_look(&mut self, item: &Item, now: Timestamp) -> bool {
        let Some(at) = self.place(&item.card.id) else { return false };
        if self.snapshot.items[at].folded.standing != Standing::Pending {
            return false;
        }
        let Some(by) = self.culprit(item, now) else { return true };
        let blocked = Blocked { by, failing: true, since: now };
        Arc::make_mut(&mut self.snapshot.items[at]).blocked = Some(blocked);
        false
    }

    /// What an item's checks have declared to read of the record, and of those it rolls up.
    pub(super) fn records(&self, item: &Item, now: Timestamp) -> Records {
        self.snapshot.records(&item.card.id, &item.needs, now)
    }

    /// Writes a look down.
    pub(super) fn conclude(&mut self, report: Report, now: Timestamp) {
        let Some(at) = self.place(&report.item) else { return };
        let (standing, reason, because) = self.standing(&report);
        let mut folded = folded(standing, reason, &because, report.started);
        folded.last_verdict = Some(report.verdict());
        let state = Arc::make_mut(&mut self.snapshot.items[at]);
        state.folded = folded;
        state.last_attempt = Some(now);
        let good = matches!(report.verdict(), Verdict::Pass | Verdict::Warn);
        state.last_pass = good.then_some(now);
        state.samples = report.all().flat_map(|check| check.judgement.samples()).cloned().collect();
        state.details_dropped = report.all().map(|check| check.judgement.dropped).sum();
        state.latest = Some(Arc::new(report));
    }

    /// What one look amounts to. A question that has no answer yet is no standing of a single look,
    /// unless it is the record alone that has none.
    fn standing(&mut self, report: &Report) -> (Standing, Option<Reason>, String) {
        let said = |standing| (standing, report.reason(), report.because());
        match report.verdict() {
            Verdict::Pass => said(Standing::Passing),
            Verdict::Warn => said(Standing::Warning),
            Verdict::Fail => said(Standing::Failing),
            Verdict::Unknown if report.reason().is_some_and(Reason::is_not_applicable) => {
                said(Standing::NotApplicable)
            }
            Verdict::Unknown => {
                let waits = match report.deciding() {
                    Some(Deciding::Check(check) | Deciding::Word(check)) => {
                        let worst = check.judgement.worst();
                        worst.is_some_and(|line| waits_for_record(check.kind, line))
                    }
                    Some(Deciding::Line(check, line)) => waits_for_record(check.kind, line),
                    None => false,
                };
                match blind(report) {
                    Some(line) if waits => (Standing::Unknown, line.reason, line.because.clone()),
                    None if waits && self.recorded => said(Standing::Pending),
                    None if waits => {
                        self.unrecorded.insert(report.item.clone());
                        said(Standing::NotApplicable)
                    }
                    Some(_) | None => said(Standing::Unknown),
                }
            }
        }
    }

    /// The dependency that keeps an item from being looked at.
    fn culprit(&self, item: &Item, now: Timestamp) -> Option<ItemId> {
        let broken = |id: &&ItemId| {
            self.snapshot.item(id.as_str()).is_some_and(|dependency| {
                matches!(
                    self.snapshot.shown(dependency, now).standing,
                    // A waiver takes the blame; what depends on it still can't be believed.
                    Standing::Failing | Standing::Unknown | Standing::Waived
                )
            })
        };
        item.depends_on.iter().find(broken).cloned()
    }

    fn place(&self, id: &ItemId) -> Option<usize> {
        self.snapshot.items.iter().position(|item| item.card.id == *id)
    }
}

/// Whether a line says that the record has no answer, or none yet.
fn waits_for_record(kind: &str, line: &Line) -> bool {
    match line.reason {
        Some(Reason::NO_DEPLOYMENT) => true,
        Some(Reason::NOT_YET) => OWN_RECORDS.contains(&kind),
        Some(_) | None => false,
    }
}

/// A line for which it is no record that is wanting. What waits for the record must not hide it.
fn blind(report: &Report) -> Option<&Line> {
    let lines = report
        .checks
        .iter()
        .flat_map(|check| check.judgement.lines().iter().map(|line| (check.kind, line)));
    let mut blind = lines
        .filter(|(kind, line)| line.verdict == Verdict::Unknown && !waits_for_record(kind, line));
    blind.next().map(|(_, line)| line)
}

fn absent(because: &str, now: Timestamp) -> Folded {
    folded(Standing::NotApplicable, None, because, now)
}

fn folded(standing: Standing, reason: Option<Reason>, because: &str, since: Timestamp) -> Folded {
    let silent = matches!(standing, Standing::Pending | Standing::NotApplicable);
    Folded {
        standing,
        since,
        reason: reason.filter(|_| !silent),
        because: because.to_owned(),
        goods: 0,
        fails: 0,
        unknowns: 0,
        counted_at: [None; 3],
        last_verdict: None,
        last_reason: reason,
        last_because: because.to_owned(),
        before_unknown: None,
        last_seen_failing: None,
    }
}

fn state(item: &Item, folded: Folded, acts: ItemRecord, now: Timestamp) -> ItemState {
    let ItemRecord { known_since, attestations, waivers } = acts;
    ItemState {
        card: item.card.clone(),
        schedule: item.schedule.clone(),
        timeout: item.timeout,
        damping: item.damping,
        depends_on: item.depends_on.clone(),
        watches: item.needs.watches.clone(),
        limits: item.limits.clone(),
        generation: 0,
        fingerprint: item.fingerprint,
        parameters: Arc::clone(&item.parameters),
        known_since: known_since.unwrap_or(now),
        terms: item.needs.attestation,
        waivable_for: item.waivable_for,
        free_since: now,
        folded,
        blocked: None,
        last_attempt: None,
        last_pass: None,
        attempts: [0; 4],
        // One look is as old as it is; nothing of it goes stale while it is printed.
        stale_at: None,
        latest: None,
        carried: Carried::default(),
        samples: Arc::from([]),
        details_dropped: 0,
        recent: VecDeque::new(),
        failures: VecDeque::new(),
        turns: VecDeque::new(),
        attestations: attestations.into_iter().map(Arc::new).collect(),
        waivers: waivers.into_iter().map(Arc::new).collect(),
    }
}
