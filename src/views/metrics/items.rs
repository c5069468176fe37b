//! The families that every item has, whatever its kinds.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::family::{Family, Type, Value};
use super::{count, flag, seconds};
use crate::model::finding::Verdict;
use crate::model::measure::{Bound, cut};
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::{Shown, Standing};

/// An item and how it is to be shown now.
struct Seen<'a> {
    state: &'a ItemState,
    shown: Shown,
}

impl<'a> Seen<'a> {
    /// The labels that alerts route by.
    fn labels(&self) -> [&'a str; 3] {
        let card = &self.state.card;
        [card.id.as_str(), card.section.as_str(), card.severity.label()]
    }
}

/// All families of items, in file order within each.
pub(super) fn families(snapshot: &Snapshot, now: Timestamp) -> Vec<Family<'_>> {
    let items: Vec<_> = snapshot
        .items
        .iter()
        .map(|state| Seen { state, shown: snapshot.shown(state, now) })
        .collect();
    let mut families = vec![info(&items), passing(&items), standing(&items), reason(&items)];
    families.extend(times(snapshot, &items));
    families.extend([attempts(&items), consecutive_failures(&items), limits(&items)]);
    families.push(details_dropped(&items));
    families
}

fn info<'a>(items: &[Seen<'a>]) -> Family<'a> {
    let mut family = Family::new(
        Type::Info,
        "vigie_item_info",
        "What is printed of an item; always 1.",
        ["item", "section", "title", "severity", "mode", "kinds", "runbook_url"],
    );
    for Seen { state, .. } in items {
        let card = &state.card;
        let mut kinds = card.kinds.join(",");
        kinds.truncate(cut(&kinds).len());
        let cells = [
            Cow::Borrowed(card.id.as_str()),
            Cow::Borrowed(card.section.as_str()),
            Cow::Borrowed(cut(&card.title)),
            Cow::Borrowed(card.severity.label()),
            Cow::Borrowed(card.mode.label()),
            Cow::Owned(kinds),
            Cow::Borrowed(cut(card.runbook_url.as_deref().unwrap_or_default())),
        ];
        family.push(cells, Value::Number(1.0));
    }
    family
}

fn passing<'a>(items: &[Seen<'a>]) -> Family<'a> {
    let mut family = Family::gauge(
        "vigie_item_passing",
        "1 while the item passes or warns, 0 while it fails or is unknown; no row otherwise.",
        ["item", "section", "severity"],
    );
    for item in items {
        match item.shown.standing {
            Standing::Passing | Standing::Warning => family.row(item.labels(), 1.0),
            Standing::Failing | Standing::Unknown => family.row(item.labels(), 0.0),
            Standing::Pending | Standing::Waived | Standing::NotApplicable => {}
        }
    }
    family
}

fn standing<'a>(items: &[Seen<'a>]) -> Family<'a> {
    let mut family = Family::gauge(
        "vigie_item_standing",
        "The item's standing: 1 for the one that it has, 0 for the others.",
        ["item", "section", "severity", "standing"],
    );
    for item in items {
        let [id, section, severity] = item.labels();
        for standing in Standing::ALL {
            let cells = [id, section, severity, standing.label()];
            family.row(cells, flag(standing == item.shown.standing));
        }
    }
    family
}

fn reason<'a>(items: &[Seen<'a>]) -> Family<'a> {
    let mut family = Family::gauge(
        "vigie_item_reason",
        "Why the item warns, fails or is unknown: the reason of its worst check; always 1.",
        ["item", "section", "severity", "standing", "reason"],
    );
    for item in items {
        let standing = item.shown.standing;
        let due = matches!(standing, Standing::Warning | Standing::Failing | Standing::Unknown);
        if let Some(reason) = item.shown.reason.filter(|_| due) {
            let [id, section, severity] = item.labels();
            family.row([id, section, severity, standing.label(), reason.code()], 1.0);
        }
    }
    family
}

fn times<'a>(snapshot: &Snapshot, items: &[Seen<'a>]) -> [Family<'a>; 4] {
    let mut since = Family::gauge(
        "vigie_item_standing_since_timestamp_seconds",
        "Since when the item has the standing that it has.",
        ["item"],
    );
    let mut attempt = Family::gauge(
        "vigie_item_last_attempt_timestamp_seconds",
        "When the last attempt at the item ended.",
        ["item"],
    );
    let mut pass = Family::gauge(
        "vigie_item_last_pass_timestamp_seconds",
        "When the last attempt that passed or warned ended.",
        ["item"],
    );
    let mut stale = Family::gauge(
        "vigie_item_stale_timestamp_seconds",
        "When the item's standing is to be held stale unless it is looked at again.",
        ["item"],
    );
    for Seen { state, shown } in items {
        let id = state.card.id.as_str();
        since.row([id], seconds(shown.since));
        let optional = [
            (&mut attempt, state.last_attempt),
            (&mut pass, state.last_pass),
            (&mut stale, snapshot.stale_at(state)),
        ];
        for (family, at) in optional {
            if let Some(at) = at {
                family.row([id], seconds(at));
            }
        }
    }
    [since, attempt, pass, stale]
}

fn attempts<'a>(items: &[Seen<'a>]) -> Family<'a> {
    let mut family = Family::counter(
        "vigie_item_attempts_total",
        "Attempts at the item; with a data folder they count on after a restart.",
        ["item", "verdict"],
    );
    for Seen { state, .. } in items {
        for (verdict, attempts) in Verdict::ALL.iter().zip(state.attempts) {
            family.row([state.card.id.as_str(), verdict.label()], count(attempts));
        }
    }
    family
}

fn consecutive_failures<'a>(items: &[Seen<'a>]) -> Family<'a> {
    let mut family = Family::gauge(
        "vigie_item_consecutive_failures",
        "Counted failures since the last good attempt.",
        ["item"],
    );
    for Seen { state, .. } in items {
        family.row([state.card.id.as_str()], f64::from(state.folded.fails));
    }
    family
}

/// Where several checks of an item limit the same measure, the strictest limit is the line to draw.
fn limits<'a>(items: &[Seen<'a>]) -> Family<'a> {
    let mut family = Family::gauge(
        "vigie_limit",
        "A limit of the item's checks, in the unit of the measure that it limits; of a timestamp, how long ago it may be.",
        ["item", "measure", "bound"],
    );
    for Seen { state, .. } in items {
        let mut strictest = BTreeMap::new();
        for Bound { measure, bound, value } in &state.limits {
            let known = strictest.entry((*measure, *bound)).or_insert(*value);
            *known = if bound.ends_with("above") { value.min(*known) } else { value.max(*known) };
        }
        for ((measure, bound), value) in strictest {
            family.row([state.card.id.as_str(), measure, bound], value);
        }
    }
    family
}

fn details_dropped<'a>(items: &[Seen<'a>]) -> Family<'a> {
    let mut family = Family::gauge(
        "vigie_item_details_dropped",
        "Lines and rows of the last attempt that were seen and left out by a cap.",
        ["item"],
    );
    for Seen { state, .. } in items {
        family.row([state.card.id.as_str()], count(state.details_dropped));
    }
    family
}
