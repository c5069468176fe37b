//! Migrations, as Prisma notes them: where its tables are, what they say, what that amounts to.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::cells::{Cells, literal, name, rows};
use super::parameters::Migrations;
use super::{
    EXPECTATION_MISSING, MIGRATION_FAILED, MIGRATION_MISSING, MIGRATION_ROLLED_BACK,
    MIGRATION_RUNNING, MIGRATION_STUCK, NO_MIGRATIONS,
};
use crate::model::duration::spoken;
use crate::model::finding::{Finding, Obstacle};
use crate::model::judgement::{Answer, Judgement, legible};
use crate::model::reason::{CLOCK_TOLERANCE, Reason};
use crate::systems::postgres::{Question, Rows};

/// The most schemas whose tables are read.
const MOST_SCHEMAS: usize = 32;
/// The most rows of one table: a migration has one, and one more for each time it was rolled back.
const MOST_ROWS: usize = 5_000;
/// The most characters of a name in a sentence.
const LONGEST_NAME: usize = 120;

/// Where to find the tables. Of a table that can't be read, too, it is known that it is there.
pub(super) fn places(wanted: &Migrations) -> Question {
    let mut sql = "SELECT /* vigie migrations */ n.nspname, \
         pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
         AND pg_catalog.has_table_privilege(c.oid, 'SELECT') \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = '_prisma_migrations' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        .to_owned();
    if !wanted.schemas.is_empty() {
        let schemas: Vec<_> = wanted.schemas.iter().map(|schema| literal(schema)).collect();
        sql.push_str(&format!(" AND n.nspname IN ({})", schemas.join(", ")));
    }
    sql.push_str(&format!(" ORDER BY 1 LIMIT {}", MOST_SCHEMAS + 1));
    Question::Own(sql)
}

/// A table, and whether it may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) schema: String,
    pub(super) readable: bool,
}

impl Place {
    /// The tables of an answer to [`places`].
    pub(super) fn read(answer: &Rows) -> Result<Vec<Self>, Obstacle> {
        let read = |mut cells: Cells<'_>| {
            Ok(Self { schema: cells.text()?.to_owned(), readable: cells.flag()? })
        };
        let places: Vec<Self> = rows(answer).map(read).collect::<Result<_, Obstacle>>()?;
        if places.len() > MOST_SCHEMAS {
            let because =
                format!("more than {MOST_SCHEMAS} schemas have a table of migrations; name some");
            return Err(Obstacle::new(Reason::TOO_LARGE, because));
        }
        Ok(places)
    }

    /// What the table says.
    pub(super) fn question(&self) -> Question {
        Question::Own(format!(
            "SELECT /* vigie migrations of */ migration_name, \
             extract(epoch FROM started_at), extract(epoch FROM finished_at), \
             extract(epoch FROM rolled_back_at), \
             logs IS NOT NULL AND logs <> '' \
             FROM {}.\"_prisma_migrations\" ORDER BY started_at, finished_at NULLS FIRST LIMIT {}",
            name(&self.schema),
            MOST_ROWS + 1
        ))
    }
}

/// One row: an attempt at a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    name: String,
    started: Timestamp,
    finished: Option<Timestamp>,
    rolled_back: Option<Timestamp>,
    /// Whether it left an error behind.
    complains: bool,
}

impl Attempt {
    /// Whether it broke off, and nobody told what became of it.
    fn is_unresolved(&self) -> bool {
        self.finished.is_none() && self.rolled_back.is_none() && self.complains
    }

    /// The attempts of an answer, the oldest first.
    pub(super) fn read(answer: &Rows) -> Result<Vec<Self>, Obstacle> {
        if answer.cells.len() > MOST_ROWS {
            let because = format!("the table of migrations has more than {MOST_ROWS} rows");
            return Err(Obstacle::new(Reason::TOO_LARGE, because));
        }
        let unstarted =
            || Obstacle::new(Reason::GARBLED, "a migration bears no time at which it started");
        let read = |mut cells: Cells<'_>| {
            Ok(Self {
                name: cells.text()?.to_owned(),
                started: cells.time()?.ok_or_else(unstarted)?,
                finished: cells.time()?,
                rolled_back: cells.time()?,
                complains: cells.flag()?,
            })
        };
        rows(answer).map(read).collect()
    }
}

