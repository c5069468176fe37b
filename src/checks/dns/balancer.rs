//! The load balancer whose addresses the records must be: of a Service or of an Ingress, as the API
//! server says. It is a witness: where it is silent, nothing is said of the records by it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Look;
use super::asking::Asked;
use super::expect::told;
use super::whom::Whom;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Answer;
use crate::model::needs::Watch;
use crate::model::reason::Reason;
use crate::systems::kubernetes::ingress::Ingress;
use crate::systems::kubernetes::scope::ObjectPlace;
use crate::systems::kubernetes::service::Service;
use crate::systems::kubernetes::{INGRESSES, Record, SERVICES, Table, Unseen};
use crate::systems::net::answer::{Reply, Said};
use crate::systems::net::dial::Family;

pub(super) const WRONG_ADDRESS: Reason = Reason::new("WrongAddress");
pub(super) const ADDRESS_MISSING: Reason = Reason::new("AddressMissing");
pub(super) const NO_ADDRESS: Reason = Reason::new("NoAddress");
pub(super) const MISSING: Reason = Reason::new("Missing");

/// The most names of a load balancer that are asked for.
const MOST_HOSTS: usize = 16;

/// Whose load balancer it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LoadBalancer {
    /// A Service of type `LoadBalancer`.
    Service(ObjectPlace),
    /// An Ingress.
    Ingress(ObjectPlace),
}

/// What the API server says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Balancer {
    /// Where it is reached.
    At { addresses: BTreeSet<IpAddr>, hosts: Vec<String> },
    /// Nowhere yet.
    Nowhere,
    /// There is no such object.
    Absent,
    /// Nobody could tell.
    Blind(Obstacle),
}

impl LoadBalancer {
    pub(super) fn watch(&self) -> Watch {
        let (resource, ObjectPlace { namespace, name }) = match self {
            Self::Service(place) => (SERVICES, place),
            Self::Ingress(place) => (INGRESSES, place),
        };
        Watch::all(resource).within(namespace.text()).named(name.text())
    }

    /// `Service shop/web`
    pub(super) fn told(&self) -> String {
        match self {
            Self::Service(place) => format!("Service {place}"),
            Self::Ingress(place) => format!("Ingress {place}"),
        }
    }

    pub(super) fn see(&self, look: &Look<'_>) -> Balancer {
        match self {
            Self::Service(place) => {
                self.read(look, place, |service: &Service| service.addresses.clone())
            }
            Self::Ingress(place) => {
                self.read(look, place, |ingress: &Ingress| ingress.addresses.clone())
            }
        }
    }

    fn read<R: Record>(
        &self,
        look: &Look<'_>,
        ObjectPlace { namespace, name }: &ObjectPlace,
        addresses: impl Fn(&R) -> Box<[Box<str>]>,
    ) -> Balancer {
        let (namespace, name) = (namespace.text(), name.text());
        let read = look.systems.kubernetes.read(look.needs, &self.watch(), |table: &Table<R>| {
            let mut unseen = Unseen::default();
            unseen.note(table, |one| one == name);
            (table.get(namespace, name).map(|object| addresses(object)), unseen.may_be(name))
        });
        match read {
            Ok((Some(addresses), _)) => Balancer::of(&addresses),
            Ok((None, true)) => {
                let because = "the object can't be read";
                Balancer::Blind(Obstacle::new(Reason::GARBLED, because))
            }
            Ok((None, false)) => Balancer::Absent,
            Err(obstacle) => Balancer::Blind(obstacle),
        }
    }
}

impl Balancer {
    /// Where a load balancer is reached, by the addresses and names in its object's status.
    pub(super) fn of(points: &[Box<str>]) -> Self {
        let mut addresses = BTreeSet::new();
        let mut hosts = Vec::new();
        for point in points {
            match point.parse() {
                Ok(address) => drop(addresses.insert(address)),
                Err(_) => hosts.push(point.to_lowercase().trim_end_matches('.').to_owned()),
            }
        }
        hosts.truncate(MOST_HOSTS);
        if addresses.is_empty() && hosts.is_empty() {
            return Self::Nowhere;
        }
        Self::At { addresses, hosts }
    }

