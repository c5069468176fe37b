//! From `/metrics` to the phone, with Debian's own Prometheus and Alertmanager and the rules, examples
//! and dashboards that we ship.
//!
//! Law: the shipped files are used as they are but for addresses and waiting times, and what is
//! replaced in them must be there. Nothing is asked of a shared server: each test starts its own.

mod alerts;
mod contract;
mod dashboards;
mod observed;
pub mod process;
mod queries;
mod scrape;
mod server;
mod vigie;
mod webhook;
