//! What is said of the objects: that they are there, then what is wrong with each.

use serde_json::Value;

use super::looking::{Found, Group, Inside, Object, Seen};
use super::parameters::{Claim, Weight};
use super::{OBJECTS, Resource, references};
use crate::checks::expression::evaluation::Outcome;
use crate::model::counted::either;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{Documented, Reason};

pub(super) const OBJECT_ABSENT: Documented =
    Documented::fails(Reason::new("ObjectAbsent"), "An object that is named is not there.");
pub(super) const TOO_FEW: Documented =
    Documented::fails(Reason::new("TooFew"), "There are fewer objects than `min_count`.");
pub(super) const TOO_MANY: Documented =
    Documented::fails(Reason::new("TooMany"), "There are more objects than `max_count`.");
pub(super) const BEING_DELETED: Documented =
    Documented::warns(Reason::new("BeingDeleted"), "An object is there, and is being deleted.");
pub(super) const CONDITION_ABSENT: Documented = Documented::fails(
    Reason::new("ConditionAbsent"),
    "An object does not bear a condition that it must.",
);
pub(super) const CONDITION_UNMET: Documented = Documented::fails(
    Reason::new("ConditionUnmet"),
    "A condition has another status; the sentence repeats its reason and message.",
);
pub(super) const NOT_OBSERVED: Documented = Documented::fails(
    Reason::new("NotObserved"),
    "The controller has not seen the newest specification, or does not say that it has.",
);
pub(super) const EXPRESSION_FALSE: Documented =
    Documented::warns_or_fails(Reason::new("ExpressionFalse"), "An expression is false.");
pub(super) const EVALUATION_ERROR: Documented = Documented::blinds(
    Reason::new("EvaluationError"),
    "An expression can't be evaluated on an object (a field is missing, types do not match), or \
     gives neither true nor false.",
);
pub(super) const EVALUATION_TIMED_OUT: Documented = Documented::blinds(
    Reason::new("EvaluationTimedOut"),
    "Expressions took longer than 5 s, or than the look had left.",
);
pub(super) const TOO_MANY_TO_JUDGE: Documented = Documented::blinds(
    Reason::new("TooManyToJudge"),
    "There are more than 1,000 objects, or a reference leads to more than 1,000 places in one; the \
     others were not judged.",
);
pub(super) const PODS_NOT_READY: Documented = Documented::fails(
    Reason::new("PodsNotReady"),
    "Fewer of an object's pods are ready than it is to have, whatever its status says.",
);
pub(super) const WORKLOAD_NOT_READY: Documented = Documented::fails(
    Reason::new("WorkloadNotReady"),
    "A workload of an object is not there, or has fewer ready replicas than it is to have.",
);

impl Resource {
    pub(super) fn judged(&self, seen: &Seen) -> Judgement {
        let mut judgement = Judgement::new();
        for group in &seen.groups {
            match &group.found {
                Ok(found) => self.judge_group(seen, group, found, &mut judgement),
                Err(obstacle) => judgement.add(place(group), obstacle.clone()),
            }
        }
        if seen.unjudged > 0 {
            let are = either(&seen.unjudged, "object is", "objects are");
            let because = format!("{} more {are} there than are judged", seen.unjudged);
            judgement.add("", Obstacle::ours(TOO_MANY_TO_JUDGE.reason, because));
        }
        judgement
    }

    fn judge_group(&self, seen: &Seen, group: &Group, found: &Found, judgement: &mut Judgement) {
        for (name, why) in &found.garbled {
            let because = format!("the object can't be read: {why}");
            judgement.add(name.clone(), Obstacle::new(Reason::GARBLED, because));
        }
        judgement.dropped += found.garbled_more as u64;
        let kind = self.kind().kind;
        let unsure = self.unsure(seen, found);
        if unsure == 0 {
            #[expect(clippy::cast_precision_loss, reason = "far from 2^52 objects")]
            let count = found.objects.len() as f64;
            judgement.measure(OBJECTS.is(count, [&group.namespace, &kind, &group.asked]));
        }
        let mut well = found.objects.iter().all(|object| seen.is_judged(object));
        for object in &found.objects {
            let complaints = self.complaints(seen, object);
            well &= complaints.is_empty();
            for complaint in complaints {
                judgement.add(subject(&kind, object), complaint);
            }
        }
        let readable = found.garbled.is_empty() && found.garbled_more == 0;
        match self.count_complaint(group, found, unsure, readable) {
            Some(finding) => judgement.add(place(group), finding),
            None if well && readable => {
                judgement.add(place(group), Finding::pass(self.praise(group, found)));
            }
            None => {}
        }
    }

