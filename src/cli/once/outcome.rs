//! What one look at an item came to, and what all of them amount to.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::acts::{Attestation, Waiver};
use crate::model::counted::counted;
use crate::model::item::{Card, Severity};
use crate::model::reason::Reason;
use crate::model::report::Report;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::{Shown, Standing};
use crate::model::tally::{Tally, attested};

/// One item after one look.
#[derive(Serialize)]
pub(super) struct Outcome<'a> {
    #[serde(flatten)]
    pub(super) card: &'a Card,
    pub(super) standing: Standing,
    pub(super) reason: Option<Reason>,
    pub(super) because: String,
    /// Whether it passes by a person's word.
    pub(super) attested: bool,
    /// Attestations that are valid now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attestations: Vec<&'a Attestation>,
    /// Waivers that stand now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waivers: Vec<&'a Waiver>,
    /// The evidence; none where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<&'a Report>,
}

impl<'a> Outcome<'a> {
    /// The item as it is shown at `now`.
    fn new(snapshot: &'a Snapshot, item: &'a ItemState, now: Timestamp) -> Self {
        let Shown { standing, reason, because, since: _ } = snapshot.shown(item, now);
        let current = snapshot.deployment().map(|deployment| &**deployment);
        let attestations = item.attestations.iter().map(|one| &**one);
        Self {
            card: &item.card,
            standing,
            reason,
            because,
            attested: standing == Standing::Passing && attested(item),
            attestations: attestations.filter(|one| item.holds(one, current, now)).collect(),
            waivers: item.open_waivers(now).map(|waiver| &**waiver).collect(),
            report: item.latest.as_deref(),
        }
    }

    /// All items of a snapshot, in file order.
    pub(super) fn all(snapshot: &'a Snapshot, now: Timestamp) -> Vec<Self> {
        snapshot.items.iter().map(|item| Self::new(snapshot, item, now)).collect()
    }
}

/// How many items stand how.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Summary {
    #[serde(flatten)]
    tally: Tally,
    /// Of those that do not apply, the ones for which a record would have to be named.
    without_records: usize,
    #[serde(skip)]
    decisive: Option<Standing>,
}

impl Summary {
    /// Counts all; `fail_on` and graver ones decide the exit code.
    pub(super) fn of(outcomes: &[Outcome<'_>], without_records: usize, fail_on: Severity) -> Self {
        let count = |tally: Tally, one: &Outcome<'_>| tally.with(one.standing, one.attested);
        let graver = outcomes.iter().filter(|outcome| outcome.card.severity >= fail_on);
        Self {
            tally: outcomes.iter().fold(Tally::default(), count),
            without_records,
            decisive: Standing::worst(graver.map(|outcome| outcome.standing)),
        }
    }

    /// 0 nothing fails, 1 something fails, 2 something is unknown and nothing fails.
    pub(super) fn exit_code(&self) -> u8 {
        match self.decisive {
            Some(Standing::Failing) => 1,
            Some(Standing::Unknown) => 2,
            Some(
                Standing::Pending
                | Standing::Passing
                | Standing::Warning
                | Standing::Waived
                | Standing::NotApplicable,
            )
            | None => 0,
        }
    }

    /// The counts in words; zeroes are left out.
    pub(super) fn spoken(&self) -> String {
        let Tally {
            items,
            pending,
            passing,
            warning,
            failing,
            unknown,
            waived,
            not_applicable,
            attested,
        } = self.tally;
        let counts = [
            (failing, "failing"),
            (unknown, "unknown"),
            (pending, "pending"),
            (waived, "waived"),
            (warning, "warning"),
            (attested, "attested"),
            (passing - attested, "passing"),
            (not_applicable, "not applicable"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
        format!("{}: {}", counted(items, "item"), counts.join(", "))
    }

    /// What was left out for want of a record, in a sentence.
    pub(super) fn unrecorded(&self) -> Option<String> {
        let items = match self.without_records {
            0 => return None,
            1 => "1 item is".to_owned(),
            several => format!("{several} items are"),
        };
        Some(format!(
            "{items} not applicable only because people's words and the deployment are in a record: \
             name the running Vigie that keeps it, or its data folder, by `--records`"
        ))
    }
}

/// The whole as JSON.
pub(super) fn json(
    environment: &str,
    outcomes: &[Outcome<'_>],
    summary: &Summary,
) -> Result<String, String> {
    #[derive(Serialize)]
    struct Whole<'a> {
        environment: &'a str,
        summary: &'a Summary,
        items: &'a [Outcome<'a>],
    }
    serde_json::to_string_pretty(&Whole { environment, summary, items: outcomes })
        .map(|text| text + "\n")
        .map_err(|error| format!("can't write JSON: {error}"))
}
