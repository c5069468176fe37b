//! YAML as a tree in which every word knows its place.
//!
//! Deserializing from a tree instead of from the text lets one mistake not hide the next: each item
//! and each check is read by itself, and every error points at the very word. Variables are put in
//! between the two, so that no value can ever be taken for YAML.

mod deserialize;
mod interpolate;
mod node;
mod parse;
mod print;

pub use interpolate::interpolate;
pub use node::{Node, Position, Problem, Value};
pub use parse::parse;

use serde::de::DeserializeOwned;

/// Reads a whole document into `T`, without variables.
///
/// # Errors
/// The first problem, with its place.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    parse(text)?.read()
}
