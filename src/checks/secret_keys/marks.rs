//! Whether values are equal, told by digests that mean nothing to anybody else.
//!
//! The key is drawn for one look and forgotten with it, so that a digest can't be compared with
//! another look's, nor looked up in a table. Only which keys have equal values leaves this file.

use rustls::crypto::SecureRandom;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::model::finding::Obstacle;
use crate::model::reason::Reason;

/// The digests of one look.
pub(super) struct Marks {
    key: Zeroizing<[u8; 32]>,
    marks: Vec<(String, Zeroizing<[u8; 32]>)>,
}

impl Marks {
    /// With a key of its own.
    pub(super) fn new() -> Result<Self, Obstacle> {
        let mut key = Zeroizing::new([0; 32]);
        let random: &dyn SecureRandom = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        random.fill(&mut *key).map_err(|_| {
            Obstacle::ours(Reason::CRASHED, "the system gives no random bytes to compare with")
        })?;
        Ok(Self { key, marks: Vec::new() })
    }

    /// Notes the value of a key.
    pub(super) fn add(&mut self, key: &str, value: &[u8]) {
        let digest = Sha256::new().chain_update(*self.key).chain_update(value).finalize();
        self.marks.push((key.to_owned(), Zeroizing::new(digest.into())));
    }

    /// The pairs of different keys whose values are equal, each once.
    pub(super) fn equal(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (number, (key, mark)) in self.marks.iter().enumerate() {
            for (other, others) in &self.marks[..number] {
                if key != other && bool::from(mark[..].ct_eq(&others[..])) {
                    let (first, second) = if key < other { (key, other) } else { (other, key) };
                    pairs.push((first.clone(), second.clone()));
                }
            }
        }
        pairs.sort();
        pairs.dedup();
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_of_different_keys_are_paired_once() {
        let mut marks = Marks::new().unwrap();
        for (key, value) in [("b", "1"), ("a", "1"), ("c", "2"), ("b", "1"), ("d", "12")] {
            marks.add(key, value.as_bytes());
        }
        assert_eq!(marks.equal(), [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn each_look_has_a_key_of_its_own() {
        let digest = || {
            let mut marks = Marks::new().unwrap();
            marks.add("a", b"1");
            marks.marks.remove(0).1
        };
        assert_ne!(*digest(), *digest());
    }
}
