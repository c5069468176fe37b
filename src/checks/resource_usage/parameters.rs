//! Parameters of `resource_usage`, each with its default.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

use crate::model::duration::Period;
use crate::model::finding::Grade;
use crate::model::measure::{Bound, Measure};
use crate::model::reason::Reason;

/// The longest time over which a high usage of CPU is remembered.
pub(super) const LONGEST_LASTING: Period = Period::from_secs(6 * 3_600);

/// Memory of containers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Memory {
    /// Percent of a container's limit; warn 80, fail 90 by default.
    pub(super) of_limit: Steps,
    /// Percent of a container's request; not compared by default.
    pub(super) of_request: Steps,
    /// What a container without a limit comes to: `allow`, which is the default and names it, `warn`
    /// or `fail`.
    pub(super) unlimited: Unlimited,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            of_limit: Steps { warn: Some(Percent(80.0)), fail: Some(Percent(90.0)) },
            of_request: Steps::default(),
            unlimited: Unlimited::Allow,
        }
    }
}

/// CPU of containers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Cpu {
    /// Percent of a container's limit, above which it is throttled or soon will be; warn 90 by
    /// default.
    pub(super) of_limit: Steps,
    /// Percent of a container's request; not compared by default.
    pub(super) of_request: Steps,
    /// How long it has to last, at every look, before it is told; 10m by default, at most 6h.
    pub(super) lasting: Period,
    /// What a container without a limit comes to: `allow`, which is the default and names it, `warn`
    /// or `fail`.
    pub(super) unlimited: Unlimited,
}

impl Default for Cpu {
    fn default() -> Self {
        Self {
            of_limit: Steps { warn: Some(Percent(90.0)), fail: None },
            of_request: Steps::default(),
            lasting: Period::from_secs(600),
            unlimited: Unlimited::Allow,
        }
    }
}

/// What a container without a limit comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unlimited {
    /// It is named, and that is all.
    #[default]
    Allow,
    /// Somebody should look.
    Warn,
    /// The claim does not hold.
    Fail,
}

/// Volumes of claims.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Volumes {
    /// Who is asked: `kubelet`, by default, through the API server, on each node of the pods (the
    /// right `nodes/proxy`, which is a wide one); or `{ prometheus: name }`, a connection whose
    /// Prometheus scrapes the kubelets.
    pub(super) from: Source,
    /// Percent of its bytes that a volume may have used, counting what is kept back for root; warn 80,
    /// fail 90 by default.
    pub(super) used: Steps,
    /// The same of its inodes, where its file system counts them.
    pub(super) inodes: Steps,
    /// How soon a volume may be full, by the slope of the last day; warn `24h` by default. Nothing is
    /// said before the item has looked for six hours.
    pub(super) full_within: Horizon,
    /// Claims of which there must be a sample, by name, in any of the namespaces.
    pub(super) expect: BTreeSet<String>,
}

impl Default for Volumes {
    fn default() -> Self {
        let steps = Steps { warn: Some(Percent(80.0)), fail: Some(Percent(90.0)) };
        let full_within = Horizon { warn: Some(Period::from_secs(24 * 3_600)), fail: None };
        Self {
            from: Source::Kubelet,
            used: steps,
            inodes: steps,
            full_within,
            expect: BTreeSet::new(),
        }
    }
}

/// Who is asked about volumes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "VolumeSource")]
pub(super) enum Source {
    /// The kubelets, through the API server.
    Kubelet,
    /// A Prometheus, by the name of its connection.
    Prometheus(String),
}

/// Use of quotas.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Quotas {
    /// Percent of a hard limit that may be used; warn 80, fail 90 by default.
    pub(super) used: Steps,
    /// Quotas that must be there, by name, in any of the namespaces.
    pub(super) expect: BTreeSet<String>,
    /// Whether quotas must have left what all replicas would request that the autoscalers of their
    /// namespace may still ask for: pods, CPU and memory, by the newest pod of each autoscaler's
    /// target. Quotas with scopes are left out. Autoscalers and pods are watched for it. Not judged
    /// by default.
    pub(super) room_for_autoscalers: bool,
}

impl Default for Quotas {
    fn default() -> Self {
        let used = Steps { warn: Some(Percent(80.0)), fail: Some(Percent(90.0)) };
        Self { used, expect: BTreeSet::new(), room_for_autoscalers: false }
    }
}

