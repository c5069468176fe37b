//! Everything that needs a socket: one binary, so that it is linked once.

#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(clippy::expect_used, clippy::panic, reason = "a test may break")]

mod fixtures;
mod kinds;
mod net;
mod rejects;
mod support;
mod views;
