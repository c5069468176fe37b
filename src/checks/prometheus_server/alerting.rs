//! Alertmanagers: how many there are, and whether notifications reach them.

use super::parameters::Alertmanagers;
use super::{
    ALERTMANAGERS, NOT_COUNTED, NOTIFICATIONS_DROPPED, NOTIFICATIONS_FAILING, TOO_FEW_ALERTMANAGERS,
};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Judgement, legible};
use crate::systems::prometheus::{Answer, Figures, Row};

/// The most Alertmanagers that are named.
const MOST_NAMED: usize = 5;

impl Alertmanagers {
    /// How many notifications reached nobody within the window.
    pub(super) fn dropped(&self) -> String {
        format!("sum({})", self.increase("dropped"))
    }

    /// How many did not reach each Alertmanager within the window.
    pub(super) fn failed(&self) -> String {
        format!("sum by (alertmanager) ({})", self.increase("errors"))
    }

    fn increase(&self, what: &str) -> String {
        let matchers: Vec<_> = self
            .counters
            .iter()
            .map(|(name, value)| {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                format!("{name}=\"{value}\"")
            })
            .collect();
        let (matchers, window) = (matchers.join(","), self.window.0.get().as_secs().max(1));
        format!("increase(prometheus_notifications_{what}_total{{{matchers}}}[{window}s])")
    }
}

/// The rows of a sum of counters; none mean that nobody counts.
pub(super) fn counted(asked: Result<Answer, Obstacle>) -> Result<Vec<Row>, Obstacle> {
    match asked?.figures {
        Figures::Vector(rows) if !rows.is_empty() => Ok(rows),
        Figures::Vector(_) | Figures::Scalar(_) | Figures::Other(_) => {
            let because = "its counters of notifications are not scraped, or not for long enough";
            Err(Obstacle::new(NOT_COUNTED, because))
        }
    }
}

/// Whether anything was counted.
pub(super) fn any(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.value > 0.0)
}

pub(super) fn judge(
    wanted: &Alertmanagers,
    count: usize,
    connection: &str,
    judgement: &mut Judgement,
) {
    let least = wanted.at_least.0;
    let because = format!("alerts are sent to {count} of them, {least} wanted");
    let finding = if count < least as usize {
        Finding::fail(TOO_FEW_ALERTMANAGERS, because)
    } else {
        Finding::pass(because)
    };
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
    let sample = ALERTMANAGERS.is(count as f64, [connection]);
    judgement.add("alertmanagers", finding.measured(sample));
}

pub(super) fn judge_counted(
    wanted: &Alertmanagers,
    dropped: &[Row],
    failed: &[Row],
    judgement: &mut Judgement,
) {
    let window = wanted.window.0;
    let many: f64 = dropped.iter().map(|row| row.value).sum();
    let troubled: Vec<_> = failed
        .iter()
        .filter(|row| row.value > 0.0)
        .map(|row| row.labels.get("alertmanager").map_or("one", String::as_str))
        .map(|name| legible(name, 100))
        .take(MOST_NAMED)
        .collect();
    if dropped.iter().chain(failed).any(|row| !row.value.is_finite()) {
        let because = "its counters of notifications hold what is no number";
        judgement.add("notifications", Obstacle::new(NOT_COUNTED, because));
    } else if many > 0.0 {
        let because = format!(
            "about {} were dropped within {window}, none allowed{}",
            many.round().max(1.0),
            to(&troubled)
        );
        judgement.add("notifications", Finding::fail(NOTIFICATIONS_DROPPED, because));
    } else if !troubled.is_empty() {
        let because = format!("some failed within {window}, none allowed{}", to(&troubled));
        judgement.add("notifications", Finding::warn(NOTIFICATIONS_FAILING, because));
    } else {
        let because = format!("none failed or was dropped within {window}");
        judgement.add("notifications", Finding::pass(because));
    }
}

fn to(troubled: &[String]) -> String {
    if troubled.is_empty() { String::new() } else { format!("; to {}", troubled.join(", ")) }
}
