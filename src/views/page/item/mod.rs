//! The page at `/items/{id}`: what is claimed, what was seen, and how it went before.

mod acts;
mod band;
mod evidence;
mod history;

use askama::Template;
use jiff::Timestamp;

use super::filters;
use super::frame::{Frame, Icon};
use super::mark::Mark;
use super::moment::Moment;
use super::notice::{Notice, notices};
use super::section::web_link;
use crate::model::duration::spoken;
use crate::model::item::{Card, Mode};
use crate::model::measure::Bound;
use crate::model::schedule::Damping;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::vitals::Vitals;
use acts::{Acts, Forms};
use band::Band;
use evidence::{CheckView, Figure, checks, figures};
use history::{AttemptView, TurnView, failures};

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
    bands: Vec<Band>,
    acts: Acts<'a>,
    forms: Forms<'a>,
    parameters: &'a [String],
    attempts: Vec<AttemptView<'a>>,
    failures: Vec<AttemptView<'a>>,
    turns: Vec<TurnView<'a>>,
}

struct Dependency<'a> {
    id: &'a str,
    title: &'a str,
    mark: Option<Mark>,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        vitals: &Vitals,
        state: &'a ItemState,
        writable: bool,
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
        let bands = Band::all(state, &shown, &snapshot.pauses, now);
        let icon = Icon::of(Some(shown.standing));
        Self {
            frame: Frame::new(&format!("{}: {title}", mark.word), snapshot, icon, "../".to_owned()),
            now: moment(now),
            notices: notices(snapshot, vitals, Some(section), now),
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
            bands,
            acts: Acts::new(snapshot, state, now),
            forms: Forms::new(state, writable),
            parameters: &state.parameters,
            attempts,
            failures: failures(state, now),
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
