//! The types of the parameters, each with its default.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::duration::Period;
use crate::model::finding::Finding;
use crate::model::missing_level::MissingLevel;
use crate::model::pattern::Pattern;
use crate::model::reason::Reason;
use crate::model::steps::Steps;

/// The name of a connection, `default` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct ConnectionName(pub(super) String);

/// The prefix of all keys, `bull` by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Prefix(pub(super) String);

/// How many workers a queue must have, 1 by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct WorkersAtLeast(pub(super) usize);

/// How old a waiting job may be, 5 and 15 minutes by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct OldestWaitingWithin(pub(super) Steps<Period>);

/// How many stalled jobs there may be, none by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct MaxStalled(pub(super) Steps<u64>);

/// The span for rates, five minutes by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Window(pub(super) Period);

impl Default for ConnectionName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("bull".to_owned())
    }
}

impl Default for WorkersAtLeast {
    fn default() -> Self {
        Self(1)
    }
}

impl Default for OldestWaitingWithin {
    fn default() -> Self {
        Self(Steps { warn: Some(Period::from_secs(300)), fail: Some(Period::from_secs(900)) })
    }
}

impl Default for MaxStalled {
    fn default() -> Self {
        Self(Steps { warn: None, fail: Some(0) })
    }
}

impl Default for Window {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// What a state of affairs amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Amount {
    /// The claim fails.
    #[default]
    Fail,
    /// The claim holds with a warning.
    Warn,
    /// It is as it should be.
    Allowed,
}

impl Amount {
    /// The finding that something is so; none where it is as it should be.
    pub(super) fn finding(self, reason: Reason, because: String) -> Option<Finding> {
        match self {
            Self::Fail => Some(Finding::fail(reason, because)),
            Self::Warn => Some(Finding::warn(reason, because)),
            Self::Allowed => None,
        }
    }
}

/// How long a repeatable job may be overdue, with nothing on its way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct RepeatableOverdueWithin(pub(super) Steps<Period>);

impl Default for RepeatableOverdueWithin {
    fn default() -> Self {
        Self(Steps { warn: Some(Period::from_secs(900)), fail: None })
    }
}

/// Queues that are found in Redis instead of being named.
///
/// They are looked for with `SCAN`: one command of `keys_a_look` keys a look (on a cluster, one a
/// node), along with the look's first questions, so that a store of N keys is walked through in
/// N / `keys_a_look` looks. Redis spends about a millisecond on 10,000 keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Discover {
    /// Regular expressions: a queue whose whole name matches one of them is looked at as if it were
    /// named. Default: none, so that queues are only found.
    #[serde(default)]
    pub(super) matching: Vec<Pattern>,
    /// How many found queues are looked at, at most 100; the first ones by name. Default: 20.
    #[serde(default)]
    pub(super) at_most: AtMost,
    /// What a queue amounts to that is neither named nor looked at as found. Default: `warn`.
    #[serde(default)]
    pub(super) unexpected: Unexpected,
    /// How many keys a look walks past, at most 100000. Default: 10000.
    #[serde(default)]
    pub(super) keys_a_look: KeysALook,
}

/// How many found queues are looked at, 20 by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct AtMost(pub(super) usize);

impl Default for AtMost {
    fn default() -> Self {
        Self(20)
    }
}

/// What a queue that nobody expects amounts to, a warning by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Unexpected(pub(super) Amount);

impl Default for Unexpected {
    fn default() -> Self {
        Self(Amount::Warn)
    }
}

/// How many keys a look walks past, 10,000 by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct KeysALook(pub(super) u32);

impl Default for KeysALook {
    fn default() -> Self {
        Self(10_000)
    }
}

impl Discover {
    /// Whether a queue of this name is looked at as found.
    pub(super) fn matches(&self, name: &str) -> bool {
        let whole = |pattern: &Pattern| {
            pattern.regex().find(name).is_some_and(|found| found.as_str() == name)
        };
        self.matching.iter().any(whole)
    }
}

/// What is claimed of the Redis itself, as it says of itself: a master is elected, and each of
/// these holds. On a cluster, of every master, and all slots are served.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Store {
    /// What it amounts to that Redis throws keys away once its memory is full (`maxmemory-policy`
    /// other than `noeviction`, with a limit of memory). A policy that touches only keys that run
    /// out, as the locks of jobs do, is a warning at most. Default: `fail`.
    #[serde(default)]
    pub(super) eviction: Amount,
    /// What it amounts to that the last attempt to write to disk failed. Default: `fail`.
    #[serde(default)]
    pub(super) persistence: Amount,
    /// How many replicas must be connected to a master. Default: 0.
    #[serde(default)]
    pub(super) replicas_at_least: usize,
    /// How long ago each connected replica may have confirmed what it received. Default: any time.
    #[serde(default)]
    pub(super) replica_lag_within: Steps<Period>,
    /// The share of its limit of memory that may be in use, from 0 to 1. Default:
    /// `{ warn: 0.8, fail: 0.95 }`.
    #[serde(default)]
    pub(super) memory_within: MemoryWithin,
}

/// How full the memory may be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct MemoryWithin(pub(super) Steps<f64>);

impl Default for MemoryWithin {
    fn default() -> Self {
        Self(Steps { warn: Some(0.8), fail: Some(0.95) })
    }
}

/// How fast jobs finish, compared with how fast they did.
///
/// Looked at only while a job has been waiting for the whole of the check's `window` and the backlog
/// does not shrink: an idle night is not slow. What is more than a day old is forgotten, and so a
/// deployment is compared with what was before it for a day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    /// Compares with so long ago, at most 24h. Default: with before the current deployment.
    pub(super) ago: Option<Period>,
    /// The span before that moment that is averaged, at most 6h. Default: 1h.
    #[serde(default)]
    pub(super) over: Over,
    /// The share of the rate then that the rate now must have, from 0 to 1. Default:
    /// `{ fail: 0.5 }`.
    #[serde(default)]
    pub(super) share_at_least: ShareAtLeast,
    /// What it amounts to where the rate then is not known: `unknown` (the default), `pass`.
    #[serde(default)]
    pub(super) missing: MissingLevel,
}

/// The span that is averaged, an hour by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Over(pub(super) Period);

impl Default for Over {
    fn default() -> Self {
        Self(Period::from_secs(3_600))
    }
}

/// The share of the rate before, half of it by default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct ShareAtLeast(pub(super) Steps<f64>);

impl Default for ShareAtLeast {
    fn default() -> Self {
        Self(Steps { warn: None, fail: Some(0.5) })
    }
}
