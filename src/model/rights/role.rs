//! Rights in their normal form: as few rules as say the same, in one order, without a wildcard.

use std::collections::{BTreeMap, BTreeSet};

use super::Purpose;
use crate::model::needs::Right;

/// All that is granted in one namespace, or in the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    namespace: Option<String>,
    rules: Vec<Rule>,
}

impl Role {
    /// The namespace; none for the whole cluster.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Its rules; at least one.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// One rule, as Kubernetes writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    target: Target,
    verbs: BTreeSet<&'static str>,
    purposes: BTreeSet<Purpose>,
}

impl Rule {
    /// What it is about.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What may be done.
    pub fn verbs(&self) -> &BTreeSet<&'static str> {
        &self.verbs
    }

    /// Who needs it.
    pub fn purposes(&self) -> &BTreeSet<Purpose> {
        &self.purposes
    }
}

/// What a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Objects.
    Resources {
        /// The API group, empty for the core group.
        group: String,
        /// Plurals, with a subresource after a slash.
        resources: BTreeSet<String>,
        /// Names of objects; empty for all of them.
        names: BTreeSet<String>,
    },
    /// Paths that are no resource.
    Paths(BTreeSet<String>),
}

type Verbs = BTreeSet<&'static str>;
type Names = BTreeSet<String>;
/// What is said by one rule, less what is gathered.
type Said<K> = BTreeMap<K, (BTreeSet<String>, BTreeSet<Purpose>)>;

pub(super) fn roles(granted: &BTreeMap<Right, BTreeSet<Purpose>>) -> Vec<Role> {
    let mut places: BTreeMap<Option<&str>, Vec<(&Right, &BTreeSet<Purpose>)>> = BTreeMap::new();
    for (right, purposes) in granted {
        places.entry(right.namespace.as_deref()).or_default().push((right, purposes));
    }
    let role = |(namespace, rights): (Option<&str>, Vec<_>)| Role {
        namespace: namespace.map(str::to_owned),
        rules: rules(&rights),
    };
    places.into_iter().map(role).collect()
}

/// Gathers verbs, then names, then resources: what is gathered differs in nothing else, so that the
/// rules grant not one right more.
fn rules(rights: &[(&Right, &BTreeSet<Purpose>)]) -> Vec<Rule> {
    let mut verbs: BTreeMap<(bool, String, String, Option<String>), (Verbs, BTreeSet<Purpose>)> =
        BTreeMap::new();
    for (right, purposes) in rights {
        let Right { verb, group, resource, namespace: _, name } = right;
        let key = (right.is_path(), group.to_string(), resource.to_string(), name.clone());
        let said = verbs.entry(key).or_default();
        said.0.insert(verb);
        said.1.extend(purposes.iter().cloned());
    }
    let mut names: Said<(bool, String, String, Verbs, bool)> = BTreeMap::new();
    for ((path, group, resource, name), (verbs, purposes)) in verbs {
        let said = names.entry((path, group, resource, verbs, name.is_some())).or_default();
        said.0.extend(name);
        said.1.extend(purposes);
    }
    let mut resources: Said<(bool, String, Names, Verbs)> = BTreeMap::new();
    for ((path, group, resource, verbs, _), (names, purposes)) in names {
        let said = resources.entry((path, group, names, verbs)).or_default();
        said.0.insert(resource);
        said.1.extend(purposes);
    }
    let rule = |((path, group, names, verbs), (resources, purposes))| {
        let target = if path {
            Target::Paths(resources)
        } else {
            Target::Resources { group, resources, names }
        };
        Rule { target, verbs, purposes }
    };
    let mut rules: Vec<Rule> = resources.into_iter().map(rule).collect();
    rules.sort();
    rules
}
