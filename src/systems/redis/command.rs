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
pub struct Command {
    cmd: Cmd,
    key: Vec<u8>,
}

impl Command {
    /// `verb` about `key`.
    pub fn new(verb: Verb, key: impl AsRef<[u8]>) -> Self {
        let mut cmd = redis::cmd(verb.name());
        cmd.arg(key.as_ref());
        Self { cmd, key: key.as_ref().to_vec() }
    }

    /// What a server says of itself: its default sections, a few kilobytes.
    pub fn info() -> Self {
        Self { cmd: redis::cmd("INFO"), key: Vec::new() }
    }

    /// What a server is configured to do once its memory is full.
    pub fn eviction_policy() -> Self {
        let mut cmd = redis::cmd("CONFIG");
        cmd.arg("GET").arg("maxmemory-policy");
        Self { cmd, key: Vec::new() }
    }

    /// The keys of the form `glob` among the next `count` or so from `cursor` on.
    pub fn scan(cursor: u64, glob: impl AsRef<[u8]>, count: u32) -> Self {
        let mut cmd = redis::cmd("SCAN");
        cmd.arg(cursor).arg("MATCH").arg(glob.as_ref()).arg("COUNT").arg(count);
        Self { cmd, key: Vec::new() }
    }

    /// Who is connected.
    pub(super) fn clients() -> Self {
        let mut cmd = redis::cmd("CLIENT");
        cmd.arg("LIST");
        Self { cmd, key: Vec::new() }
    }

    /// Adds an argument.
    pub fn with(mut self, argument: impl AsRef<[u8]>) -> Self {
        self.cmd.arg(argument.as_ref());
        self
    }

    /// The key that it is about; empty where it is about a whole server.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// As the SDK knows it.
    pub(super) fn as_cmd(&self) -> &Cmd {
        &self.cmd
    }

    /// The same, for good.
    pub(super) fn into_inner(self) -> Cmd {
        self.cmd
    }
}

/// What one command was answered: perhaps an error of its own, which concerns no other command, or
/// an obstacle where only the server that it went to is out of reach.
#[derive(Clone, Debug)]
pub struct Reply(pub(super) Result<Value, Obstacle>);

/// The longest text that a reply is cited with.
const LONGEST_CITED: usize = 60;

impl Reply {
    /// Reads one reply from the bytes of Redis' protocol.
    ///
    /// # Errors
    /// `Garbled`, where they are no such reply.
    pub fn read(wire: &[u8]) -> Result<Self, Obstacle> {
        match redis::parse_redis_value(wire) {
            Ok(value) => Ok(Self(Ok(value))),
            Err(error) => Err(trouble::obstacle("Redis", &error)),
        }
    }

    /// No answer, and why.
    pub(super) fn lost(why: Obstacle) -> Self {
        Self(Err(why))
    }

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

    /// A text of several lines, in whichever form it came; empty where there is none.
    ///
    /// # Errors
    /// The server's own error, or `Garbled`.
    pub fn long_text(&self) -> Result<&[u8], Obstacle> {
        if let Ok(Value::VerbatimString { text, .. }) = &self.0 {
            return Ok(text.as_bytes());
        }
        Ok(self.text()?.unwrap_or_default())
    }

    /// The answer to `SCAN`: where to go on, 0 at the end, and the keys found.
    ///
    /// # Errors
    /// The server's own error, or `Garbled`.
    pub fn scanned(&self) -> Result<(u64, Vec<&[u8]>), Obstacle> {
        let wrong = || garbled("a cursor and keys", self);
        let Value::Array(values) = self.value()? else { return Err(wrong()) };
        let [cursor, Value::Array(keys)] = values.as_slice() else { return Err(wrong()) };
        let cursor = bytes(cursor).ok().flatten().and_then(|text| std::str::from_utf8(text).ok());
        let cursor = cursor.and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        let key = |value| bytes(value).ok().flatten().ok_or_else(wrong);
        Ok((cursor, keys.iter().map(key).collect::<Result<_, _>>()?))
    }

    /// The values of a list of anything.
    pub(super) fn values(&self) -> Option<&[Value]> {
        if let Ok(Value::Array(values)) = &self.0 { Some(values) } else { None }
    }

    fn value(&self) -> Result<&Value, Obstacle> {
        match &self.0 {
            Ok(Value::ServerError(error)) => {
                Err(trouble::obstacle("Redis", &RedisError::from(error.clone())))
            }
            Ok(value) => Ok(value),
            Err(obstacle) => Err(obstacle.clone()),
        }
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
    let came = match &reply.0 {
        Ok(value) => legible(&format!("{value:?}"), LONGEST_CITED),
        Err(_) => "nothing".to_owned(),
    };
    Obstacle::new(Reason::GARBLED, format!("Redis answered {came} where {wanted} was wanted"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply(wire: &str) -> Reply {
        Reply::read(wire.as_bytes()).unwrap()
    }

    #[test]
    fn a_reply_of_another_type_is_garbled() {
        let wrong = reply("*1\r\n:1\r\n");
        assert_eq!(wrong.count().unwrap_err().reason, Reason::GARBLED);
        assert_eq!(wrong.text().unwrap_err().reason, Reason::GARBLED);
        assert_eq!(wrong.list().unwrap_err().reason, Reason::GARBLED);
        assert_eq!(wrong.scanned().unwrap_err().reason, Reason::GARBLED);
        assert_eq!(reply(":-1\r\n").count().unwrap_err().reason, Reason::GARBLED);
    }

    #[test]
    fn nothing_is_told_from_something_empty() {
        assert_eq!(reply("$-1\r\n").text(), Ok(None));
        assert_eq!(reply("$0\r\n\r\n").text(), Ok(Some(&b""[..])));
    }

    #[test]
    fn a_scan_tells_where_to_go_on() {
        let scanned = reply("*2\r\n$2\r\n17\r\n*1\r\n$4\r\na:id\r\n");
        assert_eq!(scanned.scanned(), Ok((17, vec![&b"a:id"[..]])));
        for wrong in ["*2\r\n$1\r\nx\r\n*0\r\n", "*2\r\n$1\r\n1\r\n*1\r\n:1\r\n", "*1\r\n*0\r\n"] {
            assert_eq!(reply(wrong).scanned().unwrap_err().reason, Reason::GARBLED, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(wire: Vec<u8>) {
            if let Ok(reply) = Reply::read(&wire) {
                let _read = (reply.count(), reply.text(), reply.list(), reply.scanned());
            }
        }
    }
}
