//! What a configuration asks of the API server, for whom, and the least rights that allow it.
//!
//! Law: nothing becomes a [`Rights`] but by [`Demands::rights`], which refuses whatever Vigie must
//! never be granted: wildcards, writing, and Secrets other than one by its name. Roles are made of
//! nothing else.

mod role;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::item::ItemId;
use super::needs::{Needs, Resource, Right, Watch};
use super::secret::{SecretKey, SecretSource};

pub use role::{Role, Rule, Target};

/// For whom something is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purpose {
    /// What asks: a kind of check, or a connection such as `connections.s3.backups`.
    pub by: Cow<'static, str>,
    /// The item.
    pub item: ItemId,
}

/// All that a configuration asks of the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    watches: BTreeMap<Watch, BTreeSet<Purpose>>,
    rights: BTreeMap<Right, BTreeSet<Purpose>>,
}

impl Demands {
    /// Adds what a check needs.
    pub fn add(&mut self, needs: &Needs, purpose: &Purpose) {
        for watch in &needs.watches {
            self.watches.entry(watch.clone()).or_default().insert(purpose.clone());
        }
        for right in &needs.rights {
            self.rights.entry(right.clone()).or_default().insert(purpose.clone());
        }
        for secret in &needs.secrets {
            self.add_secret(secret, purpose);
        }
    }

    /// Adds a secret that is read; only those that lie in the cluster ask anything of it.
    pub fn add_secret(&mut self, source: &SecretSource, purpose: &Purpose) {
        if let SecretSource::Secret(SecretKey { namespace, name, key: _ }) = source {
            let right = Right::secret(namespace, name);
            self.rights.entry(right).or_default().insert(purpose.clone());
        }
    }

    /// The kinds of objects whose plural nobody has told.
    pub fn without_plural(&self) -> BTreeSet<Resource> {
        let resources = self.watches.keys().map(|watch| &watch.resource);
        resources.filter(|resource| resource.plural.is_empty()).cloned().collect()
    }

    /// The least rights that allow all of it. `plural` tells the plurals that are not known.
    pub fn rights(&self, plural: impl Fn(&Resource) -> Option<String>) -> Rights {
        let mut rights = Rights::default();
        for (watch, purposes) in &self.watches {
            let told = if watch.resource.plural.is_empty() {
                plural(&watch.resource).map(Cow::Owned)
            } else {
                Some(watch.resource.plural.clone())
            };
            match told {
                Some(plural) => {
                    for verb in ["list", "watch"] {
                        rights.add(Right::watching(verb, watch, plural.clone()), purposes);
                    }
                }
                None => {
                    let unknown = rights.unknown.entry(watch.resource.clone()).or_default();
                    unknown.extend(purposes.iter().cloned());
                }
            }
        }
        for (right, purposes) in &self.rights {
            rights.add(right.clone(), purposes);
        }
        rights.reduce();
        rights
    }
}

/// The least rights that allow what is asked, and what can't be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    granted: BTreeMap<Right, BTreeSet<Purpose>>,
    refused: BTreeMap<Right, (&'static str, BTreeSet<Purpose>)>,
    unknown: BTreeMap<Resource, BTreeSet<Purpose>>,
}

impl Rights {
    /// Each right, and who needs it.
    pub fn granted(&self) -> impl ExactSizeIterator<Item = (&Right, &BTreeSet<Purpose>)> {
        self.granted.iter()
    }

    /// What is asked and must never be granted, and why.
    pub fn refused(&self) -> impl Iterator<Item = (&Right, &'static str, &BTreeSet<Purpose>)> {
        self.refused.iter().map(|(right, (why, purposes))| (right, *why, purposes))
    }

    /// Kinds of objects whose plural could not be told, and who needs them.
    pub fn unknown(&self) -> impl ExactSizeIterator<Item = (&Resource, &BTreeSet<Purpose>)> {
        self.unknown.iter()
    }

    /// The same as roles: one a namespace, and one for the whole cluster where that is needed.
    pub fn roles(&self) -> Vec<Role> {
        role::roles(&self.granted)
    }

