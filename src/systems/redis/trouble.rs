//! The one place where an error on the way to Redis, or from it, becomes a reason.

use std::error::Error;
use std::io;
use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The longest text of a server that is passed on, in characters.
const LONGEST_CITED: usize = 160;

/// The obstacle behind `error`. `whom` names the server: it begins the sentence.
#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's enum grows")]
pub(super) fn obstacle(whom: &str, error: &RedisError) -> Obstacle {
    let said = || legible(error.detail().unwrap_or_default(), LONGEST_CITED);
    let (reason, what) = match error.kind() {
        ErrorKind::Io => return io_obstacle(whom, error),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            (Reason::GARBLED, "answered in something that is not Redis' protocol".to_owned())
        }
        ErrorKind::AuthenticationFailed => (Reason::UNAUTHORIZED, "refuses the credential".into()),
        ErrorKind::Server(kind) => server(kind, &said()),
        ErrorKind::Extension => extension(error.code().unwrap_or_default(), &said()),
        _ => (Reason::SERVER_ERROR, format!("could not be asked: {}", said())),
    };
    Obstacle::new(reason, format!("{whom} {what}"))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's enum grows")]
fn server(kind: ServerErrorKind, said: &str) -> (Reason, String) {
    match kind {
        ServerErrorKind::NoPerm => (Reason::FORBIDDEN, format!("does not permit it: {said}")),
        ServerErrorKind::BusyLoading => {
            (Reason::SERVER_ERROR, "is still loading its data".to_owned())
        }
        ServerErrorKind::MasterDown => {
            (Reason::SERVER_ERROR, "is a replica that has lost its master".to_owned())
        }
        ServerErrorKind::ReadOnly => (super::NO_MASTER, "is a replica, and read-only".to_owned()),
        ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot => (
            Reason::SERVER_ERROR,
            "is part of a cluster that keeps these keys elsewhere".to_owned(),
        ),
        ServerErrorKind::ResponseError if said.starts_with("unknown command") => {
            (Reason::FORBIDDEN, "does not know the command, or hides it".to_owned())
        }
        _ => (Reason::SERVER_ERROR, format!("answered with an error: {said}")),
    }
}

fn extension(code: &str, said: &str) -> (Reason, String) {
    match code {
        "WRONGTYPE" => {
            (Reason::GARBLED, "keeps a value of another type under a key of the queue".to_owned())
        }
        "NOAUTH" => (Reason::UNAUTHORIZED, "wants a password, and none is configured".to_owned()),
        "WRONGPASS" => (Reason::UNAUTHORIZED, "refuses the credential".to_owned()),
        "DENIED" => (Reason::FORBIDDEN, "is in protected mode: it takes loopback alone".to_owned()),
        code => {
            let code = legible(code, LONGEST_CITED);
            (Reason::SERVER_ERROR, format!("answered with an error: {code} {said}"))
        }
    }
}

fn io_obstacle(whom: &str, error: &RedisError) -> Obstacle {
    // The SDK hands out the shared pointer in which it keeps the cause.
    let shared =
        error.source().and_then(|cause| cause.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let cause = shared.and_then(|cause| cause.downcast_ref::<io::Error>());
    let (reason, what) = match cause.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => (Reason::REFUSED, "refuses connections"),
        Some(io::ErrorKind::TimedOut) => (Reason::TIMED_OUT, "did not answer in time"),
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            (Reason::UNREACHABLE, "can't be reached: the network has no way to it")
        }
        _ => (Reason::RESET, "broke the connection off"),
    };
    Obstacle::new(reason, format!("{whom} {what}"))
}

/// No answer within the time allowed.
pub(super) fn timed_out(whom: &str) -> Obstacle {
    Obstacle::new(Reason::TIMED_OUT, format!("{whom} did not answer in time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason_of(line: &str) -> Reason {
        let answer = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        let redis::Value::ServerError(error) = answer else { panic!("not an error: {answer:?}") };
        obstacle("Redis", &error.into()).reason
    }

    #[test]
    fn what_redis_says_has_a_reason() {
        for (line, reason) in [
            ("NOAUTH Authentication required.", Reason::UNAUTHORIZED),
            ("WRONGPASS invalid username-password pair", Reason::UNAUTHORIZED),
            ("NOPERM User x has no permissions to run the 'client' command", Reason::FORBIDDEN),
            ("ERR unknown command 'CLIENT'", Reason::FORBIDDEN),
            ("DENIED Redis is running in protected mode", Reason::FORBIDDEN),
            ("WRONGTYPE Operation against a key", Reason::GARBLED),
            ("LOADING Redis is loading the dataset in memory", Reason::SERVER_ERROR),
            ("MOVED 866 192.0.2.1:6379", Reason::SERVER_ERROR),
            ("READONLY You can't write", super::super::NO_MASTER),
            ("ERR max number of clients reached", Reason::SERVER_ERROR),
            ("STRANGE words", Reason::SERVER_ERROR),
        ] {
            assert_eq!(reason_of(line), reason, "{line}");
        }
    }

    #[test]
    fn what_the_network_says_has_a_reason() {
        for (kind, reason) in [
            (io::ErrorKind::ConnectionRefused, Reason::REFUSED),
            (io::ErrorKind::ConnectionReset, Reason::RESET),
            (io::ErrorKind::UnexpectedEof, Reason::RESET),
            (io::ErrorKind::TimedOut, Reason::TIMED_OUT),
            (io::ErrorKind::NetworkUnreachable, Reason::UNREACHABLE),
        ] {
            assert_eq!(obstacle("Redis", &io::Error::from(kind).into()).reason, reason, "{kind}");
        }
    }
}
