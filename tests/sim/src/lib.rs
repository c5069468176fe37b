//! Simulated systems, on loopback: what tests, the demo and benchmarks look at.
//!
//! Law: they answer as the real ones do, and a fault is put into them, never into who looks.

pub mod kubernetes;
