//! Simulated systems, on loopback, shared by tests, demo and benches.

pub mod s3;
