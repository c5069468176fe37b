//! Configuration: from files to a [`Checklist`] and [`Settings`], strictly.
//!
//! Data flows one way: text → tree ([`yaml`]) → what the user wrote ([`mod@file`]) → what it means
//! ([`compile`]). Whatever leaves this module is valid and is never checked again.

mod acts;
mod boxes;
mod compile;
pub mod file;
pub mod flaw;
mod graph;
mod item;
pub mod load;
mod parameters;
mod rollups;
mod schedule;
mod secret_files;
pub mod yaml;

pub use secret_files::SecretFiles;

use crate::checklist::Checklist;
use crate::systems::Connections;

/// All that the files say.
pub struct Configuration {
    /// What holds for the whole daemon.
    pub settings: Settings,
    /// The lines.
    pub checklist: Checklist,
    /// A digest of the files, in hexadecimal.
    pub checksum: String,
}

/// What holds for the whole daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The environment's name: a label of every series.
    pub environment: String,
    /// How the watched systems are reached.
    pub connections: Connections,
}
