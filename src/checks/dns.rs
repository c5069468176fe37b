//! `dns`: names have the records that they should have, on every resolver that matters.
//! Subject: the name, and each resolver that the check names. Our own resolver is not on trial: what
//! it can't tell is unknown.

pub mod expect;
pub mod whom;

use futures::StreamExt;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Duration, Instant};

use self::expect::{Expected, Record, told};
use self::whom::Whom;
use super::{Check, Look};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Judgement;
use crate::model::measure::{Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::systems::net::question::{Said, absolute, ask};
use crate::systems::net::server_address::ServerAddress;

const NO_RECORDS: Reason = Reason::new("NoRecords");
const TOO_FEW_RECORDS: Reason = Reason::new("TooFewRecords");
const UNEXPECTED_RECORDS: Reason = Reason::new("UnexpectedRecords");
const RESOLVERS_DISAGREE: Reason = Reason::new("ResolversDisagree");

/// The most names, and the most resolvers, of one check.
const MOST: usize = 32;
/// How many questions are open at a time.
const AT_A_TIME: usize = 16;

static DURATION: Measure = Measure::gauge(
    "vigie_dns_lookup_duration_seconds",
    "How long the resolver took to answer about the name.",
    &["name", "resolver"],
);

/// Names have the records that they should have, on every resolver that matters.
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

/// What one resolver said about one name.
#[derive(Debug)]
pub struct Asked {
    name: String,
    resolver: Whom,
    took: Duration,
    said: Result<Said, Obstacle>,
}

impl Check for Dns {
    type Seen = Vec<Asked>;

    const REASONS: &'static [Documented] = &[
        Documented::fails(Reason::NAME_NOT_FOUND, "The name does not exist."),
        Documented::fails(NO_RECORDS, "The name exists, and has no record of this type."),
        Documented::fails(TOO_FEW_RECORDS, "There are fewer records than wanted."),
        Documented::fails(UNEXPECTED_RECORDS, "The records are not the expected ones."),
        Documented::warns_or_fails(RESOLVERS_DISAGREE, "Resolvers give different records."),
        Documented::fails(
            Reason::SERVER_ERROR,
            "A named resolver answers that it is in trouble, or sends us on to others.",
        ),
        Documented::fails(Reason::REFUSED, "A named resolver refuses to be asked, or to answer."),
        Documented::fails(Reason::TIMED_OUT, "A named resolver does not answer in time."),
        Documented::fails(Reason::GARBLED, "A named resolver sends what is no answer."),
        Documented::fails(Reason::RESET, "A named resolver breaks off its answer over TCP."),
        Documented::blinds(Reason::UNREACHABLE, "This host has no way to a named resolver."),
        Documented::blinds(Reason::RESOLVER_FAILED, "Our own resolver could not tell."),
    ];
    const MEASURES: &'static [&'static Measure] = &[&DURATION];

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
        flaws
    }

    fn needs(&self) -> Needs {
        let hosts = self.resolvers.iter().filter_map(|resolver| match resolver {
            Whom::System => None,
            Whom::Server(server) => Some(server.0.ip().to_string()),
        });
        let hosts = hosts.collect();
        Needs { hosts, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        self.questions()
            .map(|(name, resolver)| Series {
                measure: &DURATION,
                labels: vec![Some(name.to_owned()), Some(resolver.to_string())],
            })
            .collect()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Vec<Asked>, Obstacle> {
        let mut asking = Vec::new();
        for (name, resolver) in self.questions() {
            asking.push(self.put(look, name, resolver));
        }
        Ok(futures::stream::iter(asking).buffered(AT_A_TIME).collect().await)
    }

    fn judge(&self, seen: &Vec<Asked>, _past: &Past, _now: Timestamp) -> Judgement {
        let mut judgement = Judgement::new();
        for Asked { name, resolver, took, said } in seen {
            if said.is_ok() {
                let labels = [name.as_str(), &resolver.to_string()];
                judgement.measure(DURATION.is(took.as_secs_f64(), labels));
            }
            let subject = if self.resolvers.is_empty() {
                name.clone()
            } else {
                format!("{name} by {resolver}")
            };
            match said {
                Ok(said) => judgement.add(subject, self.find(said)),
                Err(obstacle) => judgement.add(subject, obstacle.clone().into_failure()),
            }
        }
        if self.disagreement != Disagreement::Ignore {
            for name in self.all_names() {
                self.compare(name, seen, &mut judgement);
            }
        }
        judgement
    }
}

impl Dns {
    fn all_names(&self) -> impl Iterator<Item = &str> {
        self.name.iter().chain(&self.names).map(String::as_str)
    }

    fn questions(&self) -> impl Iterator<Item = (&str, Whom)> {
        let named = self.resolvers.clone();
        let resolvers = if named.is_empty() { vec![Whom::System] } else { named };
        self.all_names().flat_map(move |name| {
            resolvers.clone().into_iter().map(move |resolver| (name, resolver))
        })
    }

    async fn put(&self, look: &Look<'_>, name: &str, resolver: Whom) -> Asked {
        let started = Instant::now();
        let said = self.records(look, name, resolver).await;
        Asked { name: name.to_owned(), resolver, took: started.elapsed(), said }
    }

    async fn records(&self, look: &Look<'_>, name: &str, resolver: Whom) -> Result<Said, Obstacle> {
        let name = absolute(name).map_err(|why| Obstacle::new(Reason::NAME_NOT_FOUND, why))?;
        let question = async |record| match resolver {
            Whom::Server(ServerAddress(server)) => ask(server, &name, record, look.until()).await,
            Whom::System => look.systems.net.resolver().records(&name, record, look.until()).await,
        };
        let (first, second) = self.record.types();
        let Some(second) = second else {
            return question(first).await;
        };
        let (first, second) = futures::future::join(question(first), question(second)).await;
        Ok(both(first?, second?))
    }

    fn find(&self, said: &Said) -> Finding {
        let Self { record, expected, min_answers: MinAnswers(least), .. } = self;
        let records = match said {
            Said::NoName { alias_of: None } => {
                return Finding::fail(Reason::NAME_NOT_FOUND, "does not exist");
            }
            Said::NoName { alias_of: Some(name) } => {
                let because = format!("is an alias of `{name}`, which does not exist");
                return Finding::fail(Reason::NAME_NOT_FOUND, because);
            }
            Said::NoRecords => {
                return Finding::fail(NO_RECORDS, format!("exists and has no {record} record"));
            }
            Said::Records(records) => records,
        };
        let seen = told(records);
        if let Some(expected) = expected
            && !expected.holds(records, *record)
        {
            let because = format!("has {seen}; {expected} expected");
            return Finding::fail(UNEXPECTED_RECORDS, because);
        }
        if records.len() < *least {
            let count = records.len();
            let because = format!("has {count} {record} records ({seen}), {least} wanted");
            return Finding::fail(TOO_FEW_RECORDS, because);
        }
        Finding::pass(format!("has {seen}"))
    }

    /// Adds a line if the resolvers that gave records of `name` gave different ones.
    fn compare(&self, name: &str, seen: &[Asked], judgement: &mut Judgement) {
        let mut answers =
            seen.iter().filter(|asked| asked.name == name).filter_map(|asked| match &asked.said {
                Ok(Said::Records(records)) => Some((asked.resolver, records)),
                Ok(Said::NoRecords | Said::NoName { .. }) | Err(_) => None,
            });
        let Some((first, records)) = answers.next() else { return };
        let Some((other, others)) = answers.find(|(_, others)| *others != records) else { return };
        let because = format!("{first} gives {}, {other} gives {}", told(records), told(others));
        let finding = if self.disagreement == Disagreement::Fail {
            Finding::fail(RESOLVERS_DISAGREE, because)
        } else {
            Finding::warn(RESOLVERS_DISAGREE, because)
        };
        judgement.add(name, finding);
    }
}

/// The addresses of both families: a name without one of them is well.
fn both(v4: Said, v6: Said) -> Said {
    match (v4, v6) {
        (Said::Records(mut v4), Said::Records(v6)) => {
            v4.extend(v6);
            Said::Records(v4)
        }
        (Said::Records(one), _) | (_, Said::Records(one)) => Said::Records(one),
        (Said::NoRecords, _) | (_, Said::NoRecords) => Said::NoRecords,
        (Said::NoName { alias_of }, Said::NoName { .. }) => Said::NoName { alias_of },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str) -> Dns {
        serde_saphyr::from_str(yaml).unwrap()
    }

    fn records(records: &[&str]) -> Said {
        Said::Records(records.iter().map(|record| (*record).to_owned()).collect())
    }

    fn reason(yaml: &str, said: Said) -> Option<Reason> {
        let asked = Asked {
            name: "a.test".into(),
            resolver: Whom::System,
            took: Duration::ZERO,
            said: Ok(said),
        };
        check(yaml).judge(&vec![asked], &Past::default(), Timestamp::UNIX_EPOCH).reason()
    }

    #[test]
    fn records_are_compared_as_they_are_meant() {
        for (expected, seen, wrong) in [
            ("all: [192.0.2.1]", vec!["192.0.2.1", "192.0.2.2"], false),
            ("all: [192.0.2.1, 192.0.2.3]", vec!["192.0.2.1"], true),
            ("any: [192.0.2.1, 192.0.2.3]", vec!["192.0.2.1"], false),
            ("exactly: [192.0.2.1]", vec!["192.0.2.1", "192.0.2.2"], true),
            ("exactly: ['2001:DB8:0::1']", vec!["2001:db8::1"], false),
        ] {
            let yaml = format!("{{name: a.test, expected: {{{expected}}}}}");
            let said = reason(&yaml, records(&seen));
            assert_eq!(said, wrong.then_some(UNEXPECTED_RECORDS), "{expected}");
        }
        for (record, expected, seen, wrong) in [
            ("CNAME", "LB.example.org.", "lb.example.org", false),
            ("MX", "10 Mail.example.org.", "10 mail.example.org", false),
            ("SRV", "0 5 5060 SIP.example.org.", "0 5 5060 sip.example.org", false),
            ("TXT", "key=aB", "key=ab", true),
            ("TXT", "The end.", "The end", true),
            ("TXT", "2001:DB8::1", "2001:db8::1", true),
            ("TXT", "key=aB", "key=aB", false),
            ("CAA", "0 iodef mailto:A@example.org", "0 iodef mailto:a@example.org", true),
        ] {
            let yaml =
                format!("{{name: a.test, record: {record}, expected: {{all: ['{expected}']}}}}");
            let said = reason(&yaml, records(&[seen]));
            assert_eq!(said, wrong.then_some(UNEXPECTED_RECORDS), "{record} {expected}");
        }
    }

    #[test]
    fn a_name_without_one_family_is_well_and_without_both_it_is_not() {
        let one = records(&["192.0.2.1"]);
        assert_eq!(both(one.clone(), Said::NoRecords), one);
        assert_eq!(both(Said::NoRecords, Said::NoRecords), Said::NoRecords);
        let gone = Said::NoName { alias_of: None };
        assert_eq!(both(gone.clone(), gone.clone()), gone);
    }

    #[test]
    fn parameters_that_contradict_each_other_are_told() {
        for (yaml, flaw) in [
            ("{}", "one of `name` and `names` must be given"),
            ("{name: a, names: [b]}", "one of `name` and `names` must be given"),
            ("{name: a, min_answers: 0}", "`min_answers` must be at least 1"),
            ("{name: a, expected: {all: []}}", "`expected` names no record"),
        ] {
            assert_eq!(check(yaml).flaws(), [flaw], "{yaml}");
        }
        assert_eq!(check("{name: 'a b..c'}").flaws().len(), 1);
    }

    #[test]
    fn our_own_resolver_can_be_asked_beside_others() {
        let check = check("{name: a.test, resolvers: [system, 192.0.2.53]}");
        let asked: Vec<_> = check.questions().map(|(_, whom)| whom.to_string()).collect();
        assert_eq!(asked, ["system", "192.0.2.53"]);
        assert_eq!(check.needs().hosts.len(), 1);
        assert!(serde_saphyr::from_str::<Dns>("{name: a.test, resolvers: [nobody]}").is_err());
    }

    #[test]
    fn an_alias_of_what_does_not_exist_says_of_what() {
        let said = Said::NoName { alias_of: Some("gone.test".into()) };
        let asked = Asked {
            name: "a.test".into(),
            resolver: Whom::System,
            took: Duration::ZERO,
            said: Ok(said),
        };
        let judgement =
            check("{name: a.test}").judge(&vec![asked], &Past::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(judgement.because(), "a.test: is an alias of `gone.test`, which does not exist");
    }
}
