//! Simulated systems, shared by tests, benchmarks and the demo.

pub mod redis;
