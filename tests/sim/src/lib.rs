//! Simulated systems for Vigie's tests and demo: what can't be had on every machine, on loopback.

pub mod net;
