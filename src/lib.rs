//! Vigie keeps every line of a deployment checklist true, and says so to Prometheus.

pub mod checks;
pub mod model;
pub mod server;
pub mod systems;
pub mod views;
