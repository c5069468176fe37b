//! Rules: loaded, evaluated, and on time.

use jiff::Timestamp;

use super::parameters::Rules;
use super::targets::within;
use super::{NO_RULES, NOT_EVALUATED, RULE_FAILING, RULE_LATE, RULE_MISSING, RULES};
use crate::model::counted::{counted, either};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::prometheus::rules::{Group, Health, Rule};

/// The states in `vigie_prometheus_rules`.
pub(super) const STATES: [&str; 3] = ["ok", "failing", "unknown"];
/// How many of its intervals ago a rule may have been evaluated.
const INTERVALS: u32 = 3;

pub(super) fn judge(
    wanted: &Rules,
    groups: &[Group],
    connection: &str,
    now: Timestamp,
    judgement: &mut Judgement,
) {
    let rules =
        || groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    for (group, rule) in rules() {
        let named = wanted.groups.is_empty() && wanted.names.is_empty()
            || wanted.groups.contains(&group.name)
            || wanted.names.contains(&rule.name);
        if let Some(answer) = trouble(group, rule, named, now) {
            let subject =
                format!("rule {} of group {}", legible(&rule.name, 100), legible(&group.name, 100));
            judgement.add(subject, answer);
        }
    }
    for name in &wanted.groups {
        if !groups.iter().any(|group| group.name == *name && !group.rules.is_empty()) {
            let because = "it is not loaded, or holds no rule";
            judgement.add(format!("group {name}"), Finding::fail(RULE_MISSING, because));
        }
    }
    for name in &wanted.names {
        if !rules().any(|(_, rule)| rule.name == *name) {
            judgement.add(format!("rule {name}"), Finding::fail(RULE_MISSING, "it is not loaded"));
        }
    }
    let all = rules().count();
    let summary = match all {
        0 => Finding::fail(NO_RULES, "no rule is loaded"),
        all => Finding::pass(format!(
            "{} of {} {} loaded",
            counted(all, "rule"),
            counted(groups.len(), "group"),
            either(&all, "is", "are")
        )),
    };
    judgement.add("rules", summary);
    for state in STATES {
        let count = rules().filter(|(_, rule)| label(rule.health) == state).count();
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
        judgement.measure(RULES.is(count as f64, [connection, state]));
    }
}

/// What is wrong with a rule, where anything is; of one that nobody named it is a warning.
fn trouble(group: &Group, rule: &Rule, named: bool, now: Timestamp) -> Option<Answer> {
    let graded = |reason, because: String| {
        Some(
            if named { Finding::fail(reason, because) } else { Finding::warn(reason, because) }
                .into(),
        )
    };
    match rule.health {
        Health::Well => {}
        Health::Failing => {
            let error = if rule.error.is_empty() { "no reason is told" } else { &rule.error };
            return graded(RULE_FAILING, format!("its last evaluation failed: {error}"));
        }
        Health::Unknown => {
            return Some(Obstacle::new(NOT_EVALUATED, "it was not evaluated yet").into());
        }
    }
    let Some(evaluated) = rule.evaluated else {
        let because = "when it was last evaluated is not told";
        return Some(Obstacle::new(NOT_EVALUATED, because).into());
    };
    let age = now.duration_since(evaluated);
    let away = spoken(age.unsigned_abs());
    if age < -CLOCK_TOLERANCE {
        let because = format!("it was last evaluated {away} in the future");
        return Some(Obstacle::new(Reason::CLOCK_SKEW, because).into());
    }
    let interval = group.interval?;
    if age > within(interval.saturating_mul(INTERVALS)) {
        let because =
            format!("it was last evaluated {away} ago, every {} wanted", spoken(interval));
        return graded(RULE_LATE, because);
    }
    None
}

fn label(health: Health) -> &'static str {
    match health {
        Health::Well => STATES[0],
        Health::Failing => STATES[1],
        Health::Unknown => STATES[2],
    }
}
