//! What stands behind an own public host: whether a probe of it that fails may have gone astray.
//!
//! A probe from inside the cluster, of an address of its own load balancer, may be short-cut: it
//! reaches what stands behind the balancer without the balancer, so without the PROXY header that is
//! waited for there, and gets nothing. Clients outside get their answer. Where the endpoints are
//! ready and the probe gets nothing, nobody here can tell which it is.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::reasons::HAIRPIN_SUSPECTED;
use crate::checks::Look;
use crate::model::finding::{Finding, Obstacle};
use crate::model::needs::Watch;
use crate::model::reason::Reason;
use crate::systems::kubernetes::endpoint_slice::{EndpointSlice, Endpoints};
use crate::systems::kubernetes::ingress::{Backend, Ingress, Rule};
use crate::systems::kubernetes::{ENDPOINT_SLICES, INGRESSES, Table};
use crate::systems::net::exchange::Phases;
use crate::systems::net::handshake::HANGS_UP;
use crate::systems::net::url::WebUrl;

/// What of this cluster stands behind a URL.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Behind {
    /// An Ingress: the Services that it leads the URL's host to.
    Ingress(Place),
    /// A Service.
    Service(Place),
}

/// An object of the cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
}

/// Whether what stands behind a URL is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It is: how so.
    Ready(String),
    /// It is not: what is missing.
    NotReady(String),
    /// Nobody can tell: why.
    Untold(Obstacle),
}

impl Behind {
    fn place(&self) -> &Place {
        match self {
            Self::Ingress(place) | Self::Service(place) => place,
        }
    }

    fn slices(&self) -> Watch {
        Watch::all(ENDPOINT_SLICES).within(&self.place().namespace)
    }

    fn ingress(place: &Place) -> Watch {
        Watch::all(INGRESSES).within(&place.namespace).named(&place.name)
    }

    /// The watches that are read.
    pub(super) fn watches(&self) -> Vec<Watch> {
        match self {
            Self::Ingress(place) => vec![Self::ingress(place), self.slices()],
            Self::Service(_) => vec![self.slices()],
        }
    }

    /// Whether it is ready to serve the host of `url`.
    pub(super) fn look(&self, look: &Look<'_>, url: &WebUrl) -> Readiness {
        let kubernetes = &look.systems.kubernetes;
        let services = match self {
            Self::Service(place) => Ok(vec![place.name.clone()]),
            Self::Ingress(place) => {
                let read = |table: &Table<Ingress>| services_of(table, place, &url.host());
                match kubernetes.read(look.needs, &Self::ingress(place), read) {
                    Ok(services) => services,
                    Err(obstacle) => return Readiness::Untold(obstacle),
                }
            }
        };
        let services = match services {
            Ok(services) => services,
            Err(readiness) => return readiness,
        };
        let place = self.place();
        let read = |table: &Table<EndpointSlice>| readiness(table, place, &services);
        kubernetes.read(look.needs, &self.slices(), read).unwrap_or_else(Readiness::Untold)
    }
}

/// The Services that an Ingress leads a host to.
fn services_of(
    table: &Table<Ingress>,
    place: &Place,
    host: &str,
) -> Result<Vec<String>, Readiness> {
    let Place { namespace, name } = place;
    if let Some((_, why)) = table.garbled().next() {
        let because = format!("Ingress {namespace}/{name} can't be read: {why}");
        return Err(Readiness::Untold(Obstacle::new(Reason::GARBLED, because)));
    }
    let Some(ingress) = table.get(namespace, name) else {
        return Err(Readiness::NotReady(format!("there is no Ingress {namespace}/{name}")));
    };
    let meant = |rule: &&Rule| rule.host.as_deref().is_none_or(|of| serves(of, host));
    let of_rules = ingress.rules.iter().filter(meant).flat_map(|rule| &rule.backends);
    let mut services: Vec<String> = Vec::new();
    for backend in of_rules.chain(&ingress.default_backend) {
        if let Backend::Service(service, _) = backend
            && !services.iter().any(|known| **known == **service)
        {
            services.push(service.to_string());
        }
    }
    if services.is_empty() {
        let because = format!("Ingress {namespace}/{name} leads {host} to no Service");
        return Err(Readiness::NotReady(because));
    }
    Ok(services)
}

/// Whether a rule's host, perhaps with `*` as its first label, is or stands for this one.
fn serves(rule: &str, host: &str) -> bool {
    match rule.strip_prefix("*.") {
        None => rule.eq_ignore_ascii_case(host),
        Some(rest) => {
            host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest))
        }
    }
}

