//! `/api/v1/items/{id}`: one item with its evidence and history.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

use super::acts::{AttestationView, Attestations, MaintenanceView, WaiverView, Waivers};
use super::checklist::ItemSummary;
use crate::model::acts::terms::Validity;
use crate::model::finding::Verdict;
use crate::model::item::ItemId;
use crate::model::judgement::Line;
use crate::model::measure::{Bound, Sample};
use crate::model::report::{Cause, CheckReport, Report};
use crate::model::schedule::later;
use crate::model::snapshot::{Attempt, ItemState, Snapshot};
use crate::model::standing::Turn;

/// One item with all that is known of it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ItemView<'a> {
    /// The environment's name.
    pub environment: &'a str,
    /// The time for which this holds.
    pub at: Timestamp,
    /// The item and how it stands, as in the checklist.
    pub item: ItemSummary<'a>,
    /// When it is looked at, in words.
    pub schedule: String,
    /// How long an attempt may take, in seconds.
    pub timeout_seconds: f64,
    /// Counted failures until it fails.
    pub fail_after: u32,
    /// Counted good looks until it recovers.
    pub recover_after: u32,
    /// Counted blind looks until it is unknown.
    pub unknown_after: u32,
    /// Attempts closer than this count as one, in seconds.
    pub confirm_every_seconds: f64,
    /// Counted failures since the last good attempt.
    pub consecutive_failures: u32,
    /// Items that must hold before this one is looked at.
    pub depends_on: &'a [ItemId],
    /// The dependency that keeps it from being looked at.
    pub blocked_by: Option<&'a ItemId>,
    /// Whether a person's word counts for it.
    pub attestable: bool,
    /// The furthest end of an attestation that is made now; null where it can't be attested, or is
    /// per deployment.
    pub attestable_until: Option<Timestamp>,
    /// Whether an attestation counts for one deployment.
    pub attested_per_deployment: bool,
    /// The furthest end of a waiver that is made now; null where it can't be waived.
    pub waivable_until: Option<Timestamp>,
    /// What people have said of it, newest first, what has lapsed included.
    pub attestations: Vec<AttestationView<'a>>,
    /// Who took the blame for it, newest first, those included that have ended.
    pub waivers: Vec<WaiverView<'a>>,
    /// The maintenance that it is under.
    pub maintenance: Option<MaintenanceView<'a>>,
    /// Attempts since the daemon started, by verdict.
    pub attempts: BTreeMap<&'static str, u64>,
    /// The last attempt with its evidence.
    pub latest: Option<ReportView<'a>>,
    /// The figures of the last attempt.
    pub figures: Vec<Figure<'a>>,
    /// Lines and figures of the last attempt that a cap left out.
    pub details_dropped: u64,
    /// The limits of its checks.
    pub limits: Vec<LimitView>,
    /// The last attempts, newest first.
    #[schema(value_type = Vec<Attempt>)]
    pub recent: &'a VecDeque<Attempt>,
    /// The last attempts that failed or were blind, newest first; kept for longer.
    #[schema(value_type = Vec<Attempt>)]
    pub failures: &'a VecDeque<Attempt>,
    /// The last changes of standing, newest first.
    #[schema(value_type = Vec<Turn>)]
    pub turns: &'a VecDeque<Turn>,
}

/// One attempt with its evidence.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ReportView<'a> {
    /// Why it was made.
    pub cause: Cause,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in seconds.
    pub took_seconds: f64,
    /// What came of it: the worst of its checks.
    pub verdict: Verdict,
    /// What its checks said, in file order; last, where one can stand in for them, a person's word.
    pub checks: Vec<CheckView<'a>>,
}

/// What one check said.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CheckView<'a> {
    /// The check's kind.
    pub kind: &'static str,
    /// How long it took, in seconds.
    pub took_seconds: f64,
    /// The worst of its lines.
    pub verdict: Verdict,
    /// What was said of each queue, address, pod …
    pub lines: &'a [Line],
}

