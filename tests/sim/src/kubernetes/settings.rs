//! What can be chosen about a server, at its start and while it runs.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;

/// What is fixed when a server starts.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether it speaks TLS, with an authority of its own.
    pub tls: bool,
    /// How many changes of each resource it remembers.
    pub history: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tls: false, history: 1_000 }
    }
}

/// What may be changed while a server runs; open watches keep what they began with.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// How often watches are sent a bookmark.
    pub bookmark_every: Duration,
    /// Whether watches can send initial events; an old etcd can't.
    pub streaming_lists: bool,
    /// Whether lists at version 0 ignore their limit, as many servers do.
    pub unpaged_at_zero: bool,
    /// How long a list waits for a version that is not reached yet.
    pub wait_for_version: Duration,
    /// By how much the `Date` header is wrong.
    pub date_offset: SignedDuration,
    /// The checks of `/readyz`, `/livez` and `/healthz` that fail: `ping`, `log`, `etcd`,
    /// `informer-sync`, `poststarthook/rbac/bootstrap-roles`.
    pub failing_health: BTreeSet<String>,
    /// What `/version` says.
    pub version: Version,
    /// Whether everybody who is authenticated may discover, read `/version`, `/readyz` and the
    /// like, and review their own rights, as `system:discovery` and `system:basic-user` have it;
    /// some clusters take those away.
    pub default_roles: bool,
    /// The API groups that are down, as one is whose aggregated server does not answer: discovery
    /// goes on without them.
    pub broken_groups: BTreeSet<String>,
}

/// What `/version` says of the server, in the fields that differ between vendors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Such as `1`.
    pub major: String,
    /// Such as `36`, or `29+` where a vendor builds it.
    pub minor: String,
    /// Such as `v1.36.0`, or `v1.29.3-eks-adc7111`.
    pub git: String,
}

impl Version {
    /// The version with this name, such as `v1.29.3-eks-adc7111`.
    pub fn named(git: &str) -> Self {
        let mut numbers = git.trim_start_matches('v').split('.');
        let mut number = || numbers.next().unwrap_or_default().to_owned();
        let (major, minor) = (number(), number());
        let vendor = if git.contains(['-', '+']) { "+" } else { "" };
        Self { major, minor: minor + vendor, git: git.to_owned() }
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            bookmark_every: Duration::from_mins(1),
            streaming_lists: true,
            unpaged_at_zero: true,
            wait_for_version: Duration::from_secs(3),
            date_offset: SignedDuration::ZERO,
            failing_health: BTreeSet::new(),
            version: Version::named("v1.36.0"),
            default_roles: true,
            broken_groups: BTreeSet::new(),
        }
    }
}
