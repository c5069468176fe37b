//! The protocol: commands in, answers out, in version 2 or 3.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::keyspace::Bytes;

/// An answer.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Ok,
    Simple(&'static str),
    Error(String),
    Number(i64),
    Nil,
    Bulk(Bytes),
    List(Vec<Self>),
    /// Pairs: a map in version 3, a flat list in version 2.
    Pairs(Vec<(&'static str, Self)>),
}

impl Answer {
    /// A string.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Bulk(text.into().into_bytes())
    }

    /// A length.
    pub(super) fn length(length: usize) -> Self {
        Self::Number(i64::try_from(length).unwrap_or(i64::MAX))
    }

    /// Appends the answer's bytes.
    pub(super) fn write(&self, version: u8, out: &mut Bytes) {
        match self {
            Self::Ok => out.extend_from_slice(b"+OK\r\n"),
            Self::Simple(text) => out.extend_from_slice(format!("+{text}\r\n").as_bytes()),
            Self::Error(text) => out.extend_from_slice(format!("-{text}\r\n").as_bytes()),
            Self::Number(number) => out.extend_from_slice(format!(":{number}\r\n").as_bytes()),
            Self::Nil if version == 3 => out.extend_from_slice(b"_\r\n"),
            Self::Nil => out.extend_from_slice(b"$-1\r\n"),
            Self::Bulk(bytes) => {
                out.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
            }
            Self::List(items) => {
                out.extend_from_slice(format!("*{}\r\n", items.len()).as_bytes());
                for item in items {
                    item.write(version, out);
                }
            }
            Self::Pairs(pairs) => {
                let (sign, length) =
                    if version == 3 { ('%', pairs.len()) } else { ('*', pairs.len() * 2) };
                out.extend_from_slice(format!("{sign}{length}\r\n").as_bytes());
                for (name, value) in pairs {
                    Self::text(*name).write(version, out);
                    value.write(version, out);
                }
            }
        }
    }
}

/// The most words of a command.
const MOST_WORDS: usize = 1_024;
/// The longest word of a command, in bytes.
const LONGEST_WORD: usize = 1 << 20;

/// The next command, a list of words; nothing at the end of the stream.
pub(super) async fn read_command(
    stream: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<Vec<Bytes>>> {
    let Some(line) = read_line(stream).await? else { return Ok(None) };
    let Some(count) = line.strip_prefix('*') else {
        return Ok(Some(line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()));
    };
    let count = length(count, MOST_WORDS)?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let line = read_line(stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = length(line.strip_prefix('$').unwrap_or_default(), LONGEST_WORD)?;
        let mut word = vec![0; size + 2];
        stream.read_exact(&mut word).await?;
        word.truncate(size);
        words.push(word);
    }
    Ok(Some(words))
}

/// Reads one answer and throws it away, except whether it is a string, and which.
pub(super) async fn read_answer(
    stream: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<Bytes>> {
    let mut first = None;
    let mut left = 1;
    while left > 0 {
        left -= 1;
        let line = read_line(stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let (sign, rest) = line.split_at(line.len().min(1));
        match sign {
            "$" if !rest.starts_with('-') => {
                let mut bytes = vec![0; length(rest, LONGEST_WORD)? + 2];
                stream.read_exact(&mut bytes).await?;
                bytes.truncate(bytes.len() - 2);
                first.get_or_insert(bytes);
            }
            "*" if !rest.starts_with('-') => left += length(rest, MOST_WORDS)?,
            "-" => return Err(io::Error::other(rest.to_owned())),
            _ => {}
        }
    }
    Ok(first)
}

/// A command's bytes.
pub(super) fn command(words: &[&[u8]]) -> Bytes {
    let mut out = Bytes::new();
    Answer::List(words.iter().map(|word| Answer::Bulk(word.to_vec())).collect()).write(2, &mut out);
    out
}

async fn read_line(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = (&mut *stream).take(64 * 1024).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    let line = String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn length(text: &str, most: usize) -> io::Result<usize> {
    let length = text.parse().ok().filter(|length| *length <= most);
    length.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
