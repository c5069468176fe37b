//! Commands that only read, and their replies.

use redis::{Cmd, RedisError, Value};

use super::trouble;
use crate::model::finding::Obstacle;
use crate::model::judgement::legible;
use crate::model::reason::Reason;

/// The commands that checks may send: each reads, and its answer is bounded by its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// How many of the keys exist.
    Exists,
    /// A string.
    Get,
    /// Some fields of a hash.
    Hmget,
    /// The length of a list.
    Llen,
    /// Some elements of a list, by position.
    Lrange,
    /// Whether a set has the member.
    Sismember,
    /// The size of a sorted set.
    Zcard,
    /// How many members have a score between two bounds.
    Zcount,
    /// Some members of a sorted set, by position.
    Zrange,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Exists => "EXISTS",
            Self::Get => "GET",
            Self::Hmget => "HMGET",
            Self::Llen => "LLEN",
            Self::Lrange => "LRANGE",
            Self::Sismember => "SISMEMBER",
            Self::Zcard => "ZCARD",
            Self::Zcount => "ZCOUNT",
            Self::Zrange => "ZRANGE",
        }
    }
}

/// One command with its arguments.
#[derive(Clone, Debug)]
pub struct Command(Cmd);

impl Command {
    /// `verb` about `key`.
    pub fn new(verb: Verb, key: impl AsRef<[u8]>) -> Self {
        let mut command = redis::cmd(verb.name());
        command.arg(key.as_ref());
        Self(command)
    }

    /// Adds an argument.
    pub fn with(mut self, argument: impl AsRef<[u8]>) -> Self {
        self.0.arg(argument.as_ref());
        self
    }

    /// As the SDK knows it.
    pub(super) fn into_inner(self) -> Cmd {
        self.0
    }
}

/// What one command was answered: perhaps an error of its own, which concerns no other command.
#[derive(Clone, Debug)]
pub struct Reply(pub(super) Value);

/// The longest text that a reply is cited with.
const LONGEST_CITED: usize = 60;

impl Reply {
    /// A number that can't be negative.
    ///
    /// # Errors
    /// The server's own error, or `Garbled`.
    pub fn count(&self) -> Result<u64, Obstacle> {
        let Value::Int(number) = self.value()? else { return Err(garbled("a count", self)) };
        u64::try_from(*number).map_err(|_| garbled("a count", self))
    }

    /// A string, or nothing where there is none.
    ///
    /// # Errors
    /// The server's own error, or `Garbled`.
    pub fn text(&self) -> Result<Option<&[u8]>, Obstacle> {
        bytes(self.value()?).map_err(|NoString| garbled("a string", self))
    }

    /// A list of strings, each of which may be nothing.
    ///
    /// # Errors
    /// The server's own error, or `Garbled`.
    pub fn list(&self) -> Result<Vec<Option<&[u8]>>, Obstacle> {
        let wrong = || garbled("a list of strings", self);
        let Value::Array(values) = self.value()? else { return Err(wrong()) };
        values.iter().map(|value| bytes(value).map_err(|NoString| wrong())).collect()
    }

    /// The values of a list of anything.
    pub(super) fn values(&self) -> Option<&[Value]> {
        if let Value::Array(values) = &self.0 { Some(values) } else { None }
    }

    fn value(&self) -> Result<&Value, Obstacle> {
        if let Value::ServerError(error) = &self.0 {
            return Err(trouble::obstacle("Redis", &RedisError::from(error.clone())));
        }
        Ok(&self.0)
    }
}

/// A value is not a string, nor the absence of one.
struct NoString;

#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's values are not ours to list")]
fn bytes(value: &Value) -> Result<Option<&[u8]>, NoString> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::SimpleString(text) => Ok(Some(text.as_bytes())),
        Value::Okay => Ok(Some(b"OK")),
        _ => Err(NoString),
    }
}

fn garbled(wanted: &str, reply: &Reply) -> Obstacle {
    let came = legible(&format!("{:?}", reply.0), LONGEST_CITED);
    Obstacle::new(Reason::GARBLED, format!("Redis answered {came} where {wanted} was wanted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_of_another_type_is_garbled() {
        let wrong = Reply(Value::Array(vec![Value::Int(1)]));
        assert_eq!(wrong.count().unwrap_err().reason, Reason::GARBLED);
        assert_eq!(wrong.text().unwrap_err().reason, Reason::GARBLED);
        assert_eq!(wrong.list().unwrap_err().reason, Reason::GARBLED);
        assert_eq!(Reply(Value::Int(-1)).count().unwrap_err().reason, Reason::GARBLED);
    }

    #[test]
    fn nothing_is_told_from_something_empty() {
        assert_eq!(Reply(Value::Nil).text(), Ok(None));
        assert_eq!(Reply(Value::BulkString(Vec::new())).text(), Ok(Some(&b""[..])));
    }
}
