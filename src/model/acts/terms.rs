//! Terms: for how long a person's word is taken for an item.

use std::time::Duration;

/// On what terms an item can be attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// For how long an attestation is valid.
    pub valid: Validity,
    /// How long before it lapses the item warns.
    pub warn_before: Duration,
    /// How long the item may be without one, from when it is first known or the deployment begins.
    pub within: Duration,
}

/// For how long an attestation is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// So long.
    For(Duration),
    /// For one deployment.
    Deployment,
}
