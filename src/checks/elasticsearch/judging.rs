//! Judging a cluster: pure.

use std::time::Duration;

use jiff::Timestamp;

use super::parameters::{Distribution, HealthWanted, Newest, Number, VersionWanted, Yellow};
use super::{
    DOCUMENT_TOO_OLD, DOCUMENTS, Elasticsearch, INDEX_MISSING, NEWEST, NO_DATES, NODES,
    PARTIAL_ANSWER, STATUS, STATUS_RED, STATUS_YELLOW, Seen, TOO_FEW_DOCUMENTS, TOO_FEW_NODES,
    UNASSIGNED, VERSION_WRONG, disks, indices,
};
use crate::model::counted::{counted, either};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Answer, Judgement};
use crate::model::measure::Sample;
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::elasticsearch::cluster::{Health, Status, Version};
use crate::systems::elasticsearch::index::IndexRow;
use crate::systems::elasticsearch::search::Found;

pub(super) fn judge(check: &Elasticsearch, seen: &Seen, now: Timestamp) -> Judgement {
    let connection = check.connection.0.as_str();
    let mut judgement = Judgement::new();
    if let (Some(wanted), Some(version)) = (&check.version, &seen.version) {
        let answer = version.clone().map(|version| judge_version(wanted, &version));
        judgement.add("version", answer);
    }
    if let (Some(wanted), Some(health)) = (&check.health, &seen.health) {
        match health {
            Ok(health) => judge_health(wanted, health, connection, &mut judgement),
            Err(obstacle) => judgement.add("cluster", obstacle.clone()),
        }
    }
    for (wanted, aliased) in check.aliases.iter().zip(&seen.aliases) {
        let subject = format!("alias {}", wanted.name);
        match aliased {
            Ok(aliased) => {
                judgement.add(subject, indices::judge_alias(wanted, aliased));
                let rows = aliased.rows.as_deref();
                measure(connection, wanted.name.as_str(), rows, &mut judgement);
            }
            Err(obstacle) => judgement.add(subject, obstacle.clone()),
        }
    }
    for (wanted, rows) in check.indices.iter().zip(&seen.indices) {
        let subject = format!("index {}", wanted.name);
        match rows {
            Ok(rows) => {
                judgement.add(subject, indices::judge_indices(wanted, rows.as_deref()));
                measure(connection, wanted.name.as_str(), rows.as_deref(), &mut judgement);
            }
            Err(obstacle) => judgement.add(subject, obstacle.clone()),
        }
    }
    if let (Some(wanted), Some(found)) = (&check.newest, &seen.newest) {
        let subject = format!("newest in {}", wanted.index);
        match found {
            Ok(found) => {
                judgement.add(subject, judge_newest(wanted, found.as_ref(), now));
                let newest = found.as_ref().and_then(|found| found.newest);
                if let Some(sample) = newest.map(|at| dated(connection, wanted, at)) {
                    judgement.measure(sample);
                }
            }
            Err(obstacle) => judgement.add(subject, obstacle.clone()),
        }
    }
    if let (Some(wanted), Some(seen)) = (&check.disks, &seen.disks) {
        disks::judge(wanted, seen, connection, &mut judgement);
    }
    judgement
}

fn judge_version(wanted: &VersionWanted, version: &Version) -> Finding {
    let VersionWanted { at_least, distribution } = wanted;
    let is = Distribution::of(version.opensearch);
    let said = format!("it is {is} {}", version.number);
    if let Some(distribution) = distribution.filter(|distribution| *distribution != is) {
        return Finding::fail(VERSION_WRONG, format!("{said}, {distribution} wanted"));
    }
    match at_least {
        None => Finding::pass(said),
        Some(least) => {
            let because = format!("{said}, at least {least} wanted");
            if Number::read(&version.number).is_some_and(|number| number >= *least) {
                Finding::pass(because)
            } else {
                Finding::fail(VERSION_WRONG, because)
            }
        }
    }
}

