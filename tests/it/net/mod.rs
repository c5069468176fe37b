//! Endpoints on loopback, simulated and real.

mod bytes;
mod endpoints;
pub mod ground;
mod named;
mod nginx;
