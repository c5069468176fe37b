//! Everything that needs a socket: one binary, so that it is linked once.

#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests break as tests do"
)]

mod acts;
mod architecture;
mod browser;
mod checklist;
mod conformance;
mod drill;
mod fixtures;
mod fuzz;
mod journal;
mod kinds;
mod kubernetes;
mod leaks;
mod net;
mod once;
mod postgres;
mod postgres_server;
mod prometheus;
mod rbac;
mod readme;
mod real;
mod redis;
mod registry;
mod rejects;
mod reload;
mod runbooks;
mod s3;
mod server;
mod simulation;
mod support;
mod trouble;
mod views;
