//! The page at `/`: counts, what needs attention, then all sections.

use std::cmp::Reverse;

use askama::Template;
use jiff::Timestamp;

use super::frame::{Frame, Icon};
use super::mark::Mark;
use super::moment::Moment;
use super::notice::{Notice, notices};
use crate::model::item::{Card, Section as Heading, Severity};
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::Standing;
use crate::model::vitals::Vitals;

/// The order in which standings are counted: what hurts most first.
const COUNTED: [Standing; 7] = [
    Standing::Failing,
    Standing::Unknown,
    Standing::Warning,
    Standing::Pending,
    Standing::Waived,
    Standing::Passing,
    Standing::NotApplicable,
];

#[derive(Template)]
#[template(path = "checklist.html")]
pub(super) struct Page<'a> {
    frame: Frame<'a>,
    now: Moment,
    notices: Vec<Notice>,
    overall: Mark,
    headline: String,
    counts: Vec<(Mark, usize)>,
    attention: Vec<Row<'a>>,
    sections: Vec<Section<'a>>,
}

struct Section<'a> {
    id: &'a str,
    title: &'a str,
    mark: Mark,
    holding: usize,
    counted: usize,
    rows: Vec<Row<'a>>,
}

/// One line of the checklist.
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    section: &'a str,
    /// The text of the box above, where this is its first item.
    group: Option<&'a str>,
    grouped: bool,
    standing: Standing,
    severity: Severity,
    mark: Mark,
    reason: &'static str,
    because: String,
    since: Moment,
    last: Option<Moment>,
    runbook: Option<&'a str>,
}

impl<'a> Page<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, vitals: &Vitals, now: Timestamp) -> Self {
        let sections: Vec<_> =
            snapshot.sections.iter().map(|heading| Section::new(snapshot, heading, now)).collect();
        let standings = || sections.iter().flat_map(|section| &section.rows).map(|r| r.standing);
        let worst = Standing::worst(standings());
        let tally = |standing| standings().filter(|other| *other == standing).count();
        let headline = headline(worst, tally);
        Self {
            frame: Frame::new(&headline, snapshot, Icon::of(worst), "./".to_owned()),
            now: Moment::new(now, now),
            notices: notices(snapshot, vitals, now),
            overall: worst.unwrap_or(Standing::Unknown).into(),
            counts: COUNTED.iter().map(|s| (Mark::from(*s), tally(*s))).collect(),
            headline,
            attention: attention(snapshot, now),
            sections,
        }
    }
}

impl<'a> Section<'a> {
    fn new(snapshot: &'a Snapshot, heading: &'a Heading, now: Timestamp) -> Self {
        let Heading { id, title, groups, items } = heading;
        let mut rows: Vec<Row<'_>> = Vec::with_capacity(items.len());
        let mut last_group = None;
        for state in items.iter().filter_map(|id| snapshot.item(id.as_str())) {
            let mut row = Row::new(snapshot, heading, state, now);
            let group = state.card.group.as_ref();
            if group != last_group {
                let known = groups.iter().find(|known| Some(&known.id) == group);
                row.group = known.map(|group| group.title.as_str());
                last_group = group;
            }
            rows.push(row);
        }
        let holds = |row: &&Row<'_>| matches!(row.standing, Standing::Passing | Standing::Warning);
        let counts = |row: &&Row<'_>| row.standing != Standing::NotApplicable;
        let worst = Standing::worst(rows.iter().map(|row| row.standing));
        Self {
            id: id.as_str(),
            title,
            mark: worst.unwrap_or(Standing::NotApplicable).into(),
            holding: rows.iter().filter(holds).count(),
            counted: rows.iter().filter(counts).count(),
            rows,
        }
    }
}

impl<'a> Row<'a> {
    fn new(
        snapshot: &Snapshot,
        heading: &'a Heading,
        state: &'a ItemState,
        now: Timestamp,
    ) -> Self {
        let shown = snapshot.shown(state, now);
        let Card {
            id,
            title,
            section: _,
            group,
            severity,
            mode: _,
            kinds: _,
            runbook_url,
            boxes: _,
        } = &state.card;
        Self {
            id: id.as_str(),
            title,
            section: &heading.title,
            group: None,
            grouped: group.is_some(),
            standing: shown.standing,
            severity: *severity,
            mark: shown.standing.into(),
            reason: shown.reason.map_or("", |reason| reason.code()),
            because: shown.because,
            since: Moment::new(shown.since, now),
            last: state.last_attempt.map(|at| Moment::new(at, now)),
            runbook: runbook_url.as_deref().and_then(web_link),
        }
    }
}

/// What fails, can't be seen or warns: the worst first, and among equals the most severe.
fn attention(snapshot: &Snapshot, now: Timestamp) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for heading in &*snapshot.sections {
        for state in heading.items.iter().filter_map(|id| snapshot.item(id.as_str())) {
            let row = Row::new(snapshot, heading, state, now);
            if matches!(row.standing, Standing::Failing | Standing::Unknown | Standing::Warning) {
                rows.push(row);
            }
        }
    }
    rows.sort_by_key(|row| Reverse((row.standing.badness(), row.severity)));
    rows
}

fn headline(worst: Option<Standing>, tally: impl Fn(Standing) -> usize) -> String {
    let items = |standing, one: &str, many: &str| match tally(standing) {
        1 => format!("1 item {one}"),
        n => format!("{n} items {many}"),
    };
    match worst {
        Some(Standing::Failing) => items(Standing::Failing, "fails", "fail"),
        Some(Standing::Unknown) => items(Standing::Unknown, "is unknown", "are unknown"),
        Some(Standing::Pending) => items(Standing::Pending, "is pending", "are pending"),
        Some(Standing::Warning | Standing::Waived) if tally(Standing::Warning) > 0 => {
            format!("Everything holds, {}", items(Standing::Warning, "warns", "warn"))
        }
        Some(Standing::Warning | Standing::Waived) => {
            format!("Nothing fails, {}", items(Standing::Waived, "is waived", "are waived"))
        }
        Some(Standing::Passing) => "Everything holds".to_owned(),
        Some(Standing::NotApplicable) | None => "No item applies".to_owned(),
    }
}

/// A link that a browser may follow: never `javascript:` and its like.
pub(super) fn web_link(url: &str) -> Option<&str> {
    (url.starts_with("https://") || url.starts_with("http://")).then_some(url)
}
