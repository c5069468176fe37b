//! `EndpointSlices`: where the traffic of a Service goes.
//!
//! A Service has any number of slices, of each family of addresses at least one, and an address may
//! stand in several while a controller moves it. So addresses are kept, as fingerprints, and counted
//! once.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::Deserialize;

use super::Table;
use super::pool::Words;
use super::record::{Meta, Record};
use super::service::Service;
use super::table::Key;
use crate::model::needs::Resource;

/// The label that names a slice's Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A part of a Service's endpoints: addresses of one family with the same ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The Service that it belongs to; none where its label is missing.
    pub service: Option<Arc<str>>,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub family: Arc<str>,
    /// The names of the ports that its endpoints serve; the only one's may be empty.
    pub ports: Box<[Arc<str>]>,
    /// Fingerprints of the endpoints that are ready.
    ready: Box<[u64]>,
    /// How many are not.
    pub unready: usize,
    /// How many of those are on their way out, and still serve.
    pub leaving: usize,
}

/// An `EndpointSlice`, in the fields that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Wire {
    metadata: Meta,
    address_type: Option<String>,
    ports: Option<Vec<Port>>,
    endpoints: Option<Vec<Endpoint>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Port {
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    addresses: Option<Vec<String>>,
    conditions: Option<Conditions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
    serving: Option<bool>,
    terminating: Option<bool>,
}

impl Conditions {
    /// Unknown is to be read as ready, says the API. Of a Service with `publishNotReadyAddresses`
    /// all endpoints are called ready: whether the pods are, `serving` and `terminating` tell.
    fn is_ready(&self) -> bool {
        let Self { ready, serving, terminating } = *self;
        ready.unwrap_or(true) && serving.unwrap_or(true) && terminating != Some(true)
    }
}

impl Record for EndpointSlice {
    type Wire = Wire;

    fn of(wire: Wire, (namespace, name): &Key, _: &Resource, words: &mut Words) -> Self {
        let Wire { metadata, address_type, ports, endpoints } = wire;
        let mut ready = BTreeSet::new();
        let (mut unready, mut leaving) = (0, 0);
        for Endpoint { addresses, conditions } in endpoints.unwrap_or_default() {
            // All addresses of an endpoint are the same one's; the first is the one that is used.
            let Some(address) = addresses.unwrap_or_default().into_iter().next() else { continue };
            let conditions = conditions.unwrap_or_default();
            if conditions.is_ready() {
                ready.insert(fingerprint(&address));
            } else {
                unready += 1;
                let serves = conditions.serving == Some(true);
                leaving += usize::from(serves && conditions.terminating == Some(true));
            }
        }
        let labels = metadata.labels.unwrap_or_default();
        let port = |port: Port| words.shared(port.name.as_deref().unwrap_or_default());
        let ports = ports.unwrap_or_default().into_iter().map(port).collect();
        Self {
            namespace: Arc::clone(namespace),
            name: Arc::clone(name),
            service: labels.get(SERVICE_NAME).map(|service| words.shared(service)),
            family: words.shared(address_type.as_deref().unwrap_or("IPv4")),
            ports,
            ready: ready.into_iter().collect(),
            unready,
            leaving,
        }
    }
}

/// The same for the same address, always.
fn fingerprint(address: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    hasher.finish()
}

/// The endpoints of all Services that a look saw, by the Service's namespace and name.
#[derive(Debug, Default)]
pub struct Endpoints(BTreeMap<Key, Vec<Arc<EndpointSlice>>>);

/// The endpoints of a Service at one of its ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// How many are ready.
    pub ready: usize,
    /// How many are not.
    pub unready: usize,
    /// How many of those are on their way out, and still serve.
    pub leaving: usize,
}

impl Endpoints {
    /// Adds the slices of a watch.
    pub fn take(&mut self, table: &Table<EndpointSlice>) {
        for slice in table.records() {
            let Some(service) = &slice.service else { continue };
            let place = (Arc::clone(&slice.namespace), Arc::clone(service));
            self.0.entry(place).or_default().push(Arc::clone(slice));
        }
    }

    /// What is behind the port of this name; behind a Service without ports: at all.
    ///
    /// A pod has an address of each family: it counts once, in the family that has more.
    pub fn at(&self, service: &Service, port: Option<&str>) -> Reach {
        let place = (Arc::clone(&service.namespace), Arc::clone(&service.name));
        let serves = |slice: &&Arc<EndpointSlice>| {
            port.is_none_or(|port| slice.ports.iter().any(|name| **name == *port))
        };
        let mut families: BTreeMap<&str, (BTreeSet<u64>, usize, usize)> = BTreeMap::new();
        for slice in self.0.get(&place).into_iter().flatten().filter(serves) {
            let (ready, unready, leaving) = families.entry(&slice.family).or_default();
            ready.extend(&slice.ready);
            *unready += slice.unready;
            *leaving += slice.leaving;
        }
        let reach = |(ready, unready, leaving): (BTreeSet<u64>, usize, usize)| Reach {
            ready: ready.len(),
            unready,
            leaving,
        };
        families.into_values().map(reach).max_by_key(|reach| reach.ready).unwrap_or_default()
    }

