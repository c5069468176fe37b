//! Everything that needs a socket: one binary, so that it is linked once.

#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(clippy::expect_used, reason = "a test that can't go on says why")]

mod fixtures;
mod kinds;
mod rejects;
mod s3;
mod support;
mod views;
