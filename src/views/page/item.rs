//! The page at `/items/{id}`: what is claimed, what was seen, and how it went before.

use askama::Template;
use jiff::Timestamp;

use super::checklist::web_link;
use super::frame::{Frame, Icon};
use super::mark::Mark;
use super::moment::Moment;
use super::notice::{Notice, notices};
use crate::model::duration::spoken;
use crate::model::item::{Card, Mode};
use crate::model::judgement::Line;
use crate::model::measure::Bound;
use crate::model::report::{Cause, CheckReport, Report};
use crate::model::schedule::Damping;
use crate::model::snapshot::{Attempt, ItemState, Snapshot};
use crate::model::standing::Turn;
use crate::model::vitals::Vitals;

#[derive(Template)]
#[template(path = "item.html")]
pub(super) struct Page<'a> {
    frame: Frame<'a>,
    now: Moment,
    notices: Vec<Notice>,
    id: &'a str,
    title: &'a str,
    section: &'a str,
    section_title: &'a str,
    group_title: Option<&'a str>,
    severity: &'static str,
    decided_by: &'static str,
    mark: Mark,
    reason: &'static str,
    because: String,
    since: Moment,
    last: Option<Moment>,
    last_pass: Option<Moment>,
    stale: Option<Moment>,
    schedule: String,
    timeout: String,
    damping: String,
    runbook: Option<&'a str>,
    runbook_text: Option<&'a str>,
    depends_on: Vec<Dependency<'a>>,
    checks: Vec<CheckView<'a>>,
    details_dropped: u64,
    figures: Vec<Figure<'a>>,
    limits: &'a [Bound],
    ticks: Vec<AttemptView<'a>>,
    attempts: Vec<AttemptView<'a>>,
    failures: Vec<AttemptView<'a>>,
    turns: Vec<TurnView<'a>>,
}

struct Dependency<'a> {
    id: &'a str,
    title: &'a str,
    mark: Option<Mark>,
}

struct CheckView<'a> {
    kind: &'static str,
    took: String,
    mark: Mark,
    lines: Vec<LineView<'a>>,
}

struct LineView<'a> {
    subject: &'a str,
    mark: Mark,
    reason: &'static str,
    because: &'a str,
}

struct Figure<'a> {
    name: &'static str,
    labels: Vec<(&'static str, &'a str)>,
    value: f64,
}

struct AttemptView<'a> {
    started: Moment,
    took: String,
    cause: &'static str,
    mark: Mark,
    reason: &'static str,
    because: &'a str,
}

struct TurnView<'a> {
    at: Moment,
    from: Mark,
    to: Mark,
    reason: &'static str,
    because: &'a str,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        vitals: &Vitals,
        state: &'a ItemState,
        now: Timestamp,
    ) -> Self {
        let shown = snapshot.shown(state, now);
        let Card { id, title, section, group, severity, mode, kinds: _, runbook_url, boxes: _ } =
            &state.card;
        let heading = snapshot.sections.iter().find(|heading| heading.id == *section);
        let groups = heading.map(|heading| heading.groups.as_slice()).unwrap_or_default();
        let group = groups.iter().find(|known| Some(&known.id) == group.as_ref());
        let moment = |at: Timestamp| Moment::new(at, now);
        let attempts: Vec<_> = state.recent.iter().map(|a| AttemptView::new(a, now)).collect();
        let mark = Mark::from(shown.standing);
        let icon = Icon::of(Some(shown.standing));
        Self {
            frame: Frame::new(&format!("{}: {title}", mark.word), snapshot, icon, "../".to_owned()),
            now: moment(now),
            notices: notices(snapshot, vitals, now),
            id: id.as_str(),
            title,
            section: section.as_str(),
            section_title: heading.map_or(section.as_str(), |heading| heading.title.as_str()),
            group_title: group.map(|group| group.title.as_str()),
            severity: severity.label(),
            decided_by: decided_by(*mode),
            mark,
            reason: shown.reason.map_or("", |reason| reason.code()),
            because: shown.because,
            since: moment(shown.since),
            last: state.last_attempt.map(moment),
            last_pass: state.last_pass.map(moment),
            stale: snapshot.stale_at(state).map(moment),
            schedule: state.schedule.spoken(),
            timeout: spoken(state.timeout),
            damping: damping(&state.damping),
            runbook: runbook_url.as_deref().and_then(web_link),
            runbook_text: runbook_url.as_deref(),
            depends_on: dependencies(snapshot, state, now),
            checks: state.latest.iter().flat_map(|report| checks(report)).collect(),
            details_dropped: state.details_dropped,
            figures: figures(state),
            limits: &state.limits,
            ticks: state.recent.iter().rev().map(|a| AttemptView::new(a, now)).collect(),
            attempts,
            failures: older_failures(state, now),
            turns: state.turns.iter().map(|turn| TurnView::new(turn, now)).collect(),
        }
    }
}

