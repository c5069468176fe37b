//! One server at the other end of one connection.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::config::{SslMode as Sdk, SslNegotiation};
use tokio_postgres::{Client, Config, Error, SimpleQueryMessage};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::connection::{ChannelBinding, SslMode};
use super::dial::{Encrypt, Opened, open};
use super::tls::Terms;
use super::trouble::{Whom, is_unsupported, refuses_credential, refuses_way};
use super::wire::AsIs;
use super::words::writes_in_with;
use super::{Question, Rows};
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;
use crate::systems::net::Net;
use crate::systems::redis::bounded::{Bounded, Meter};

/// What is needed to reach a database, with the secrets as they are now.
pub(super) struct Target {
    pub(super) at: HostPort,
    pub(super) user: String,
    pub(super) password: Option<SecretString>,
    pub(super) database: String,
    pub(super) schema: Option<String>,
    pub(super) sslmode: SslMode,
    pub(super) channel_binding: ChannelBinding,
    pub(super) terms: Terms,
    /// Of all that would make another connection of it.
    pub(super) digest: [u8; 32],
    /// Of who asks.
    pub(super) credential: [u8; 32],
}

/// An open connection, authenticated.
pub(super) struct Peer {
    client: Client,
    whom: Whom,
    meter: Arc<Meter>,
    schema: Option<String>,
    /// Lets the driver say goodbye, and then end.
    _alive: DropGuard,
    /// When it was made.
    born: Instant,
    /// When it last answered.
    heard: Instant,
    /// What was done to get here.
    pub(super) made: Made,
}

/// How a connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// How long it took until the server was ready.
    pub took: Duration,
    /// Whether TLS is spoken.
    pub encrypted: bool,
}

/// Why there is no connection, and whether the credential is to blame.
pub(super) enum Failed {
    /// The server refused this credential.
    Credential(Obstacle),
    /// It lets nobody in that way: unencrypted, or encrypted.
    Way(Obstacle),
    /// Anything else.
    Otherwise(Obstacle),
}

impl Failed {
    pub(super) fn into_obstacle(self) -> Obstacle {
        match self {
            Self::Credential(obstacle) | Self::Way(obstacle) | Self::Otherwise(obstacle) => {
                obstacle
            }
        }
    }
}

/// A connection that was silent for longer is closed: it takes a place that others may need.
pub(super) const LONGEST_IDLE: Duration = Duration::from_mins(1);
/// One that is older is closed: its name may lead elsewhere by now, after a failover, and who
/// answers there may show another certificate.
const LONGEST_LIFE: Duration = Duration::from_mins(10);
/// How long a connection that is given up may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a query waits for somebody else's lock.
const LOCK_WITHIN: Duration = Duration::from_secs(2);
/// What the server has beyond our own time, before it ends a transaction that says nothing.
const GRACE: Duration = Duration::from_secs(5);
/// What is left to us of the time to hear that the server gave a query up.
const MARGIN: Duration = Duration::from_millis(50);

