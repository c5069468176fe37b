//! Views of snapshots built by hand.

mod api;
pub mod exposition;
mod markdown;
mod metrics;
mod moments;
mod page;
