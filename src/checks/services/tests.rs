//! Judging, as tables.