impl Peer {
    /// Dials and shows the credential, with TLS as `sslmode` has it.
    pub(super) async fn connect(
        net: &Net,
        target: &Target,
        until: Instant,
    ) -> Result<Self, Failed> {
        let attempt = |encrypt| Self::attempt(net, target, encrypt, until);
        match target.sslmode {
            SslMode::Disable => attempt(Encrypt::Never).await,
            SslMode::Allow => match attempt(Encrypt::Never).await {
                Err(Failed::Way(_)) => attempt(Encrypt::Always).await,
                done => done,
            },
            SslMode::Prefer => match attempt(Encrypt::IfOffered).await {
                Err(Failed::Way(_)) => attempt(Encrypt::Never).await,
                Err(Failed::Otherwise(found)) if is_of_tls(&found) => attempt(Encrypt::Never).await,
                done => done,
            },
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                attempt(Encrypt::Always).await
            }
        }
    }

    async fn attempt(
        net: &Net,
        target: &Target,
        encrypt: Encrypt,
        until: Instant,
    ) -> Result<Self, Failed> {
        let started = Instant::now();
        let opened = open(net, &target.at, encrypt, &target.terms, until).await;
        let Opened { stream, address, end_point, encrypted } = opened.map_err(Failed::Otherwise)?;
        let whom = Whom { address, password: target.password.clone() };
        let (stream, meter) = Bounded::new(stream);
        let config = config(target);
        let connecting = config.connect_raw(stream, AsIs { end_point });
        let (client, driver) = match timeout_at(until, connecting).await {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => return Err(failed(&whom, &error, &meter)),
            Err(_) => return Err(Failed::Otherwise(whom.timed_out())),
        };
        let alive = CancellationToken::new();
        let gone = alive.clone();
        tokio::spawn(async move {
            tokio::pin!(driver);
            tokio::select! {
                _ = &mut driver => {}
                () = gone.cancelled() => drop(timeout(FAREWELL, driver).await),
            }
        });
        let made = Made { took: started.elapsed(), encrypted };
        let schema = target.schema.clone();
        let heard = Instant::now();
        let born = heard;
        Ok(Self { client, whom, meter, schema, _alive: alive.drop_guard(), born, heard, made })
    }

    /// Whether it may be used again: it has not hung up, answered not long ago, and is not old.
    pub(super) fn is_fresh(&self) -> bool {
        !self.client.is_closed() && serves(self.born.elapsed(), self.heard.elapsed())
    }

    /// Asks one question in a read-only transaction of its own.
    pub(super) async fn ask(
        &mut self,
        question: &Question,
        until: Instant,
    ) -> Result<Rows, Obstacle> {
        let asking = async {
            match question {
                Question::Own(sql) => self.own(sql, until).await,
                Question::Foreign { sql, most_rows } => self.foreign(sql, *most_rows, until).await,
            }
        };
        let asked = timeout_at(until, asking).await;
        match asked {
            Ok(answer) => {
                self.heard = Instant::now();
                answer
            }
            Err(_) => Err(self.whom.timed_out()),
        }
    }

    /// Whether the connection is of no further use.
    pub(super) fn is_spent(&self) -> bool {
        self.client.is_closed() || self.meter.ended()
    }

    /// A question of the program's own: all in one round trip.
    async fn own(&self, sql: &str, until: Instant) -> Result<Rows, Obstacle> {
        let flight = format!("{}; {sql}; ROLLBACK", self.beginning(until));
        let answer = self.simple(&flight).await;
        self.ended(answer).await
    }

    /// A question from the configuration. The server takes it as one statement that reads, or not
    /// at all: as a cursor, by the extended protocol. Of the rows it sends those that are wanted,
    /// in its own words. Nothing is left behind: neither statement nor cursor outlives the
    /// transaction, so that a pooler may give it to any server.
    async fn foreign(&self, sql: &str, most: usize, until: Instant) -> Result<Rows, Obstacle> {
        let told = |error: Error| self.whom.obstacle(&error, &self.meter);
        self.simple(&self.beginning(until)).await.map_err(told)?;
        let declare = format!("DECLARE vigie NO SCROLL CURSOR FOR\n{sql}\n");
        let answer = match self.client.execute_typed(&declare, &[]).await {
            Ok(_) => self.simple(&format!("FETCH {most} FROM vigie; ROLLBACK")).await,
            // Statements that write within a `WITH` are refused before it is looked whether the
            // transaction may write, by a code that other things have, too. What tells them apart
            // in the message is written in the server's language; so the query's own words do.
            Err(error) if is_unsupported(&error) && writes_in_with(sql) => {
                self.ended(Err(error)).await.ok();
                return Err(self.whom.writes_in_with());
            }
            Err(error) => Err(error),
        };
        self.ended(answer).await
    }

    /// Ends the transaction of an answer that is an error.
    async fn ended(&self, answer: Result<Rows, Error>) -> Result<Rows, Obstacle> {
        match answer {
            Ok(rows) => Ok(rows),
            Err(error) => {
                let told = self.whom.obstacle(&error, &self.meter);
                if error.as_db_error().is_some() && !self.client.is_closed() {
                    self.client.batch_execute("ROLLBACK").await.ok();
                }
                Err(told)
            }
        }
    }

    /// Begins a transaction that only reads. All settings are the transaction's own: behind a
    /// pooler, the session belongs to others, too.
    fn beginning(&self, until: Instant) -> String {
        let left = until.saturating_duration_since(Instant::now()).saturating_sub(MARGIN);
        let left = left.max(Duration::from_millis(1));
        let lock = LOCK_WITHIN.min(left).as_millis();
        let idle = (left + GRACE).as_millis();
        let mut begin = format!(
            "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = {}; \
             SET LOCAL lock_timeout = {lock}; \
             SET LOCAL idle_in_transaction_session_timeout = {idle}",
            left.as_millis()
        );
        if let Some(schema) = &self.schema {
            begin.push_str("; SET LOCAL search_path TO ");
            begin.push_str(&quoted(schema));
        }
        begin
    }

    async fn simple(&self, sql: &str) -> Result<Rows, Error> {
        self.meter.refill();
        let mut rows = Rows::default();
        let messages = self.client.simple_query_raw(sql).await?;
        tokio::pin!(messages);
        while let Some(message) = messages.try_next().await? {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    rows.columns = columns.iter().map(|column| column.name().into()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    let cells = (0..row.len()).map(|at| row.try_get(at).map(|c| c.map(Box::from)));
                    rows.cells.push(cells.collect::<Result<_, _>>()?);
                }
                // The SDK's enum grows.
                SimpleQueryMessage::CommandComplete(_) | _ => {}
            }
        }
        Ok(rows)
    }
}

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\"").replace('\0', ""))
}

