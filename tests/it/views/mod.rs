//! Views of snapshots built by hand.

mod api;
pub mod exposition;
mod metrics;
mod page;
