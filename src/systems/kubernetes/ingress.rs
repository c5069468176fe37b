//! Ingresses: hosts, TLS, and the Services behind them.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::annotated::Annotated;
use super::pool::Words;
use super::record::{Record, time};
use super::service::LoadBalancer;
use super::table::Key;
use crate::model::needs::Resource;

/// The annotation that named the class before there was a field for it. It still wins over the
/// field, says the API.
const CLASS: &str = "kubernetes.io/ingress.class";
/// The port by which a backend is none but an action that an annotation of the AWS load balancer
/// controller describes.
const BY_ANNOTATION: &str = "use-annotation";
/// The annotation of an Ingress that diverts some requests from another for the same hosts.
const CANARY: &str = "nginx.ingress.kubernetes.io/canary";
/// The longest value of an annotation that is kept, in bytes.
pub const LONGEST_ANNOTATION: usize = 256;
/// The most annotations that are kept.
const MOST_ANNOTATIONS: usize = 256;

/// An Ingress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// The class that it names.
    pub class: Option<Class>,
    /// Its annotations, by key; long values are left out.
    annotations: Box<[(Box<str>, Box<str>)]>,
    /// Its rules.
    pub rules: Box<[Rule]>,
    /// Who serves what no rule is about.
    pub default_backend: Option<Backend>,
    /// Its TLS entries.
    pub tls: Box<[Tls]>,
    /// Addresses and names of its load balancer.
    pub addresses: Box<[Box<str>]>,
    /// A field that is always there, and was not.
    pub missing: Option<&'static str>,
}

/// How an Ingress names its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// In `spec.ingressClassName`: an `IngressClass` of this name must exist.
    Field(Box<str>),
    /// By the old annotation: a word that its controller listens to.
    Annotation(Box<str>),
}

/// What is served at a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The host, perhaps with `*` as its first label; none for any.
    pub host: Option<Box<str>>,
    /// Who serves its paths.
    pub backends: Box<[Backend]>,
}

/// Who serves a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// A port of a Service in the Ingress' own namespace.
    Service(Box<str>, BackendPort),
    /// Any other object, by kind and name.
    Other(Box<str>, Box<str>),
}

/// A port of a Service, as an Ingress names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackendPort {
    /// By number.
    Number(u16),
    /// By name.
    Name(Box<str>),
}

impl fmt::Display for BackendPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A TLS entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The hosts that it is for; none leaves that to the controller's wildcard setting.
    pub hosts: Box<[Box<str>]>,
    /// The Secret with its certificate; none leaves that to the controller, too.
    pub secret: Option<Box<str>>,
}

impl Ingress {
    /// The value of an annotation; none where the Ingress does not bear it, or it is a long one.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        let place = self.annotations.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(&self.annotations[place].1)
    }

    /// Whether it diverts requests from another Ingress, by whose TLS entries it is served: its own
    /// count for nothing.
    pub fn is_canary(&self) -> bool {
        self.annotation(CANARY) == Some("true")
    }

    /// All that serve something.
    pub fn backends(&self) -> impl Iterator<Item = &Backend> {
        let of_rules = self.rules.iter().flat_map(|rule| &rule.backends);
        of_rules.chain(&self.default_backend)
    }
}

/// An Ingress, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    metadata: Annotated,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    ingress_class_name: Option<String>,
    default_backend: Option<BackendWire>,
    rules: Option<Vec<RuleWire>>,
    tls: Option<Vec<TlsWire>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RuleWire {
    host: Option<String>,
    http: Option<Http>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Http {
    paths: Option<Vec<PathWire>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PathWire {
    backend: Option<BackendWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BackendWire {
    service: Option<ServiceWire>,
    resource: Option<Referred>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServiceWire {
    name: Option<String>,
    port: Option<PortWire>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PortWire {
    number: Option<u16>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Referred {
    kind: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TlsWire {
    hosts: Option<Vec<String>>,
    secret_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    load_balancer: Option<LoadBalancer>,
}

/// Reads parts, and notes the first that is missing.
#[derive(Default)]
struct Reading {
    missing: Option<&'static str>,
}

impl Reading {
    fn lacks(&mut self, what: &'static str) {
        self.missing = self.missing.or(Some(what));
    }

    fn backend(&mut self, wire: Option<BackendWire>) -> Option<Backend> {
        let BackendWire { service, resource } = wire.unwrap_or_default();
        if let Some(ServiceWire { name, port }) = service {
            let port = port.unwrap_or_default();
            let port = match (port.number.filter(|number| *number > 0), filled(port.name)) {
                (Some(number), _) => Some(BackendPort::Number(number)),
                (None, Some(name)) => Some(BackendPort::Name(name)),
                (None, None) => None,
            };
            if let (Some(name), Some(port)) = (filled(name), port) {
                if port == BackendPort::Name(BY_ANNOTATION.into()) {
                    return Some(Backend::Other("annotation".into(), name));
                }
                return Some(Backend::Service(name, port));
            }
        } else if let Some(Referred { kind, name }) = resource
            && let (Some(kind), Some(name)) = (filled(kind), filled(name))
        {
            return Some(Backend::Other(kind, name));
        }
        self.lacks("a backend's service or resource");
        None
    }

    fn rule(&mut self, wire: RuleWire) -> Rule {
        // Without `http` the default backend serves the host.
        let paths = wire.http.map(|http| {
            let paths = http.paths.unwrap_or_default();
            if paths.is_empty() {
                self.lacks("spec.rules[].http.paths");
            }
            paths
        });
        let paths = paths.into_iter().flatten();
        let backends = paths.filter_map(|path| self.backend(path.backend)).collect();
        Rule { host: filled(wire.host), backends }
    }
}

fn filled(text: Option<String>) -> Option<Box<str>> {
    text.filter(|text| !text.is_empty()).map(Box::from)
}

fn tls(wire: TlsWire) -> Tls {
    let hosts = wire.hosts.unwrap_or_default().into_iter().map(Box::from).collect();
    Tls { hosts, secret: filled(wire.secret_name) }
}

impl Record for Ingress {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, _: &mut Words) -> Self {
        let Wire { mut metadata, spec, status } = wire;
        let mut reading = Reading::default();
        if spec.is_none() {
            reading.lacks("spec");
        }
        let spec = spec.unwrap_or_default();
        let named = metadata.get(CLASS).filter(|class| !class.is_empty());
        let class = named.map(|class| Class::Annotation(class.into()));
        let class = class.or(filled(spec.ingress_class_name).map(Class::Field));
        let annotations = metadata.annotations.take().unwrap_or_default();
        if annotations.len() > MOST_ANNOTATIONS {
            reading.lacks("a number of annotations that can be read");
        }
        let short = annotations.into_iter().filter(|(_, value)| value.len() <= LONGEST_ANNOTATION);
        let short = short.take(MOST_ANNOTATIONS).map(|(key, value)| (key.into(), value.into()));
        let rules: Box<[Rule]> =
            spec.rules.unwrap_or_default().into_iter().map(|rule| reading.rule(rule)).collect();
        let default_backend = spec.default_backend.and_then(|wire| reading.backend(Some(wire)));
        if rules.is_empty() && default_backend.is_none() {
            reading.lacks("spec.rules");
        }
        let balancer = status.unwrap_or_default().load_balancer.unwrap_or_default();
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            created: time(metadata.creation_timestamp),
            class,
            annotations: short.collect(),
            rules,
            default_backend,
            tls: spec.tls.unwrap_or_default().into_iter().map(tls).collect(),
            addresses: balancer.addresses(),
            missing: reading.missing,
        }
    }
}
