//! Views of snapshots built by hand.

mod page;