    /// The names that have to be asked for.
    pub(super) fn hosts(&self) -> Vec<String> {
        match self {
            Self::At { hosts, .. } => hosts.clone(),
            Self::Nowhere | Self::Absent | Self::Blind(_) => Vec::new(),
        }
    }

    /// What is to be said of it alone, before any record.
    pub(super) fn trouble(&self) -> Option<Answer> {
        Some(match self {
            Self::At { .. } => return None,
            Self::Nowhere => {
                let because = "its load balancer has no address, which the names could lead to";
                Finding::fail(NO_ADDRESS, because).into()
            }
            Self::Absent => Finding::fail(MISSING, "is not there").into(),
            Self::Blind(obstacle) => obstacle.clone().into(),
        })
    }

    /// What is wrong with the records of a name, by one resolver; `balanced` is what resolvers say
    /// about the load balancer's own names.
    pub(super) fn wrong(
        &self,
        reply: &Reply,
        resolver: Whom,
        balanced: &[Asked],
        family: Family,
    ) -> Option<Answer> {
        let (Self::At { addresses, hosts }, Said::Records(records)) = (self, &reply.said) else {
            return None;
        };
        let records: BTreeSet<IpAddr> = records.iter().filter_map(|one| one.parse().ok()).collect();
        let mut known = addresses.clone();
        let mut missing: Vec<String> = addresses
            .iter()
            .filter(|address| family.holds(**address) && !records.contains(address))
            .map(ToString::to_string)
            .collect();
        let mut untold = None;
        for host in hosts {
            // An alias of the name is as good as the name.
            if reply.aliases.contains(host) {
                known.extend(&records);
                continue;
            }
            let asked = balanced.iter().find(|one| one.name == *host && one.resolver == resolver);
            match asked.map(|asked| addresses_of(host, asked)) {
                Some(Ok(found)) => {
                    if found.is_disjoint(&records) {
                        missing.push(host.clone());
                    }
                    known.extend(found);
                }
                Some(Err(answer)) => untold = Some(answer),
                None => {}
            }
        }
        let strange: Vec<String> = records.difference(&known).map(ToString::to_string).collect();
        if let Some(untold) = untold
            && (!strange.is_empty() || missing.is_empty())
        {
            return Some(untold);
        }
        let points = || {
            let all = addresses.iter().map(ToString::to_string).chain(hosts.iter().cloned());
            told(&all.collect::<Vec<_>>())
        };
        if !strange.is_empty() {
            let because =
                format!("has {}, and its load balancer is at {}", told(&strange), points());
            return Some(Finding::fail(WRONG_ADDRESS, because).into());
        }
        if missing.is_empty() {
            return None;
        }
        let because = format!("lacks {}, where its load balancer is, too", told(&missing));
        Some(Finding::fail(ADDRESS_MISSING, because).into())
    }
}

/// The addresses of a name of the load balancer, or why they are not known.
fn addresses_of(host: &str, asked: &Asked) -> Result<BTreeSet<IpAddr>, Answer> {
    let none = |what: &str| {
        let because = format!("its load balancer is at `{host}`, which {what}");
        Answer::from(Finding::fail(NO_ADDRESS, because))
    };
    match &asked.said {
        Ok(Reply { said: Said::Records(records), .. }) => {
            Ok(records.iter().filter_map(|one| one.parse().ok()).collect())
        }
        Ok(Reply { said: Said::NoRecords, .. }) => Err(none("has no such address")),
        Ok(Reply { said: Said::NoName, .. }) => Err(none("does not exist")),
        Ok(Reply { said: Said::Astray, .. }) => Err(none("is an alias without end")),
        Err(obstacle) => Err(obstacle.clone().into_failure().into()),
    }
}
