//! Connections to the watched systems, one file or folder a system.
//!
//! Each maps its SDK's errors to obstacles in one place, so that `?` in a check never chooses a
//! reason by accident. Read-only: nothing in here creates, changes or deletes anything.

pub mod clock;
pub mod secrets;
pub mod shared;
pub mod tally;

use clock::Clock;
use secrets::Secrets;

/// All connections, handed to every look.
pub struct Systems {
    /// The time.
    pub clock: Clock,
    /// Secrets, read at each use.
    pub secrets: Secrets,
}
