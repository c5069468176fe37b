//! What stands before the checklist: where and when it was, what it amounts to, what is wrong.

use jiff::Timestamp;

use super::line::{Line, MANY};
use super::prose::{code, prose};
use super::{Sheet, acts, stamp};
use crate::model::counted::counted;
use crate::model::deployment::Deployment;
use crate::model::snapshot::Snapshot;
use crate::model::standing::Standing;
use crate::model::tally::Tally;

pub(super) fn write(
    sheet: &mut Sheet,
    snapshot: &Snapshot,
    lines: &[Line<'_>],
    remarks: &[String],
    now: Timestamp,
) {
    sheet.heading(1, &format!("Deployment checklist: {}", code(&snapshot.environment)));
    sheet.entry(0, &format!("environment: {}", code(&snapshot.environment)));
    sheet.entry(0, &format!("as of: {}", stamp(now)));
    sheet.entry(0, &format!("deployment: {}", deployment(snapshot)));
    for span in snapshot.maintenance.iter().filter(|span| span.is_on(now)) {
        sheet.entry(0, &acts::maintained(span));
    }
    sheet.heading(2, "Summary");
    sheet.paragraph(&counts(&Tally::of(snapshot, now)));
    for remark in remarks {
        sheet.paragraph(&prose(remark));
    }
    for standing in [Standing::Failing, Standing::Unknown] {
        write_wrong(sheet, snapshot, lines, standing);
    }
}

fn deployment(snapshot: &Snapshot) -> String {
    let Some(deployment) = snapshot.deployment() else { return "none is known".to_owned() };
    let Deployment { version, who, started, .. } = &**deployment;
    format!("{} by {}, begun {}", code(version), prose(who), stamp(*started))
}

/// The counts as a table: only numbers and words of ours in it.
fn counts(tally: &Tally) -> String {
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
    } = tally;
    let rows = [
        ("failing", *failing),
        ("unknown", *unknown),
        ("pending", *pending),
        ("waived", *waived),
        ("warning", *warning),
        ("attested", *attested),
        ("passing", passing - attested),
        ("not applicable", *not_applicable),
    ];
    let rows: Vec<_> = rows.iter().map(|(word, count)| format!("| {word} | {count} |")).collect();
    format!("| of {} | |\n|---|---:|\n{}", counted(*items, "item"), rows.join("\n"))
}

/// All items of a standing, the gravest first.
fn write_wrong(sheet: &mut Sheet, snapshot: &Snapshot, all: &[Line<'_>], standing: Standing) {
    let mut lines: Vec<_> = all.iter().filter(|line| line.shown.standing == standing).collect();
    if lines.is_empty() {
        return;
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.item.card.severity));
    sheet.heading(3, &format!("{} {}", counted(lines.len(), "item"), standing.label()));
    for line in lines {
        let card = &line.item.card;
        let section = snapshot.sections.iter().find(|section| section.id == card.section);
        let section = section.map(|section| format!(", {}", prose(&section.title)));
        let place = format!("({}{})", card.severity.label(), section.unwrap_or_default());
        sheet.entry(0, &format!("{} {} {place}", prose(&card.title), code(card.id.as_str())));
        line.write_details(sheet, 1, MANY);
    }
}
