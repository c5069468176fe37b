//! The one place where what a database says, or the way to it, becomes a reason.
//!
//! What a server says is passed on bounded, and not at all where it repeats the password.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::{NOT_ACCEPTING, QUERY_INVALID, QUERY_WRITES, TOO_MANY_CONNECTIONS};
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;
use crate::systems::net::dial;
use crate::systems::redis::bounded::{MOST_BYTES, Meter};

/// The longest text of a server that is passed on, in characters.
const LONGEST_CITED: usize = 240;

/// Who answers, for sentences.
pub(super) struct Whom {
    pub(super) address: SocketAddr,
    pub(super) password: Option<SecretString>,
}

impl Whom {
    /// Words of the server as they may be shown.
    fn cited(&self, text: &str) -> String {
        let secret = self.password.as_ref().map(ExposeSecret::expose_secret);
        if secret.is_some_and(|secret| !secret.is_empty() && text.contains(secret)) {
            return "(words that hold the password)".to_owned();
        }
        legible(text, LONGEST_CITED)
    }

    fn says(&self, reason: Reason, what: &str) -> Obstacle {
        Obstacle::new(reason, format!("PostgreSQL at {} {what}", self.address))
    }

    /// No answer within the time allowed.
    pub(super) fn timed_out(&self) -> Obstacle {
        self.says(Reason::TIMED_OUT, "did not answer in time")
    }

    /// A query that would write, before the server has looked whether it may.
    pub(super) fn writes_in_with(&self) -> Obstacle {
        let what = "lets nothing be written by this query: a statement within its `WITH` writes";
        self.says(QUERY_WRITES, what)
    }

    /// An answer that is not in the form it must have.
    pub(super) fn garbled(&self, what: &str) -> Obstacle {
        self.says(Reason::GARBLED, what)
    }

    /// Reads an error. `meter` knows whether the answer was cut off.
    pub(super) fn obstacle(&self, error: &Error, meter: &Meter) -> Obstacle {
        if let Some(said) = error.as_db_error() {
            return self.of_server(said);
        }
        if meter.overrun() {
            let because = format!("answers with more than {MOST_BYTES} bytes");
            return self.says(Reason::TOO_LARGE, &because);
        }
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        if let Some(error) = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
            use io::ErrorKind as Kind;
            let kind = error.kind();
            // A message may end within one of its fields while the stream goes on.
            let unread = [Kind::InvalidInput, Kind::InvalidData].contains(&kind)
                || (kind == Kind::UnexpectedEof && !meter.ended());
            return if unread {
                self.garbled("answers something that is not PostgreSQL's protocol")
            } else if kind == Kind::Other {
                // No network fails so: the SDK has half a message, and the stream is at its end.
                self.says(Reason::RESET, "closed the connection in the middle of an answer")
            } else {
                dial::obstacle(self.address, error)
            };
        }
        if error.is_closed() {
            return self.says(Reason::RESET, "closed the connection");
        }
        // The SDK keeps its kinds to itself; its words for them are fixed.
        let kind = error.to_string();
        if kind.starts_with("invalid configuration") {
            self.says(Reason::UNAUTHORIZED, "wants a password, and none is configured")
        } else if kind.starts_with("authentication error") {
            let cause = self.cited(&cause);
            self.says(Reason::UNAUTHORIZED, &format!("can't be shown the password: {cause}"))
        } else {
            self.garbled("answers something that is not PostgreSQL's protocol")
        }
    }

    fn of_server(&self, said: &DbError) -> Obstacle {
        let message = self.cited(said.message());
        let (reason, what) = read(said.code(), said.message());
        self.says(reason, &format!("{what}: {message}"))
    }
}