fn readiness(table: &Table<EndpointSlice>, place: &Place, services: &[String]) -> Readiness {
    let namespace = &place.namespace;
    let mut endpoints = Endpoints::default();
    endpoints.take(table);
    let counts: Vec<_> =
        services.iter().map(|one| (one, endpoints.ready(namespace, one))).collect();
    let told =
        |(service, ready): &(&String, usize)| format!("{ready} of Service {namespace}/{service}");
    // Which of several serves the path is the controller's business: one that is ready answers some.
    if counts.iter().any(|(_, ready)| *ready > 0) {
        let counts: Vec<_> = counts.iter().map(told).collect();
        return Readiness::Ready(format!("ready endpoints: {}", counts.join(", ")));
    }
    if table.garbled().next().is_some() || table.garbled_more() > 0 {
        let because = "an EndpointSlice of its namespace can't be read".to_owned();
        return Readiness::Untold(Obstacle::new(Reason::GARBLED, because));
    }
    let services: Vec<_> = services.iter().map(|one| format!("{namespace}/{one}")).collect();
    Readiness::NotReady(format!("no endpoint of Service {} is ready", services.join(", ")))
}

/// Whether a probe that ended so may have been short-cut: no byte of an answer came, and the
/// certificate was not seen either. A plain request that was heard and not answered was not.
pub(super) fn may_be_astray(obstacle: &Obstacle, url: &WebUrl, phases: &Phases) -> bool {
    let nothing = |took: Duration| took.is_zero();
    if obstacle.ours || !nothing(phases.tls) || !nothing(phases.processing) {
        return false;
    }
    match obstacle.reason {
        Reason::RESET => true,
        Reason::TIMED_OUT => url.is_secure() || nothing(phases.connect),
        Reason::TLS_FAILED => obstacle.because.ends_with(HANGS_UP),
        _ => false,
    }
}

/// What is said of a probe that may have been short-cut.
pub(super) fn judged(obstacle: Obstacle, readiness: &Readiness) -> Result<Finding, Obstacle> {
    match readiness {
        Readiness::Ready(seen) => {
            let because = format!(
                "{}; {seen}. From inside the cluster a probe of its own public address may miss \
                 the load balancer and its PROXY header: say `connect_to` and `proxy_protocol` \
                 instead of `behind`",
                obstacle.because
            );
            Err(Obstacle::ours(HAIRPIN_SUSPECTED, because))
        }
        Readiness::Untold(why) => {
            let because = format!(
                "{}; whether what stands behind it is ready can't be seen: {}",
                obstacle.because, why.because
            );
            Err(Obstacle::ours(why.reason, because))
        }
        Readiness::NotReady(why) => {
            let Obstacle { reason, because, ours } = obstacle;
            Obstacle { reason, because: format!("{because}; {why}"), ours }.into_failure()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases(connected: bool, secured: bool, answered: bool) -> Phases {
        let some = |happened: bool| Duration::from_millis(u64::from(happened));
        Phases {
            connect: some(connected),
            tls: some(secured),
            processing: some(answered),
            ..Phases::default()
        }
    }

    #[test]
    fn what_reached_the_host_did_not_go_astray() {
        let hung_up = format!("127.0.0.1:1 {HANGS_UP}");
        let refused = "127.0.0.1:1 breaks TLS off with the alert `ProtocolVersion`".to_owned();
        let all = |text: &str| WebUrl::parse(text).unwrap();
        let (plain, secure) = (all("http://a.test/"), all("https://a.test/"));
        for (reason, because, url, phases, astray) in [
            (Reason::RESET, "", &plain, phases(true, false, false), true),
            (Reason::RESET, "", &secure, phases(true, false, false), true),
            (Reason::RESET, "", &secure, phases(true, true, false), false),
            (Reason::RESET, "", &plain, phases(true, false, true), false),
            (Reason::TIMED_OUT, "", &plain, phases(false, false, false), true),
            (Reason::TIMED_OUT, "", &plain, phases(true, false, false), false),
            (Reason::TIMED_OUT, "", &secure, phases(true, false, false), true),
            (Reason::TIMED_OUT, "", &secure, phases(true, true, false), false),
            (Reason::TLS_FAILED, hung_up.as_str(), &secure, phases(true, false, false), true),
            (Reason::TLS_FAILED, refused.as_str(), &secure, phases(true, false, false), false),
            (Reason::REFUSED, "", &secure, phases(false, false, false), false),
            (Reason::SERVER_ERROR, "", &secure, phases(true, true, true), false),
            (Reason::NAME_MISMATCH, "", &secure, phases(true, false, false), false),
        ] {
            let obstacle = Obstacle::new(reason, because);
            assert_eq!(may_be_astray(&obstacle, url, &phases), astray, "{reason} {url} {phases:?}");
        }
        let ours = Obstacle::ours(Reason::TIMED_OUT, "");
        assert!(!may_be_astray(&ours, &secure, &phases(false, false, false)));
    }

    #[test]
    fn a_wildcard_serves_one_label() {
        for (rule, host, does) in [
            ("api.test", "api.test", true),
            ("api.test", "API.test", true),
            ("*.test", "api.test", true),
            ("*.test", "a.api.test", false),
            ("*.test", "test", false),
        ] {
            assert_eq!(serves(rule, host), does, "{rule} {host}");
        }
    }
}
