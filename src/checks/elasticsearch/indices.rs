//! Aliases and indices.

use super::parameters::{Wanted, YellowIndex};
use super::{
    ALIAS_AMBIGUOUS, ALIAS_MISSING, Aliased, INDEX_CLOSED, INDEX_MISSING, NOT_COUNTED, STATUS_RED,
    STATUS_YELLOW, TOO_FEW_DOCUMENTS,
};
use crate::model::counted::counted;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::Answer;
use crate::systems::api::Asking;
use crate::systems::elasticsearch::Elasticsearch;
use crate::systems::elasticsearch::cluster::Status;
use crate::systems::elasticsearch::index::{IndexName, IndexRow};

/// The most indices that are named in a sentence.
const MOST_NAMED: usize = 5;

pub(super) async fn aliased(
    cluster: &Elasticsearch,
    asking: Asking<'_>,
    name: &IndexName,
) -> Result<Aliased, Obstacle> {
    let bearers = cluster.alias(asking, name).await?;
    let rows = cluster.indices(asking, name).await?;
    Ok(Aliased { bearers, rows })
}

/// Whether an alias leads to exactly one open index.
pub(super) fn judge_alias(wanted: &Wanted, aliased: &Aliased) -> Answer {
    let Aliased { bearers, rows } = aliased;
    let rows = rows.as_deref().unwrap_or_default();
    let Some(bearers) = bearers.as_ref().filter(|bearers| !bearers.is_empty()) else {
        let because = match rows.iter().find(|row| row.name == wanted.name.as_str()) {
            Some(_) => "there is no such alias: an index of its name stands in its place",
            None => "there is no such alias",
        };
        return Finding::fail(ALIAS_MISSING, because).into();
    };
    if bearers.len() > 1 {
        let because =
            format!("it leads to {} indices, one wanted: {}", bearers.len(), named(bearers));
        return Finding::fail(ALIAS_AMBIGUOUS, because).into();
    }
    let behind: Vec<_> = rows.iter().filter(|row| bearers.contains(&row.name)).collect();
    if behind.is_empty() {
        let because = format!("it leads to {}, of which the cluster tells no more", named(bearers));
        return Obstacle::new(NOT_COUNTED, because).into();
    }
    judge_rows(wanted, &behind)
}

/// Whether what a name stands for is there.
pub(super) fn judge_indices(wanted: &Wanted, rows: Option<&[IndexRow]>) -> Answer {
    let rows: Vec<_> = rows.unwrap_or_default().iter().collect();
    if rows.is_empty() {
        return Finding::fail(INDEX_MISSING, "there is no such index").into();
    }
    judge_rows(wanted, &rows)
}

/// How many documents there are, where all indices tell.
pub(super) fn documents(rows: &[&IndexRow]) -> Option<u64> {
    rows.iter()
        .map(|row| row.documents)
        .try_fold(0_u64, |sum, count| Some(sum.saturating_add(count?)))
}

fn judge_rows(wanted: &Wanted, rows: &[&IndexRow]) -> Answer {
    let names = |some: &dyn Fn(&IndexRow) -> bool| -> Vec<String> {
        rows.iter().filter(|row| some(row)).map(|row| row.name.clone()).collect()
    };
    let all = named(&names(&|_| true));
    let closed = names(&|row| !row.open);
    if !closed.is_empty() {
        return Finding::fail(INDEX_CLOSED, format!("closed: {}", named(&closed))).into();
    }
    let red = names(&|row| row.status == Some(Status::Red));
    if !red.is_empty() {
        return Finding::fail(STATUS_RED, format!("red: {}", named(&red))).into();
    }
    let untold = names(&|row| row.status.is_none());
    if !untold.is_empty() {
        let because = format!("the cluster does not say how it is: {}", named(&untold));
        return Obstacle::new(NOT_COUNTED, because).into();
    }
    let least = wanted.documents_at_least.0;
    let Some(count) = documents(rows) else {
        let because = format!("the cluster does not say how many documents {all} holds");
        return Obstacle::new(NOT_COUNTED, because).into();
    };
    let said = format!("{all}: {}, at least {least} wanted", counted(count, "document"));
    if count < least {
        return Finding::fail(TOO_FEW_DOCUMENTS, said).into();
    }
    let yellow = names(&|row| row.status == Some(Status::Yellow));
    let yellowish = format!("{said}; yellow: {}", named(&yellow));
    match wanted.yellow {
        _ if yellow.is_empty() => Finding::pass(said).into(),
        YellowIndex::Allowed => Finding::pass(yellowish).into(),
        YellowIndex::Warn => Finding::warn(STATUS_YELLOW, yellowish).into(),
        YellowIndex::Fail => Finding::fail(STATUS_YELLOW, yellowish).into(),
    }
}

/// Names, as far as they fit.
pub(super) fn named(names: &[String]) -> String {
    let more = names.len().saturating_sub(MOST_NAMED);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
