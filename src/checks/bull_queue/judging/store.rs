//! Judging the Redis behind the queues by what it says of itself.

use std::time::Duration;

use super::super::BullQueue;
use super::super::limits::real;
use super::super::parameters::{Amount, Store};
use super::super::reasons::{
    CLUSTER_BROKEN, EVICTS_JOBS, MEMORY_FULL, NODE_DOWN, NOT_PERSISTED, REPLICA_LAGGING,
    TOO_FEW_REPLICAS,
};
use super::super::seen::{Server, StoreSeen};
use super::{are, graded};
use crate::model::duration::{Period, spoken};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::reason::Reason;
use crate::model::steps::Steps;
use crate::systems::redis::info::{Info, Log, Replica};
use crate::systems::redis::topology::Topology;

/// What the lines are about, the node's address behind it where there are several.
const SUBJECT: &str = "store";

pub(super) fn judge(
    judgement: &mut Judgement,
    check: &BullQueue,
    seen: &Result<StoreSeen, Obstacle>,
) {
    let Some(claims) = &check.store else { return };
    let StoreSeen { nodes, topology } = match seen {
        Ok(seen) => seen,
        // The one obstacle that comes here is that there is no master.
        Err(obstacle) => {
            let finding = Finding::fail(obstacle.reason, obstacle.because.clone());
            return judgement.add(SUBJECT, finding);
        }
    };
    for answer in topology.iter().flat_map(|topology| of_cluster(topology)) {
        judgement.add("cluster", answer);
    }
    for (node, server) in nodes {
        let subject =
            if node.is_empty() { SUBJECT.to_owned() } else { format!("{SUBJECT} {node}") };
        match server {
            Ok(server) => {
                for answer in (Claims { claims, server }).answers() {
                    judgement.add(subject.as_str(), answer);
                }
            }
            Err(obstacle) => judgement.add(subject, obstacle.clone()),
        }
    }
}

fn of_cluster(topology: &Topology) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let uncovered = topology.uncovered();
    if let Some(state) = &topology.trouble {
        let because = format!("the cluster calls its state `{state}`; `ok` wanted");
        answers.push(Finding::fail(CLUSTER_BROKEN, because).into());
    }
    if uncovered > 0 {
        let because = format!("nobody who is alive keeps {uncovered} of the 16384 hash slots");
        answers.push(Finding::fail(CLUSTER_BROKEN, because).into());
    }
    let dead: Vec<_> = topology.members.iter().filter(|member| member.failed).collect();
    if let Some(first) = dead.first() {
        let name =
            first.at.as_ref().map_or("one without an address".to_owned(), ToString::to_string);
        let because = format!(
            "the cluster holds {} of its {} nodes for dead, {name} first",
            dead.len(),
            topology.members.len()
        );
        answers.push(Finding::warn(NODE_DOWN, because).into());
    }
    if answers.is_empty() {
        let because = match topology.members.len() {
            1 => "1 node serves all hash slots".to_owned(),
            count => format!("{count} nodes serve all hash slots"),
        };
        answers.push(Finding::pass(because).into());
    }
    answers
}

/// What is claimed of a server, and what it says.
struct Claims<'a> {
    claims: &'a Store,
    server: &'a Server,
}

