//! Reports: one attempt at an item, and what came of it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::Verdict;
use super::item::ItemId;
use super::judgement::{Judgement, Line};
use super::reason::Reason;

/// Why an attempt was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[derive(utoipa::ToSchema)]
pub enum Cause {
    /// Its schedule said so.
    Scheduled,
    /// A watched object changed.
    Changed,
    /// Somebody asked.
    Asked,
    /// A round of a deployment's watch.
    Round,
    /// The last verdict contradicts the standing.
    Confirming,
}

/// One attempt at an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Which item.
    pub item: ItemId,
    /// The item's generation: a report of an older one is refused.
    #[serde(skip)]
    pub generation: u64,
    /// Why it was made.
    pub cause: Cause,
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    #[serde(serialize_with = "super::duration::seconds")]
    pub took: Duration,
    /// What its checks said, in file order.
    pub checks: Vec<CheckReport>,
    /// What was found of a person's word, where one can stand in for the checks.
    pub word: Option<Word>,
}

/// A person's word that may stand in for the checks: for what they could not see, and of what they
/// saw for what it `answers` alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Word {
    /// What was found of it.
    #[serde(flatten)]
    pub report: CheckReport,
    /// The reasons of failures and warnings that it answers.
    pub answers: Vec<Reason>,
    /// Whether the item was seen to fail after it was given: then it answers for nothing that can't
    /// be seen, until the item was seen to hold, or somebody has looked and says so anew.
    pub outdated: bool,
}

/// What decides an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deciding<'a> {
    /// The worst check, by its worst line.
    Check(&'a CheckReport),
    /// A person's word, which says better.
    Word(&'a CheckReport),
    /// A line that a person's word does not answer.
    Line(&'a CheckReport, &'a Line),
}

/// What one check of an item said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// The check's kind.
    pub kind: &'static str,
    /// How long it took.
    #[serde(serialize_with = "super::duration::seconds")]
    pub took: Duration,
    /// What it said.
    pub judgement: Judgement,
}

impl Report {
    /// Worst of its checks; or of the word that stands in for them, where that says better.
    pub fn verdict(&self) -> Verdict {
        match self.deciding() {
            Some(Deciding::Check(check) | Deciding::Word(check)) => check.judgement.verdict(),
            Some(Deciding::Line(_, line)) => line.verdict,
            None => Verdict::Unknown,
        }
    }

    /// The reason of the check that decides, the first of equals; none while it passes.
    pub fn reason(&self) -> Option<Reason> {
        match self.deciding() {
            Some(Deciding::Check(check) | Deciding::Word(check)) => check.judgement.reason(),
            Some(Deciding::Line(_, line)) => line.reason,
            None => Some(Reason::NOTHING_SEEN),
        }
    }

    /// One sentence for the whole attempt.
    pub fn because(&self) -> String {
        match self.deciding() {
            Some(Deciding::Check(check) | Deciding::Word(check)) => check.judgement.because(),
            // Whoever sees a word that is valid wants to know why it does not answer this.
            Some(Deciding::Line(_, line)) if line.verdict == Verdict::Unknown => {
                let said = line.sentence();
                format!("{said}; the item was seen to fail after it was attested")
            }
            Some(Deciding::Line(_, line)) => line.sentence(),
            None => "the item has no check".to_owned(),
        }
    }

    /// All that was said, the word that may stand in for the checks last.
    pub fn all(&self) -> impl Iterator<Item = &CheckReport> {
        self.checks.iter().chain(self.word.iter().map(|word| &word.report))
    }

    /// When time alone will change what was said, at the earliest.
    pub fn changes_at(&self) -> Option<Timestamp> {
        self.all().filter_map(|check| check.judgement.changes_at).min()
    }

    /// The lines of its checks that fail, but for those that a person's word answers.
    pub fn failing(&self) -> impl Iterator<Item = &Line> {
        self.unanswered().map(|(_, line)| line).filter(|line| line.verdict == Verdict::Fail)
    }

