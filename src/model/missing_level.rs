//! What a comparison with a level from before amounts to where no such level is known.

use schemars::JsonSchema;
use serde::Deserialize;

use super::finding::{Finding, Obstacle};
use super::judgement::Answer;

/// What becomes of the claim where there is nothing to compare with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingLevel {
    /// Nobody can tell.
    #[default]
    Unknown,
    /// It holds as far as its own limits go, and says that nothing was compared.
    Pass,
}

impl MissingLevel {
    /// The answer, where `obstacle` says why there is nothing to compare with.
    pub fn answer(self, obstacle: Obstacle) -> Answer {
        match self {
            Self::Unknown => obstacle.into(),
            Self::Pass => Finding::pass(format!("not compared: {}", obstacle.because)).into(),
        }
    }
}
