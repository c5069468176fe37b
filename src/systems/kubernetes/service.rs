//! Services: their ports, and the addresses that a load balancer gave them.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::pool::Words;
use super::record::{Meta, Record, time};
use super::table::Key;
use crate::model::judgement::legible;
use crate::model::needs::Resource;

/// The longest address, name or alias that is kept, in characters.
const LONGEST: usize = 253;

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// How it is reached.
    pub kind: ServiceKind,
    /// Whether it selects pods; the endpoints of others are written by hand or by an operator.
    pub selects: bool,
    /// The name that an `ExternalName` stands for.
    pub alias: Option<Box<str>>,
    /// Its ports; a headless one may have none.
    pub ports: Box<[ServicePort]>,
    /// Addresses and names of its load balancer.
    pub addresses: Box<[Box<str>]>,
    /// A field that is always there, and was not.
    pub missing: Option<&'static str>,
}

/// How a Service is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// At an address of the cluster, or at those of its pods.
    ClusterIp,
    /// At a port of every node, too.
    NodePort,
    /// Through a load balancer, too.
    LoadBalancer,
    /// Not at all: it is another name for something outside.
    ExternalName,
}

impl ServiceKind {
    const ALL: [Self; 4] =
        [Self::ClusterIp, Self::NodePort, Self::LoadBalancer, Self::ExternalName];

    /// As the API names it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
            Self::ExternalName => "ExternalName",
        }
    }
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name; empty where there is but one.
    pub name: Box<str>,
    /// Its number.
    pub number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Box<str>,
}

/// `http:80/TCP`, or `80/TCP`.
impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, number, protocol } = self;
        if name.is_empty() {
            write!(f, "{number}/{protocol}")
        } else {
            write!(f, "{name}:{number}/{protocol}")
        }
    }
}

/// A Service, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wire {
    metadata: Meta,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    external_name: Option<String>,
    selector: Option<std::collections::BTreeMap<String, String>>,
    ports: Option<Vec<PortWire>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PortWire {
    name: Option<String>,
    port: Option<u16>,
    protocol: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    load_balancer: Option<LoadBalancer>,
}

/// `status.loadBalancer` of a Service or an Ingress.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LoadBalancer {
    ingress: Option<Vec<Point>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Point {
    ip: Option<String>,
    hostname: Option<String>,
}

impl LoadBalancer {
    /// The addresses and names that were assigned.
    pub(super) fn addresses(self) -> Box<[Box<str>]> {
        let points = self.ingress.unwrap_or_default().into_iter();
        let address = |point: Point| {
            let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
            filled(point.ip).or(filled(point.hostname))
        };
        points.filter_map(address).map(|text| legible(&text, LONGEST).into()).collect()
    }
}

impl Record for Service {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, _: &mut Words) -> Self {
        let Wire { metadata, spec, status } = wire;
        let Spec { kind: told, cluster_ip, external_name, selector, ports } =
            spec.unwrap_or_default();
        let kind = ServiceKind::ALL.into_iter().find(|kind| Some(kind.label()) == told.as_deref());
        let headless = cluster_ip.as_deref() == Some("None");
        let needs_ports = !headless && kind != Some(ServiceKind::ExternalName);
        let mut missing = kind.is_none().then_some("spec.type");
        if needs_ports && ports.as_ref().is_none_or(Vec::is_empty) {
            missing = missing.or(Some("spec.ports"));
        }
        let port = |wire: PortWire| {
            let number = wire.port.unwrap_or_else(|| {
                missing = missing.or(Some("spec.ports[].port"));
                0
            });
            let protocol = wire.protocol.unwrap_or_else(|| {
                missing = missing.or(Some("spec.ports[].protocol"));
                String::new()
            });
            let name = wire.name.unwrap_or_default().into();
            ServicePort { name, number, protocol: protocol.into() }
        };
        let ports = ports.unwrap_or_default().into_iter().map(port).collect();
        let balancer = status.unwrap_or_default().load_balancer.unwrap_or_default();
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            created: time(metadata.creation_timestamp),
            kind: kind.unwrap_or(ServiceKind::ClusterIp),
            selects: selector.is_some_and(|labels| !labels.is_empty()),
            alias: external_name.map(|alias| legible(&alias, LONGEST).into()),
            ports,
            addresses: balancer.addresses(),
            missing,
        }
    }
}
