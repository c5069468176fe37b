//! Endpoints on loopback, simulated and real.

mod answers;
mod bytes;
mod credentials;
mod endpoints;
pub mod ground;
mod named;
mod nginx;
mod oauth;
mod requests;
mod resolving;
mod security;
mod streams;
pub mod vault;
mod ways;
