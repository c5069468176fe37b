//! Vigie keeps every line of a deployment checklist true, and says so to Prometheus.

pub mod app;
pub mod board;
pub mod checklist;
pub mod checks;
pub mod cli;
pub mod config;
pub mod engine;
pub mod model;
pub mod server;
pub mod systems;
pub mod telemetry;
pub mod views;
