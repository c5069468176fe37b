//! What one look at an item came to, and what all of them amount to.

use serde::Serialize;

use crate::checklist::Item;
use crate::engine::{self, Looked};
use crate::model::finding::Verdict;
use crate::model::item::{Card, ItemId, Mode, Severity};
use crate::model::past::Past;
use crate::model::reason::Reason;
use crate::model::records::Records;
use crate::model::report::{Cause, Report};
use crate::model::standing::Standing;
use crate::systems::Systems;

/// One item after one look.
#[derive(Serialize)]
pub(super) struct Outcome {
    #[serde(flatten)]
    pub(super) card: Card,
    pub(super) standing: Standing,
    pub(super) reason: Option<Reason>,
    pub(super) because: String,
    /// The evidence; none where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<Report>,
}

/// How many items stand how.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) items: usize,
    pub(super) passing: usize,
    pub(super) warning: usize,
    pub(super) failing: usize,
    pub(super) unknown: usize,
    pub(super) not_applicable: usize,
    #[serde(skip)]
    decisive: Option<Standing>,
}

/// Looks at an item; one whose dependency does not hold is not looked at.
pub(super) async fn look(
    systems: &Systems,
    item: &Item,
    culprit: Option<ItemId>,
    records: &Records,
) -> Outcome {
    let card = item.card.clone();
    let unlooked = |standing, reason, because: String| Outcome {
        card: item.card.clone(),
        standing,
        reason,
        because,
        report: None,
    };
    if !item.applies {
        let because = "does not apply to this environment".to_owned();
        return unlooked(Standing::NotApplicable, None, because);
    }
    if item.card.mode == Mode::Attested {
        let because = "is decided by a human act, which a single look does not see".to_owned();
        return unlooked(Standing::NotApplicable, None, because);
    }
    if let Some(culprit) = culprit {
        let because = format!("not looked at while `{culprit}` does not hold");
        return unlooked(Standing::Unknown, Some(Reason::DEPENDENCY_FAILING), because);
    }
    systems.settle(&item.needs.watches, item.timeout).await;
    let started = systems.clock.now();
    let began = tokio::time::Instant::now();
    let Looked { checks, word } =
        engine::look(systems, item, records, &Past::default(), started).await;
    let report = Report {
        item: card.id.clone(),
        generation: 0,
        cause: Cause::Asked,
        started,
        took: began.elapsed(),
        checks,
        word,
    };
    let standing = match report.verdict() {
        // Only a daemon's record knows of deployments.
        Verdict::Unknown if report.reason().is_some_and(does_not_apply) => Standing::NotApplicable,
        Verdict::Pass => Standing::Passing,
        Verdict::Warn => Standing::Warning,
        Verdict::Fail => Standing::Failing,
        Verdict::Unknown => Standing::Unknown,
    };
    let (reason, because) = (report.reason(), report.because());
    Outcome { card, standing, reason, because, report: Some(report) }
}

fn does_not_apply(reason: Reason) -> bool {
    reason == Reason::NO_DEPLOYMENT || reason.is_not_applicable()
}

impl Summary {
    /// Counts all; `fail_on` and graver ones decide the exit code.
    pub(super) fn of(outcomes: &[Outcome], fail_on: Severity) -> Self {
        let mut summary = Self { items: outcomes.len(), ..Self::default() };
        for outcome in outcomes {
            match outcome.standing {
                Standing::Passing => summary.passing += 1,
                Standing::Warning | Standing::Waived => summary.warning += 1,
                Standing::Failing => summary.failing += 1,
                Standing::Unknown | Standing::Pending => summary.unknown += 1,
                Standing::NotApplicable => summary.not_applicable += 1,
            }
        }
        let graver = outcomes.iter().filter(|outcome| outcome.card.severity >= fail_on);
        summary.decisive = Standing::worst(graver.map(|outcome| outcome.standing));
        summary
    }

    /// 0 nothing fails, 1 something fails, 2 something is unknown and nothing fails.
    pub(super) fn exit_code(&self) -> u8 {
        match self.decisive {
            Some(Standing::Failing) => 1,
            Some(Standing::Unknown | Standing::Pending) => 2,
            Some(
                Standing::Passing | Standing::Warning | Standing::Waived | Standing::NotApplicable,
            )
            | None => 0,
        }
    }

    /// The counts in words; zeroes are left out.
    pub(super) fn spoken(&self) -> String {
        let Self { items, passing, warning, failing, unknown, not_applicable, decisive: _ } = self;
        let counts = [
            (failing, "failing"),
            (unknown, "unknown"),
            (warning, "warning"),
            (passing, "passing"),
            (not_applicable, "not applicable"),
        ];
        let counts = counts.iter().filter(|(count, _)| **count > 0);
        let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
        format!("{}: {}", crate::cli::counted(*items, "item"), counts.join(", "))
    }
}

/// The whole as JSON.
pub(super) fn json(
    environment: &str,
    outcomes: &[Outcome],
    summary: &Summary,
) -> Result<String, String> {
    #[derive(Serialize)]
    struct Whole<'a> {
        environment: &'a str,
        summary: &'a Summary,
        items: &'a [Outcome],
    }
    serde_json::to_string_pretty(&Whole { environment, summary, items: outcomes })
        .map(|text| text + "\n")
        .map_err(|error| format!("can't write JSON: {error}"))
}
