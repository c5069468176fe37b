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
type Purposes = BTreeSet<Purpose>;
/// What is gathered under each key, and who needs it.
type Gathered<K, V> = BTreeMap<K, (V, Purposes)>;

/// One resource of a group, or one path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    is_path: bool,
    group: String,
    resource: String,
}

pub(super) fn roles(granted: &BTreeMap<Right, Purposes>) -> Vec<Role> {
    let mut places: BTreeMap<Option<&str>, Vec<(&Right, &Purposes)>> = BTreeMap::new();
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
fn rules(rights: &[(&Right, &Purposes)]) -> Vec<Rule> {
    let mut verbs: Gathered<(Subject, Option<String>), Verbs> = BTreeMap::new();
    for (right, purposes) in rights {
        let Right { verb, group, resource, namespace: _, name } = right;
        let (group, resource) = (group.to_string(), resource.to_string());
        let subject = Subject { is_path: right.is_path(), group, resource };
        let gathered = verbs.entry((subject, name.clone())).or_default();
        gathered.0.insert(verb);
        gathered.1.extend(purposes.iter().cloned());
    }
    let mut names: Gathered<(Subject, Verbs, bool), Names> = BTreeMap::new();
    for ((subject, name), (verbs, purposes)) in verbs {
        let gathered = names.entry((subject, verbs, name.is_some())).or_default();
        gathered.0.extend(name);
        gathered.1.extend(purposes);
    }
    let mut resources: Gathered<(bool, String, Names, Verbs), Names> = BTreeMap::new();
    for ((subject, verbs, _), (names, purposes)) in names {
        let Subject { is_path, group, resource } = subject;
        let gathered = resources.entry((is_path, group, names, verbs)).or_default();
        gathered.0.insert(resource);
        gathered.1.extend(purposes);
    }
    let rule = |((is_path, group, names, verbs), (resources, purposes))| {
        let target = if is_path {
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
