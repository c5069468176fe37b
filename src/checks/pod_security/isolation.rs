//! Whether pods are selected by network policies, in both directions.
//!
//! What a policy says is seen here; that the network enforces it is not, and every sentence that
//! passes says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::parameters::Exception;
use super::{NOT_ISOLATED, OPEN_POLICY};
use crate::model::counted::either;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::reason::Reason;
use crate::systems::kubernetes::Table;
use crate::systems::kubernetes::labels::Labels;
use crate::systems::kubernetes::network_policy::{NetworkPolicy, Opening};

/// Pods of a workload that bear the same labels.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) workload: String,
    pub(super) labels: Arc<Labels>,
    pub(super) host_network: bool,
    pub(super) pods: u64,
}

/// What was seen of a namespace's policies.
#[derive(Debug, Default)]
pub(super) struct Policies {
    pub(super) readable: Vec<Arc<NetworkPolicy>>,
    /// Those that can't be read, and what is wrong with them.
    pub(super) garbled: Vec<(String, String)>,
    pub(super) garbled_more: u64,
}

impl Policies {
    pub(super) fn take(&mut self, table: &Table<NetworkPolicy>) {
        self.readable.extend(table.records().map(Arc::clone));
        self.garbled.extend(table.garbled().map(|(name, why)| (name.to_owned(), why.to_owned())));
        self.garbled_more += table.garbled_more() as u64;
    }

    fn broken(&mut self) {
        let told = |policy: &Arc<NetworkPolicy>| {
            let why = match policy.missing {
                Some(field) => format!("the API server does not give {field}"),
                None => policy.selector.selects(&Labels::default()).err()?.to_owned(),
            };
            Some((format!("{}/{}", policy.namespace, policy.name), why))
        };
        let broken: Vec<_> = self.readable.iter().filter_map(told).collect();
        self.garbled.extend(broken);
    }
}

/// How a direction stands for a pod.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Unselected,
    Open,
    Limited,
}

fn direction(
    policies: &[&Arc<NetworkPolicy>],
    of: impl Fn(&NetworkPolicy) -> Option<Opening>,
) -> Direction {
    let mut found = Direction::Unselected;
    for opening in policies.iter().filter_map(|policy| of(policy)) {
        match opening {
            // What one policy opens, no other closes.
            Opening::Everything => return Direction::Open,
            Opening::Limited => found = Direction::Limited,
        }
    }
    found
}

/// Judges the pods of each namespace.
pub(super) fn judge(
    pods: &BTreeMap<Arc<str>, Vec<Peer>>,
    seen: &Policies,
    exceptions: &[Exception],
    judgement: &mut Judgement,
) {
    let mut seen =
        Policies { readable: seen.readable.clone(), garbled: seen.garbled.clone(), ..*seen };
    seen.broken();
    for (name, why) in &seen.garbled {
        let because = format!("the network policy can't be read: {why}");
        judgement.add(name.clone(), Obstacle::new(Reason::GARBLED, because));
    }
    judgement.dropped += seen.garbled_more;
    for (namespace, peers) in pods {
        let unread = seen.garbled_more > 0
            || seen.garbled.iter().any(|(name, _)| {
                name.is_empty()
                    || name.split_once('/').is_some_and(|(place, _)| *place == **namespace)
            });
        judge_namespace(namespace, peers, &seen.readable, unread, exceptions, judgement);
    }
}

fn judge_namespace(
    namespace: &Arc<str>,
    peers: &[Peer],
    policies: &[Arc<NetworkPolicy>],
    unread: bool,
    exceptions: &[Exception],
    judgement: &mut Judgement,
) {
    let here: Vec<&Arc<NetworkPolicy>> =
        policies.iter().filter(|policy| policy.namespace == *namespace).collect();
    let (mut whole, mut pods, mut excepted) = (true, 0, 0);
    for peer in peers {
        let Peer { workload, labels, host_network, pods: count } = peer;
        if exceptions.iter().any(|one| one.covers_isolation(workload)) {
            excepted += count;
            continue;
        }
        let selecting: Vec<&Arc<NetworkPolicy>> = here
            .iter()
            .filter(|policy| policy.selector.selects(labels) == Ok(true))
            .copied()
            .collect();
        let ingress = direction(&selecting, |policy| policy.ingress);
        let egress = direction(&selecting, |policy| policy.egress);
        let finding = if *host_network {
            let because = "shares its node's network, where no network policy applies".to_owned();
            Some(Finding::fail(NOT_ISOLATED, because))
        } else {
            told(ingress, egress, unread)
        };
        match finding {
            Some(finding) => {
                whole = false;
                judgement.add(format!("{namespace}/{workload}"), finding);
            }
            None if [ingress, egress].contains(&Direction::Unselected) => whole = false,
            None => pods += count,
        }
    }
    if whole {
        let mut because = format!(
            "{} selected by an ingress and an egress policy; that the network enforces them is not \
             proven",
            either(&pods, "1 pod is", &format!("{pods} pods are each"))
        );
        if excepted > 0 {
            let more =
                either(&excepted, "more is a listed exception", "more are listed exceptions");
            because = format!("{because}; {excepted} {more}");
        }
        judgement.add(namespace.to_string(), Finding::pass(because));
    }
}

/// What is to be said against a pod; nothing where a policy that can't be read may select it.
fn told(ingress: Direction, egress: Direction, unread: bool) -> Option<Finding> {
    let named = |wanted: Direction| match (ingress == wanted, egress == wanted) {
        (true, true) => Some("ingress and no egress"),
        (true, false) => Some("ingress"),
        (false, true) => Some("egress"),
        (false, false) => None,
    };
    if let Some(directions) = named(Direction::Unselected) {
        let because = format!("no {directions} policy selects its pods, one is wanted");
        return (!unread).then(|| Finding::fail(NOT_ISOLATED, because));
    }
    named(Direction::Open).map(|directions| {
        let directions = directions.replace("no ", "");
        let because = format!("a policy that selects its pods allows all {directions}");
        Finding::warn(OPEN_POLICY, because)
    })
}