    /// How many objects are there of which nobody could tell whether they are meant.
    fn unsure(&self, seen: &Seen, found: &Found) -> u64 {
        if self.matching.is_none() {
            return 0;
        }
        let is_sure = |object: &&Object| seen.is_meant(object);
        (found.objects.len() - found.objects.iter().filter(is_sure).count()) as u64
    }

    /// What is wrong with the number of objects, `unsure` of which may not be meant.
    fn count_complaint(
        &self,
        group: &Group,
        found: &Found,
        unsure: u64,
        readable: bool,
    ) -> Option<Finding> {
        let kind = self.kind().kind;
        let count = found.objects.len() as u64;
        if group.named {
            let because = format!("no {kind} of this name is there");
            return (count == 0 && readable).then(|| Finding::fail(OBJECT_ABSENT.reason, because));
        }
        let least = self.min_count.unwrap_or(1);
        if count < least && readable {
            let because = format!("{}, at least {least} wanted", there(count, &kind));
            return Some(Finding::fail(TOO_FEW.reason, because));
        }
        let most = self.max_count?;
        let count = count - unsure;
        let because = format!("{}, at most {most} allowed", there(count, &kind));
        (count > most).then(|| Finding::fail(TOO_MANY.reason, because))
    }

    /// What is said where nothing is wrong.
    fn praise(&self, group: &Group, found: &Found) -> String {
        let kind = self.kind().kind;
        let judged = self.claims().count() + self.conditions().count() + self.references.len();
        let there = if group.named {
            format!("{kind} is there")
        } else {
            there(found.objects.len() as u64, &kind)
        };
        let cut: u32 = found
            .objects
            .iter()
            .filter_map(|object| object.whole.as_ref())
            .map(|whole| whole.cut)
            .sum();
        let cut = match cut {
            0 => String::new(),
            1 => " (1 annotation over 4 KiB is read in its first KiB alone)".to_owned(),
            cut => format!(" ({cut} annotations over 4 KiB are read in their first KiB alone)"),
        };
        match judged {
            0 => format!("{there}{cut}"),
            _ => format!("{there}, and as it must be{cut}"),
        }
    }

    fn complaints(&self, seen: &Seen, object: &Object) -> Vec<Answer> {
        let mut complaints = Vec::new();
        if object.deleted {
            let because = "it is being deleted".to_owned();
            complaints.push(Finding::warn(BEING_DELETED.reason, because).into());
        }
        let Some(whole) = &object.whole else { return complaints };
        let Some(inside) = seen.insides.get(&object.key()) else { return complaints };
        if let (Some(matching), Some(matched)) = (&self.matching, &inside.matched)
            && let Some(obstacle) = obstacle(matching.text(), matched)
        {
            return vec![obstacle.into()];
        }
        if self.observed() {
            complaints.extend(not_observed(&whole.object));
        }
        for (name, wanted) in self.conditions() {
            complaints.extend(condition_complaint(&whole.object, name, wanted));
        }
        for (claim, outcome) in self.claims().zip(&inside.outcomes) {
            complaints.extend(claim_complaint(claim, outcome));
        }
        for (number, reference) in self.references.iter().enumerate() {
            complaints.extend(references::complaint(number, reference, whole, &seen.led));
        }
        complaints.extend(self.complaints_beside(object, inside));
        complaints
    }

