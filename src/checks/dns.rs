//! `dns`: names have the records that they should have, on every resolver that matters.
//! Subject: the name, and each resolver that the check names. Our own resolver is not on trial: what
//! it can't tell is unknown. Witness: the API server, about the load balancer whose addresses they
//! are to be. Each resolver is believed: DNSSEC is not verified.

mod aliases;
mod asking;
mod balancer;
pub mod expect;
mod judging;
mod ttl;
pub mod whom;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use self::aliases::Aliases;
use self::asking::Asked;
use self::balancer::{Balancer, LoadBalancer};
use self::expect::{Expected, Record};
use self::ttl::Ttl;
use self::whom::Whom;
use super::{Check, Look};
use crate::model::finding::{Obstacle, Verdict};
use crate::model::judgement::Judgement;
use crate::model::measure::{Bound, Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::kubernetes::blind;
use crate::systems::net::question::absolute;

/// The most names, and the most resolvers, of one check.
const MOST: usize = 32;

static DURATION: Measure = Measure::gauge(
    "vigie_dns_lookup_duration_seconds",
    "How long the resolver took to answer about the name.",
    &["name", "resolver"],
);
static RECORDS: Measure = Measure::gauge(
    "vigie_dns_records",
    "How many records the resolver gives for the name.",
    &["name", "resolver"],
);
static TTL: Measure = Measure::gauge(
    "vigie_dns_record_ttl_seconds",
    "The shortest time for which an answer of the resolver about the name may still be kept.",
    &["name", "resolver"],
);

/// Names have the records that they should have, on every resolver that matters.
///
/// What a resolver says is taken as it comes: DNSSEC is not verified. A resolver that verifies
/// answers `SERVFAIL` where it does not hold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// The name, taken as written: no search domain is added.
    #[serde(default)]
    name: Option<String>,
    /// Several names, of which the same is expected; instead of `name`.
    #[serde(default)]
    names: Vec<String>,
    /// The type of record; `ADDRESS` (the default) is `A` and `AAAA` together.
    #[serde(default)]
    record: Record,
    /// What the records must be; without it any will do.
    #[serde(default)]
    expected: Option<Expected>,
    /// The load balancer whose addresses the records must be, all of them and no others: the Service
    /// or the Ingress that it serves. One that has a name instead of addresses (AWS) is asked for on
    /// the same resolver; an alias of that name will do, and so will some of its addresses.
    #[serde(default)]
    load_balancer: Option<LoadBalancer>,
    /// What the aliases (`CNAME`) must be that lead to the records: exactly one of `end`, `chain` and
    /// `at_most`.
    #[serde(default)]
    aliases: Option<Aliases>,
    /// For how long the answer may be kept.
    #[serde(default)]
    ttl: Ttl,
    /// The resolvers to ask, each by itself, by address; `system`, our own, alone by default.
    #[serde(default)]
    resolvers: Vec<Whom>,
    /// How many records there must be at least; 1 by default.
    #[serde(default)]
    #[schemars(default)]
    min_answers: MinAnswers,
    /// What it means if resolvers give different records: `fail`, `warn` (the default) or `ignore`.
    #[serde(default)]
    disagreement: Disagreement,
}

/// What it means if resolvers give different records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Disagreement {
    /// The claim does not hold.
    Fail,
    /// Somebody should look.
    #[default]
    Warn,
    /// Nothing: the name answers differently by place, for one.
    Ignore,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
struct MinAnswers(usize);

impl Default for MinAnswers {
    fn default() -> Self {
        Self(1)
    }
}

/// What a look saw.
#[derive(Debug)]
pub struct Seen {
    /// By name, then by resolver.
    asked: Vec<Asked>,
    /// The load balancer, where one is meant.
    balancer: Option<Balancer>,
    /// What resolvers say about the names of the load balancer, where it has any.
    balanced: Vec<Asked>,
}

impl Check for Dns {
    type Seen = Seen;