/// What was seen of all tables.
#[derive(Debug)]
pub(super) struct Seen {
    /// By schema.
    pub(super) tables: Vec<(String, Result<Vec<Attempt>, Obstacle>)>,
    /// The last migration that the announced deployment told, where that is asked.
    pub(super) announced: Option<Result<Option<String>, Obstacle>>,
}

/// Judges each schema by itself, and what is expected in each.
pub(super) fn judge(
    wanted: &Migrations,
    seen: &Seen,
    now: Timestamp,
    judgement: &mut Judgement,
) -> Counts {
    let mut counts = Counts::default();
    for missing in
        wanted.schemas.iter().filter(|schema| !seen.tables.iter().any(|(s, _)| s == *schema))
    {
        let because = "has no table `_prisma_migrations`: no migration ever ran there";
        judgement.add(subject(missing), Finding::fail(NO_MIGRATIONS, because));
    }
    if seen.tables.is_empty() && wanted.schemas.is_empty() {
        let because = "no schema has a table `_prisma_migrations`: no migration ever ran, or this \
                       is another database";
        judgement.add("migrations", Finding::fail(NO_MIGRATIONS, because));
    }
    let expected = expectation(wanted, seen);
    if let Err(obstacle) = &expected {
        judgement.add("expected migration", obstacle.clone());
    }
    let expected = expected.ok().flatten();
    for (schema, attempts) in &seen.tables {
        match attempts {
            Err(obstacle) => judgement.add(subject(schema), obstacle.clone()),
            Ok(attempts) => {
                let table = Table::of(wanted, attempts, now);
                counts.add(&table);
                for answer in table.answers(wanted, expected.as_deref()) {
                    judgement.add(subject(schema), answer);
                }
            }
        }
    }
    counts
}

fn subject(schema: &str) -> String {
    format!("migrations of schema `{}`", legible(schema, LONGEST_NAME))
}

fn expectation(wanted: &Migrations, seen: &Seen) -> Result<Option<String>, Obstacle> {
    let missing = |because: &str| Err(Obstacle::ours(EXPECTATION_MISSING, because));
    let announced = seen.announced.as_ref();
    if let Some(Ok(Some(name))) = announced
        && !name.is_empty()
    {
        return Ok(Some(name.clone()));
    }
    match (announced, wanted.expected.as_deref().map(str::trim)) {
        (None, None) => Ok(None),
        (_, Some(name)) if !name.is_empty() => Ok(Some(name.to_owned())),
        (None, Some(_)) => missing("the name of the expected migration is written, and empty"),
        (Some(Ok(_)), _) => missing("the announced deployment does not tell its last migration"),
        (Some(Err(obstacle)), None) => Err(obstacle.clone()),
        (Some(Err(_)), Some(_)) => missing(
            "no deployment is announced that could tell its last migration, and `expected` is empty",
        ),
    }
}

/// How many migrations are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) finished: u64,
    pub(super) running: u64,
    pub(super) failed: u64,
    pub(super) rolled_back: u64,
}

impl Counts {
    fn add(&mut self, table: &Table<'_>) {
        for state in table.latest.values().map(|(state, _)| *state) {
            *match state {
                State::Finished => &mut self.finished,
                State::Running(_) | State::Ahead => &mut self.running,
                State::Failed => &mut self.failed,
                State::RolledBack => &mut self.rolled_back,
            } += 1;
        }
    }
}

/// What became of a migration, by its latest row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Finished,
    /// For so long.
    Running(Duration),
    Failed,
    RolledBack,
    /// It bears a time in the future.
    Ahead,
}

impl State {
    /// As Prisma reads its rows: rolled back counts for more than finished.
    fn of(attempt: &Attempt, now: Timestamp) -> Self {
        let Attempt { name: _, started, finished, rolled_back, complains } = attempt;
        let latest = [Some(*started), *finished, *rolled_back].into_iter().flatten().max();
        if latest.is_some_and(|latest| latest.duration_since(now) > CLOCK_TOLERANCE) {
            return Self::Ahead;
        }
        match (rolled_back, finished) {
            (Some(_), _) => Self::RolledBack,
            (None, Some(_)) => Self::Finished,
            (None, None) if *complains => Self::Failed,
            (None, None) => {
                Self::Running(Duration::try_from(now.duration_since(*started)).unwrap_or_default())
            }
        }
    }
}

