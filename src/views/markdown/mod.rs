//! The checklist as people have it on paper, its boxes ticked, with the evidence behind each.
//!
//! A box is ticked where the line holds: it passes, warns (and says so), or a person attests it.
//! What is waived is not ticked, for it does not hold; it names who took the blame. The boxes are
//! those of the paper: one an item, one a group of indented items, and where an item stands for one
//! line an environment, one for each of them.
//!
//! Its law: GitHub's dialect, and no text of the watched systems or of people becomes any of it.

mod acts;
mod line;
mod prose;
mod signing;
mod summary;

use jiff::Timestamp;

use crate::model::item::Section;
use crate::model::snapshot::Snapshot;
use crate::model::standing::Standing;
use line::Line;
use prose::{code, prose};

/// The whole as it is to be shown at `now`. `remarks` are sentences about how it came to be.
pub fn checklist(snapshot: &Snapshot, remarks: &[String], now: Timestamp) -> String {
    let lines: Vec<_> = snapshot.items.iter().map(|item| Line::new(snapshot, item, now)).collect();
    let mut sheet = Sheet::default();
    summary::write(&mut sheet, snapshot, &lines, remarks, now);
    for section in &*snapshot.sections {
        write_section(&mut sheet, section, &lines);
    }
    signing::write(&mut sheet, snapshot);
    sheet.0
}

/// The text as it grows, line by line.
#[derive(Default)]
struct Sheet(String);

impl Sheet {
    /// A heading, with what it is set apart by.
    fn heading(&mut self, level: usize, text: &str) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
        self.0.push_str(&format!("{} {text}\n\n", "#".repeat(level)));
    }

    /// A paragraph.
    fn paragraph(&mut self, text: &str) {
        self.0.push_str(&format!("{text}\n\n"));
    }

    /// An entry of a list; `depth` counts the entries it stands under.
    fn entry(&mut self, depth: usize, text: &str) {
        self.0.push_str(&format!("{}- {text}\n", "  ".repeat(depth)));
    }

    /// An entry with a box. What does not apply is struck out.
    fn tick(&mut self, depth: usize, standing: Standing, title: &str, name: &str) {
        let mark = if holds(standing) { 'x' } else { ' ' };
        let title = if title.trim().is_empty() { "(no title)".to_owned() } else { prose(title) };
        let title = match standing {
            Standing::NotApplicable => format!("~~{title}~~"),
            Standing::Pending
            | Standing::Passing
            | Standing::Warning
            | Standing::Failing
            | Standing::Unknown
            | Standing::Waived => title,
        };
        self.entry(depth, &format!("[{mark}] {title} {}", code(name)));
    }
}

/// Whether a box of this standing is ticked.
fn holds(standing: Standing) -> bool {
    matches!(standing, Standing::Passing | Standing::Warning)
}

/// A time, to the second.
fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A section with its items in file order; those of a group stand under its box, where the first
/// of them is.
fn write_section(sheet: &mut Sheet, section: &Section, all: &[Line<'_>]) {
    let Section { id, title, groups, items: _ } = section;
    let lines: Vec<_> = all.iter().filter(|line| line.item.card.section == *id).collect();
    if lines.is_empty() {
        return;
    }
    sheet.heading(2, &prose(title));
    let mut printed = Vec::new();
    for line in &lines {
        let known = groups.iter().find(|group| Some(&group.id) == line.item.card.group.as_ref());
        let Some(group) = known else {
            line.write_box(sheet, 0);
            continue;
        };
        if printed.contains(&&group.id) {
            continue;
        }
        printed.push(&group.id);
        let of_group = |line: &&&Line<'_>| line.item.card.group.as_ref() == Some(&group.id);
        let members: Vec<_> = lines.iter().filter(of_group).copied().collect();
        let worst = worst(&members);
        sheet.tick(0, worst, &group.title, group.id.as_str());
        sheet.entry(1, &format!("{}: {}", line::strong(worst.label()), makeup(&members)));
        for member in members {
            member.write_box(sheet, 1);
        }
    }
}

/// The worst standing under a box. A waived line does not hold, so that it outweighs a warning.
fn worst(members: &[&Line<'_>]) -> Standing {
    let standings = || members.iter().map(|line| line.shown.standing);
    match Standing::worst(standings()) {
        Some(Standing::Warning) if standings().any(|one| one == Standing::Waived) => {
            Standing::Waived
        }
        Some(worst) => worst,
        None => Standing::NotApplicable,
    }
}

/// How many lines under a box stand how, the worst first.
fn makeup(members: &[&Line<'_>]) -> String {
    const ORDER: [Standing; 7] = [
        Standing::Failing,
        Standing::Unknown,
        Standing::Pending,
        Standing::Waived,
        Standing::Warning,
        Standing::Passing,
        Standing::NotApplicable,
    ];
    let count = |standing| members.iter().filter(|line| line.shown.standing == standing).count();
    let counts = ORDER.iter().map(|standing| (count(*standing), *standing));
    let told = counts.filter(|(count, _)| *count > 0);
    let told: Vec<_> =
        told.map(|(count, standing)| format!("{count} {}", word(standing))).collect();
    told.join(", ")
}

/// The standing in a sentence.
fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::NotApplicable => "not applicable",
        Standing::Pending
        | Standing::Passing
        | Standing::Warning
        | Standing::Failing
        | Standing::Unknown
        | Standing::Waived => standing.label(),
    }
}
