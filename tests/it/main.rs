//! Everything that needs a socket: one binary, so that it is linked once.

#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what is not there fails the test, and says what it was"
)]

mod kinds;
mod redis;
mod rejects;
mod support;
