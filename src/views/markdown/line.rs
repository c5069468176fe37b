//! One item: its boxes, how it stands, why, since when, what was seen, and who stands for it.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::acts;
use super::prose::{code, prose};
use super::{Sheet, holds, stamp, word};
use crate::model::duration::spoken;
use crate::model::finding::Verdict;
use crate::model::item::Card;
use crate::model::judgement as said;
use crate::model::report::Report;
use crate::model::snapshot::{ItemState, Snapshot};
use crate::model::standing::{Shown, Standing};
use crate::model::tally::attested;

/// Lines of evidence that are printed under a box.
pub(super) const FEW: usize = 5;
/// Lines of evidence that are printed where something is wrong.
pub(super) const MANY: usize = 20;

/// An item as it is shown.
pub(super) struct Line<'a> {
    snapshot: &'a Snapshot,
    pub(super) item: &'a ItemState,
    pub(super) shown: Shown,
    now: Timestamp,
}

impl<'a> Line<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, item: &'a ItemState, now: Timestamp) -> Self {
        Self { snapshot, item, shown: snapshot.shown(item, now), now }
    }

    /// Whether it passes by a person's word.
    fn is_attested(&self) -> bool {
        self.shown.standing == Standing::Passing && attested(self.item)
    }

    /// The box, or the boxes, and all that is behind them.
    pub(super) fn write_box(&self, sheet: &mut Sheet, depth: usize) {
        let Card { id, title, boxes, .. } = &self.item.card;
        let here = |(environment, _): &&(String, String)| *environment == self.snapshot.environment;
        // An environment that the paper does not know has a box all the same.
        if !boxes.iter().any(|one| here(&one)) {
            sheet.tick(depth, self.shown.standing, title, id.as_str());
            self.write_details(sheet, depth + 1, FEW);
        }
        for one in boxes {
            if here(&one) {
                sheet.tick(depth, self.shown.standing, &one.1, id.as_str());
                self.write_details(sheet, depth + 1, FEW);
            } else {
                sheet.tick(depth, Standing::Pending, &one.1, id.as_str());
                sheet.entry(depth + 1, "another environment than this one");
            }
        }
    }

    /// How it stands, with at most `most` lines of evidence.
    pub(super) fn write_details(&self, sheet: &mut Sheet, depth: usize, most: usize) {
        sheet.entry(depth, &self.standing());
        if self.shown.standing != Standing::NotApplicable {
            self.write_evidence(sheet, depth, most);
        }
        acts::write(sheet, depth, self.snapshot, self.item, self.now);
        let runbook = self.item.card.runbook_url.as_deref();
        if let (Some(url), false) = (runbook, holds(self.shown.standing)) {
            sheet.entry(depth, &format!("runbook: {}", link(url)));
        }
    }

    /// The standing, its reason, since when, and the sentence.
    fn standing(&self) -> String {
        let Shown { standing, reason, because, since } = &self.shown;
        let called = if self.is_attested() { "attested" } else { word(*standing) };
        let reason = reason.filter(|_| *standing != Standing::Passing);
        let reason = reason.map(|reason| format!(" {}", code(reason.code()))).unwrap_or_default();
        let since = match standing {
            Standing::NotApplicable => String::new(),
            Standing::Pending
            | Standing::Passing
            | Standing::Warning
            | Standing::Failing
            | Standing::Unknown
            | Standing::Waived => format!(" since {}", stamp(*since)),
        };
        format!("{}{reason}{since}: {}", strong(called), prose(because))
    }

    /// The last look and what it saw, the worst first.
    fn write_evidence(&self, sheet: &mut Sheet, depth: usize, most: usize) {
        let Some(report) = &self.item.latest else {
            return sheet.entry(depth, "nobody has looked yet");
        };
        let Report { item: _, generation: _, cause: _, started, took, checks: _, word: _ } =
            &**report;
        sheet.entry(depth, &format!("looked at {} for {}", stamp(*started), spoken(*took)));
        let mut seen: Vec<_> = report
            .all()
            .flat_map(|check| check.judgement.lines().iter().map(|line| (check.kind, line)))
            .collect();
        // One line that says what the standing says is no news.
        if let [(_, only)] = seen.as_slice()
            && self.shown.because.contains(&only.because)
        {
            return;
        }
        seen.sort_by_key(|(_, line)| Reverse(line.verdict));
        for (kind, line) in seen.iter().take(most) {
            sheet.entry(depth + 1, &evidence(kind, line));
        }
        let dropped: u64 = report.all().map(|check| check.judgement.dropped).sum();
        let more = seen.len().saturating_sub(most) as u64 + dropped;
        if more > 0 {
            sheet.entry(depth + 1, &format!("and {more} more"));
        }
    }
}

fn evidence(kind: &str, line: &said::Line) -> String {
    let said::Line { subject, verdict, reason, because } = line;
    let verdict = match verdict {
        Verdict::Pass => verdict.label().to_owned(),
        Verdict::Warn | Verdict::Unknown | Verdict::Fail => strong(verdict.label()),
    };
    let reason = reason.map(|reason| format!(" {}", code(reason.code()))).unwrap_or_default();
    let subject = if subject.is_empty() { String::new() } else { format!("{}: ", prose(subject)) };
    format!("{} {verdict}{reason}: {subject}{}", code(kind), prose(because))
}

/// A word of ours, printed bold.
pub(super) fn strong(word: &str) -> String {
    format!("**{}**", word.replace('_', " "))
}

/// A link of the configuration; whatever a browser would not open, or a renderer would read
/// otherwise, is text.
fn link(url: &str) -> String {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '\\' | '`');
    if web && url.chars().all(plain) { format!("<{url}>") } else { prose(url) }
}