/// What each migration of a table has come to: its latest row, unless an older one broke off and
/// nobody resolved it. With such a row Prisma refuses to apply anything more.
struct Table<'a> {
    latest: BTreeMap<&'a str, (State, Timestamp)>,
    all: usize,
}

impl<'a> Table<'a> {
    fn of(wanted: &Migrations, attempts: &'a [Attempt], now: Timestamp) -> Self {
        let mut latest = BTreeMap::<&str, &Attempt>::new();
        for attempt in attempts {
            let known = latest.entry(&attempt.name).or_insert(attempt);
            let later = known.started <= attempt.started;
            if attempt.is_unresolved() || (later && !known.is_unresolved()) {
                *known = attempt;
            }
        }
        let all = latest.len();
        latest.retain(|name, _| !wanted.except.iter().any(|except| except == name));
        let state = |(name, attempt): (&'a str, &Attempt)| {
            (name, (State::of(attempt, now), attempt.started))
        };
        Self { latest: latest.into_iter().map(state).collect(), all }
    }

    fn answers(&self, wanted: &Migrations, expected: Option<&str>) -> Vec<Answer> {
        if self.all == 0 {
            let because = "the table is empty: no migration ever ran";
            return vec![Finding::fail(NO_MIGRATIONS, because).into()];
        }
        let bad = self.latest.iter().filter_map(|(name, (state, _))| {
            Self::complaint(&legible(name, LONGEST_NAME), *state, wanted)
        });
        let mut answers: Vec<Answer> = bad.collect();
        if let Some(expected) = expected
            && !self.latest.contains_key(expected)
        {
            let expected = legible(expected, LONGEST_NAME);
            let because = match self.last() {
                Some(last) => format!("`{expected}` is not there; the last one is `{last}`"),
                None => format!("`{expected}` is not there"),
            };
            answers.push(Finding::fail(MIGRATION_MISSING, because).into());
        }
        if answers.is_empty() {
            let last = self.last().unwrap_or_default();
            let because = match self.latest.len() {
                0 => {
                    let because = "every migration that is there is left out by `except`";
                    return vec![Obstacle::ours(EXPECTATION_MISSING, because).into()];
                }
                1 => format!("1 migration is finished, `{last}`"),
                count => format!("{count} migrations are finished, the last one `{last}`"),
            };
            answers.push(Finding::pass(because).into());
        }
        answers
    }

    fn last(&self) -> Option<String> {
        let last = self.latest.iter().max_by_key(|(_, (_, started))| *started);
        last.map(|(name, _)| legible(name, LONGEST_NAME))
    }

    fn complaint(name: &str, state: State, wanted: &Migrations) -> Option<Answer> {
        let allowed = wanted.running_within.0;
        Some(match state {
            State::Finished => return None,
            State::Ahead => {
                let because = format!("`{name}` bears a time more than 2m in the future");
                Obstacle::new(Reason::CLOCK_SKEW, because).into()
            }
            State::Failed => {
                let because = format!("`{name}` broke off with an error, and nobody resolved it");
                Finding::fail(MIGRATION_FAILED, because).into()
            }
            State::RolledBack => {
                let because = format!("`{name}` was rolled back, and not applied again");
                Finding::fail(MIGRATION_ROLLED_BACK, because).into()
            }
            State::Running(since) if since < allowed.get() => {
                let because =
                    format!("`{name}` has been running for {}, {allowed} allowed", spoken(since));
                Finding::warn(MIGRATION_RUNNING, because).into()
            }
            State::Running(since) => {
                let because = format!(
                    "`{name}` began {} ago and is not finished, {allowed} allowed",
                    spoken(since)
                );
                Finding::fail(MIGRATION_STUCK, because).into()
            }
        })
    }
}

#[cfg(test)]
#[path = "migrations_tests.rs"]
mod tests;