    fn add(&mut self, right: Right, purposes: &BTreeSet<Purpose>) {
        let known = match never(&right) {
            Some(why) => &mut self.refused.entry(right).or_insert((why, BTreeSet::new())).1,
            None => self.granted.entry(right).or_default(),
        };
        known.extend(purposes.iter().cloned());
    }

    /// Leaves out what another right allows as well.
    fn reduce(&mut self) {
        let all: Vec<Right> = self.granted.keys().cloned().collect();
        for right in &all {
            let wider = right.wider().into_iter().find(|wider| self.granted.contains_key(wider));
            if let Some(wider) = wider
                && let Some(purposes) = self.granted.remove(right)
            {
                self.granted.entry(wider).or_default().extend(purposes);
            }
        }
    }
}

/// Why a right must never be granted.
fn never(right: &Right) -> Option<&'static str> {
    let Right { verb, group, resource, namespace, name } = right;
    let words = [*verb, group, resource].into_iter();
    let mut words = words.chain(namespace.as_deref()).chain(name.as_deref());
    if words.any(|word| word.contains('*')) {
        return Some("no wildcard is ever granted");
    }
    let empty = |word: &Option<String>| word.as_deref() == Some("");
    if resource.is_empty() || empty(namespace) || empty(name) {
        return Some("it does not say what is read");
    }
    let plain = *verb == "get" && group.is_empty() && namespace.is_none() && name.is_none();
    if right.is_path() {
        return (!plain).then_some("a path is read as it is");
    }
    let is_review = group == "authorization.k8s.io" && resource.ends_with("accessreviews");
    match *verb {
        "get" | "list" | "watch" => {}
        "create" if is_review => {}
        _ => return Some("nothing but reading is ever granted"),
    }
    let is_secret = group.is_empty() && resource.split('/').next() == Some("secrets");
    let one = *verb == "get" && namespace.is_some() && name.is_some();
    (is_secret && !one).then_some("of Secrets, reading one by its name is all that is ever granted")
}

impl Right {
    /// Reading one Secret.
    pub fn secret(namespace: &str, name: &str) -> Self {
        Self {
            verb: "get",
            group: Cow::Borrowed(""),
            resource: Cow::Borrowed("secrets"),
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
        }
    }

    /// Reading a path that is no resource, such as `/readyz`.
    pub const fn path(path: &'static str) -> Self {
        Self {
            verb: "get",
            group: Cow::Borrowed(""),
            resource: Cow::Borrowed(path),
            namespace: None,
            name: None,
        }
    }

    /// Whether it is about a path that is no resource.
    pub fn is_path(&self) -> bool {
        self.resource.starts_with('/')
    }

    /// One of the two that a watch takes.
    fn watching(verb: &'static str, watch: &Watch, plural: Cow<'static, str>) -> Self {
        Self {
            verb,
            group: watch.resource.group.clone(),
            resource: plural,
            namespace: watch.namespace.clone(),
            // RBAC honours names for list and watch where the field selector asks for one, as it
            // does for such a watch.
            name: watch.name.clone(),
        }
    }

    /// The rights that would allow this and more, from the widest on.
    fn wider(&self) -> Vec<Self> {
        let everywhere = || Self { namespace: None, ..self.clone() };
        let all = || Self { name: None, ..self.clone() };
        let mut wider = vec![Self { namespace: None, ..all() }, all(), everywhere()];
        wider.retain(|right| right != self);
        wider
    }
}

/// `get secrets db in shop`, `watch deployments.apps`, `get /readyz`.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, Self::name(self))?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// Who needs it, in one line: `pods (api-pods, worker-pods); workloads (api)`.
pub fn told(purposes: &BTreeSet<Purpose>) -> String {
    let mut by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Purpose { by: name, item } in purposes {
        by.entry(name).or_default().push(item.as_str());
    }
    let told = by.iter().map(|(name, items)| format!("{name} ({})", items.join(", ")));
    told.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
