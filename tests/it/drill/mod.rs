//! The fault drill: every fault, put into its system, turns exactly the items that it should on the
//! real daemon with the shipped checklist, and healing turns them back; what is no fault turns
//! nothing. After each, the whole board is compared, so that a wrong item shows.
//!
//! Faults go into systems, never into Vigie or its answers. `simulated` puts them into the simulated
//! town; real programs may stand in for some of its systems ([`configuration`] takes their places as
//! variables).

mod board;
mod configuration;
mod course;
mod daemon;
mod people;
mod place;
mod real;
mod real_parts;
mod simulated;

pub use configuration::configuration;
pub use course::Drill;
pub use daemon::Daemon;
pub use place::{Place, daemon};
