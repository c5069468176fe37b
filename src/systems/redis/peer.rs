//! One server at the other end of one connection.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError, Value};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::bounded::{Bounded, MOST_BYTES, Meter};
use super::command::Reply;
use super::connection::Tls;
use super::dial::dial;
use super::trouble::{obstacle, timed_out};
use crate::model::finding::Obstacle;
use crate::model::host_port::HostPort;
use crate::model::reason::Reason;

/// Who asks. Both parts come from the configuration and its secrets.
#[derive(Default)]
pub(super) struct Credential {
    pub(super) username: Option<String>,
    pub(super) password: Option<SecretString>,
}

/// What a server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It takes writes, as far as can be told: a server may hide its role.
    Master,
    /// It follows another.
    Replica,
}

/// An open connection, authenticated.
pub(super) struct Peer {
    at: HostPort,
    whom: String,
    wire: MultiplexedConnection,
    meter: Arc<Meter>,
    driver: AbortHandle,
    /// When it last answered.
    heard: Instant,
}

/// A connection that was silent for longer is not used again: whatever lies between may have
/// forgotten it, and swallow the next question.
const LONGEST_IDLE: Duration = Duration::from_mins(1);

/// Whether an obstacle is the credential's own fault, so that it must not be tried again.
pub(super) enum Failed {
    /// The server refused this credential.
    Credential(Obstacle),
    /// Anything else.
    Otherwise(Obstacle),
}

impl Failed {
    /// Whatever it is about.
    pub(super) fn into_obstacle(self) -> Obstacle {
        match self {
            Self::Credential(obstacle) | Self::Otherwise(obstacle) => obstacle,
        }
    }
}

impl Peer {
    /// Dials, shows the credential, chooses the database.
    pub(super) async fn connect(
        at: &HostPort,
        tls: Option<&Tls>,
        credential: &Credential,
        db: u16,
        deadline: Instant,
    ) -> Result<Self, Failed> {
        let stream = dial(at, tls, deadline).await.map_err(Failed::Otherwise)?;
        let (stream, meter) = Bounded::new(stream);
        let whom = format!("Redis at {at}");
        // Nothing is sent while the SDK sets the connection up: the credential is shown below,
        // where "refused" can be told from "no room for another client".
        let quiet = RedisConnectionInfo::default().set_skip_set_lib_name();
        let patient = AsyncConnectionConfig::new().set_response_timeout(None);
        let (wire, driver) = MultiplexedConnection::new_with_config(&quiet, stream, patient)
            .await
            .map_err(|error| Failed::Otherwise(obstacle(&whom, &error)))?;
        let driver = tokio::spawn(driver).abort_handle();
        let mut peer = Self { at: at.clone(), whom, wire, meter, driver, heard: Instant::now() };
        peer.greet(credential, db, deadline).await?;
        Ok(peer)
    }

    /// Where it is.
    pub(super) fn at(&self) -> &HostPort {
        &self.at
    }

    /// What begins a sentence about it.
    pub(super) fn whom(&self) -> &str {
        &self.whom
    }

    /// Whether it may be used again: it has not hung up, and answered not long ago.
    pub(super) fn is_fresh(&self) -> bool {
        let gone = self.meter.ended() || self.driver.is_finished();
        !gone && self.heard.elapsed() <= LONGEST_IDLE
    }

    /// Sends all commands at once, and waits for all answers: one round trip.
    ///
    /// # Errors
    /// The connection is of no use any more.
    pub(super) async fn send(
        &mut self,
        commands: Vec<Cmd>,
        deadline: Instant,
    ) -> Result<Vec<Reply>, Obstacle> {
        let answers = self.fly(commands, deadline).await?;
        if let Some(refused) = answers.iter().find_map(unauthorized) {
            return Err(obstacle(&self.whom, &refused));
        }
        Ok(answers.into_iter().map(|answer| Reply(Ok(answer))).collect())
    }

    async fn fly(&mut self, commands: Vec<Cmd>, deadline: Instant) -> Result<Vec<Value>, Obstacle> {
        let count = commands.len();
        if count == 0 {
            // The SDK breaks off over a flight of nothing.
            return Ok(Vec::new());
        }
        self.meter.refill();
        let mut flight = redis::Pipeline::with_capacity(count);
        flight.ignore_errors();
        for command in commands {
            flight.add_command(command);
        }
        match timeout_at(deadline, flight.query_async::<Vec<Value>>(&mut self.wire)).await {
            Ok(Ok(answers)) if answers.len() == count => {
                self.heard = Instant::now();
                Ok(answers)
            }
            Ok(Ok(_)) => {
                let because = format!("{} left commands without an answer", self.whom);
                Err(Obstacle::new(Reason::GARBLED, because))
            }
            Ok(Err(error)) => Err(self.obstacle(&error)),
            Err(_) => Err(timed_out(&self.whom)),
        }
    }

