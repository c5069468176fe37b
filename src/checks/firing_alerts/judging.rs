//! Judging alerts: pure.

use std::time::Duration;

use jiff::Timestamp;

use super::looking::{Fired, Labels, Seen};
use super::parameters::Older;
use super::{ALERT_FIRING, ALERTS, FiringAlerts, MEMBER_DOWN, NO_WATCHDOG};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::alertmanager::Matcher;
use crate::systems::alertmanager::alert::Heard;

/// The states in `vigie_alerts`.
pub(super) const STATES: [&str; 5] = ["new", "older", "silenced", "inhibited", "own"];
/// The most alerts that are named where they are left out.
const MOST_NAMED: usize = 20;
/// The most labels that an alert is named by, and the most characters of each.
const MOST_LABELS: usize = 6;
const LONGEST_VALUE: usize = 60;

/// What is made of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    Older,
    Silenced,
    Inhibited,
    Own,
}

impl State {
    const fn label(self) -> &'static str {
        match self {
            Self::New => STATES[0],
            Self::Older => STATES[1],
            Self::Silenced => STATES[2],
            Self::Inhibited => STATES[3],
            Self::Own => STATES[4],
        }
    }
}

pub(super) fn judge(check: &FiringAlerts, seen: &Seen, now: Timestamp) -> Judgement {
    let mut judgement = Judgement::new();
    let alerts: Vec<_> = seen
        .alerts
        .iter()
        .map(|(labels, fired)| (labels, fired, state(check, seen, labels, *fired)))
        .collect();
    for (labels, fired, state) in &alerts {
        if let Some(answer) = answer(check, seen, fired, *state, now) {
            judgement.add(name(labels), answer);
        }
    }
    for (state, said) in [
        (State::Silenced, "silenced, and left out"),
        (State::Inhibited, "inhibited by others, and left out"),
        (State::Own, "of this daemon itself, and left out"),
    ] {
        let named: Vec<_> = alerts
            .iter()
            .filter(|(_, _, other)| *other == state)
            .map(|(labels, _, _)| name(labels))
            .collect();
        if !named.is_empty() {
            judgement.add(state.label(), Finding::pass(format!("{}: {said}", listed(&named))));
        }
    }
    judgement.add("", seen_at_all(check, seen, &alerts));
    for (place, obstacle) in &seen.silent {
        judgement.add(place, Finding::warn(MEMBER_DOWN, obstacle.because.clone()));
    }
    for label in STATES {
        let count = alerts.iter().filter(|(_, _, state)| state.label() == label).count();
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
        judgement.measure(ALERTS.is(count as f64, [check.from.name(), label]));
    }
    judgement
}

fn state(check: &FiringAlerts, seen: &Seen, labels: &Labels, fired: Fired) -> State {
    let own = &check.own.0;
    if !own.is_empty() && Matcher::all_hold(own, labels) {
        return State::Own;
    }
    match (fired.heard, seen.deployed) {
        (Heard::Silenced, _) => State::Silenced,
        (Heard::Inhibited, _) => State::Inhibited,
        (Heard::Active, Some(deployed)) if fired.since < deployed => State::Older,
        (Heard::Active, _) => State::New,
    }
}

/// What is said of an alert by itself.
fn answer(
    check: &FiringAlerts,
    seen: &Seen,
    fired: &Fired,
    state: State,
    now: Timestamp,
) -> Option<Answer> {
    if !matches!(state, State::New | State::Older) {
        return None;
    }
    let since = fired.since;
    if since.duration_since(now) > CLOCK_TOLERANCE {
        let because = format!("it fires since {since:.0}, and it is only {now:.0}");
        return Some(Obstacle::new(Reason::CLOCK_SKEW, because).into());
    }
    let age: Duration = now.duration_since(since).try_into().unwrap_or_default();
    let said = format!("fires since {since:.0}, for {}", spoken(age));
    let Some(deployed) = seen.deployed else {
        return Some(Finding::fail(ALERT_FIRING, said).into());
    };
    let away = spoken(since.duration_since(deployed).unsigned_abs());
    Some(match (state, check.older) {
        (State::Older, Older::Allowed) => {
            Finding::pass(format!("{said}; it began {away} before the deployment")).into()
        }
        (State::Older, Older::Warn) => {
            Finding::warn(ALERT_FIRING, format!("{said}; it began {away} before the deployment"))
                .into()
        }
        (State::Older, Older::Fail) => {
            Finding::fail(ALERT_FIRING, format!("{said}; it began {away} before the deployment"))
                .into()
        }
        (_, _) => {
            Finding::fail(ALERT_FIRING, format!("{said}; it began {away} after the deployment"))
                .into()
        }
    })
}

/// Whether alerts can be seen at all, and how many are.
fn seen_at_all(check: &FiringAlerts, seen: &Seen, alerts: &[(&Labels, &Fired, State)]) -> Answer {
    let matchers: Vec<_> = check.matchers.iter().map(ToString::to_string).collect();
    let matchers = matchers.join(", ");
    if seen.always == Some(false) {
        let always: Vec<_> = check.always_firing.0.iter().map(ToString::to_string).collect();
        let because = format!(
            "the alert that always fires ({}) is not seen, so that others may not be, either",
            always.join(", ")
        );
        return Obstacle::new(NO_WATCHDOG, because).into();
    }
    let firing = alerts.iter().filter(|(_, _, state)| matches!(state, State::New | State::Older));
    let firing = firing.count();
    let watchdog = if seen.always.is_some() { ", and the one that always fires does" } else { "" };
    let since = match seen.deployed {
        Some(deployed) => format!("; the deployment began {deployed:.0}"),
        None => String::new(),
    };
    match firing {
        0 => Finding::pass(format!("no alert with {matchers} fires{watchdog}{since}")).into(),
        1 => Finding::pass(format!("1 alert with {matchers} fires{watchdog}{since}")).into(),
        some => {
            Finding::pass(format!("{some} alerts with {matchers} fire{watchdog}{since}")).into()
        }
    }
}

/// `Slow (namespace="shop", severity="critical")`, bounded.
fn name(labels: &Labels) -> String {
    let alert = labels.get("alertname").map_or("an alert without a name", String::as_str);
    let others = labels.iter().filter(|(name, _)| *name != "alertname").take(MOST_LABELS);
    let others: Vec<_> = others
        .map(|(name, value)| {
            format!("{}=\"{}\"", legible(name, LONGEST_VALUE), legible(value, LONGEST_VALUE))
        })
        .collect();
    let alert = legible(alert, LONGEST_VALUE);
    if others.is_empty() { alert } else { format!("{alert} ({})", others.join(", ")) }
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    let shown = names[..names.len() - more].join("; ");
    if more == 0 { shown } else { format!("{shown}; and {more} more") }
}
