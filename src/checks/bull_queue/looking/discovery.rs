//! Looking for queues that nobody has named: a walk through the keys, one step a look.
//!
//! `SCAN` goes along with the first flight, so that a step costs no round trip of its own. Where the
//! walk goes on, and what it found, is remembered by the item's past.

use std::collections::BTreeSet;

use super::super::flaws::MOST_QUEUES;
use super::super::measures::{FOUND, WALK};
use super::super::parameters::Discover;
use super::super::seen::Discovery;
use super::super::{BullQueue, limits};
use super::answers::Answers;
use super::keys::Keys;
use crate::model::finding::Obstacle;
use crate::model::measure::LONGEST_LABEL;
use crate::model::past::Past;
use crate::systems::redis::{Command, OfNode, Verb};

/// The keys of which every queue has one: a counter of its jobs, or what is said of the queue.
const MARKS: [&[u8]; 2] = [b":id", b":meta"];
/// The halves of a cursor, each small enough to be remembered without loss.
const HALVES: [&str; 2] = ["high", "low"];

/// The walk of a check.
pub(super) struct Walk<'a> {
    discover: &'a Discover,
    prefix: &'a str,
    past: &'a Past,
    /// The queues that were found and are looked at.
    pub(super) chosen: Vec<String>,
    /// Those that were found and are not looked at.
    others: Vec<String>,
}

impl<'a> Walk<'a> {
    /// What earlier looks have found.
    pub(super) fn of(check: &'a BullQueue, discover: &'a Discover, past: &'a Past) -> Self {
        let there = |name: &String| {
            past.points(&FOUND, &[name]).next_back().is_some_and(|(_, there)| there > 0.5)
        };
        let names = past.labels(&FOUND).filter_map(|labels| labels.first());
        let names: BTreeSet<_> = names.map(ToString::to_string).filter(there).collect();
        let named = |name: &String| check.queues.contains(name);
        let (mut chosen, mut others): (Vec<_>, Vec<_>) =
            names.into_iter().filter(|name| !named(name)).partition(|name| discover.matches(name));
        others.extend(chosen.split_off(discover.at_most.0.min(chosen.len())));
        others.truncate(MOST_QUEUES);
        Self { discover, prefix: &check.prefix.0, past, chosen, others }
    }

    /// The next step on a node.
    pub(super) fn step(&self, node: &str) -> Command {
        let half = |part| {
            let last = self.past.points(&WALK, &[node, part]).next_back();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a u32")]
            last.map_or(0, |(_, half)| u64::from(half as u32))
        };
        let cursor = half(HALVES[0]) << 32 | half(HALVES[1]);
        Command::scan(cursor, glob(self.prefix), self.discover.keys_a_look.0)
    }

    /// Whether the queues that are not looked at are still there.
    pub(super) fn questions(&self, check: &BullQueue) -> Vec<Command> {
        let ask = |name: &String| {
            let keys = Keys::of(check, name, true, self.past);
            [keys.ask(Verb::Exists, "id"), keys.ask(Verb::Exists, "meta")]
        };
        self.others.iter().flat_map(ask).collect()
    }

    /// Reads what came of it.
    pub(super) fn seen(&self, answers: &mut Answers<'_>, of_each: &[OfNode]) -> Discovery {
        let mut discovery = Discovery::default();
        for name in &self.others {
            let there = answers.count().and_then(|id| Ok(id + answers.count()? > 0));
            discovery.others.push((name.clone(), there));
        }
        for (node, answered) in of_each {
            let step = answered.as_ref().map_err(Obstacle::clone).and_then(|replies| {
                let mut replies = Answers(replies.iter());
                let (cursor, keys) = replies.next()?.scanned()?;
                discovery.names.extend(keys.into_iter().filter_map(|key| named(key, self.prefix)));
                Ok(cursor)
            });
            discovery.walks.push((node.clone(), step));
        }
        discovery
    }
}

/// The cursor, to be remembered: its halves.
pub(in super::super) fn halves(cursor: u64) -> [(&'static str, f64); 2] {
    let low = cursor & u64::from(u32::MAX);
    [(HALVES[0], limits::real(cursor >> 32)), (HALVES[1], limits::real(low))]
}

/// What the marks of all queues look like, and few other keys.
fn glob(prefix: &str) -> Vec<u8> {
    let mut glob = Vec::new();
    for byte in prefix.bytes() {
        if b"*?[]\\^".contains(&byte) {
            glob.push(b'\\');
        }
        glob.push(byte);
    }
    glob.extend(b":*:[im][de]*");
    glob
}

/// The queue whose mark a key is. A name with a colon can't be told from a job's id.
fn named(key: &[u8], prefix: &str) -> Option<String> {
    let rest = key.strip_prefix(prefix.as_bytes())?.strip_prefix(b":")?;
    let name = MARKS.iter().find_map(|mark| rest.strip_suffix(*mark))?;
    let name = std::str::from_utf8(name).ok()?;
    let fit = !name.is_empty() && name.len() <= LONGEST_LABEL && !name.contains(':');
    fit.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_told_by_their_marks() {
        let found = |key: &str| named(key.as_bytes(), "bull");
        assert_eq!(found("bull:mail:id").as_deref(), Some("mail"));
        assert_eq!(found("bull:{mail}:meta").as_deref(), Some("{mail}"));
        for none in
            ["bull:mail:meta-paused", "bull::id", "bull:id", "bull:mail:7:id", "bul:mail:id"]
        {
            assert_eq!(found(none), None, "{none}");
        }
        assert_eq!(found(&format!("bull:{}:id", "a".repeat(129))), None);
        assert_eq!(glob("{b}[*]"), b"{b}\\[\\*\\]:*:[im][de]*");
    }

    #[test]
    fn a_cursor_is_kept_without_loss() {
        for cursor in [0, 7, u64::from(u32::MAX) + 3, u64::MAX] {
            let [(_, high), (_, low)] = halves(cursor);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a u32")]
            let back = u64::from(high as u32) << 32 | u64::from(low as u32);
            assert_eq!(back, cursor);
        }
    }
}
