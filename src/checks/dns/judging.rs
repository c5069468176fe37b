//! Judging what resolvers said. Pure.

use super::asking::Asked;
use super::expect::told;
use super::{DURATION, Disagreement, Dns, MinAnswers, RECORDS, Seen, TTL};
use crate::model::finding::Finding;
use crate::model::judgement::{Answer, Judgement};
use crate::model::reason::Reason;
use crate::systems::net::answer::{Reply, Said};

pub(super) const NO_RECORDS: Reason = Reason::new("NoRecords");
pub(super) const TOO_FEW_RECORDS: Reason = Reason::new("TooFewRecords");
pub(super) const UNEXPECTED_RECORDS: Reason = Reason::new("UnexpectedRecords");
pub(super) const RESOLVERS_DISAGREE: Reason = Reason::new("ResolversDisagree");
pub(super) const DANGLING_ALIAS: Reason = Reason::new("DanglingAlias");
pub(super) const ALIAS_LOOP: Reason = Reason::new("AliasLoop");
pub(super) const WRONG_ALIAS: Reason = Reason::new("WrongAlias");

impl Dns {
    pub(super) fn judged(&self, seen: &Seen) -> Judgement {
        let mut judgement = Judgement::new();
        if let (Some(meant), Some(balancer)) = (&self.load_balancer, &seen.balancer)
            && let Some(trouble) = balancer.trouble()
        {
            judgement.add(meant.told(), trouble);
        }
        for asked in &seen.asked {
            measure(asked, &mut judgement);
            let Asked { name, resolver, took: _, said } = asked;
            let subject = if self.resolvers.is_empty() {
                name.clone()
            } else {
                format!("{name} by {resolver}")
            };
            match said {
                Ok(reply) => judgement.add(subject, self.find(reply, asked, seen)),
                Err(obstacle) => judgement.add(subject, obstacle.clone().into_failure()),
            }
        }
        if self.disagreement != Disagreement::Ignore {
            for name in self.all_names() {
                self.compare(name, &seen.asked, &mut judgement);
            }
        }
        judgement
    }

    fn find(&self, reply: &Reply, asked: &Asked, seen: &Seen) -> Answer {
        let (records, through) = match self.found(reply) {
            Ok(found) => found,
            Err(finding) => return finding.into(),
        };
        if let Some(wrong) = self.aliases.as_ref().and_then(|aliases| aliases.wrong(&reply.aliases))
        {
            return Finding::fail(WRONG_ALIAS, wrong).into();
        }
        let wrong = seen.balancer.as_ref().and_then(|balancer| {
            balancer.wrong(reply, asked.resolver, &seen.balanced, self.record.family())
        });
        if let Some(wrong) = wrong {
            return wrong;
        }
        let wrong = self.wrong(records).or_else(|| reply.ttl.and_then(|ttl| self.ttl.wrong(ttl)));
        wrong.unwrap_or_else(|| Finding::pass(format!("has {}{through}", told(records)))).into()
    }

    /// The records, and through which aliases they were found.
    fn found<'r>(&self, reply: &'r Reply) -> Result<(&'r [String], String), Finding> {
        let record = self.record;
        let end = reply.aliases.last();
        let through = match reply.aliases.as_slice() {
            [] => String::new(),
            names => format!(", through {}", told(names)),
        };
        match (&reply.said, end) {
            (Said::Records(records), _) => Ok((records, through)),
            (Said::NoName, None) => Err(Finding::fail(Reason::NAME_NOT_FOUND, "does not exist")),
            (Said::NoName, Some(end)) => {
                let because = format!("is an alias of `{end}`, which does not exist");
                Err(Finding::fail(DANGLING_ALIAS, because))
            }
            (Said::NoRecords, None) => {
                Err(Finding::fail(NO_RECORDS, format!("exists and has no {record} record")))
            }
            (Said::NoRecords, Some(end)) => {
                let because =
                    format!("is an alias of `{end}`, which exists and has no {record} record");
                Err(Finding::fail(NO_RECORDS, because))
            }
            (Said::Astray, _) => {
                let because = format!("leads in a circle, or on without end{through}");
                Err(Finding::fail(ALIAS_LOOP, because))
            }
        }
    }

    fn wrong(&self, records: &[String]) -> Option<Finding> {
        let Self { record, expected, min_answers: MinAnswers(least), .. } = self;
        let seen = told(records);
        if let Some(expected) = expected
            && !expected.holds(records, *record)
        {
            let because = format!("has {seen}; {expected} expected");
            return Some(Finding::fail(UNEXPECTED_RECORDS, because));
        }
        if records.len() < *least {
            let count = records.len();
            let because = format!("has {count} {record} records ({seen}), {least} wanted");
            return Some(Finding::fail(TOO_FEW_RECORDS, because));
        }
        None
    }

    /// Adds a line if the resolvers that answered about `name` did not say the same.
    fn compare(&self, name: &str, seen: &[Asked], judgement: &mut Judgement) {
        let mut voices: Vec<(&Said, Vec<String>)> = Vec::new();
        for asked in seen.iter().filter(|asked| asked.name == name) {
            let Ok(reply) = &asked.said else { continue };
            let who = asked.resolver.to_string();
            match voices.iter_mut().find(|(said, _)| **said == reply.said) {
                Some((_, those)) => those.push(who),
                None => voices.push((&reply.said, vec![who])),
            }
        }
        if voices.len() < 2 {
            return;
        }
        let voices = voices.iter().map(|(said, those)| {
            let what = match said {
                Said::Records(records) => told(records),
                Said::NoRecords => "no record".to_owned(),
                Said::NoName => "that it does not exist".to_owned(),
                Said::Astray => "aliases without end".to_owned(),
            };
            let gives = if those.len() == 1 { "gives" } else { "give" };
            format!("{} {gives} {what}", those.join(" and "))
        });
        let because = voices.collect::<Vec<_>>().join("; ");
        let finding = if self.disagreement == Disagreement::Fail {
            Finding::fail(RESOLVERS_DISAGREE, because)
        } else {
            Finding::warn(RESOLVERS_DISAGREE, because)
        };
        judgement.add(name, finding);
    }
}

fn measure(asked: &Asked, judgement: &mut Judgement) {
    let Asked { name, resolver, took, said } = asked;
    let Ok(Reply { said, aliases: _, ttl }) = said else { return };
    let resolver = resolver.to_string();
    let labels = [name.as_str(), &resolver];
    judgement.measure(DURATION.is(took.as_secs_f64(), labels));
    let count = match said {
        Said::Records(records) => records.len(),
        Said::NoRecords | Said::NoName | Said::Astray => 0,
    };
    #[expect(clippy::cast_precision_loss, reason = "a message holds few records")]
    judgement.measure(RECORDS.is(count as f64, labels));
    if let Some(ttl) = ttl {
        judgement.measure(TTL.is(ttl.as_secs_f64(), labels));
    }
}
