//! Where each reader of logs stands, kept for as long as the connection and in use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::Reader;

/// The most readers that are kept.
const MOST_READERS: usize = 512;

/// All readers.
#[derive(Debug, Default)]
pub(in crate::systems::kubernetes) struct Readers(Mutex<BTreeMap<String, Kept>>);

#[derive(Debug)]
struct Kept {
    used: Instant,
    reader: Arc<tokio::sync::Mutex<Reader>>,
}

impl Readers {
    /// The reader of this name, a new one where there is none.
    pub(super) fn get(&self, name: &str) -> Arc<tokio::sync::Mutex<Reader>> {
        let used = Instant::now();
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = readers.get_mut(name) {
            kept.used = used;
            return Arc::clone(&kept.reader);
        }
        if readers.len() >= MOST_READERS
            && let Some(oldest) = readers.values().map(|kept| kept.used).min()
        {
            readers.retain(|_, kept| kept.used > oldest);
        }
        let reader = Arc::default();
        readers.insert(name.to_owned(), Kept { used, reader: Arc::clone(&reader) });
        reader
    }
}
