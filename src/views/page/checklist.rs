//! The page at `/`: counts, what needs attention, what changed lately, then all sections.

use std::cmp::Reverse;

use askama::Template;
use jiff::Timestamp;

use super::filter::{Choice, Filter};
use super::filters;
use super::frame::{Frame, Icon};
use super::lately::Lately;
use super::mark::Mark;
use super::moment::Moment;
use super::notice::{Notice, notices};
use super::section::{Row, Section};
use crate::model::snapshot::Snapshot;
use crate::model::standing::Standing;
use crate::model::tally::Tally;
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
/// What needs attention.
const BAD: [Standing; 3] = [Standing::Failing, Standing::Unknown, Standing::Warning];
/// The most cards above the checklist: the checklist itself holds the rest.
const MOST_CARDS: usize = 8;

#[derive(Template)]
#[template(path = "checklist.html")]
pub(super) struct Page<'a> {
    frame: Frame<'a>,
    now: Moment,
    notices: Vec<Notice>,
    overall: Mark,
    headline: String,
    filter: &'a Filter,
    counts: Vec<Count>,
    severities: Vec<Choice>,
    /// The worst lines, at most [`MOST_CARDS`].
    attention: Vec<Row<'a>>,
    /// How many more there are.
    more_attention: usize,
    lately: Lately<'a>,
    sections: Vec<Section<'a>>,
    /// How many lines there are, and how many the filter leaves.
    all: usize,
    left: usize,
}

/// How many items stand so.
struct Count {
    mark: Mark,
    n: usize,
    /// How many of them a person's word decides, where they pass.
    attested: usize,
    /// The standing as it is written in the address.
    word: &'static str,
    asked: bool,
    address: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        vitals: &Vitals,
        filter: &'a Filter,
        now: Timestamp,
    ) -> Self {
        let sections = snapshot.sections.iter();
        let sections: Vec<_> = sections.map(|s| Section::new(snapshot, s, filter, now)).collect();
        let rows = || sections.iter().flat_map(Section::rows);
        let worst = Standing::worst(rows().map(|row| row.standing));
        let tally = |standing| rows().filter(|row| row.standing == standing).count();
        let headline = headline(worst, tally);
        let doubts = filter.doubts();
        let doubts = doubts.map(|text| Notice { text, grave: false, more: Vec::new() });
        let notices = notices(snapshot, vitals, None, now).into_iter().chain(doubts).collect();
        let (attention, more_attention) = attention(snapshot, now);
        let attested = Tally::of(snapshot, now).attested;
        let counts = COUNTED.into_iter().map(|standing| Count {
            mark: standing.into(),
            n: tally(standing),
            attested: if standing == Standing::Passing { attested } else { 0 },
            word: standing.label(),
            asked: filter.asks_for(standing),
            address: filter.toggled(standing),
        });
        Self {
            frame: Frame::new(&headline, snapshot, Icon::of(worst), "./".to_owned()),
            now: Moment::new(now, now),
            notices,
            overall: worst.unwrap_or(Standing::Unknown).into(),
            counts: counts.collect(),
            severities: filter.severities(),
            headline,
            attention,
            more_attention,
            lately: Lately::new(snapshot, now),
            all: rows().count(),
            left: rows().filter(|row| !row.hidden).count(),
            filter,
            sections,
        }
    }
}

/// What fails, can't be seen or warns: the worst first, and among equals the most severe; and how
/// many more than these there are.
fn attention(snapshot: &Snapshot, now: Timestamp) -> (Vec<Row<'_>>, usize) {
    let mut rows = Vec::new();
    for heading in &*snapshot.sections {
        for state in heading.items.iter().filter_map(|id| snapshot.item(id.as_str())) {
            let row = Row::new(snapshot, heading, state, &Filter::default(), now);
            if BAD.contains(&row.standing) {
                rows.push(row);
            }
        }
    }
    rows.sort_by_key(|row| Reverse((row.standing.badness(), row.severity)));
    let more = rows.len().saturating_sub(MOST_CARDS);
    rows.truncate(MOST_CARDS);
    (rows, more)
}

fn headline(worst: Option<Standing>, tally: impl Fn(Standing) -> usize) -> String {
    let items = |standing, one: &str, many: &str| match tally(standing) {
        1 => format!("1 item {one}"),
        n => format!("{n} items {many}"),
    };
    match worst {
        Some(Standing::Failing) => items(Standing::Failing, "fails", "fail"),
        Some(Standing::Unknown) => items(Standing::Unknown, "is unknown", "are unknown"),
        Some(Standing::Pending) => {
            let pending = items(Standing::Pending, "is pending", "are pending");
            match (tally(Standing::Warning), tally(Standing::Passing)) {
                (0, 0) => pending,
                (0, _) => format!("Nothing fails, {pending}"),
                _ => format!(
                    "Nothing fails, {}, {pending}",
                    items(Standing::Warning, "warns", "warn")
                ),
            }
        }
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