fn judge_health(
    wanted: &HealthWanted,
    health: &Health,
    connection: &str,
    judgement: &mut Judgement,
) {
    let HealthWanted { yellow, nodes_at_least } = wanted;
    let Health {
        status,
        timed_out,
        number_of_nodes: nodes,
        number_of_data_nodes: holders,
        unassigned_shards: unassigned,
        initializing_shards: initializing,
    } = *health;
    let said = format!(
        "it is {}, with {} on no node and {initializing} on {} way, on {} of which {holders} {} data",
        status.label(),
        counted(unassigned, "shard"),
        either(&initializing, "its", "their"),
        counted(nodes, "node"),
        either(&holders, "holds", "hold")
    );
    let answer: Answer = match (status, yellow) {
        (Status::Red, _) => Finding::fail(STATUS_RED, said.clone()).into(),
        _ if timed_out => {
            let because = format!("it ran out of time to say how it is; last, {said}");
            Obstacle::new(PARTIAL_ANSWER, because).into()
        }
        (Status::Green, _) | (Status::Yellow, Yellow::Allowed) => {
            Finding::pass(said.clone()).into()
        }
        (Status::Yellow, Yellow::AllowedOnOneNode) if holders == 1 => {
            Finding::pass(format!("{said}, where replicas have nowhere to go")).into()
        }
        (Status::Yellow, Yellow::Warn | Yellow::AllowedOnOneNode) => {
            Finding::warn(STATUS_YELLOW, said.clone()).into()
        }
        (Status::Yellow, Yellow::Fail) => Finding::fail(STATUS_YELLOW, said.clone()).into(),
    };
    judgement.add("cluster", answer);
    if nodes < *nodes_at_least {
        let because = format!("it has {}, {nodes_at_least} wanted", counted(nodes, "node"));
        judgement.add("nodes", Finding::fail(TOO_FEW_NODES, because));
    }
    for known in Status::ALL {
        let is = if known == status { 1.0 } else { 0.0 };
        judgement.measure(STATUS.is(is, [connection, known.label()]));
    }
    judgement.measure(NODES.is(f64::from(nodes), [connection]));
    judgement.measure(UNASSIGNED.is(f64::from(unassigned), [connection]));
}

fn judge_newest(wanted: &Newest, found: Option<&Found>, now: Timestamp) -> Answer {
    let Some(Found { documents, newest, partial }) = found else {
        return Finding::fail(INDEX_MISSING, "there is no such index").into();
    };
    let Some(at) = newest else {
        let (many, field) = (counted(*documents, "document"), wanted.field.as_str());
        let because = format!("{many}, none with a date in `{field}`");
        return match partial {
            Some(partial) => Obstacle::new(PARTIAL_ANSWER, format!("{because}; {partial}")).into(),
            None if *documents == 0 => {
                Finding::fail(TOO_FEW_DOCUMENTS, "there is no document").into()
            }
            None => Obstacle::new(NO_DATES, because).into(),
        };
    };
    if at.duration_since(now) > CLOCK_TOLERANCE {
        let because = format!(
            "the newest is of {at:.0}, and it is only {now:.0}: how old the others are can't be told"
        );
        return Obstacle::new(Reason::CLOCK_SKEW, because).into();
    }
    let age: Duration = now.duration_since(*at).try_into().unwrap_or_default();
    let documents = counted(*documents, "document");
    let said = format!("the newest of {documents} is {} old", spoken(age));
    let grade = wanted.within.grade(DOCUMENT_TOO_OLD, |limit| age > limit.get());
    let allowed = wanted.within.step(grade).map(|limit| format!(", {limit} allowed"));
    let because = format!("{said}{}", allowed.unwrap_or_default());
    match (grade, partial) {
        (Grade::Pass, None) => Finding::pass(because).into(),
        // What was found was found.
        (Grade::Pass, Some(partial)) => Finding::pass(format!("{because}; {partial}")).into(),
        (Grade::Warn(_) | Grade::Fail(_), Some(partial)) => {
            Obstacle::new(PARTIAL_ANSWER, format!("{because}; {partial}")).into()
        }
        (grade, None) => Finding { grade, because, samples: Vec::new() }.into(),
    }
}

fn measure(connection: &str, name: &str, rows: Option<&[IndexRow]>, judgement: &mut Judgement) {
    let rows: Vec<_> = rows.unwrap_or_default().iter().collect();
    if let Some(count) = indices::documents(&rows).filter(|_| !rows.is_empty()) {
        #[expect(clippy::cast_precision_loss, reason = "a figure for panels")]
        judgement.measure(DOCUMENTS.is(count as f64, [connection, name]));
    }
}

fn dated(connection: &str, wanted: &Newest, at: Timestamp) -> Sample {
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    NEWEST.is(at.as_second() as f64, [connection, wanted.index.as_str()])
}
