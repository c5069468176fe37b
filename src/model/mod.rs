//! The words of Vigie as plain values.
//!
//! No I/O, no clock, no SDK: whoever needs the time is handed it, so that every rule in here can be
//! tested as a table. Each of the other modules may name this one; this one names none of them.

pub mod acts;
pub mod counted;
pub mod deployment;
pub mod duration;
pub mod finding;
pub mod host_port;
pub mod image;
pub mod item;
pub mod judgement;
pub mod likeness;
pub mod measure;
pub mod memory;
pub mod missing_level;
pub mod needs;
pub mod past;
pub mod pattern;
pub mod pause;
pub mod reason;
pub mod records;
pub mod report;
pub mod rights;
pub mod schedule;
pub mod secret;
pub mod snapshot;
pub mod standing;
pub mod steps;
pub mod tally;
pub mod version;
pub mod vitals;
pub mod words;
pub mod zone;