fn config(target: &Target) -> Config {
    let mut config = Config::new();
    config.user(&target.user).dbname(&target.database).application_name("vigie");
    // What the stream is has been settled; the SDK asks for nothing more.
    config.ssl_mode(Sdk::Require).ssl_negotiation(SslNegotiation::Direct);
    config.channel_binding(match target.channel_binding {
        ChannelBinding::Disable => tokio_postgres::config::ChannelBinding::Disable,
        ChannelBinding::Prefer => tokio_postgres::config::ChannelBinding::Prefer,
        ChannelBinding::Require => tokio_postgres::config::ChannelBinding::Require,
    });
    if let Some(password) = &target.password {
        config.password(password.expose_secret());
    }
    // The host is not dialled: it is there because the SDK wants a name for TLS.
    config.host(target.at.host());
    config
}

fn failed(whom: &Whom, error: &Error, meter: &Meter) -> Failed {
    let told = whom.obstacle(error, meter);
    if refuses_credential(error) {
        Failed::Credential(told)
    } else if refuses_way(error) {
        Failed::Way(told)
    } else {
        Failed::Otherwise(told)
    }
}

/// Whether TLS is what could not be had.
fn is_of_tls(found: &Obstacle) -> bool {
    let of_tls = [
        Reason::TLS_FAILED,
        Reason::CERTIFICATE_EXPIRED,
        Reason::CERTIFICATE_NOT_YET_VALID,
        Reason::CERTIFICATE_INVALID,
        Reason::NAME_MISMATCH,
        Reason::UNKNOWN_ISSUER,
        Reason::SELF_SIGNED,
        Reason::CHAIN_INCOMPLETE,
    ];
    !found.ours && of_tls.contains(&found.reason)
}

/// Whether a connection of this age, silent for so long, is used again.
fn serves(age: Duration, silent: Duration) -> bool {
    age <= LONGEST_LIFE && silent <= LONGEST_IDLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_in_steady_use_is_made_anew_now_and_then() {
        let second = Duration::from_secs(1);
        assert!(serves(second, second) && serves(LONGEST_LIFE, second));
        assert!(!serves(LONGEST_LIFE + second, second), "a failover would never be seen");
        assert!(!serves(LONGEST_IDLE + second, LONGEST_IDLE + second));
    }
}