    /// What is said of the pods and workloads of an object.
    fn complaints_beside(&self, object: &Object, inside: &Inside) -> Vec<Answer> {
        let mut complaints = Vec::new();
        let mut outcomes = inside.outcomes.iter().skip(self.claims().count());
        if let (Some(pods), Some(ready)) = (self.ready_pods(), &inside.ready_pods) {
            let wanted = number(outcomes.next(), pods.at_least.text());
            complaints.extend(compared(wanted, ready.clone(), |ready, wanted| {
                let ready = i64::try_from(ready).unwrap_or(i64::MAX);
                let are = either(&ready, "is", "are");
                let because = format!("{ready} of its pods {are} ready, {wanted} wanted");
                (ready < wanted).then(|| Finding::fail(PODS_NOT_READY.reason, because))
            }));
        }
        for (workload, ready) in self.ready_workloads().zip(&inside.workloads) {
            let what = format!("{} {}", workload.kind, workload.name.of(&object.name));
            let wanted = number(outcomes.next(), workload.at_least.text());
            complaints.extend(compared(wanted, ready.clone(), |ready, wanted| {
                let because = match ready {
                    None => format!("its {what} is not there"),
                    Some(ready) if ready < wanted => {
                        format!("its {what} has {ready} ready replicas, {wanted} wanted")
                    }
                    Some(_) => return None,
                };
                Some(Finding::fail(WORKLOAD_NOT_READY.reason, because))
            }));
        }
        complaints
    }
}

/// Compares what is there with what is wanted, as far as both could be seen.
fn compared<T>(
    wanted: Result<i64, Obstacle>,
    ready: Result<T, Obstacle>,
    judge: impl FnOnce(T, i64) -> Option<Finding>,
) -> Option<Answer> {
    match (wanted, ready) {
        (Ok(wanted), Ok(ready)) => judge(ready, wanted).map(Answer::from),
        (Err(obstacle), _) | (_, Err(obstacle)) => Some(obstacle.into()),
    }
}

/// The number that an expression came to. A want of nothing is none: nothing would prove it.
fn number(outcome: Option<&Outcome>, text: &str) -> Result<i64, Obstacle> {
    let mistake = |why: String| Obstacle::new(EVALUATION_ERROR.reason, format!("{why} (`{text}`)"));
    match outcome {
        Some(Outcome::Number(number)) if *number >= 1 => Ok(*number),
        Some(Outcome::Number(number)) => {
            Err(mistake(format!("{number} wanted, at least 1 can be")))
        }
        Some(Outcome::OutOfTime) | None => Err(out_of_time(text)),
        Some(Outcome::Mistake(why)) => Err(mistake(why.clone())),
        Some(Outcome::Ahead(time)) => Err(ahead(time)),
        Some(Outcome::True | Outcome::False(_)) => {
            Err(mistake("true or false, where a number is wanted".to_owned()))
        }
        Some(Outcome::Double(_)) => Err(mistake("a number that is not whole".to_owned())),
        Some(Outcome::Other(what)) => Err(mistake(format!("{what}, where a number is wanted"))),
    }
}

fn claim_complaint(claim: &Claim, outcome: &Outcome) -> Option<Answer> {
    let text = claim.cel.text();
    match outcome {
        Outcome::False(seen) => {
            let because = match (seen, &claim.message) {
                (Some(seen), Some(message)) => format!("{seen}: {message}"),
                (Some(seen), None) => format!("{seen}; `{}` wanted", legible(text, 200)),
                (None, Some(message)) => message.clone(),
                (None, None) => format!("`{}` is false", legible(text, 200)),
            };
            Some(match claim.severity {
                Weight::Warn => Finding::warn(EXPRESSION_FALSE.reason, because).into(),
                Weight::Fail => Finding::fail(EXPRESSION_FALSE.reason, because).into(),
            })
        }
        Outcome::True
        | Outcome::Number(_)
        | Outcome::Double(_)
        | Outcome::Other(_)
        | Outcome::Mistake(_)
        | Outcome::Ahead(_)
        | Outcome::OutOfTime => obstacle(text, outcome).map(Answer::from),
    }
}

