//! One request outside the watches, for what can't be watched.

use super::refusal::Refusal;
use crate::model::finding::Obstacle;

/// Why a request brought nothing.
#[derive(Clone, Debug)]
pub struct Refused {
    /// As an obstacle.
    pub obstacle: Obstacle,
    /// The status code, where there was an answer.
    pub code: Option<u16>,
    /// Whether the answer is that the one named object is not there.
    pub absent: bool,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (code, absent) = (refusal.code, refusal.code == Some(404));
        Self { obstacle: refusal.into(), code, absent }
    }
}
