//! What backup tools write about their own backups: catalogues and logs, read from bytes and names.
//!
//! Pure functions of bytes: no I/O, no clock. What a tool did not write is said to be missing, and
//! never made up; whatever is read is bounded, and no input makes a reader panic.

pub mod archive;
pub mod backup_info;
pub mod history;
pub mod pbm;
pub mod segment;
pub mod slice;

use crate::model::judgement::legible;

/// The most characters of foreign text in a sentence.
const LONGEST: usize = 120;

/// Foreign text as it may stand in a sentence.
fn shown(text: &str) -> String {
    legible(text, LONGEST)
}