/// The oldest sample that is believed.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct MaxAge(pub(super) Period);

impl Default for MaxAge {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// A share in percent: above 0, at most 1000.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
pub(super) struct Percent(pub(super) f64);

impl TryFrom<f64> for Percent {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        if number > 0.0 && number <= 1000.0 {
            Ok(Self(number))
        } else {
            Err(format!("`{number}` is not a share in percent, above 0 and at most 1000"))
        }
    }
}

/// A limit in percent with two steps; either may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "PercentSteps")]
pub(super) struct Steps {
    /// Above this, somebody should look.
    pub(super) warn: Option<Percent>,
    /// Above this, the claim does not hold.
    pub(super) fail: Option<Percent>,
}

impl Steps {
    /// The grade of a share, 1 being the whole.
    pub(super) fn grade(self, share: f64, reason: Reason) -> Grade {
        let above = |step: Option<Percent>| step.is_some_and(|step| share * 100.0 > step.0);
        if above(self.fail) {
            Grade::Fail(reason)
        } else if above(self.warn) {
            Grade::Warn(reason)
        } else {
            Grade::Pass
        }
    }

    /// Whether any step is given.
    pub(super) fn any(self) -> bool {
        self.warn.is_some() || self.fail.is_some()
    }

    /// What is allowed, for a sentence: the step that `grade` is about, the lower where it passes.
    pub(super) fn allowed(self, grade: Grade) -> String {
        let step = match grade {
            Grade::Fail(_) => self.fail,
            Grade::Warn(_) | Grade::Pass => self.warn.or(self.fail),
        };
        step.map(|Percent(most)| format!(", {most} % allowed")).unwrap_or_default()
    }

    pub(super) fn flaws(self, name: &str) -> Option<String> {
        let (Some(warn), Some(fail)) = (self.warn, self.fail) else { return None };
        (warn >= fail).then(|| format!("`{name}`: `warn` must be below `fail`"))
    }

    /// The limits as lines in a panel of `measure`, a ratio.
    pub(super) fn bounds(self, measure: &'static Measure) -> Vec<Bound> {
        let line = |bound, step: Option<Percent>| {
            step.map(|Percent(most)| Bound { measure: measure.name, bound, value: most / 100.0 })
        };
        let lines = [line("warn_above", self.warn), line("fail_above", self.fail)];
        lines.into_iter().flatten().collect()
    }
}

/// A time that is too soon, with two steps; either may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Horizon {
    /// Sooner than this, somebody should look.
    pub(super) warn: Option<Period>,
    /// Sooner than this, the claim does not hold.
    pub(super) fail: Option<Period>,
}

impl Memory {
    pub(super) fn flaws(&self) -> Vec<String> {
        let Self { of_limit, of_request, unlimited: _ } = self;
        let flaws = [of_limit.flaws("memory.of_limit"), of_request.flaws("memory.of_request")];
        flaws.into_iter().flatten().collect()
    }
}

impl Cpu {
    pub(super) fn flaws(&self) -> Vec<String> {
        let Self { of_limit, of_request, lasting, unlimited: _ } = self;
        let long = (*lasting > LONGEST_LASTING)
            .then(|| format!("`cpu.lasting` is {lasting}, at most 6h can be remembered"));
        let flaws = [of_limit.flaws("cpu.of_limit"), of_request.flaws("cpu.of_request"), long];
        flaws.into_iter().flatten().collect()
    }
}

impl Volumes {
    pub(super) fn flaws(&self) -> Vec<String> {
        let Self { from: _, used, inodes, full_within: Horizon { warn, fail }, expect: _ } = self;
        let soon = warn.zip(*fail).is_some_and(|(warn, fail)| warn <= fail);
        let soon =
            soon.then(|| "`volumes.full_within`: `warn` must be longer than `fail`".to_owned());
        let flaws = [used.flaws("volumes.used"), inodes.flaws("volumes.inodes"), soon];
        flaws.into_iter().flatten().collect()
    }
}

impl Quotas {
    pub(super) fn flaws(&self) -> Vec<String> {
        let Self { used, expect: _, room_for_autoscalers: _ } = self;
        used.flaws("quotas.used").into_iter().collect()
    }
}
