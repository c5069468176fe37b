//! A double for tests of the engine: says what its script says, hangs, or breaks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

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

/// One act of a script.
#[derive(Clone, Debug)]
pub enum Act {
    /// Says this.
    Say(Finding),
    /// Never answers.
    Hang,
    /// Breaks.
    Panic,
}

/// What a test and its check share.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Acts to come; the last one is repeated.
    pub acts: Arc<Mutex<VecDeque<Act>>>,
    /// Times it was asked.
    pub asked: Arc<Mutex<u32>>,
}

impl Script {
    /// A script that says the same for ever.
    pub fn always(act: Act) -> Self {
        Self { acts: Arc::new(Mutex::new(VecDeque::from([act]))), ..Self::default() }
    }

    /// What it says from now on.
    pub fn now(&self, act: Act) {
        *self.acts.lock().unwrap() = VecDeque::from([act]);
    }

    /// Times it was asked.
    pub fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }
}

/// A check that follows a script.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Scripted {
    /// What it says.
    #[serde(skip)]
    pub script: Script,
    /// The host it claims to ask.
    pub host: String,
}

impl Check for Scripted {
    type Seen = Finding;
    const REASONS: &'static [Documented] = &[];
    const MEASURES: &'static [&'static Measure] = &[];

    fn needs(&self) -> Needs {
        Needs::host(self.host.clone())
    }

    fn series(&self) -> Vec<Series> {
        Vec::new()
    }

    async fn observe(&self, _look: &Look<'_>) -> Result<Finding, Obstacle> {
        *self.script.asked.lock().unwrap() += 1;
        let act = {
            let mut acts = self.script.acts.lock().unwrap();
            let act = acts.front().cloned().expect("an act");
            if acts.len() > 1 {
                acts.pop_front();
            }
            act
        };
        match act {
            Act::Say(finding) => Ok(finding),
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("as the script says"),
        }
    }

    fn judge(&self, seen: &Finding, _past: &Past, _now: Timestamp) -> Judgement {
        seen.clone().into()
    }
}
