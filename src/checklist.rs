//! The checklist: what to look at, as the configuration means it. Read-only once built.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::checks::AnyCheck;
use crate::model::acts::Maintenance;
use crate::model::item::{Card, ItemId, Section};
use crate::model::measure::Bound;
use crate::model::needs::{Needs, Watch};
use crate::model::rights::{Demands, Purpose};
use crate::model::schedule::{Damping, Schedule};
use crate::systems::Connections;

/// Sections of items.
#[derive(Default)]
pub struct Checklist {
    /// Sections in file order.
    pub sections: Arc<[Section]>,
    /// All items, in file order.
    pub items: Vec<Arc<Item>>,
    /// Maintenance that is declared in the files.
    pub maintenance: Vec<Maintenance>,
}

/// One line and how it is decided.
pub struct Item {
    /// What is printed of it.
    pub card: Card,
    /// When it is due.
    pub schedule: Schedule,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// How attempts turn into standings.
    pub damping: Damping,
    /// Items that must hold before this one is looked at.
    pub depends_on: Vec<ItemId>,
    /// Whether it applies to this environment.
    pub applies: bool,
    /// The checks, in file order; none where it does not apply.
    pub checks: Vec<AnyCheck>,
    /// What a person's word is held against, where one may stand in for the checks.
    pub word: Option<AnyCheck>,
    /// The furthest end of a waiver; none where it can't be waived.
    pub waivable_for: Option<Duration>,
    /// What all of its checks need.
    pub needs: Needs,
    /// The limits of all of its checks.
    pub limits: Vec<Bound>,
    /// What each of its checks was told, as YAML for people: bounded, without credentials.
    pub parameters: Arc<[String]>,
    /// A digest of all that asks for a new look when it changes: checks, schedule, damping,
    /// dependencies, the connections in use.
    pub fingerprint: [u8; 32],
}

impl Checklist {
    /// The watches of all items that apply.
    pub fn watches(&self) -> BTreeSet<Watch> {
        let applying = self.items.iter().filter(|item| item.applies);
        applying.flat_map(|item| item.needs.watches.iter().cloned()).collect()
    }

    /// What all items that apply ask of the API server, those secrets included that the connections
    /// they use are read with.
    pub fn demands(&self, connections: &Connections) -> Demands {
        let mut demands = Demands::default();
        for item in self.items.iter().filter(|item| item.applies) {
            for check in &item.checks {
                add_demands(&mut demands, check, &item.card.id, connections);
            }
        }
        demands
    }

    /// The item of this id.
    pub fn item(&self, id: &ItemId) -> Option<&Arc<Item>> {
        self.items.iter().find(|item| item.card.id == *id)
    }
}

fn add_demands(demands: &mut Demands, check: &AnyCheck, item: &ItemId, connections: &Connections) {
    let purpose = |by: Cow<'static, str>| Purpose { by, item: item.clone() };
    let needs = check.needs();
    demands.add(&needs, &purpose(check.kind().into()));
    for (system, name) in &needs.connections {
        let by = purpose(format!("connections.{system}.{name}").into());
        for secret in connections.secrets(*system, name) {
            demands.add_secret(secret, &by);
        }
    }
    // A connection has authorities of its own.
    if let Some(authorities) = connections.authorities()
        && !needs.hosts.is_empty()
        && needs.connections.is_empty()
    {
        demands.add_secret(authorities, &purpose("connections.net".into()));
    }
}
