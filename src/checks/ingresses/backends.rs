//! What is behind an Ingress: Services, their ports, ready endpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::checks::Look;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Answer;
use crate::model::needs::Watch;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::endpoint_slice::{EndpointSlice, Endpoints};
use crate::systems::kubernetes::ingress::{Backend, BackendPort, Ingress};
use crate::systems::kubernetes::scope::Namespaces;
use crate::systems::kubernetes::service::{Service, ServiceKind, ServicePort};
use crate::systems::kubernetes::{ENDPOINT_SLICES, Record, SERVICES, Table};

pub(super) const BACKEND_MISSING: Documented = Documented::fails(
    Reason::new("BackendMissing"),
    "An Ingress leads to a Service that does not exist, or lacks the port.",
);
pub(super) const BACKEND_NOT_READY: Documented = Documented::fails(
    Reason::new("BackendNotReady"),
    "An Ingress leads to a port of a Service with fewer ready endpoints than `min_ready`.",
);

/// The Services and endpoints that a look saw.
#[derive(Debug, Default)]
pub(super) struct Behind {
    services: BTreeMap<(Arc<str>, Arc<str>), Arc<Service>>,
    endpoints: Endpoints,
    /// Why not all Services of a namespace (empty: of any) were seen.
    blind_services: BTreeMap<String, Obstacle>,
    /// The same of slices.
    blind_slices: BTreeMap<String, Obstacle>,
}

/// The watches that are read.
pub(super) fn watches(namespaces: &Namespaces, min_ready: u32) -> Vec<Watch> {
    let mut watches = namespaces.watches(&SERVICES, None);
    if min_ready > 0 {
        watches.extend(namespaces.watches(&ENDPOINT_SLICES, None));
    }
    watches
}

/// Notes what can't be read of a table, by namespace.
fn note_garbled<R: Record>(table: &Table<R>, blind: &mut BTreeMap<String, Obstacle>) {
    for (place, why) in table.garbled() {
        let namespace = place.split_once('/').map_or("", |(namespace, _)| namespace);
        let because = format!("the object {place} behind it can't be read: {why}");
        let obstacle = Obstacle::new(Reason::GARBLED, because);
        blind.entry(namespace.to_owned()).or_insert(obstacle);
    }
    if table.garbled_more() > 0 {
        let because = "many objects behind it can't be read".to_owned();
        blind.entry(String::new()).or_insert(Obstacle::new(Reason::GARBLED, because));
    }
}

impl Behind {
    pub(super) fn look(look: &Look<'_>, namespaces: &Namespaces, min_ready: u32) -> Self {
        let kubernetes = &look.systems.kubernetes;
        let mut behind = Self::default();
        for watch in namespaces.watches(&SERVICES, None) {
            let read = kubernetes.read(look.needs, &watch, |table: &Table<Service>| {
                behind.take_services(table);
            });
            if let Err(obstacle) = read {
                behind.blind_services.insert(watch.namespace.unwrap_or_default(), obstacle);
            }
        }
        if min_ready == 0 {
            return behind;
        }
        for watch in namespaces.watches(&ENDPOINT_SLICES, None) {
            let read = kubernetes.read(look.needs, &watch, |table: &Table<EndpointSlice>| {
                behind.take_slices(table);
            });
            if let Err(obstacle) = read {
                behind.blind_slices.insert(watch.namespace.unwrap_or_default(), obstacle);
            }
        }
        behind
    }

    pub(super) fn take_services(&mut self, table: &Table<Service>) {
        let place =
            |service: &Arc<Service>| (Arc::clone(&service.namespace), Arc::clone(&service.name));
        let records = table.records().map(|service| (place(service), Arc::clone(service)));
        self.services.extend(records);
        note_garbled(table, &mut self.blind_services);
    }

    pub(super) fn take_slices(&mut self, table: &Table<EndpointSlice>) {
        self.endpoints.take(table);
        note_garbled(table, &mut self.blind_slices);
    }

    /// What is wrong with the backends of an Ingress, or what is right.
    pub(super) fn answers(&self, ingress: &Ingress, least: u32) -> Result<String, Vec<Answer>> {
        let mut wrong = Vec::new();
        let (mut good, mut others) = (0, 0);
        for backend in ingress.backends().collect::<BTreeSet<_>>() {
            match backend {
                Backend::Other(_, _) => others += 1,
                Backend::Service(name, port) => match self.reach(ingress, name, port, least) {
                    Ok(()) => good += 1,
                    Err(answer) => wrong.push(answer),
                },
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let unjudged = match others {
            0 => String::new(),
            others => format!("; not judged, being no Services: {others}"),
        };
        Ok(match least {
            0 => format!("backends that exist: {good}{unjudged}"),
            _ => format!("backends with ready endpoints: {good}{unjudged}"),
        })
    }

    /// Backends that are ready and that are not; none where that is not known of all.
    pub(super) fn counts(&self, ingress: &Ingress, least: u32) -> Option<(u32, u32)> {
        let (mut ready, mut unready) = (0, 0);
        for backend in ingress.backends().collect::<BTreeSet<_>>() {
            let Backend::Service(name, port) = backend else { continue };
            match self.reach(ingress, name, port, least) {
                Ok(()) => ready += 1,
                Err(Answer::Found(_)) => unready += 1,
                Err(Answer::Blind(_)) => return None,
            }
        }
        Some((ready, unready))
    }

    fn reach(
        &self,
        ingress: &Ingress,
        name: &str,
        port: &BackendPort,
        least: u32,
    ) -> Result<(), Answer> {
        let namespace = &ingress.namespace;
        let missing = |because: String| Finding::fail(BACKEND_MISSING.reason, because).into();
        let Some(service) = self.services.get(&(Arc::clone(namespace), name.into())) else {
            let because = format!("leads to Service {name}, which does not exist");
            return Err(blindness(&self.blind_services, namespace)
                .map_or_else(|| missing(because), Answer::from));
        };
        if let Some(missing) = service.missing {
            let because = format!("the API server does not give {missing} of Service {name}");
            return Err(Obstacle::new(Reason::GARBLED, because).into());
        }
        let is_it = |known: &&ServicePort| match port {
            BackendPort::Number(number) => known.number == *number,
            BackendPort::Name(name) => known.name == *name,
        };
        let found = service.ports.iter().find(is_it);
        if service.kind == ServiceKind::ExternalName {
            // It stands for another name, whose ports nobody here knows.
            return Ok(());
        }
        let Some(found) = found else {
            return Err(missing(format!("leads to port {port} of Service {name}, which lacks it")));
        };
        let reach = self.endpoints.at(service, Some(&found.name));
        if reach.ready >= usize::try_from(least).unwrap_or(usize::MAX) {
            return Ok(());
        }
        let because = format!(
            "leads to Service {name}, with {} ready endpoints at port {found}, at least {least} wanted",
            reach.ready
        );
        let failing = || Finding::fail(BACKEND_NOT_READY.reason, because).into();
        Err(blindness(&self.blind_slices, namespace).map_or_else(failing, Answer::from))
    }
}

/// Why not all objects of a namespace were seen.
fn blindness(blind: &BTreeMap<String, Obstacle>, namespace: &str) -> Option<Obstacle> {
    blind.get(namespace).or_else(|| blind.get("")).cloned()
}
