//! Our own resolver: the addresses of a name, for whoever wants to dial it.
//!
//! It does as the system does (hosts file, search domains, `ndots`, servers in turn) and differs in
//! one thing: it tells a name that does not exist, which is evidence about the subject, from a
//! resolver that does not answer, which is our own trouble.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::Hosts;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use tokio::time::Instant;

use super::answer::{Reply, Said};
use super::dial::Family;
use super::question::{absolute, ask};
use super::server_address::ServerAddress;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// The most addresses of one name that are used.
pub const MOST_ADDRESSES: usize = 16;
/// How long the system's resolver files are believed.
const REREAD_AFTER: Duration = Duration::from_secs(30);

/// The addresses of a name, and what is not known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// At least one, IPv4 first, at most [`MOST_ADDRESSES`] of both families.
    pub addresses: Vec<IpAddr>,
    /// How many more there are.
    pub left_out: usize,
    /// Why there may be others: those of one family could not be looked up. Ours.
    pub trouble: Option<Obstacle>,
}

impl Found {
    /// Of more than are used, each family keeps its half at least.
    fn of(all: impl IntoIterator<Item = IpAddr>, trouble: Option<Obstacle>) -> Self {
        let (mut addresses, mut v6): (Vec<_>, Vec<_>) = all.into_iter().partition(IpAddr::is_ipv4);
        let all = addresses.len() + v6.len();
        addresses.truncate((MOST_ADDRESSES / 2).max(MOST_ADDRESSES.saturating_sub(v6.len())));
        v6.truncate(MOST_ADDRESSES - addresses.len());
        addresses.append(&mut v6);
        Self { left_out: all - addresses.len(), addresses, trouble }
    }
}

/// Finds the addresses of names. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Resolver(Arc<Source>);

#[derive(Debug)]
enum Source {
    System(Mutex<Option<(Instant, Arc<Plan>)>>),
    Configured(Arc<Plan>),
}

/// Whom to ask, and for which names.
#[derive(Debug)]
struct Plan {
    servers: Vec<SocketAddr>,
    hosts: Hosts,
    search: Vec<Name>,
    /// A name with fewer dots is first looked for in the search domains.
    dots: usize,
    patience: Duration,
    attempts: usize,
}

impl Resolver {
    /// The given servers, or the system's where there are none.
    pub fn new(servers: &[ServerAddress]) -> Self {
        if servers.is_empty() {
            return Self(Arc::new(Source::System(Mutex::default())));
        }
        Self(Arc::new(Source::Configured(Arc::new(Plan {
            servers: servers.iter().map(|server| server.0).collect(),
            hosts: Hosts::default(),
            search: Vec::new(),
            dots: 0,
            patience: Duration::from_secs(5),
            attempts: 2,
        }))))
    }

    /// The addresses of `host` that are of `family`; others are not asked for.
    ///
    /// # Errors
    /// [`Reason::NAME_NOT_FOUND`]: the name has no address. [`Reason::RESOLVER_FAILED`], ours: nobody
    /// could tell.
    pub async fn addresses(
        &self,
        host: &str,
        family: Family,
        until: Instant,
    ) -> Result<Found, Obstacle> {
        let none = || {
            let wanted = family.means();
            Obstacle::new(Reason::NAME_NOT_FOUND, format!("{host} has no {wanted} record"))
        };
        if let Some(known) = literal(host) {
            let found = Found::of(known.into_iter().filter(|one| family.holds(*one)), None);
            return if found.addresses.is_empty() { Err(none()) } else { Ok(found) };
        }
        let plan = self.plan()?;
        let mut trouble = None;
        for name in plan.candidates(host)? {
            let known = Found::of(plan.in_hosts(&name, family), None);
            if !known.addresses.is_empty() {
                return Ok(known);
            }
            let asked = family.records().iter().map(|record| plan.ask(&name, *record, until));
            let mut found: Vec<IpAddr> = Vec::new();
            let mut failed = None;
            for answer in futures::future::join_all(asked).await {
                match answer.map(|reply| reply.said) {
                    Ok(Said::Records(records)) => {
                        found.extend(
                            records.iter().filter_map(|record| record.parse::<IpAddr>().ok()),
                        );
                    }
                    Ok(Said::NoRecords | Said::NoName | Said::Astray) => {}
                    Err(obstacle) => failed = Some(obstacle),
                }
            }
            let failed = failed.map(|failed| {
                let how = if found.is_empty() { "could not" } else { "could only in part" };
                let because = format!("{host} {how} be looked up: {}", failed.because);
                Obstacle::ours(Reason::RESOLVER_FAILED, because)
            });
            if !found.is_empty() {
                return Ok(Found::of(found, failed));
            }
            trouble = failed.or(trouble);
        }
        Err(trouble.unwrap_or_else(none))
    }

    /// What the resolver says about records of `name`, which is taken as written.
    ///
    /// # Errors
    /// [`Reason::RESOLVER_FAILED`], ours.
    pub async fn records(
        &self,
        name: &Name,
        record: RecordType,
        until: Instant,
    ) -> Result<Reply, Obstacle> {
        self.plan()?
            .ask(name, record, until)
            .await
            .map_err(|trouble| Obstacle::ours(Reason::RESOLVER_FAILED, trouble.because))
    }