/// One figure, as `/metrics` shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Figure<'a> {
    /// The metric's name.
    pub name: &'static str,
    /// Its own labels; `item` and `environment` are left out.
    pub labels: BTreeMap<&'static str, &'a str>,
    /// The value, in base units; null where it is not a number.
    #[schema(value_type = Option<f64>)]
    pub value: f64,
}

/// One limit.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct LimitView {
    /// The name of the metric that it limits.
    pub measure: &'static str,
    /// `warn_above`, `fail_above`, `warn_below` or `fail_below`.
    pub bound: &'static str,
    /// The limit, in the metric's unit.
    pub value: f64,
}

impl<'a> ItemView<'a> {
    /// The item as it is to be shown at `now`.
    pub fn new(snapshot: &'a Snapshot, state: &'a ItemState, now: Timestamp) -> Self {
        let damping = &state.damping;
        let valid = state.terms.map(|terms| terms.valid);
        let Attestations { attestations } = Attestations::new(snapshot, state, now);
        let attempts = Verdict::ALL.iter().map(|verdict| verdict.label()).zip(state.attempts);
        Self {
            environment: &snapshot.environment,
            at: now,
            item: ItemSummary::new(snapshot, state, now),
            schedule: state.schedule.spoken(),
            timeout_seconds: state.timeout.as_secs_f64(),
            fail_after: damping.fail_after,
            recover_after: damping.recover_after,
            unknown_after: damping.unknown_after,
            confirm_every_seconds: damping.confirm_every.as_secs_f64(),
            consecutive_failures: state.folded.fails,
            depends_on: &state.depends_on,
            blocked_by: state.blocked.as_ref().map(|blocked| &blocked.by),
            attestable: valid.is_some(),
            attestable_until: match valid {
                Some(Validity::For(longest)) => Some(later(now, longest)),
                Some(Validity::Deployment) | None => None,
            },
            attested_per_deployment: valid == Some(Validity::Deployment),
            waivable_until: state.waivable_for.map(|longest| later(now, longest)),
            attestations,
            waivers: Waivers::new(state, now).waivers,
            maintenance: snapshot
                .maintenance_of(state, now)
                .map(|span| MaintenanceView::new(span, now)),
            attempts: attempts.collect(),
            latest: state.latest.as_deref().map(ReportView::new),
            figures: state.samples.iter().filter(|s| s.measure.exported).map(Figure::new).collect(),
            details_dropped: state.details_dropped,
            limits: state.limits.iter().map(LimitView::new).collect(),
            recent: &state.recent,
            failures: &state.failures,
            turns: &state.turns,
        }
    }
}

impl<'a> ReportView<'a> {
    fn new(report: &'a Report) -> Self {
        let Report { item: _, generation: _, cause, started, took, checks: _, word: _ } = report;
        Self {
            cause: *cause,
            started: *started,
            took_seconds: took.as_secs_f64(),
            verdict: report.verdict(),
            checks: report.all().map(CheckView::new).collect(),
        }
    }
}

impl<'a> CheckView<'a> {
    fn new(check: &'a CheckReport) -> Self {
        let CheckReport { kind, took, judgement } = check;
        Self {
            kind,
            took_seconds: took.as_secs_f64(),
            verdict: judgement.verdict(),
            lines: judgement.lines(),
        }
    }
}

impl<'a> Figure<'a> {
    fn new(sample: &'a Sample) -> Self {
        let Sample { measure, labels, value } = sample;
        let values = labels.iter().map(|label| &**label);
        Self {
            name: measure.name,
            labels: measure.labels.iter().copied().zip(values).collect(),
            value: *value,
        }
    }
}

impl LimitView {
    fn new(bound: &Bound) -> Self {
        let Bound { measure, bound, value } = bound;
        Self { measure, bound, value: *value }
    }
}
