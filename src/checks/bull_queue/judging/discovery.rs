//! Judging what was found: queues that nobody has named.

use std::collections::BTreeSet;

use super::super::BullQueue;
use super::super::looking::discovery::halves;
use super::super::measures::{FOUND, WALK};
use super::super::reasons::{QUEUE_MISSING, UNEXPECTED_QUEUE};
use super::super::seen::{Discovery, Looked, Queue};
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Judgement, legible};
use crate::model::past::Past;

/// What the lines about discovery are about.
const SUBJECT: &str = "discovery";
/// The part of a walk's memory that says that it has been through.
const THROUGH: &str = "through";
/// The most names that one sentence lists, and the longest of them, in characters.
const MOST_NAMES: usize = 3;
const LONGEST_NAME: usize = 60;

/// Whether a queue that was found in an earlier look is no more: nothing is said of it. One that is
/// there is remembered for another day.
pub(super) fn is_gone(
    judgement: &mut Judgement,
    name: &str,
    queue: &Result<Queue, Obstacle>,
    workers: &Result<usize, Obstacle>,
) -> bool {
    let Ok(queue) = queue else { return false };
    let gone = !queue.exists && workers.as_ref().is_ok_and(|workers| *workers == 0);
    judgement.measure(FOUND.is(if gone { 0.0 } else { 1.0 }, [name]));
    gone
}

pub(super) fn judge(
    judgement: &mut Judgement,
    check: &BullQueue,
    seen: &Discovery,
    queues: &[Looked],
    past: &Past,
) {
    let Discovery { names, others, walks } = seen;
    let mut through = true;
    for (node, walk) in walks {
        match walk {
            Ok(cursor) => {
                for (part, half) in halves(*cursor) {
                    judgement.measure(WALK.is(half, [node, part]));
                }
                let before = past.points(&WALK, &[node, THROUGH]).next_back().is_some();
                if before || *cursor == 0 {
                    judgement.measure(WALK.is(1.0, [node, THROUGH]));
                } else {
                    through = false;
                }
            }
            Err(obstacle) => {
                through = false;
                judgement.add(SUBJECT, obstacle.clone());
            }
        }
    }
    let mut unexpected = BTreeSet::new();
    for (name, there) in others {
        match there {
            Ok(there) => {
                judgement.measure(FOUND.is(if *there { 1.0 } else { 0.0 }, [name]));
                unexpected.extend(there.then_some(name.as_str()));
            }
            Err(obstacle) => judgement.add(SUBJECT, obstacle.clone()),
        }
    }
    let looked_at = |name: &str| queues.iter().any(|looked| looked.name == name);
    let mut coming = 0_usize;
    for name in names.iter().filter(|name| !looked_at(name)) {
        if others.iter().any(|(other, _)| other == name) {
            continue;
        }
        judgement.measure(FOUND.is(1.0, [name]));
        // Whether it is within `at_most` shows at the next look.
        if check.discover.as_ref().is_some_and(|discover| discover.matches(name)) {
            coming += 1;
        } else {
            unexpected.insert(name);
        }
    }
    tell(judgement, check, &unexpected, through);
    if queues.is_empty() && check.store.is_none() && unexpected.is_empty() {
        judgement.add(SUBJECT, nothing(check, coming, through));
    }
}

/// Says which queues nobody expects.
fn tell(judgement: &mut Judgement, check: &BullQueue, names: &BTreeSet<&str>, through: bool) {
    let Some(discover) = &check.discover else { return };
    if names.is_empty() {
        return;
    }
    let listed: Vec<_> = names.iter().take(MOST_NAMES).map(|n| legible(n, LONGEST_NAME)).collect();
    let listed = listed.join("`, `");
    let more = match names.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let so_far = if through { "" } else { ", and not all keys have been walked past yet" };
    let because = format!("nobody expects the queue `{listed}`{more}{so_far}");
    let finding = discover.unexpected.0.finding(UNEXPECTED_QUEUE, because);
    if let Some(finding) = finding {
        judgement.add(SUBJECT, finding);
    }
}

/// What is said where there is no queue to say anything of.
fn nothing(check: &BullQueue, coming: usize, through: bool) -> crate::model::judgement::Answer {
    if coming > 0 || !through {
        let found = match coming {
            1 => "1 queue was found that is".to_owned(),
            coming => format!("{coming} queues were found that are"),
        };
        let because = format!("the walk through the keys goes on; {found} looked at next");
        return Obstacle::not_yet(because).into();
    }
    let prefix = legible(&check.prefix.0, LONGEST_NAME);
    let because = format!("no key in Redis is of a queue under the prefix `{prefix}`");
    Finding::fail(QUEUE_MISSING, because).into()
}