/// What a code means. `message` helps with what speaks for PostgreSQL without its codes.
fn read(code: &SqlState, message: &str) -> (Reason, &'static str) {
    let pooler = *code == SqlState::PROTOCOL_VIOLATION || *code == SqlState::CONNECTION_FAILURE;
    match code.code() {
        "28P01" => (Reason::UNAUTHORIZED, "refuses the password"),
        _ if pooler && message.contains("authentication failed") => {
            (Reason::UNAUTHORIZED, "refuses the password")
        }
        "3D000" | "57P04" => (Reason::NOT_FOUND, "has no such database"),
        _ if pooler && message.contains("no such database") => {
            (Reason::NOT_FOUND, "has no such database")
        }
        "53300" => (TOO_MANY_CONNECTIONS, "takes no further connection"),
        _ if pooler && message.contains("no more connections") => {
            (TOO_MANY_CONNECTIONS, "takes no further connection")
        }
        "57P01" | "57P02" | "57P03" | "57P05" => (NOT_ACCEPTING, "is not ready for connections"),
        "57014" => (Reason::TIMED_OUT, "broke the query off after its time"),
        "55P03" => (Reason::TIMED_OUT, "waited too long for somebody else's lock"),
        "25006" => (QUERY_WRITES, "lets nothing be written by this query"),
        "42501" => (Reason::FORBIDDEN, "does not permit it"),
        "40001" => (Reason::SERVER_ERROR, "broke the query off, in conflict with its recovery"),
        code if code.starts_with("28") => (Reason::UNAUTHORIZED, "does not let us in"),
        // With `25001`: it would have the transaction write.
        code if ["0A", "20", "21", "22", "25", "42"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            (QUERY_INVALID, "can't run the query")
        }
        _ => (Reason::SERVER_ERROR, "answers with an error"),
    }
}

/// Whether an error is about the password, which is then not to be shown again. Of the other
/// refusals (no line in `pg_hba.conf`) the server says so before it has seen one.
pub(super) fn refuses_credential(error: &Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        let shown = said.routine() == Some("auth_failed");
        let (reason, _) = read(said.code(), said.message());
        let class = said.code().code().starts_with("28");
        reason == Reason::UNAUTHORIZED && (!class || shown || said.code().code() == "28P01")
    })
}

/// Whether the server does not do such a thing at all.
pub(super) fn is_unsupported(error: &Error) -> bool {
    error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED)
}

/// Whether the server lets nobody in that way, so that with TLS, or without, it may.
pub(super) fn refuses_way(error: &Error) -> bool {
    error.as_db_error().is_some_and(|said| said.code().code() == "28000")
        && !refuses_credential(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_has_a_reason() {
        for (code, message, reason) in [
            ("28P01", "", Reason::UNAUTHORIZED),
            ("28000", "no pg_hba.conf entry", Reason::UNAUTHORIZED),
            ("08P01", "SASL authentication failed", Reason::UNAUTHORIZED),
            ("08P01", "no such database: x", Reason::NOT_FOUND),
            ("08P01", "no more connections allowed (max_client_conn)", TOO_MANY_CONNECTIONS),
            ("08P01", "whatever", Reason::SERVER_ERROR),
            ("3D000", "", Reason::NOT_FOUND),
            ("53300", "", TOO_MANY_CONNECTIONS),
            ("57P03", "", NOT_ACCEPTING),
            ("57P01", "", NOT_ACCEPTING),
            ("57014", "", Reason::TIMED_OUT),
            ("55P03", "", Reason::TIMED_OUT),
            ("25006", "", QUERY_WRITES),
            ("42501", "", Reason::FORBIDDEN),
            ("42P01", "", QUERY_INVALID),
            ("25001", "", QUERY_INVALID),
            ("22012", "", QUERY_INVALID),
            ("53100", "", Reason::SERVER_ERROR),
            ("XX001", "", Reason::SERVER_ERROR),
        ] {
            assert_eq!(read(&SqlState::from_code(code), message).0, reason, "{code} {message}");
        }
    }

    #[test]
    fn a_server_that_repeats_the_password_is_not_cited() {
        let whom = Whom {
            address: "127.0.0.1:5432".parse().unwrap(),
            password: Some("hunter2".to_owned().into()),
        };
        assert!(!whom.cited("you said hunter2!").contains("hunter2"));
        assert_eq!(whom.cited("no\nsuch role"), "no such role");
    }
}
