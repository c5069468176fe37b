//! Judgements: the findings and obstacles of a check's lines, side by side.

use jiff::Timestamp;
use serde::Serialize;

use super::finding::{Finding, Grade, Obstacle, Verdict};
use super::measure::Sample;
use super::reason::Reason;

/// The longest sentence that is kept, in characters.
const LONGEST_SENTENCE: usize = 600;
/// The most lines of evidence that are kept; the worst come first.
const MOST_LINES: usize = 200;

/// One line of evidence: what is said of one queue, one address, one pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Line {
    /// What the line is about; empty where the check has a single one.
    pub subject: String,
    /// What was made of it.
    pub verdict: Verdict,
    /// The code, unless it passes.
    pub reason: Option<Reason>,
    /// The sentence.
    pub because: String,
}

/// What a check says after a look.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Judgement {
    lines: Vec<Line>,
    #[serde(skip)]
    samples: Vec<Sample>,
    /// Lines or rows that were seen and left out by a cap.
    pub dropped: u64,
    /// When time alone will change what is said, where that is known: the next look is due then.
    #[serde(skip)]
    pub changes_at: Option<Timestamp>,
}

impl Judgement {
    /// A judgement to which lines are added.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding or an obstacle about `subject`.
    pub fn add(&mut self, subject: impl Into<String>, answer: impl Into<Answer>) {
        let (verdict, reason, because) = match answer.into() {
            Answer::Found(Finding { grade, because, samples }) => {
                self.samples.extend(samples);
                match grade {
                    Grade::Pass => (Verdict::Pass, None, because),
                    Grade::Warn(reason) => (Verdict::Warn, Some(reason), because),
                    Grade::Fail(reason) => (Verdict::Fail, Some(reason), because),
                }
            }
            Answer::Blind(Obstacle { reason, because, ours: _ }) => {
                (Verdict::Unknown, Some(reason), because)
            }
        };
        self.lines.push(Line {
            subject: legible(&subject.into(), LONGEST_SENTENCE),
            verdict,
            reason,
            because: legible(&because, LONGEST_SENTENCE),
        });
    }

    /// Adds a figure that belongs to no single line.
    pub fn measure(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    /// Notes that time alone will change what is said.
    pub fn changing(mut self, at: Option<Timestamp>) -> Self {
        self.changes_at = at;
        self
    }

    /// Worst of the lines; with no line at all, nothing was seen: unknown, never a pass.
    pub fn verdict(&self) -> Verdict {
        self.lines.iter().map(|line| line.verdict).max().unwrap_or(Verdict::Unknown)
    }

    /// The worst line, the first of equals.
    pub fn worst(&self) -> Option<&Line> {
        let verdict = self.verdict();
        self.lines.iter().find(|line| line.verdict == verdict)
    }

    /// The reason of the worst line; none while it passes.
    pub fn reason(&self) -> Option<Reason> {
        match self.worst() {
            Some(line) => line.reason,
            None => Some(Reason::NOTHING_SEEN),
        }
    }

    /// One sentence for all: the worst line's, and how many others are as bad.
    pub fn because(&self) -> String {
        let Some(worst) = self.worst() else {
            return "the look ended without anything to judge".to_owned();
        };
        let others = self.lines.iter().filter(|line| line.verdict == worst.verdict).count() - 1;
        let sentence = worst.sentence();
        match others {
            0 => sentence,
            others => format!("{sentence} (and {others} more)"),
        }
    }

    /// The lines, as the check gave them.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The figures.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Takes the figures out, so that evidence kept for long holds none.
    pub fn take_samples(&mut self) -> Vec<Sample> {
        std::mem::take(&mut self.samples)
    }

    /// Keeps the worst lines under the cap and counts the others.
    pub fn capped(mut self) -> Self {
        if self.lines.len() > MOST_LINES {
            self.lines.sort_by_key(|line| std::cmp::Reverse(line.verdict));
            self.dropped += (self.lines.len() - MOST_LINES) as u64;
            self.lines.truncate(MOST_LINES);
        }
        self
    }
}

impl Line {
    /// What was said, and of what.
    pub fn sentence(&self) -> String {
        let Self { subject, because, .. } = self;
        if subject.is_empty() { because.clone() } else { format!("{subject}: {because}") }
    }
}

/// Either of the two things that can be said of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was seen.
    Found(Finding),
    /// It was not.
    Blind(Obstacle),
}

