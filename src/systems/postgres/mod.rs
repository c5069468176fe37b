//! PostgreSQL: databases, asked in read-only transactions.
//!
//! At most two connections a name are open: one for the program's own questions, one for queries of
//! the configuration, which may last, and then keep nobody waiting but each other. Each is kept
//! between looks, used by one look at a time, and closed when nobody has asked for a minute: a
//! monitor takes no more than two places. Every question runs in a transaction of its own that only reads, ends by itself, and is rolled back; every setting is the
//! transaction's, no statement bears a name, so that a pooler (pgbouncer in transaction mode) may
//! stand between. In particular the session itself is never made read-only: behind a pooler, that
//! would be somebody else's. What a server says beyond [`MOST_BYTES`](super::redis::bounded) a
//! question is cut off.

pub mod connection;
mod dial;
pub mod dsn;
mod peer;
mod session;
mod tls;
mod trouble;
mod wire;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

pub use connection::Connection;
pub use peer::Made;

use super::net::Net;
use super::secrets::Secrets;
use super::shared::Shared;
use crate::model::finding::Obstacle;
use crate::model::reason::Reason;
use peer::Peer;
use session::{Ground, Slot};

/// The server has no room for another connection.
pub const TOO_MANY_CONNECTIONS: Reason = Reason::new("TooManyConnections");
/// The server starts, stops, or recovers.
pub const NOT_ACCEPTING: Reason = Reason::new("NotAccepting");
/// A query of the configuration would write.
pub const QUERY_WRITES: Reason = Reason::new("QueryWrites");
/// A query of the configuration can't be run.
pub const QUERY_INVALID: Reason = Reason::new("QueryInvalid");

/// A question to a database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// One of the program's own: a single `SELECT` without a semicolon.
    Own(String),
    /// One from the configuration. The server takes it as a single statement that reads, or refuses
    /// it.
    Foreign {
        /// The query.
        sql: String,
        /// The most rows that are fetched.
        most_rows: usize,
    },
}

/// An answer: rows of texts, in the server's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<Box<str>>,
    /// The cells by row; `None` is NULL.
    pub cells: Vec<Vec<Option<Box<str>>>>,
}

/// What was asked, and when it must be answered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The questions, asked in this order. With one from the configuration among them, all go by
    /// the connection that is for those.
    pub questions: Vec<Question>,
    /// Whether a connection is opened for it, where one may be there.
    pub anew: bool,
    /// The time at which certificates are judged.
    pub now: Timestamp,
    /// When to give up.
    pub until: Instant,
}

/// What a database answered.
#[derive(Clone, Debug)]
pub struct Answers {
    /// What it says of itself.
    pub facts: Facts,
    /// How the connection came about.
    pub made: Made,
    /// How long the first answer took, a new connection included.
    pub answered: Duration,
    /// By question, in their order.
    pub answers: Vec<Result<Rows, Obstacle>>,
}

/// What a server says of itself, and of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `server_version_num`, such as 150014.
    pub version: u32,
    /// Whether it is a standby, or recovers.
    pub in_recovery: bool,
    /// Whether whoever asks may do everything.
    pub superuser: bool,
    /// Whether whoever asks sees the statistics of all sessions (`pg_read_all_stats`).
    pub sees_all: bool,
}

impl Facts {
    /// In a `CASE`, since the role is unknown to servers older than it.
    const SQL: &'static str = "SELECT /* vigie facts */ current_setting('server_version_num'), \
         pg_catalog.pg_is_in_recovery(), current_setting('is_superuser') = 'on', \
         coalesce((SELECT pg_catalog.pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles \
         WHERE rolname = 'pg_read_all_stats'), current_setting('is_superuser') = 'on')";

    async fn ask(peer: &mut Peer, until: Instant) -> Result<Self, Obstacle> {
        let rows = peer.ask(&Question::Own(Self::SQL.to_owned()), until).await?;
        Self::read(&rows).ok_or_else(|| {
            Obstacle::new(Reason::GARBLED, "the server does not say what it is, as PostgreSQL does")
        })
    }

    fn read(rows: &Rows) -> Option<Self> {
        let [row] = rows.cells.as_slice() else { return None };
        let [Some(version), recovery, superuser, sees_all] = row.as_slice() else { return None };
        let flag = |cell: &Option<Box<str>>| match cell.as_deref() {
            Some("t") => Some(true),
            Some("f") => Some(false),
            Some(_) | None => None,
        };
        Some(Self {
            version: version.parse().ok()?,
            in_recovery: flag(recovery)?,
            superuser: flag(superuser)?,
            sees_all: flag(sees_all)?,
        })
    }
}

/// The name of a connection and what is asked of it.
type Key = (String, Vec<Question>, bool);

/// The connections to databases, by the name that the configuration gives them. Cheap to clone.
#[derive(Clone)]
pub struct Postgres {
    slots: BTreeMap<String, Arc<Slot>>,
    shared: Arc<Shared<Key, Result<Arc<Answers>, Obstacle>>>,
    net: Net,
    secrets: Secrets,
}

impl Postgres {
    /// Connections as configured; none is dialled yet.
    pub fn new(connections: &BTreeMap<String, Connection>, net: Net, secrets: Secrets) -> Self {
        let slots = connections
            .iter()
            .map(|(name, connection)| (name.clone(), Arc::new(Slot::new(connection.clone()))))
            .collect();
        Self { slots, shared: Arc::default(), net, secrets }
    }

    /// The same after a reload: a connection whose configuration did not change is kept open, and
    /// a credential that it saw refused is remembered.
    pub fn reconfigured(
        &self,
        connections: &BTreeMap<String, Connection>,
        net: Net,
        secrets: Secrets,
    ) -> Self {
        let mut new = Self::new(connections, net, secrets);
        for (name, slot) in &mut new.slots {
            if let Some(old) = self.slots.get(name).filter(|old| old.serves(slot)) {
                *slot = Arc::clone(old);
            }
        }
        new
    }

    /// What the database behind the connection `name` answers, or answered somebody else to the
    /// same questions within `fresh_within`.
    ///
    /// # Errors
    /// Why nothing was answered.
    pub async fn ask(
        &self,
        name: &str,
        asked: Asked,
        fresh_within: Duration,
    ) -> Result<Arc<Answers>, Obstacle> {
        let Some(slot) = self.slots.get(name) else {
            let because =
                format!("no connection `{name}` is configured under `connections.postgres`");
            return Err(Obstacle::ours(Reason::NOT_FOUND, because));
        };
        let until = asked.until;
        let key = (name.to_owned(), asked.questions.clone(), asked.anew);
        let ground = Ground { net: &self.net, secrets: &self.secrets };
        let look = || async { slot.ask(&ground, &asked).await.map(Arc::new) };
        match timeout_at(until, self.shared.ask(key, fresh_within, look)).await {
            Ok(answers) => answers,
            Err(_) => {
                let because = format!("PostgreSQL, connection `{name}`, did not answer in time");
                Err(Obstacle::new(Reason::TIMED_OUT, because))
            }
        }
    }
}
