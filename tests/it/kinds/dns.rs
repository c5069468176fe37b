//! `dns`: to be written.

use super::Provocation;

pub fn provocations() -> Vec<Provocation> {
    Vec::new()
}
