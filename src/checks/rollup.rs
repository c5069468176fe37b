//! `rollup`: the worst of other items, or of whole sections.
//! Asks nobody but the board. What does not apply is left out; of nothing, nothing is said.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, Look};
use crate::model::finding::{Finding, Obstacle};
use crate::model::item::ItemId;
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::{Measure, Series};
use crate::model::needs::Needs;
use crate::model::past::Past;
use crate::model::reason::{Documented, Reason};
use crate::model::records::Member;
use crate::model::standing::{Shown, Standing};

const MEMBER_FAILING: Reason = Reason::new("MemberFailing");
const MEMBER_UNKNOWN: Reason = Reason::new("MemberUnknown");
const MEMBER_WARNING: Reason = Reason::new("MemberWarning");
const MEMBER_WAIVED: Reason = Reason::new("MemberWaived");

/// The worst of other items, or of whole sections: failing, then unknown, pending, warning, passing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollup {
    /// Items by id.
    #[serde(default)]
    items: Vec<ItemId>,
    /// Sections by id: all of their items but this one, what is added there later included. Those
    /// below a section are named for themselves.
    #[serde(default)]
    sections: Vec<ItemId>,
    /// When it is decided; by default at any time.
    #[serde(default)]
    decided: Decided,
}

/// When something is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// At any time.
    #[default]
    Always,
    /// When the watch that follows a deployment ends; pending until then.
    WatchEnd,
}

impl Check for Rollup {
    type Seen = Vec<Member>;

    const REASONS: &'static [Documented] = &[
        Documented::fails(MEMBER_FAILING, "An item among them fails."),
        Documented::blinds(MEMBER_UNKNOWN, "An item among them is unknown."),
        Documented::blinds(
            Reason::NOT_YET,
            "An item among them is pending, or the watch that decides has not ended.",
        ),
        Documented::warns(MEMBER_WARNING, "An item among them warns."),
        Documented::warns(MEMBER_WAIVED, "Somebody took the blame for an item among them."),
        Documented::blinds(Reason::NO_MEMBERS, "None of them applies."),
    ];
    const MEASURES: &'static [&'static Measure] = &[];

    fn flaws(&self) -> Vec<String> {
        if self.items.is_empty() && self.sections.is_empty() {
            return vec!["name `items`, `sections`, or both".to_owned()];
        }
        Vec::new()
    }

    fn needs(&self) -> Needs {
        let (items, sections) = (self.items.clone(), self.sections.clone());
        Needs { items, sections, ..Needs::default() }
    }

    fn series(&self) -> Vec<Series> {
        Vec::new()
    }

    async fn observe(&self, look: &Look<'_>) -> Result<Vec<Member>, Obstacle> {
        match self.decided {
            Decided::Always => Ok(look.records.members.clone()),
            Decided::WatchEnd => Err(Obstacle::not_yet(UNDECIDED)),
        }
    }

    fn judge(&self, seen: &Vec<Member>, _: &Past, _: Timestamp) -> Judgement {
        let mut members: Vec<_> = seen.iter().filter(|member| applies(member)).collect();
        if members.is_empty() {
            let because = "none of the items applies here".to_owned();
            return Obstacle::ours(Reason::NO_MEMBERS, because).into();
        }
        // Unknown before pending: of equals, the first decides.
        members.sort_by_key(|member| std::cmp::Reverse(member.shown.standing.badness()));
        let mut judgement = Judgement::new();
        for Member { id, shown } in members {
            judgement.add(id.to_string(), answer(shown));
        }
        judgement
    }
}

/// Why something that is decided at the end of a watch is pending.
pub(super) const UNDECIDED: &str = "is decided when the watch of the deployment ends";

fn applies(member: &Member) -> bool {
    member.shown.standing != Standing::NotApplicable
}

fn answer(shown: &Shown) -> Answer {
    let Shown { standing, reason, because, since: _ } = shown;
    let said = match reason {
        Some(reason) => format!("{standing}, {reason}: {because}"),
        None => format!("{standing}: {because}"),
    };
    match standing {
        Standing::Passing | Standing::NotApplicable => Finding::pass(said).into(),
        Standing::Warning => Finding::warn(MEMBER_WARNING, said).into(),
        Standing::Waived => Finding::warn(MEMBER_WAIVED, said).into(),
        Standing::Failing => Finding::fail(MEMBER_FAILING, said).into(),
        Standing::Unknown => Obstacle::ours(MEMBER_UNKNOWN, said).into(),
        Standing::Pending => Obstacle::not_yet(said).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Verdict;

    fn member(id: &str, standing: Standing) -> Member {
        let shown = Shown {
            standing,
            reason: None,
            because: "because".to_owned(),
            since: Timestamp::UNIX_EPOCH,
        };
        Member { id: ItemId::parse(id).unwrap(), shown }
    }

    fn said(standings: &[Standing]) -> (Verdict, &'static str) {
        let check = Rollup { items: vec![], sections: vec![], decided: Decided::Always };
        let members: Vec<_> = standings.iter().map(|standing| member("a", *standing)).collect();
        let judgement = check.judge(&members, &Past::default(), Timestamp::UNIX_EPOCH);
        (judgement.verdict(), judgement.reason().map_or("", Reason::code))
    }

    #[test]
    fn the_worst_decides_and_what_does_not_apply_is_left_out() {
        use Standing::*;
        assert_eq!(said(&[Passing, NotApplicable]), (Verdict::Pass, ""));
        assert_eq!(said(&[Passing, Warning]), (Verdict::Warn, "MemberWarning"));
        assert_eq!(said(&[Passing, Waived]), (Verdict::Warn, "MemberWaived"));
        assert_eq!(said(&[Warning, Pending]), (Verdict::Unknown, "NotYet"));
        assert_eq!(said(&[Pending, Unknown]), (Verdict::Unknown, "MemberUnknown"));
        assert_eq!(said(&[Unknown, Failing, Passing]), (Verdict::Fail, "MemberFailing"));
    }

    #[test]
    fn of_nothing_nothing_is_said() {
        assert_eq!(said(&[]), (Verdict::Unknown, "NoMembers"));
        assert_eq!(said(&[Standing::NotApplicable]), (Verdict::Unknown, "NoMembers"));
    }
}