    fn obstacle(&self, error: &RedisError) -> Obstacle {
        if self.meter.overrun() {
            let because = format!("{} answered with more than {MOST_BYTES} bytes", self.whom);
            return Obstacle::new(Reason::TOO_LARGE, because);
        }
        if self.meter.spoke_first() {
            let because = format!("{} speaks before it is asked: it is not Redis", self.whom);
            return Obstacle::new(Reason::GARBLED, because);
        }
        if !self.meter.ended() {
            // The SDK gave up reading, and the stream is still good: it could not be understood.
            let because = format!("{} answers in something that is not Redis' protocol", self.whom);
            return Obstacle::new(Reason::GARBLED, because);
        }
        obstacle(&self.whom, error)
    }

    async fn greet(
        &mut self,
        credential: &Credential,
        db: u16,
        deadline: Instant,
    ) -> Result<(), Failed> {
        let mut commands = Vec::new();
        if let Some(password) = &credential.password {
            let mut auth = redis::cmd("AUTH");
            auth.arg(credential.username.as_deref()).arg(password.expose_secret());
            commands.push(auth);
        }
        if db != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(db);
            commands.push(select);
        }
        if commands.is_empty() {
            return Ok(());
        }
        let shown = credential.password.is_some();
        let answers = self.fly(commands, deadline).await.map_err(Failed::Otherwise)?;
        if shown {
            accepted(&self.whom, answers.first())?;
        }
        let Some(Value::ServerError(error)) = answers.last() else { return Ok(()) };
        Err(Failed::Otherwise(obstacle(&self.whom, &error.clone().into())))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Reads the answer to `AUTH`. What the server says is not passed on: it may repeat the password.
fn accepted(whom: &str, answer: Option<&Value>) -> Result<(), Failed> {
    let Some(Value::ServerError(error)) = answer else { return Ok(()) };
    let refused = || Obstacle::new(Reason::UNAUTHORIZED, format!("{whom} refuses the credential"));
    let said = error.details().unwrap_or_default();
    Err(match error.code() {
        "WRONGPASS" => Failed::Credential(refused()),
        "ERR" if said.starts_with("invalid password") => Failed::Credential(refused()),
        "ERR" if said.contains("without any password configured") => {
            let because = format!("{whom} has no password, and one is configured for it");
            Failed::Otherwise(Obstacle::new(Reason::UNAUTHORIZED, because))
        }
        "ERR" if said.contains("max number of clients") => {
            let because = format!("{whom} has no room for another client");
            Failed::Otherwise(Obstacle::new(Reason::SERVER_ERROR, because))
        }
        "LOADING" | "NOPERM" | "DENIED" | "MASTERDOWN" => {
            Failed::Otherwise(obstacle(whom, &error.clone().into()))
        }
        _ => {
            let because = format!("{whom} answered the credential with an error");
            Failed::Otherwise(Obstacle::new(Reason::SERVER_ERROR, because))
        }
    })
}

/// An answer that concerns the whole connection, not its command alone.
fn unauthorized(answer: &Value) -> Option<RedisError> {
    let Value::ServerError(error) = answer else { return None };
    matches!(error.code(), "NOAUTH" | "LOADING" | "DENIED").then(|| error.clone().into())
}

/// The commands that ask for the role: a server that hides the first answers the second.
pub(super) fn role_questions() -> [Cmd; 2] {
    let mut hello = redis::cmd("HELLO");
    hello.arg(2);
    [redis::cmd("ROLE"), hello]
}

/// The role in the answers to [`role_questions`].
pub(super) fn role(answers: &[Reply]) -> Role {
    let follows = answers.iter().filter_map(|answer| answer.values()).any(|values| {
        let named = values.chunks_exact(2).find(|pair| is_word(&pair[0], &["role"]));
        values.first().is_some_and(|first| is_word(first, &FOLLOWERS))
            || named.is_some_and(|pair| is_word(&pair[1], &FOLLOWERS))
    });
    if follows { Role::Replica } else { Role::Master }
}

/// What those call themselves that are no master.
const FOLLOWERS: [&str; 3] = ["slave", "replica", "sentinel"];

#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's values are not ours to list")]
fn is_word(value: &Value, words: &[&str]) -> bool {
    let text = match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
        Value::SimpleString(text) => text,
        _ => return false,
    };
    words.contains(&text)
}
