//! What is said of one Service.

use std::time::Duration;

use jiff::Timestamp;

use super::parameters::{Expected, PortWish};
use super::{Seen, Services};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Answer;
use crate::model::reason::{CLOCK_TOLERANCE, Documented, Reason};
use crate::systems::kubernetes::endpoint_slice::Reach;
use crate::systems::kubernetes::service::{Service, ServiceKind};

pub(super) const WRONG_TYPE: Documented = Documented::fails(
    Reason::new("WrongType"),
    "A Service is to be of type `LoadBalancer`, and is of another.",
);
pub(super) const WRONG_PORTS: Documented =
    Documented::fails(Reason::new("WrongPorts"), "A Service lacks a port that it must have.");
pub(super) const TOO_FEW_READY: Documented = Documented::fails(
    Reason::new("TooFewReady"),
    "A port of a Service has fewer ready endpoints than are wanted.",
);
pub(super) const NO_ADDRESS: Documented = Documented::warns_or_fails(
    Reason::new("NoAddress"),
    "A load balancer has given no address; it fails after `address_within`.",
);
pub(super) const CLOCK_SKEW: Documented = Documented::blinds(
    Reason::CLOCK_SKEW,
    "A Service without an address was created more than two minutes ahead of our clock.",
);

impl Services {
    /// What is wrong with a Service, or what is right.
    pub(super) fn answers(&self, seen: &Seen, service: &Service, now: Timestamp) -> Vec<Answer> {
        if let Some(missing) = service.missing {
            let because = format!("the API server does not give {missing}");
            return vec![Obstacle::new(Reason::GARBLED, because).into()];
        }
        let none = Expected::default();
        let expected = self.expect.get(&*service.name).unwrap_or(&none);
        let mut told = Vec::new();
        let mut wrong: Vec<Answer> = Vec::new();
        if expected.load_balancer && service.kind != ServiceKind::LoadBalancer {
            let because = format!("is of type {}, LoadBalancer wanted", service.kind.label());
            wrong.push(Finding::fail(WRONG_TYPE.reason, because).into());
        }
        wrong.extend(lacking(service, &expected.ports).map(Answer::from));
        match self.reached(seen, service) {
            Ok(words) => told.push(words),
            Err(answer) => wrong.push(answer),
        }
        match self.addressed(service, now) {
            Ok(words) => told.extend(words),
            Err(answer) => wrong.push(answer),
        }
        if wrong.is_empty() {
            wrong.push(Finding::pass(told.join("; ")).into());
        }
        wrong
    }

    /// The endpoints of a Service, where they are due and were seen.
    pub(super) fn counted(&self, seen: &Seen, service: &Service) -> Option<Reach> {
        let due = service.kind != ServiceKind::ExternalName
            && self.counts_endpoints()
            && service.missing.is_none();
        let blind = seen.blindness(&service.namespace).is_some();
        (due && !blind).then(|| seen.endpoints.least(service).1)
    }

    fn reached(&self, seen: &Seen, service: &Service) -> Result<String, Answer> {
        let least = self.least(&service.name);
        if let (ServiceKind::ExternalName, Some(alias)) = (service.kind, &service.alias) {
            return Ok(format!("stands for {alias}, and has no endpoints"));
        }
        if !self.counts_endpoints() {
            return Ok("is there".to_owned());
        }
        let (port, reach) = seen.endpoints.least(service);
        let Reach { ready, unready, leaving } = reach;
        let at = port.map(|port| format!(" at port {port}")).unwrap_or_default();
        let others = match (unready, leaving) {
            (0, _) => String::new(),
            (unready, 0) => format!(" (not ready: {unready})"),
            (unready, leaving) => format!(" (not ready: {unready}, {leaving} of them leaving)"),
        };
        let hand = if service.selects || ready > 0 { "" } else { "; it selects no pods itself" };
        let because =
            format!("ready endpoints{at}: {ready}{others}, at least {least} wanted{hand}");
        if ready >= usize::try_from(least).unwrap_or(usize::MAX) {
            return Ok(because);
        }
        Err(match seen.blindness(&service.namespace) {
            Some(obstacle) => obstacle.clone().into(),
            None => Finding::fail(TOO_FEW_READY.reason, because).into(),
        })
    }

    fn addressed(&self, service: &Service, now: Timestamp) -> Result<Option<String>, Answer> {
        if service.kind != ServiceKind::LoadBalancer {
            return Ok(None);
        }
        if !service.addresses.is_empty() {
            let addresses: Vec<&str> =
                service.addresses.iter().take(4).map(|address| &**address).collect();
            return Ok(Some(format!("its load balancer has {}", addresses.join(", "))));
        }
        Err(waited(service.created, self.address_within.0.get(), now))
    }
}

/// What is said where a load balancer has given no address to an object of this age.
pub(in crate::checks) fn waited(
    created: Option<Timestamp>,
    allowed: Duration,
    now: Timestamp,
) -> Answer {
    let Some(created) = created else {
        let because = "its load balancer has given no address";
        return Finding::fail(NO_ADDRESS.reason, because).into();
    };
    let age = now.duration_since(created);
    if -age > CLOCK_TOLERANCE {
        let because = format!("has no address, and was created at {created:.0}, in the future");
        return Obstacle::new(Reason::CLOCK_SKEW, because).into();
    }
    let age = Duration::try_from(age).unwrap_or_default();
    let because = format!(
        "its load balancer has given no address in {}, {} allowed",
        spoken(age),
        spoken(allowed)
    );
    if age > allowed {
        Finding::fail(NO_ADDRESS.reason, because).into()
    } else {
        Finding::warn(NO_ADDRESS.reason, because).into()
    }
}

/// The ports that a Service should have and has not.
fn lacking(service: &Service, wanted: &[PortWish]) -> Option<Finding> {
    let lacking: Vec<String> = wanted
        .iter()
        .filter(|wish| !service.ports.iter().any(|port| wish.is(port)))
        .map(ToString::to_string)
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let ports: Vec<String> = service.ports.iter().take(20).map(ToString::to_string).collect();
    let has = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
    let because = format!("lacks port {}; it has {has}", lacking.join(", "));
    Some(Finding::fail(WRONG_PORTS.reason, because))
}