    const REASONS: &'static [Documented] = &[
        Documented::fails(Reason::NAME_NOT_FOUND, "The name does not exist."),
        Documented::fails(
            judging::DANGLING_ALIAS,
            "The name is an alias of one that does not exist: whoever makes that one takes it over.",
        ),
        Documented::fails(
            judging::ALIAS_LOOP,
            "The aliases of the name lead in a circle, or through more than sixteen names.",
        ),
        Documented::fails(
            judging::WRONG_ALIAS,
            "The name is no alias, or leads through other names than wanted.",
        ),
        Documented::fails(judging::NO_RECORDS, "The name exists, and has no record of this type."),
        Documented::fails(judging::TOO_FEW_RECORDS, "There are fewer records than wanted."),
        Documented::fails(judging::UNEXPECTED_RECORDS, "The records are not the expected ones."),
        Documented::fails(
            balancer::WRONG_ADDRESS,
            "An address is not the load balancer's: it dangles, or never was right.",
        ),
        Documented::fails(
            balancer::ADDRESS_MISSING,
            "An address of the load balancer is not among the records.",
        ),
        Documented::fails(balancer::NO_ADDRESS, "The load balancer has no address."),
        Documented::fails(
            balancer::MISSING,
            "The Service or Ingress of the load balancer is not there.",
        ),
        Documented::warns_or_fails(
            judging::RESOLVERS_DISAGREE,
            "Resolvers give different records, or only some of them give any.",
        ),
        Documented::warns_or_fails(ttl::TOO_LONG, "The answer may be kept for longer than wanted."),
        Documented::warns_or_fails(
            ttl::TOO_SHORT,
            "The answer may not be kept for as long as wanted.",
        ),
        Documented::fails(
            Reason::SERVER_ERROR,
            "A named resolver answers that it is in trouble, or sends us on to others.",
        ),
        Documented::fails(Reason::REFUSED, "A named resolver refuses to be asked, or to answer."),
        Documented::fails(Reason::TIMED_OUT, "A named resolver does not answer in time."),
        Documented {
            reason: Reason::GARBLED,
            verdicts: &[Verdict::Fail, Verdict::Unknown],
            means: "A named resolver sends what is no answer; unknown if it is the Service or the \
                    Ingress that can't be read.",
        },
        Documented::fails(Reason::RESET, "A named resolver breaks off its answer over TCP."),
        Documented::blinds(Reason::UNREACHABLE, "This host has no way to a named resolver."),
        Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell."),
        blind::RUNNING,
        blind::DOWN,
        blind::SILENT,
        blind::FORBIDDEN,
        blind::UNAUTHORIZED,
        blind::KIND_UNKNOWN,
        blind::NO_ACCESS,
    ];
    const MEASURES: &'static [&'static Measure] = &[&DURATION, &RECORDS, &TTL];

    fn flaws(&self) -> Vec<String> {
        let mut flaws: Vec<String> =
            self.all_names().filter_map(|name| absolute(name).err()).collect();
        if self.name.is_some() != self.names.is_empty() {
            flaws.push("one of `name` and `names` must be given".to_owned());
        }
        if self.names.len() > MOST || self.resolvers.len() > MOST {
            flaws.push(format!("at most {MOST} names and {MOST} resolvers; make several checks"));
        }
        if self.min_answers.0 == 0 {
            flaws.push("`min_answers` must be at least 1".to_owned());
        }
        if let Some(expected) = &self.expected
            && expected.values().is_empty()
        {
            flaws.push("`expected` names no record".to_owned());
        }
        if self.load_balancer.is_some() && !self.record.is_address() {
            let wanted = "`load_balancer` is about addresses: `record` must be `ADDRESS`, `A` or \
                          `AAAA`";
            flaws.push(wanted.to_owned());
        }
        if self.load_balancer.is_some() && self.expected.is_some() {
            flaws.push("`load_balancer` and `expected` exclude each other".to_owned());
        }
        if self.aliases.is_some() && self.record == Record::Cname {
            let because = "`aliases` are those that lead to a record: leave `record: CNAME` out";
            flaws.push(because.to_owned());
        }
        flaws.extend(self.aliases.iter().flat_map(Aliases::flaws));
        flaws.extend(self.ttl.flaws());
        flaws
    }

    fn needs(&self) -> Needs {
        let hosts = self.resolvers.iter().filter_map(|resolver| match resolver {
            Whom::System => None,
            Whom::Server(server) => Some(server.0.ip().to_string()),
        });
        let hosts = hosts.collect();
        let watches = self.load_balancer.iter().map(LoadBalancer::watch).collect();
        Needs { watches, hosts, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        let row = |measure, name: &str, resolver: Whom| Series {
            measure,
            labels: vec![Some(name.to_owned()), Some(resolver.to_string())],
        };
        self.questions()
            .flat_map(|(name, resolver)| {
                [&DURATION, &RECORDS, &TTL].map(|measure| row(measure, name, resolver))
            })
            .collect()
    }

    fn bounds(&self) -> Vec<Bound> {
        self.ttl.bounds(TTL.name)
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Seen, Obstacle> {
        let balancer = self.load_balancer.as_ref().map(|balancer| balancer.see(look));
        let hosts = balancer.as_ref().map_or_else(Vec::new, Balancer::hosts);
        let mut about_hosts = Vec::new();
        for host in &hosts {
            about_hosts.extend(self.resolvers().into_iter().map(|resolver| (&**host, resolver)));
        }
        // Side by side: whoever is silent about the one takes no time from the other.
        let asked = self.ask_all(look, self.questions().collect());
        let (asked, balanced) = futures::future::join(asked, self.ask_all(look, about_hosts)).await;
        Ok(Seen { asked, balancer, balanced })
    }

    fn judge(&self, seen: &Seen, _past: &Past, _now: Timestamp) -> Judgement {
        self.judged(seen)
    }
}

impl Dns {
    fn all_names(&self) -> impl Iterator<Item = &str> {
        self.name.iter().chain(&self.names).map(String::as_str)
    }

    fn resolvers(&self) -> Vec<Whom> {
        if self.resolvers.is_empty() { vec![Whom::System] } else { self.resolvers.clone() }
    }

    fn questions(&self) -> impl Iterator<Item = (&str, Whom)> {
        let resolvers = self.resolvers();
        self.all_names().flat_map(move |name| {
            resolvers.clone().into_iter().map(move |resolver| (name, resolver))
        })
    }
}

#[cfg(test)]
mod tests;
