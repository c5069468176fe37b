//! `dns`: a placeholder until the kind is written.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::Documented;

/// A name resolves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// The name.
    name: String,
}

impl Check for Dns {
    type Seen = ();
    const REASONS: &'static [Documented] = &[];
    const MEASURES: &'static [&'static Measure] = &[];

    fn needs(&self) -> Needs {
        Needs::host(self.name.clone())
    }

    fn series(&self) -> Vec<Series> {
        Vec::new()
    }

    async fn observe(&self, _look: &Look<'_>) -> Result<(), Obstacle> {
        Ok(())
    }

    fn judge(&self, (): &(), _past: &Past, _now: Timestamp) -> Judgement {
        Finding::pass("placeholder").into()
    }
}
