//! What may be wrong between the parameters.

use super::parameters::{Amount, Baseline, Discover, Store};
use super::{BullQueue, limits};
use crate::model::duration::Period;
use crate::model::measure::LONGEST_LABEL;

/// The most queues of one check: what Redis answers, and what is shown, stays bounded.
pub(super) const MOST_QUEUES: usize = 100;
/// The most keys that a look walks past: Redis does nothing else meanwhile.
const MOST_KEYS: u32 = 100_000;
/// The longest time ago that is compared with, and the longest span: both together are remembered.
const LONGEST_AGO: Period = Period::from_secs(24 * 3_600);
const LONGEST_OVER: Period = Period::from_secs(6 * 3_600);

pub(super) fn flaws(check: &BullQueue) -> Vec<String> {
    let mut flaws = Vec::new();
    let named = check.queues.len();
    if named == 0 && check.discover.is_none() && check.store.is_none() {
        flaws.push("`queues` names none, and there is neither `discover` nor `store`".to_owned());
    }
    if named > MOST_QUEUES {
        flaws.push(format!("`queues` names at most {MOST_QUEUES} queues"));
    }
    for (at, queue) in check.queues.iter().enumerate() {
        if queue.is_empty() || queue.len() > LONGEST_LABEL {
            flaws.push(format!("a queue's name has between one and {LONGEST_LABEL} bytes"));
        } else if check.queues[..at].contains(queue) {
            flaws.push(format!("the queue `{queue}` is named twice"));
        }
    }
    if check.window.0 > limits::LONGEST_WINDOW {
        flaws.push(format!("`window` is at most {}", limits::LONGEST_WINDOW));
    }
    let ratio = check.failed_ratio.given();
    if ratio.into_iter().flatten().any(|share| !(0.0..=1.0).contains(&share)) {
        flaws.push("`failed_ratio` is a share from 0 to 1".to_owned());
    }
    let rates = check.finished_per_minute_at_least.given();
    if rates.into_iter().flatten().any(|rate| !rate.is_finite() || rate <= 0.0) {
        flaws.push("`finished_per_minute_at_least` must be above 0".to_owned());
    }
    flaws.extend(check.oldest_waiting_within.0.ceiling_flaw("oldest_waiting_within"));
    flaws.extend(check.max_waiting.ceiling_flaw("max_waiting"));
    flaws.extend(check.max_stalled.0.ceiling_flaw("max_stalled"));
    flaws.extend(check.max_failed.ceiling_flaw("max_failed"));
    flaws.extend(check.failed_ratio.ceiling_flaw("failed_ratio"));
    flaws.extend(check.finished_per_minute_at_least.floor_flaw("finished_per_minute_at_least"));
    flaws.extend(check.repeatable_overdue_within.0.ceiling_flaw("repeatable_overdue_within"));
    flaws.extend(check.discover.iter().flat_map(|discover| of_discovery(discover, named)));
    flaws.extend(check.store.iter().flat_map(of_store));
    flaws.extend(check.baseline.iter().flat_map(of_baseline));
    flaws
}

fn of_discovery(discover: &Discover, named: usize) -> Vec<String> {
    let Discover { matching, at_most, unexpected, keys_a_look } = discover;
    let mut flaws = Vec::new();
    if named.saturating_add(at_most.0) > MOST_QUEUES {
        flaws.push(format!("`queues` and `at_most` make over {MOST_QUEUES} queues together"));
    }
    if !(1..=MOST_KEYS).contains(&keys_a_look.0) {
        flaws.push(format!("`keys_a_look` is between 1 and {MOST_KEYS}"));
    }
    if named == 0 && matching.is_empty() && unexpected.0 == Amount::Allowed {
        flaws.push("`discover` finds queues and says nothing of any of them".to_owned());
    }
    flaws
}

fn of_baseline(baseline: &Baseline) -> Vec<String> {
    let Baseline { ago, over, share_at_least, missing: _ } = baseline;
    let mut flaws = Vec::new();
    if ago.is_some_and(|ago| ago > LONGEST_AGO) {
        flaws.push(format!("`ago` is at most {LONGEST_AGO}"));
    }
    if over.0 > LONGEST_OVER {
        flaws.push(format!("`over` is at most {LONGEST_OVER}"));
    }
    if share_at_least.0.given().into_iter().flatten().any(|share| !(0.0..=1.0).contains(&share)) {
        flaws.push("`share_at_least` is a share from 0 to 1".to_owned());
    }
    flaws.extend(share_at_least.0.floor_flaw("share_at_least"));
    flaws
}

fn of_store(store: &Store) -> Vec<String> {
    let Store {
        eviction: _,
        persistence: _,
        replicas_at_least: _,
        replica_lag_within,
        memory_within,
    } = store;
    let mut flaws = Vec::new();
    flaws.extend(replica_lag_within.ceiling_flaw("replica_lag_within"));
    flaws.extend(memory_within.0.ceiling_flaw("memory_within"));
    if memory_within.0.given().into_iter().flatten().any(|share| !(0.0..=1.0).contains(&share)) {
        flaws.push("`memory_within` is a share from 0 to 1".to_owned());
    }
    flaws
}