/// Why an expression is neither true nor false.
fn obstacle(text: &str, outcome: &Outcome) -> Option<Obstacle> {
    let mistake = |why: &str| {
        let because = format!("{why} (`{}`)", legible(text, 200));
        Some(Obstacle::new(EVALUATION_ERROR.reason, because))
    };
    match outcome {
        Outcome::True | Outcome::False(_) => None,
        Outcome::Number(_) | Outcome::Double(_) => {
            mistake("a number, where true or false is wanted")
        }
        Outcome::Other(what) => mistake(&format!("{what}, where true or false is wanted")),
        Outcome::Mistake(why) => mistake(why),
        Outcome::Ahead(time) => Some(ahead(time)),
        Outcome::OutOfTime => Some(out_of_time(text)),
    }
}

fn out_of_time(text: &str) -> Obstacle {
    let because = format!("no time was left to evaluate `{}`", legible(text, 200));
    Obstacle::ours(EVALUATION_TIMED_OUT.reason, because)
}

fn ahead(time: &str) -> Obstacle {
    Obstacle::new(Reason::CLOCK_SKEW, format!("{time}, which must be past, lies ahead"))
}

/// The conditions of an object.
fn conditions(object: &Value) -> Result<Vec<&Value>, Obstacle> {
    match object.pointer("/status/conditions") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(all)) if all.iter().all(Value::is_object) => Ok(all.iter().collect()),
        Some(_) => {
            let because = "its conditions are not a list of conditions".to_owned();
            Err(Obstacle::new(Reason::GARBLED, because))
        }
    }
}

fn condition_complaint(object: &Value, name: &str, wanted: &str) -> Option<Answer> {
    let all = match conditions(object) {
        Ok(all) => all,
        Err(obstacle) => return Some(obstacle.into()),
    };
    let text = |condition: &Value, field: &str| {
        condition.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let Some(condition) = all.into_iter().find(|condition| text(condition, "type") == name) else {
        let because = format!("it bears no condition {name}, {wanted} wanted");
        return Some(Finding::fail(CONDITION_ABSENT.reason, because).into());
    };
    let status = text(condition, "status");
    if status.is_empty() {
        let because = format!("its condition {name} has no status");
        return Some(Obstacle::new(Reason::GARBLED, because).into());
    }
    if status == wanted {
        return None;
    }
    let words: Vec<_> = ["reason", "message"]
        .map(|field| text(condition, field))
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    let words = if words.is_empty() { String::new() } else { format!(" ({})", words.join(": ")) };
    let because =
        format!("{name} is {}, {wanted} wanted{}", legible(&status, 40), legible(&words, 300));
    Some(Finding::fail(CONDITION_UNMET.reason, because).into())
}

/// Whether the controller has seen the newest specification.
fn not_observed(object: &Value) -> Option<Answer> {
    let Some(generation) = object.pointer("/metadata/generation").and_then(Value::as_i64) else {
        let because = "the API server does not give metadata.generation".to_owned();
        return Some(Obstacle::new(Reason::GARBLED, because).into());
    };
    let of = |holder: &Value| holder.get("observedGeneration").and_then(Value::as_i64);
    let of_status = object.get("status").and_then(of);
    let all = match conditions(object) {
        Ok(all) => all,
        Err(obstacle) => return Some(obstacle.into()),
    };
    let oldest = all.into_iter().filter_map(of).chain(of_status).min();
    let because = match oldest {
        Some(observed) if observed >= generation => return None,
        Some(observed) => format!("the controller has seen version {observed} of {generation}"),
        None => format!("the controller does not say that it has seen version {generation}"),
    };
    Some(Finding::fail(NOT_OBSERVED.reason, because).into())
}

/// What a group is called in a line of its own.
fn place(Group { namespace, asked, .. }: &Group) -> String {
    match (namespace.as_str(), asked.as_str()) {
        ("", asked) => asked.to_owned(),
        (namespace, "") => namespace.to_owned(),
        (namespace, asked) => format!("{namespace}/{asked}"),
    }
}

fn subject(kind: &str, object: &Object) -> String {
    let Object { namespace, name, .. } = object;
    if namespace.is_empty() {
        format!("{kind} {name}")
    } else {
        format!("{kind} {namespace}/{name}")
    }
}

/// `1 of StorageClass is there`, `2 of StorageClass are there`.
fn there(count: u64, kind: &str) -> String {
    format!("{count} of {kind} {} there", either(&count, "is", "are"))
}
