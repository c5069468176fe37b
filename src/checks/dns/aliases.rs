//! What the aliases of a name must be. Pure.

use schemars::JsonSchema;
use serde::Deserialize;

use super::expect::{Record, told};
use crate::systems::net::question::absolute;

/// What the aliases (`CNAME`) must be that lead to the records: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Aliases {
    /// The name at their end, which has the records itself.
    end: Option<String>,
    /// All names that they lead through, in order, the last included.
    chain: Option<Vec<String>>,
    /// The most aliases; 0 where the name must be none.
    at_most: Option<usize>,
}

impl Aliases {
    pub(super) fn flaws(&self) -> Vec<String> {
        let Self { end, chain, at_most } = self;
        let named = end.iter().chain(chain.iter().flatten());
        let mut flaws: Vec<String> = named.filter_map(|name| absolute(name).err()).collect();
        if chain.as_ref().is_some_and(Vec::is_empty) {
            flaws.push("`aliases.chain` is empty; `at_most: 0` wants no alias".to_owned());
        }
        if usize::from(end.is_some())
            + usize::from(chain.is_some())
            + usize::from(at_most.is_some())
            != 1
        {
            flaws.push("`aliases` needs exactly one of `end`, `chain` and `at_most`".to_owned());
        }
        flaws
    }

    /// What is wrong with the aliases that a name leads through.
    pub(super) fn wrong(&self, seen: &[String]) -> Option<String> {
        let Self { end, chain, at_most } = self;
        let leads = match seen {
            [] => "is no alias".to_owned(),
            through => format!("leads through {}", told(through)),
        };
        let same = |one: &str, other: &str| {
            Record::Cname.comparable(one) == Record::Cname.comparable(other)
        };
        if let Some(end) = end
            && !seen.last().is_some_and(|last| same(last, end))
        {
            return Some(format!("{leads}; `{end}` wanted at the end"));
        }
        if let Some(chain) = chain
            && (chain.len() != seen.len()
                || !chain.iter().zip(seen).all(|(one, other)| same(one, other)))
        {
            return Some(format!("{leads}; {} wanted", told(chain)));
        }
        match at_most {
            Some(0) if !seen.is_empty() => Some(format!("{leads}; no alias wanted")),
            Some(most) if seen.len() > *most => {
                let count = seen.len();
                Some(format!("{leads}; aliases: {count}, at most {most} wanted"))
            }
            Some(_) | None => None,
        }
    }
}
