//! What a check says about itself before it runs: one declaration with many readers.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use super::acts::terms::Terms;
use super::item::ItemId;
use super::secret::SecretSource;

/// What a check needs. From it come the watches that are opened, what wakes an item, the rights it
/// must be granted, the order of items, and the permits it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Watches it reads. Asking for any other is an obstacle.
    pub watches: Vec<Watch>,
    /// Rights beyond those that its watches imply.
    pub rights: Vec<Right>,
    /// Items whose standings it rolls up.
    pub items: Vec<ItemId>,
    /// Sections whose items it rolls up; the configuration turns them into items.
    pub sections: Vec<ItemId>,
    /// Hosts it talks to; each has permits of its own, so that a slow one delays nobody else.
    pub hosts: Vec<String>,
    /// Connections of the configuration that it uses, by system and name.
    pub connections: Vec<(SystemName, String)>,
    /// Secrets that it reads itself; those of its connections are the connections'.
    pub secrets: Vec<SecretSource>,
    /// Whether it reads the current deployment.
    pub deployment: bool,
    /// On what terms it takes a person's word; none where it takes nobody's.
    pub attestation: Option<Terms>,
}

/// A system to which the configuration names connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SystemName {
    /// `connections.alertmanager.<name>`
    Alertmanager,
    /// `connections.elasticsearch.<name>`
    Elasticsearch,
    /// `connections.kubernetes`
    Kubernetes,
    /// `connections.registries`, all of them together
    Registries,
    /// `connections.s3.<name>`
    S3,
    /// `connections.postgres.<name>`
    Postgres,
    /// `connections.prometheus.<name>`
    Prometheus,
    /// `connections.redis.<name>`
    Redis,
}

impl fmt::Display for SystemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alertmanager => "alertmanager",
            Self::Elasticsearch => "elasticsearch",
            Self::Kubernetes => "kubernetes",
            Self::Registries => "registries",
            Self::S3 => "s3",
            Self::Postgres => "postgres",
            Self::Prometheus => "prometheus",
            Self::Redis => "redis",
        })
    }
}

/// A kind of Kubernetes object, as the API addresses it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: Cow<'static, str>,
    /// API version.
    pub version: Cow<'static, str>,
    /// Plural, lower case, as in URLs and RBAC; empty where the API server has to be asked for it.
    pub plural: Cow<'static, str>,
    /// Kind, as in objects.
    pub kind: Cow<'static, str>,
}

impl Resource {
    /// A kind known to the program.
    pub const fn known(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            plural: Cow::Borrowed(plural),
            kind: Cow::Borrowed(kind),
        }
    }

    /// `pods` or `deployments.apps`, as `kubectl` and metrics name it; by its kind before the plural
    /// is known.
    pub fn name(&self) -> String {
        let word = if self.plural.is_empty() { &self.kind } else { &self.plural };
        if self.group.is_empty() { word.to_string() } else { format!("{word}.{}", self.group) }
    }
}

/// One watch: watched once, shared by all checks that need it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
pub struct Watch {
    /// What is watched.
    pub resource: Resource,
    /// In which namespace; none for all of them, and for kinds that have none.
    pub namespace: Option<String>,
    /// A label selector; none for all objects.
    pub selector: Option<String>,
    /// The only object that is watched; none for all of them.
    pub name: Option<String>,
    /// How the names of the objects begin that are kept; the API server sends all of them.
    pub prefix: Option<String>,
    /// What is kept of each object.
    pub form: Form,
}

/// What is kept of each object of a watch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema,
)]
pub enum Form {
    /// The few fields that the program knows of this kind.
    #[default]
    Fields,
    /// Everything but `metadata.managedFields`.
    Whole,
    /// `metadata` alone: nothing else is sent.
    Metadata,
}

impl Watch {
    /// All objects of a kind, in the fields that the program knows.
    pub const fn all(resource: Resource) -> Self {
        Self {
            resource,
            namespace: None,
            selector: None,
            name: None,
            prefix: None,
            form: Form::Fields,
        }
    }

    /// The same in one namespace.
    pub fn within(self, namespace: impl Into<String>) -> Self {
        Self { namespace: Some(namespace.into()), ..self }
    }

    /// The same of one object.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The same of objects whose names begin so.
    pub fn beginning(self, prefix: impl Into<String>) -> Self {
        Self { prefix: Some(prefix.into()), ..self }
    }

    /// The same in another form.
    pub fn keeping(self, form: Form) -> Self {
        Self { form, ..self }
    }
}

/// A right in Kubernetes that a look needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Right {
    /// `get`, `list`, `watch` or `create` (for reviews).
    pub verb: &'static str,
    /// API group, empty for the core group.
    pub group: Cow<'static, str>,
    /// Plural, with a subresource after a slash (`pods/log`).
    pub resource: Cow<'static, str>,
    /// The namespace; none for the whole cluster.
    pub namespace: Option<String>,
    /// The object's name, where one is enough.
    pub name: Option<String>,
}

impl Right {
    /// `pods`, `pods/log` or `pods.metrics.k8s.io`, as metrics name it.
    pub fn name(&self) -> String {
        if self.group.is_empty() {
            self.resource.to_string()
        } else {
            format!("{}.{}", self.resource, self.group)
        }
    }
}

impl Needs {
    /// Nothing but a host.
    pub fn host(host: impl Into<String>) -> Self {
        Self { hosts: vec![host.into()], ..Self::default() }
    }

    /// Adds what another check of the same item needs.
    pub fn merge(&mut self, other: Self) {
        let Self {
            watches,
            rights,
            items,
            sections,
            hosts,
            connections,
            secrets,
            deployment,
            attestation,
        } = other;
        extend_once(&mut self.watches, watches);
        extend_once(&mut self.rights, rights);
        extend_once(&mut self.items, items);
        extend_once(&mut self.sections, sections);
        extend_once(&mut self.hosts, hosts);
        extend_once(&mut self.connections, connections);
        extend_once(&mut self.secrets, secrets);
        self.deployment |= deployment;
        self.attestation = self.attestation.or(attestation);
    }

    /// Whether all of it is what Vigie knows itself: other items, people's words, the deployment.
    pub fn is_recorded(&self) -> bool {
        let known = Self {
            items: self.items.clone(),
            sections: self.sections.clone(),
            deployment: self.deployment,
            attestation: self.attestation,
            ..Self::default()
        };
        *self == known && known != Self::default()
    }
}

fn extend_once<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}