impl From<Finding> for Answer {
    fn from(finding: Finding) -> Self {
        Self::Found(finding)
    }
}

impl From<Obstacle> for Answer {
    fn from(obstacle: Obstacle) -> Self {
        Self::Blind(obstacle)
    }
}

impl From<Result<Finding, Obstacle>> for Answer {
    fn from(result: Result<Finding, Obstacle>) -> Self {
        match result {
            Ok(finding) => Self::Found(finding),
            Err(obstacle) => Self::Blind(obstacle),
        }
    }
}

impl<A: Into<Answer>> From<A> for Judgement {
    fn from(answer: A) -> Self {
        let mut judgement = Self::new();
        judgement.add("", answer);
        judgement
    }
}

/// Whether a character can't be seen, and turns, hides or moves what stands beside it: controls, marks
/// of writing direction, fillers and blanks that are no white space. Unicode calls most of them
/// `Default_Ignorable_Code_Point`; the two that choose between a letter and its picture are none.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
        )
}

/// What can be seen of a character: those that are hidden are blanks, and so are those beyond the basic
/// plane that only pictures are put together of.
pub fn visible(c: char) -> char {
    let is_tag = matches!(c,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e00ff}');
    if is_hidden(c) || is_tag || c.is_whitespace() { ' ' } else { c }
}

/// Whether nothing of a text can be seen: also where all of it chooses the form of letters that are
/// not there.
pub fn says_nothing(text: &str) -> bool {
    let chooses = |c| matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    text.chars().all(|c| visible(c) == ' ' || chooses(c))
}

/// Foreign text as it may be shown: no characters that hide, bounded in length.
pub fn legible(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).map(visible).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blind_line_does_not_hide_a_failing_one() {
        let mut judgement = Judgement::new();
        judgement.add("a", Obstacle::new(Reason::TIMED_OUT, "no answer"));
        judgement.add("b", Finding::fail(Reason::NOT_FOUND, "is absent"));
        judgement.add("c", Finding::pass("is there"));
        assert_eq!(judgement.verdict(), Verdict::Fail);
        assert_eq!(judgement.reason(), Some(Reason::NOT_FOUND));
        assert_eq!(judgement.because(), "b: is absent");
    }

    #[test]
    fn a_warning_does_not_hide_blindness() {
        let mut judgement = Judgement::from(Finding::warn(Reason::STALE, "old"));
        judgement.add("x", Obstacle::new(Reason::TIMED_OUT, "no answer"));
        assert_eq!(judgement.verdict(), Verdict::Unknown);
    }

    #[test]
    fn nothing_to_judge_is_not_a_pass() {
        let judgement = Judgement::new();
        assert_eq!(judgement.verdict(), Verdict::Unknown);
        assert_eq!(judgement.reason(), Some(Reason::NOTHING_SEEN));
    }

    #[test]
    fn foreign_text_is_bounded_and_without_control_characters() {
        assert_eq!(legible("a\nb\u{1b}[31m", 40), "a b [31m");
        assert_eq!(legible("abcdef", 3), "abc…");
        assert_eq!(legible("a\u{202e}b\u{200b}c\u{feff}", 40), "a b c ");
        assert_eq!(legible("\u{845b}\u{e0100}", 40), "\u{845b}\u{e0100}", "a form of a letter");
        assert_eq!(legible("a\u{3164}\u{e0041}b \u{2764}\u{fe0f}", 40), "a  b \u{2764}\u{fe0f}");
    }

    #[test]
    fn the_cap_keeps_the_worst_lines_and_counts_the_rest() {
        let mut judgement = Judgement::new();
        for n in 0..300 {
            judgement.add(format!("{n}"), Finding::pass("fine"));
        }
        judgement.add("last", Finding::fail(Reason::NOT_FOUND, "is absent"));
        let judgement = judgement.capped();
        assert_eq!(judgement.lines().len(), MOST_LINES);
        assert_eq!(judgement.dropped, 101);
        assert_eq!(judgement.verdict(), Verdict::Fail);
    }
}
