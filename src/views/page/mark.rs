//! Marks: standings and verdicts as a word and a shape, so that colour is never all there is.

use crate::model::finding::Verdict;
use crate::model::standing::Standing;

/// How a standing or a verdict is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The name of the shape and of the class that colours it.
    pub(super) shape: &'static str,
    /// The word beside the shape.
    pub(super) word: &'static str,
}

impl From<Standing> for Mark {
    fn from(standing: Standing) -> Self {
        let (shape, word) = match standing {
            Standing::Pending => ("pending", "Pending"),
            Standing::Passing => ("passing", "Passing"),
            Standing::Warning => ("warning", "Warning"),
            Standing::Failing => ("failing", "Failing"),
            Standing::Unknown => ("unknown", "Unknown"),
            Standing::Waived => ("waived", "Waived"),
            Standing::NotApplicable => ("absent", "Not applicable"),
        };
        Self { shape, word }
    }
}

impl From<Verdict> for Mark {
    fn from(verdict: Verdict) -> Self {
        let (shape, word) = match verdict {
            Verdict::Pass => ("passing", "pass"),
            Verdict::Warn => ("warning", "warn"),
            Verdict::Unknown => ("unknown", "unknown"),
            Verdict::Fail => ("failing", "fail"),
        };
        Self { shape, word }
    }
}