    fn plan(&self) -> Result<Arc<Plan>, Obstacle> {
        match &*self.0 {
            Source::Configured(plan) => Ok(Arc::clone(plan)),
            Source::System(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((read, plan)) = &*kept
                    && read.elapsed() < REREAD_AFTER
                {
                    return Ok(Arc::clone(plan));
                }
                let plan = Arc::new(Plan::of_the_system()?);
                *kept = Some((Instant::now(), Arc::clone(&plan)));
                Ok(plan)
            }
        }
    }
}

/// The addresses of a host that nobody needs to be asked about.
fn literal(host: &str) -> Option<Vec<IpAddr>> {
    let bare = host.strip_suffix('.').unwrap_or(host);
    if bare.eq_ignore_ascii_case("localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    Some(vec![host.parse().ok()?])
}

impl Plan {
    fn of_the_system() -> Result<Self, Obstacle> {
        let (config, options) = read_system_conf().map_err(|error| {
            let because = format!("the system's resolver configuration can't be read: {error}");
            Obstacle::ours(Reason::RESOLVER_FAILED, because)
        })?;
        let (domain, search, servers) = config.into_parts();
        Ok(Self {
            servers: servers.iter().map(|server| SocketAddr::new(server.ip, 53)).collect(),
            hosts: Hosts::from_system().unwrap_or_default(),
            search: if search.is_empty() { domain.into_iter().collect() } else { search },
            dots: options.ndots,
            patience: options.timeout,
            attempts: options.attempts.clamp(1, 5),
        })
    }

    /// The names to try, in order, as the C library does.
    fn candidates(&self, host: &str) -> Result<Vec<Name>, Obstacle> {
        let bad = |why| Obstacle::new(Reason::NAME_NOT_FOUND, why);
        let asked = absolute(host).map_err(bad)?;
        if host.ends_with('.') {
            return Ok(vec![asked]);
        }
        let mut relative = asked.clone();
        relative.set_fqdn(false);
        let mut names: Vec<Name> = self
            .search
            .iter()
            .filter_map(|domain| relative.clone().append_domain(domain).ok())
            .collect();
        let dots = host.matches('.').count();
        let place = if dots >= self.dots { 0 } else { names.len() };
        names.insert(place, asked);
        Ok(names)
    }

    fn in_hosts(&self, name: &Name, family: Family) -> Vec<IpAddr> {
        family
            .records()
            .iter()
            .filter_map(|kind| self.hosts.lookup_static_host(&Query::query(name.clone(), *kind)))
            .flat_map(|found| {
                found.answers().iter().filter_map(|r| r.data.ip_addr()).collect::<Vec<_>>()
            })
            .collect()
    }

    async fn ask(
        &self,
        name: &Name,
        record: RecordType,
        until: Instant,
    ) -> Result<Reply, Obstacle> {
        let mut trouble = Obstacle::new(Reason::RESOLVER_FAILED, "there is no resolver to ask");
        for _ in 0..self.attempts {
            for server in &self.servers {
                let patience = until.min(Instant::now() + self.patience);
                match ask(*server, name, record, patience).await {
                    Ok(reply) => return Ok(reply),
                    Err(obstacle) => trouble = obstacle,
                }
                if Instant::now() >= until {
                    return Err(trouble);
                }
            }
        }
        Err(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(search: &[&str], dots: usize) -> Plan {
        Plan {
            servers: Vec::new(),
            hosts: Hosts::default(),
            search: search.iter().map(|domain| absolute(domain).unwrap()).collect(),
            dots,
            patience: Duration::from_secs(1),
            attempts: 1,
        }
    }

    fn candidates(plan: &Plan, host: &str) -> Vec<String> {
        plan.candidates(host).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_are_tried_in_the_order_of_the_c_library() {
        let pod = plan(&["ns.svc.cluster.local", "svc.cluster.local"], 5);
        assert_eq!(
            candidates(&pod, "redis.data"),
            ["redis.data.ns.svc.cluster.local.", "redis.data.svc.cluster.local.", "redis.data."]
        );
        assert_eq!(candidates(&pod, "example.org."), ["example.org."]);
        assert_eq!(
            candidates(&plan(&["lan"], 1), "example.org"),
            ["example.org.", "example.org.lan."]
        );
        assert_eq!(candidates(&plan(&["lan"], 1), "nas"), ["nas.lan.", "nas."]);
    }

    #[test]
    fn of_too_many_addresses_both_families_keep_some() {
        let v4 = |n: u8| IpAddr::from([192, 0, 2, n]);
        let v6 = |n: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n]);
        for (fours, sixes, wanted) in
            [(20, 0, (16, 0)), (20, 3, (13, 3)), (20, 20, (8, 8)), (3, 20, (3, 13)), (1, 1, (1, 1))]
        {
            let found = Found::of((0..fours).map(v4).chain((0..sixes).map(v6)), None);
            let kept = found.addresses.iter().filter(|address| address.is_ipv4()).count();
            assert_eq!((kept, found.addresses.len() - kept), wanted);
            assert_eq!(
                found.addresses.len() + found.left_out,
                usize::from(fours) + usize::from(sixes)
            );
        }
    }
}
