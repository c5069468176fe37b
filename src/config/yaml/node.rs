//! The tree.

use std::fmt;

use serde::de::DeserializeOwned;

/// A line and a column of a file, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where; none until somebody who knows the place adds it.
    pub at: Option<Position>,
    /// What, in a sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A word, a list or a mapping, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it begins.
    pub at: Position,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A single word or text.
    Scalar {
        /// The text, unescaped.
        text: String,
        /// Whether it stood without quotes, so that `null` and `true` may mean more than text.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys with their places, and values, in file order; no key stands twice.
    Mapping(Vec<(String, Position, Node)>),
}

impl Node {
    /// Whether nothing stands here.
    pub fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain } => {
                *plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Value::Sequence(_) | Value::Mapping(_) => false,
        }
    }

    /// The value under `key`, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Mapping(pairs) => {
                pairs.iter().find(|(name, _, _)| name == key).map(|(_, _, node)| node)
            }
            Value::Scalar { .. } | Value::Sequence(_) => None,
        }
    }

    /// The elements, where this is a list; else none.
    pub fn elements(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(elements) => elements,
            Value::Scalar { .. } | Value::Mapping(_) => &[],
        }
    }

    /// The place of the value under `key`, or of the whole where there is none.
    pub fn place_of(&self, key: &str) -> Position {
        self.get(key).map_or(self.at, |node| node.at)
    }

    /// Reads the node into `T`.
    ///
    /// # Errors
    /// The first problem, with its place.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        T::deserialize(self).map_err(|problem: Problem| problem.or_at(self.at))
    }

    /// Its words without their places: what changes when the meaning does.
    pub fn words(&self) -> String {
        match &self.value {
            Value::Scalar { text, plain } => format!("{text:?}{}", u8::from(*plain)),
            Value::Sequence(elements) => {
                format!("[{}]", elements.iter().map(Self::words).collect::<Vec<_>>().join(","))
            }
            Value::Mapping(pairs) => {
                let pairs = pairs.iter().map(|(key, _, node)| format!("{key:?}:{}", node.words()));
                format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
            }
        }
    }

    /// What it is, for sentences.
    pub fn description(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } if self.is_null() => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

impl Problem {
    /// A problem at a known place.
    pub fn at(at: Position, message: impl Into<String>) -> Self {
        Self { at: Some(at), message: message.into(), hint: None }
    }

    /// Adds what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the place, unless one closer to the mistake is known.
    pub fn or_at(mut self, at: Position) -> Self {
        self.at.get_or_insert(at);
        self
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "{at}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Problem {}
