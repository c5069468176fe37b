//! What the world sees: pure functions of a snapshot, the vitals and the time.
//!
//! No view asks for the time, waits, or keeps anything: two calls with the same values give the
//! same bytes. What changes from one to the next has changed on the board.

pub mod api;
pub mod markdown;
pub mod metrics;
pub mod page;
pub mod rbac;
