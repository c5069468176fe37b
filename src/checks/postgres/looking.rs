//! Looking at a database: which questions are asked, and how the answers are read.

use std::time::Duration;

use super::super::Look;
use super::migrations::{Attempt, Place};
use super::{Postgres, migrations, replication, sessions, statistics, upkeep};
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use crate::systems::postgres::{Answers, Asked, Facts, Made, Question, Rows};
use jiff::Timestamp;

/// What a look brings home.
#[derive(Debug)]
pub enum Seen {
    /// The database could not be asked.
    Unreached(Obstacle),
    /// It answered, or said why not, to each question.
    Reached(Box<Reached>),
}

/// What a database answered; `None` where it was not asked.
#[derive(Debug)]
pub struct Reached {
    pub(super) facts: Facts,
    pub(super) made: Made,
    pub(super) answered: Duration,
    pub(super) migrations: Option<Result<migrations::Seen, Obstacle>>,
    pub(super) replication: Option<Result<replication::Seen, Obstacle>>,
    pub(super) sessions: Option<Result<sessions::Seen, Obstacle>>,
    pub(super) statistics: Option<Result<statistics::Seen, Obstacle>>,
    pub(super) dead_rows: Option<Result<upkeep::Tables, Obstacle>>,
    pub(super) ages: Option<Result<Vec<upkeep::Age>, Obstacle>>,
    pub(super) queries: Vec<Result<Rows, Obstacle>>,
    /// When the current deployment began.
    pub(super) started: Option<Timestamp>,
}

/// Answers, handed out in the order of the questions.
struct Handed(std::vec::IntoIter<Result<Rows, Obstacle>>);

impl Handed {
    fn next(&mut self) -> Result<Rows, Obstacle> {
        let unanswered = || Obstacle::new(Reason::GARBLED, "a question was left unanswered");
        self.0.next().unwrap_or_else(|| Err(unanswered()))
    }

    fn read<T>(
        &mut self,
        asked: bool,
        read: impl FnOnce(&Rows) -> Result<T, Obstacle>,
    ) -> Option<Result<T, Obstacle>> {
        asked.then(|| self.next().and_then(|rows| read(&rows)))
    }
}

/// All questions of the program's own but those for single tables of migrations, whose places are
/// not known before.
fn questions(check: &Postgres) -> Vec<Question> {
    let mut questions = Vec::new();
    questions.extend(check.migrations.as_ref().map(migrations::places));
    questions.extend(check.replication.is_some().then(replication::question));
    if check.asks_sessions() {
        questions.push(sessions::question(check.sessions.as_ref(), check.transactions.as_ref()));
    }
    questions.extend(check.asks_statistics().then(statistics::question));
    questions.extend(check.dead_rows.as_ref().map(upkeep::dead_rows));
    questions.extend(check.wraparound.is_some().then(upkeep::ages));
    questions
}

/// Asks everything: a second time for the tables of migrations that the first one found, and last
/// the queries, so that one that takes all the time that is left blinds nothing else.
pub(super) async fn look(check: &Postgres, look: &Look<'_>) -> Seen {
    let anew = check.asks_reachable();
    let own = questions(check);
    let alone = own.is_empty() && !anew;
    let first = if alone { queries(check) } else { own };
    let answers = match ask(check, look, first, anew).await {
        Ok(answers) => answers,
        Err(obstacle) => return Seen::Unreached(obstacle),
    };
    let Answers { facts, made, answered, answers } = Answers::clone(&answers);
    let mut handed = Handed(answers.into_iter());
    let places = handed.read(check.migrations.is_some(), Place::read);
    let replication = handed.read(check.replication.is_some(), replication::Seen::read);
    let sessions = handed.read(check.asks_sessions(), sessions::Seen::read);
    let statistics = handed.read(check.asks_statistics(), statistics::Seen::read);
    let dead_rows = handed.read(check.dead_rows.is_some(), upkeep::Tables::read);
    let ages = handed.read(check.wraparound.is_some(), upkeep::Age::read);
    let migrations = match places {
        None => None,
        Some(Err(obstacle)) => Some(Err(obstacle)),
        Some(Ok(places)) => Some(Ok(tables(check, look, places).await)),
    };
    if !alone && !check.queries.is_empty() {
        handed = match ask(check, look, queries(check), false).await {
            Ok(answers) => Handed(answers.answers.clone().into_iter()),
            Err(obstacle) => Handed(vec![Err(obstacle); check.queries.len()].into_iter()),
        };
    }
    let queries = check.queries.iter().map(|_| handed.next()).collect();
    Seen::Reached(Box::new(Reached {
        facts,
        made,
        answered,
        migrations,
        replication,
        sessions,
        statistics,
        dead_rows,
        ages,
        queries,
        started: look.deployment().map(|deployment| deployment.started),
    }))
}

fn queries(check: &Postgres) -> Vec<Question> {
    check.queries.iter().map(super::parameters::Query::question).collect()
}

async fn ask(
    check: &Postgres,
    look: &Look<'_>,
    questions: Vec<Question>,
    anew: bool,
) -> Result<std::sync::Arc<Answers>, Obstacle> {
    let asked = Asked { questions, anew, now: look.now, until: look.until() };
    look.systems.postgres.ask(&check.connection.0, asked, look.fresh_within).await
}

async fn tables(check: &Postgres, look: &Look<'_>, places: Vec<Place>) -> migrations::Seen {
    let readable = places.iter().filter(|place| place.readable);
    let questions: Vec<_> = readable.map(Place::question).collect();
    let answers = if questions.is_empty() {
        Ok(Vec::new())
    } else {
        ask(check, look, questions, false).await.map(|answers| answers.answers.clone())
    };
    let mut handed = match answers {
        Ok(answers) => Ok(Handed(answers.into_iter())),
        Err(obstacle) => Err(obstacle),
    };
    let of = |place: Place| {
        let answer = match &mut handed {
            _ if !place.readable => {
                let because = "its table `_prisma_migrations` may not be read by Vigie's role";
                Err(Obstacle::new(Reason::FORBIDDEN, because))
            }
            Ok(handed) => handed.next().and_then(|rows| Attempt::read(&rows)),
            Err(obstacle) => Err(obstacle.clone()),
        };
        (place.schema, answer)
    };
    let tables = places.into_iter().map(of).collect();
    let asks = check.migrations.as_ref().is_some_and(|wanted| wanted.announced);
    let announced = asks.then(|| match look.deployment() {
        Some(deployment) => Ok(deployment.migration.clone()),
        None => Err(Obstacle::no_deployment()),
    });
    migrations::Seen { tables, announced }
}