fn decided_by(mode: Mode) -> &'static str {
    match mode {
        Mode::Auto => "a look at the system",
        Mode::Attested => "a person",
        Mode::AutoAttestable => "a look at the system, or a person",
    }
}

fn damping(damping: &Damping) -> String {
    let Damping { fail_after, recover_after, unknown_after, confirm_every, grace } = damping;
    format!(
        "fails after {fail_after}, recovers after {recover_after}, unknown after {unknown_after}; \
         confirmed every {}; {} of grace",
        spoken(*confirm_every),
        spoken(*grace)
    )
}

fn dependencies<'a>(
    snapshot: &'a Snapshot,
    state: &'a ItemState,
    now: Timestamp,
) -> Vec<Dependency<'a>> {
    state
        .depends_on
        .iter()
        .map(|id| {
            let known = snapshot.item(id.as_str());
            Dependency {
                id: id.as_str(),
                title: known.map_or(id.as_str(), |item| item.card.title.as_str()),
                mark: known.map(|item| snapshot.shown(item, now).standing.into()),
            }
        })
        .collect()
}

fn checks(report: &Report) -> Vec<CheckView<'_>> {
    report
        .all()
        .map(|CheckReport { kind, took, judgement }| CheckView {
            kind,
            took: spoken(*took),
            mark: judgement.verdict().into(),
            lines: judgement.lines().iter().map(LineView::new).collect(),
        })
        .collect()
}

fn figures(state: &ItemState) -> Vec<Figure<'_>> {
    let shown = state.samples.iter().filter(|sample| sample.measure.exported);
    shown
        .map(|sample| {
            let values = sample.labels.iter().map(|value| &**value);
            Figure {
                name: sample.measure.name,
                labels: sample.measure.labels.iter().copied().zip(values).collect(),
                value: sample.value,
            }
        })
        .collect()
}

/// The failures that the list of last attempts has forgotten.
fn older_failures(state: &ItemState, now: Timestamp) -> Vec<AttemptView<'_>> {
    let oldest = state.recent.back().map(|attempt| attempt.started);
    state
        .failures
        .iter()
        .filter(|attempt| oldest.is_none_or(|oldest| attempt.started < oldest))
        .map(|attempt| AttemptView::new(attempt, now))
        .collect()
}

impl<'a> LineView<'a> {
    fn new(line: &'a Line) -> Self {
        let Line { subject, verdict, reason, because } = line;
        Self {
            subject,
            mark: (*verdict).into(),
            reason: reason.map_or("", |reason| reason.code()),
            because,
        }
    }
}

impl<'a> AttemptView<'a> {
    fn new(attempt: &'a Attempt, now: Timestamp) -> Self {
        let Attempt { started, took, cause, verdict, reason, because } = attempt;
        Self {
            started: Moment::new(*started, now),
            took: spoken(*took),
            cause: match cause {
                Cause::Scheduled => "scheduled",
                Cause::Changed => "changed",
                Cause::Asked => "asked",
                Cause::Round => "round",
                Cause::Confirming => "confirming",
            },
            mark: (*verdict).into(),
            reason: reason.map_or("", |reason| reason.code()),
            because,
        }
    }
}

impl<'a> TurnView<'a> {
    fn new(turn: &'a Turn, now: Timestamp) -> Self {
        let Turn { at, from, to, reason, because } = turn;
        Self {
            at: Moment::new(*at, now),
            from: (*from).into(),
            to: (*to).into(),
            reason: reason.map_or("", |reason| reason.code()),
            because,
        }
    }
}
