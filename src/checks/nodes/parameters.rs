//! Parameters of `nodes`, each with its default.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;
use crate::systems::kubernetes::node::Taint;
use crate::systems::kubernetes::quantity::Quantity;

/// The fewest nodes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct MinCount(pub(super) NonZeroU32);

impl Default for MinCount {
    fn default() -> Self {
        Self(NonZeroU32::MIN)
    }
}

/// How long something may take; 5m by default.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct Patience(pub(super) Period);

impl Default for Patience {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// What is needed altogether.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Needed {
    /// Cores, such as `12` or `500m`.
    pub(super) cpu: Option<Amount>,
    /// Bytes, such as `48Gi`.
    pub(super) memory: Option<Amount>,
    /// Pods.
    pub(super) pods: Option<Amount>,
}

impl Needed {
    pub(super) fn is_nothing(self) -> bool {
        let Self { cpu, memory, pods } = self;
        cpu.is_none() && memory.is_none() && pods.is_none()
    }
}

/// What one replica requests.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Largest {
    /// Cores, such as `2` or `500m`.
    pub(super) cpu: Option<Amount>,
    /// Bytes, such as `4Gi`.
    pub(super) memory: Option<Amount>,
}

impl Largest {
    pub(super) fn is_nothing(self) -> bool {
        let Self { cpu, memory } = self;
        cpu.is_none() && memory.is_none()
    }
}

/// A quantity of at least nothing.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Quantity")]
pub(super) struct Amount(pub(super) Quantity);

impl TryFrom<Quantity> for Amount {
    type Error = String;

    fn try_from(quantity: Quantity) -> Result<Self, String> {
        if quantity.is_negative() {
            return Err(format!("`{quantity}` is less than nothing"));
        }
        Ok(Self(quantity))
    }
}

/// A taint, or several, that keep nobody away who is meant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(super) struct Toleration {
    key: String,
    value: Option<String>,
    effect: Option<String>,
}

impl Toleration {
    pub(super) fn covers(&self, taint: &Taint) -> bool {
        *self.key == *taint.key
            && self.value.as_ref().is_none_or(|value| **value == *taint.value)
            && self.effect.as_ref().is_none_or(|effect| **effect == *taint.effect)
    }
}

impl TryFrom<String> for Toleration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (taint, effect) = match text.split_once(':') {
            Some((taint, effect)) => (taint, Some(effect)),
            None => (&*text, None),
        };
        if effect.is_some_and(|effect| !["NoSchedule", "NoExecute"].contains(&effect)) {
            return Err(format!("`{text}`: the effect is `NoSchedule` or `NoExecute`"));
        }
        let (key, value) = match taint.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (taint, None),
        };
        if key.is_empty() {
            return Err(format!("`{text}` is not a taint; write `dedicated=apps:NoSchedule`"));
        }
        let (value, effect) = (value.map(str::to_owned), effect.map(str::to_owned));
        Ok(Self { key: key.to_owned(), value, effect })
    }
}
