//! Simulated systems for tests, benchmarks and the demo: what can't be had on every machine, on loopback.

pub mod elasticsearch;
pub mod kubernetes;
pub mod net;
pub mod postgres;
pub mod prometheus;
pub mod redis;
pub mod registry;
pub mod s3;
pub mod town;
