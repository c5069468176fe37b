//! Upkeep: rows that wait for a vacuum, and transactions that wait to be frozen.

use super::cells::{Cells, rows};
use super::parameters::{DeadRows, Wraparound};
use super::{
    DEAD_SHARE, FROZEN_AGE, NOT_TRACKED, Postgres, TOO_MANY_DEAD_ROWS, WRAPAROUND_NEAR, graded,
    percent, real,
};
use crate::model::finding::{Finding, Grade, Obstacle};
use crate::model::judgement::{Judgement, legible};
use crate::model::reason::Reason;
use crate::systems::postgres::{Facts, Question, Rows};

/// After so many transactions that are not frozen, a server takes no more writes.
const END: f64 = 2_147_483_648.0;
/// The most characters of a table's or a database's name in a sentence.
const LONGEST_NAME: usize = 120;
/// The most tables that are named.
const MOST_TABLES: usize = 20;

/// The tables with many dead rows, the worst first; one row without a table where there is none.
pub(super) fn dead_rows(wanted: &DeadRows) -> Question {
    Question::Own(format!(
        "SELECT /* vigie dead rows */ current_setting('track_counts'), t.* FROM (SELECT 1) AS one \
         LEFT JOIN LATERAL (SELECT schemaname || '.' || relname, n_live_tup, n_dead_tup \
         FROM pg_catalog.pg_stat_user_tables WHERE n_dead_tup >= {} \
         ORDER BY n_dead_tup::float8 / greatest(n_live_tup + n_dead_tup, 1) DESC, 1 \
         LIMIT {MOST_TABLES}) AS t ON true",
        wanted.from_rows.0.max(1)
    ))
}

/// Tables with many dead rows.
#[derive(Debug, PartialEq)]
pub(super) struct Tables {
    tracked: bool,
    tables: Vec<(String, f64, f64)>,
}

impl Tables {
    pub(super) fn read(answer: &Rows) -> Result<Self, Obstacle> {
        let mut seen = Self { tracked: false, tables: Vec::new() };
        let mut any = false;
        for mut cells in rows(answer) {
            any = true;
            seen.tracked = cells.flag()?;
            if let Some(name) = cells.maybe()? {
                let name = legible(name, LONGEST_NAME);
                seen.tables.push((name, cells.figure()?, cells.figure()?));
            }
        }
        if any {
            return Ok(seen);
        }
        Err(Obstacle::new(Reason::GARBLED, "the server says nothing of its tables"))
    }
}

/// Judges each table that has many dead rows.
pub(super) fn judge_dead_rows(
    check: &Postgres,
    wanted: &DeadRows,
    facts: Facts,
    seen: &Tables,
    judgement: &mut Judgement,
) {
    let blind = if facts.in_recovery {
        Some("a standby does not count the rows that are dead: ask the primary")
    } else {
        (!seen.tracked).then_some("the server counts nothing here: `track_counts` is off")
    };
    if let Some(because) = blind {
        judgement.add("dead rows", Obstacle::new(NOT_TRACKED, because));
        return;
    }
    let shares = seen.tables.iter().map(|(_, live, dead)| dead / (live + dead).max(1.0));
    judgement.measure(check.is(&DEAD_SHARE, shares.fold(0.0, f64::max)));
    let limits = wanted.share.0;
    let mut all_well = true;
    for (name, live, dead) in &seen.tables {
        let share = dead / (live + dead).max(1.0);
        let grade = limits.grade_above(share, TOO_MANY_DEAD_ROWS);
        if grade != Grade::Pass {
            all_well = false;
            let allowed = limits.step(grade).map(percent).unwrap_or_default();
            let because = format!(
                "{} of its rows are dead ({dead} of {}), {allowed} allowed",
                percent(share),
                live + dead
            );
            judgement.add(format!("table `{name}`"), graded(grade, because));
        }
    }
    if all_well {
        let because = match seen.tables.len() {
            0 => format!("no table has {} dead rows", wanted.from_rows.0),
            _ => "no table has too large a share of dead rows".to_owned(),
        };
        judgement.add("dead rows", Finding::pass(because));
    }
}

/// The oldest transactions that are not frozen, by database, with the ages at which the server
/// vacuums by force.
pub(super) fn ages() -> Question {
    Question::Own(
        "SELECT /* vigie wraparound */ datname, pg_catalog.age(datfrozenxid), \
         current_setting('autovacuum_freeze_max_age'), pg_catalog.mxid_age(datminmxid), \
         current_setting('autovacuum_multixact_freeze_max_age') FROM pg_catalog.pg_database \
         ORDER BY greatest(pg_catalog.age(datfrozenxid), pg_catalog.mxid_age(datminmxid)) DESC, 1 \
         LIMIT 200"
            .to_owned(),
    )
}

/// How old a database's transactions are.
#[derive(Debug, PartialEq)]
pub(super) struct Age {
    database: String,
    single: f64,
    forced_at: f64,
    multi: f64,
    multi_forced_at: f64,
}

impl Age {
    pub(super) fn read(answer: &Rows) -> Result<Vec<Self>, Obstacle> {
        let read = |mut cells: Cells<'_>| {
            Ok(Self {
                database: legible(cells.text()?, LONGEST_NAME),
                single: cells.figure()?,
                forced_at: cells.figure()?.max(1.0),
                multi: cells.figure()?,
                multi_forced_at: cells.figure()?.max(1.0),
            })
        };
        let ages: Vec<Self> = rows(answer).map(read).collect::<Result<_, Obstacle>>()?;
        if ages.is_empty() {
            return Err(Obstacle::new(Reason::GARBLED, "the server has no database at all"));
        }
        Ok(ages)
    }

    fn grade(&self, wanted: &Wraparound) -> (Grade, String) {
        let kinds = [
            ("transaction", self.single, self.forced_at),
            ("group of transactions", self.multi, self.multi_forced_at),
        ];
        let graded = kinds.map(|(what, age, forced_at)| {
            let share = wanted.share.0.grade_above(age / END, WRAPAROUND_NEAR);
            let overdue = wanted.overdue.0.grade_above(age / forced_at, WRAPAROUND_NEAR);
            let grade = if rank(overdue) > rank(share) { overdue } else { share };
            let because = format!(
                "the oldest {what} that is not frozen is {age} old: {} of the way to where the \
                 server takes no more writes, and it is frozen by force from {forced_at} on",
                percent(age / END)
            );
            (grade, because)
        });
        let [one, other] = graded;
        if rank(other.0) > rank(one.0) { other } else { one }
    }
}

fn rank(grade: Grade) -> u8 {
    match grade {
        Grade::Pass => 0,
        Grade::Warn(_) => 1,
        Grade::Fail(_) => 2,
    }
}

/// Judges each database; one line where all are well.
pub(super) fn judge_ages(
    check: &Postgres,
    wanted: &Wraparound,
    seen: &[Age],
    judgement: &mut Judgement,
) {
    let oldest = seen.iter().map(|one| one.single.max(one.multi)).fold(0.0, f64::max);
    judgement.measure(check.is(&FROZEN_AGE, oldest));
    let mut all_well = true;
    for one in seen {
        let (grade, because) = one.grade(wanted);
        if grade != Grade::Pass {
            all_well = false;
            judgement.add(format!("wraparound of `{}`", one.database), graded(grade, because));
        }
    }
    if all_well {
        let because = format!(
            "the oldest of {} databases is {} of the way to where the server takes no more writes",
            real(seen.len() as u64),
            percent(oldest / END)
        );
        judgement.add("wraparound", Finding::pass(because));
    }
}

#[cfg(test)]
#[path = "upkeep_tests.rs"]
mod tests;
