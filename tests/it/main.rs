//! Everything that needs a socket: one binary, so that it is linked once.

#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod browser;
mod fixtures;
mod kinds;
mod prometheus;
mod rejects;
mod server;
mod support;
mod views;