    /// How many endpoints of a Service are ready, at any port; a pod of two families counts once.
    pub fn ready(&self, namespace: &str, service: &str) -> usize {
        let mut families: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for slice in self.0.get(&(namespace.into(), service.into())).into_iter().flatten() {
            families.entry(&slice.family).or_default().extend(&slice.ready);
        }
        families.into_values().map(|ready| ready.len()).max().unwrap_or_default()
    }

    /// What is behind the port of a Service that has the fewest ready endpoints.
    pub fn least(&self, service: &Service) -> (Option<String>, Reach) {
        let at = |port: &super::service::ServicePort| {
            (Some(port.to_string()), self.at(service, Some(&port.name)))
        };
        let ports = service.ports.iter().map(at);
        ports.min_by_key(|(_, reach)| reach.ready).unwrap_or_else(|| (None, self.at(service, None)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{ENDPOINT_SLICES, SERVICES};
    use super::*;

    fn slice(name: &str, family: &str, ports: &Value, endpoints: &Value) -> Value {
        json!({
            "metadata": {
                "namespace": "d", "name": name, "labels": { "kubernetes.io/service-name": "web" },
            },
            "addressType": family, "ports": ports, "endpoints": endpoints,
        })
    }

    fn reach(port: Option<&str>, slices: &[Value]) -> Reach {
        let mut table = Table::default();
        for slice in slices {
            table.take(&slice.to_string(), &ENDPOINT_SLICES);
        }
        assert_eq!(table.garbled().count(), 0);
        let mut services = Table::<Service>::default();
        let service = json!({ "metadata": { "namespace": "d", "name": "web" } });
        services.take(&service.to_string(), &SERVICES);
        let mut endpoints = Endpoints::default();
        endpoints.take(&table);
        endpoints.at(services.get("d", "web").unwrap(), port)
    }

    fn ready(addresses: &[&str]) -> Value {
        let one = |address| json!({ "addresses": [address], "conditions": { "ready": true } });
        addresses.iter().map(one).collect()
    }

    #[test]
    fn an_address_in_several_slices_counts_once_and_a_pod_of_two_families_too() {
        let http = || json!([{ "name": "http", "port": 80 }]);
        let slices = [
            slice("a", "IPv4", &http(), &ready(&["10.0.0.1", "10.0.0.2"])),
            slice("b", "IPv4", &http(), &ready(&["10.0.0.2", "10.0.0.3"])),
            slice("c", "IPv6", &http(), &ready(&["fd00::1", "fd00::2"])),
        ];
        assert_eq!(reach(Some("http"), &slices).ready, 3);
    }

    #[test]
    fn what_is_not_told_is_ready_and_what_leaves_is_not() {
        let endpoints = json!([
            { "addresses": ["10.0.0.1"] },
            { "addresses": ["10.0.0.2"], "conditions": {} },
            { "addresses": ["10.0.0.3"], "conditions": { "ready": null, "serving": true } },
            { "addresses": ["10.0.0.4"], "conditions": { "ready": false, "serving": true, "terminating": true } },
            { "addresses": ["10.0.0.5"], "conditions": { "ready": false, "serving": false } },
            { "addresses": [] },
            {},
        ]);
        let slices = [slice("a", "IPv4", &json!([{ "port": 80 }]), &endpoints)];
        assert_eq!(reach(Some(""), &slices), Reach { ready: 3, unready: 2, leaving: 1 });
    }

    #[test]
    fn what_is_published_without_being_ready_is_not_ready() {
        let published = |address: &str, serving: bool, terminating: bool| {
            json!({
                "addresses": [address],
                "conditions": { "ready": true, "serving": serving, "terminating": terminating },
            })
        };
        let endpoints = json!([
            published("10.0.0.1", true, false),
            published("10.0.0.2", false, false),
            published("10.0.0.3", true, true),
        ]);
        let slices = [slice("a", "IPv4", &json!([{ "port": 80 }]), &endpoints)];
        assert_eq!(reach(Some(""), &slices), Reach { ready: 1, unready: 2, leaving: 1 });
    }

    #[test]
    fn ports_are_counted_apart_and_a_service_without_any_counts_all() {
        let slices = [
            slice(
                "a",
                "IPv4",
                &json!([{ "name": "http" }, { "name": "grpc" }]),
                &ready(&["10.0.0.1"]),
            ),
            slice("b", "IPv4", &json!([{ "name": "http" }]), &ready(&["10.0.0.2"])),
            slice("c", "IPv4", &Value::Null, &Value::Null),
        ];
        let at = |port| reach(port, &slices).ready;
        assert_eq!((at(Some("http")), at(Some("grpc")), at(Some("x"))), (2, 1, 0));
        assert_eq!(at(None), 2);
    }
}