impl Claims<'_> {
    /// All that is wrong, or one sentence that nothing is.
    fn answers(&self) -> Vec<Answer> {
        let Server { info, policy } = self.server;
        let info = match info {
            Ok(info) => info,
            Err(obstacle) => {
                // What it is configured to do may be told where `INFO` is not.
                let evicts = policy.as_deref().and_then(|policy| self.evicts(policy, None));
                return evicts
                    .map(Answer::from)
                    .into_iter()
                    .chain([obstacle.clone().into()])
                    .collect();
            }
        };
        if info.role.as_deref() != Some("master") {
            let because = "this server has become a replica since it was last seen";
            return vec![Obstacle::new(crate::systems::redis::NO_MASTER, because).into()];
        }
        let mut answers = Vec::new();
        answers.extend(self.eviction(info));
        answers.extend(self.memory(info));
        answers.extend(self.persistence(info));
        answers.extend(self.replicas(info));
        if answers.is_empty() {
            answers.push(self.healthy(info).into());
        }
        answers
    }

    fn eviction(&self, info: &Info) -> Option<Answer> {
        if self.claims.eviction == Amount::Allowed {
            return None;
        }
        let policy = self.server.policy.as_deref().or(info.policy.as_deref());
        let Some(policy) = policy else { return Some(untold("its eviction policy")) };
        self.evicts(policy, info.memory_limit).map(Answer::from)
    }

    /// What keeps jobs from being thrown away is either the policy, or that there is no limit.
    fn evicts(&self, policy: &str, limit: Option<u64>) -> Option<Finding> {
        if policy == "noeviction" || limit == Some(0) {
            return None;
        }
        let because = |what: &str| {
            format!(
                "`maxmemory-policy` is `{policy}`, so that {what} once memory is full; \
                     `noeviction` wanted"
            )
        };
        if policy.starts_with("volatile-") {
            let amount = match self.claims.eviction {
                Amount::Fail | Amount::Warn => Amount::Warn,
                Amount::Allowed => Amount::Allowed,
            };
            return amount.finding(EVICTS_JOBS, because("locks of active jobs are thrown away"));
        }
        self.claims.eviction.finding(EVICTS_JOBS, because("jobs are thrown away"))
    }

    fn memory(&self, info: &Info) -> Option<Answer> {
        let limits = self.claims.memory_within.0;
        if !limits.any() || info.memory_limit == Some(0) {
            return None;
        }
        let Some((limit, used)) = info.memory_limit.zip(info.memory_used) else {
            return Some(untold("how full its memory is"));
        };
        let share = real(used) / real(limit);
        let grade = limits.grade_above(share, MEMORY_FULL);
        let allowed = limits.step(grade)? * 100.0;
        let because = format!(
            "{used} of {limit} bytes of memory are in use, {:.0} %, {allowed:.0} % allowed",
            share * 100.0
        );
        graded(grade, because).map(Answer::from)
    }

    fn persistence(&self, info: &Info) -> Option<Answer> {
        let amount = self.claims.persistence;
        if amount == Amount::Allowed {
            return None;
        }
        let (Some(dump), Some(Log { on, last_write, last_rewrite })) = (&info.last_dump, &info.log)
        else {
            return Some(untold("how its last write to disk went"));
        };
        let mut told = vec![("the last dump to disk", Some(dump))];
        if *on {
            told.push(("the last write to the log of changes", last_write.as_ref()));
            told.push(("the last rewriting of the log of changes", last_rewrite.as_ref()));
        }
        for (what, state) in told {
            let Some(state) = state else { return Some(untold("how its last write to disk went")) };
            if state != "ok" {
                let because = format!("{what} ended with `{state}`; `ok` wanted");
                return amount.finding(NOT_PERSISTED, because).map(Answer::from);
            }
        }
        None
    }

    fn replicas(&self, info: &Info) -> Option<Answer> {
        let Store { replicas_at_least: wanted, replica_lag_within, .. } = self.claims;
        if *wanted == 0 && !replica_lag_within.any() {
            return None;
        }
        let Some(replicas) = &info.replicas else { return Some(untold("its replicas")) };
        let online: Vec<_> = replicas.iter().filter(|replica| replica.online).collect();
        if online.len() < *wanted {
            let because = format!(
                "{} connected and synchronised, {wanted} wanted",
                are(online.len(), "replica")
            );
            return Some(Finding::fail(TOO_FEW_REPLICAS, because).into());
        }
        self.lag(&online)
    }

    fn lag(&self, online: &[&Replica]) -> Option<Answer> {
        let Steps { warn, fail } = self.claims.replica_lag_within;
        let limits = Steps { warn: warn.map(Period::get), fail: fail.map(Period::get) };
        if !limits.any() {
            return None;
        }
        let mut longest = Duration::ZERO;
        for replica in online {
            let Some(lag) = replica.lag else { return Some(untold("how far a replica is behind")) };
            longest = longest.max(Duration::from_secs(lag));
        }
        let grade = limits.grade_above(longest, REPLICA_LAGGING);
        let allowed = spoken(limits.step(grade)?);
        let because = format!(
            "a replica last confirmed {} ago what it received, {allowed} allowed",
            spoken(longest)
        );
        graded(grade, because).map(Answer::from)
    }

    fn healthy(&self, info: &Info) -> Finding {
        let replicas = match &info.replicas {
            Some(replicas) => are(replicas.len(), "replica"),
            None => "an unknown number of replicas are".to_owned(),
        };
        let policy = self.server.policy.as_deref().or(info.policy.as_deref()).unwrap_or("unknown");
        Finding::pass(format!("is a master; {replicas} connected; eviction policy `{policy}`"))
    }
}

fn untold(what: &str) -> Answer {
    Obstacle::new(Reason::FORBIDDEN, format!("the server does not tell {what}")).into()
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