    /// What decides the attempt: the worst check, unless a person's word says better. A word answers
    /// what could not be seen, but hides no failure that is newer than it; what was seen to fail, or
    /// to want somebody's eye, shows through it unless the item says that a word answers just that.
    pub fn deciding(&self) -> Option<Deciding<'_>> {
        let worst = self.worst()?;
        let Some(word) = self.holding() else { return Some(Deciding::Check(worst)) };
        let said = word.report.judgement.verdict();
        if said >= worst.judgement.verdict() {
            return Some(Deciding::Check(worst));
        }
        let shows = |line: &Line| match line.verdict {
            Verdict::Pass => false,
            Verdict::Unknown => word.outdated,
            Verdict::Warn | Verdict::Fail => line.verdict >= said,
        };
        let seen = self.unanswered().filter(|(_, line)| shows(line));
        // The first of equals.
        let through =
            seen.reduce(|worst, next| if next.1.verdict > worst.1.verdict { next } else { worst });
        let silent = self.checks.iter().find(|check| check.judgement.lines().is_empty());
        Some(match (through, silent) {
            (Some((check, line)), _) => Deciding::Line(check, line),
            (None, Some(check)) if word.outdated => Deciding::Check(check),
            (None, _) => Deciding::Word(&word.report),
        })
    }

    /// Whether a person's word decides it, and not a look.
    pub fn is_attested(&self) -> bool {
        matches!(self.deciding(), Some(Deciding::Word(_)))
    }

    /// Whether a person's word holds, be it that it decides or that something shows through it.
    pub fn has_word(&self) -> bool {
        self.holding().is_some()
    }

    /// The word, where it holds.
    fn holding(&self) -> Option<&Word> {
        let holds =
            |word: &&Word| matches!(word.report.judgement.verdict(), Verdict::Pass | Verdict::Warn);
        self.word.as_ref().filter(holds)
    }

    /// The lines of the checks, but for those that a word which holds answers by their reason.
    fn unanswered(&self) -> impl Iterator<Item = (&CheckReport, &Line)> {
        let answers = self.holding().map(|word| word.answers.as_slice()).unwrap_or_default();
        let lines = self
            .checks
            .iter()
            .flat_map(|check| check.judgement.lines().iter().map(move |line| (check, line)));
        lines.filter(|(_, line)| !line.reason.is_some_and(|reason| answers.contains(&reason)))
    }

    fn worst(&self) -> Option<&CheckReport> {
        let verdict = self.checks.iter().map(|check| check.judgement.verdict()).max()?;
        self.checks.iter().find(|check| check.judgement.verdict() == verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::{Finding, Obstacle};
    use crate::model::judgement::Answer;

    const NEVER: Reason = Reason::new("NeverScaled");
    const BROKEN: Reason = Reason::new("Broken");
    const ENDING: Reason = Reason::new("AttestationEnding");

    fn check(answers: Vec<Answer>) -> CheckReport {
        let mut judgement = Judgement::new();
        for answer in answers {
            judgement.add("", answer);
        }
        CheckReport { kind: "autoscalers", took: Duration::ZERO, judgement }
    }

    /// Verdict and reason under a word that answers `NeverScaled`.
    fn decided(word: Finding, lines: Vec<Answer>) -> (Verdict, Option<Reason>) {
        decided_by(word, false, lines)
    }

    /// The same under a word that may be older than the last failure.
    fn decided_by(word: Finding, outdated: bool, lines: Vec<Answer>) -> (Verdict, Option<Reason>) {
        let report = reported(word, outdated, lines);
        (report.verdict(), report.reason())
    }

    fn reported(word: Finding, outdated: bool, lines: Vec<Answer>) -> Report {
        Report {
            item: ItemId::parse("a").unwrap(),
            generation: 1,
            cause: Cause::Scheduled,
            started: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
            checks: vec![check(lines)],
            word: Some(Word { report: check(vec![word.into()]), answers: vec![NEVER], outdated }),
        }
    }

    fn blind() -> Answer {
        Obstacle::new(Reason::TIMED_OUT, "no answer").into()
    }

    fn fails(reason: Reason) -> Answer {
        Finding::fail(reason, "as the test says").into()
    }

    fn warns(reason: Reason) -> Answer {
        Finding::warn(reason, "as the test says").into()
    }

    #[test]
    fn a_word_answers_what_was_not_seen_and_what_the_item_names() {
        let word = || Finding::pass("attested");
        let holds = (Verdict::Pass, None);
        assert_eq!(decided(word(), vec![blind()]), holds);
        assert_eq!(decided(word(), vec![]), holds);
        assert_eq!(decided(word(), vec![fails(NEVER), blind()]), holds);
        assert_eq!(decided(word(), vec![warns(NEVER)]), holds);
    }

    #[test]
    fn what_was_seen_shows_through_a_word() {
        let word = || Finding::pass("attested");
        let broken = (Verdict::Fail, Some(BROKEN));
        assert_eq!(decided(word(), vec![fails(BROKEN)]), broken);
        assert_eq!(decided(word(), vec![fails(NEVER), fails(BROKEN)]), broken);
        assert_eq!(decided(word(), vec![warns(BROKEN), fails(BROKEN), blind()]), broken);
        let warned = (Verdict::Warn, Some(BROKEN));
        assert_eq!(decided(word(), vec![warns(BROKEN), blind()]), warned);
        assert_eq!(decided(word(), vec![fails(NEVER), warns(BROKEN)]), warned);
    }

    #[test]
    fn a_word_that_is_older_than_a_failure_answers_what_it_names_and_no_blindness() {
        let decided = |lines| decided_by(Finding::pass("attested"), true, lines);
        let blinded = (Verdict::Unknown, Some(Reason::TIMED_OUT));
        assert_eq!(decided(vec![blind()]), blinded);
        assert_eq!(decided(vec![fails(NEVER), blind()]), blinded);
        assert_eq!(decided(vec![]), (Verdict::Unknown, Some(Reason::NOTHING_SEEN)));
        assert_eq!(decided(vec![fails(NEVER)]), (Verdict::Pass, None));
        assert_eq!(decided(vec![fails(BROKEN), blind()]), (Verdict::Fail, Some(BROKEN)));
        let told = reported(Finding::pass("attested"), true, vec![blind()]).because();
        assert_eq!(told, "no answer; the item was seen to fail after it was attested");
    }

    #[test]
    fn a_word_that_ends_soon_warns_and_one_that_has_ended_answers_nothing() {
        let ending = || Finding::warn(ENDING, "soon");
        assert_eq!(decided(ending(), vec![fails(NEVER)]), (Verdict::Warn, Some(ENDING)));
        assert_eq!(decided(ending(), vec![fails(BROKEN)]), (Verdict::Fail, Some(BROKEN)));
        assert_eq!(decided(ending(), vec![Finding::pass("seen").into()]), (Verdict::Pass, None));
        let ended = Finding::fail(BROKEN, "lapsed");
        assert_eq!(decided(ended, vec![fails(NEVER)]), (Verdict::Fail, Some(NEVER)));
    }
}
