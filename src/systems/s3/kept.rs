//! Files that were read once, and are read again only where they changed.
//!
//! Kept by folder: a listing that no longer shows a file forgets it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The most folders whose files are kept.
const MOST_FOLDERS: usize = 64;

/// Which folder of which store, and how its files are read.
pub(super) type Folder = ([u8; 32], Vec<String>);
/// Files by name, each with its `ETag` and what was read.
type Read<T> = BTreeMap<String, (String, Arc<T>)>;

/// What was read.
#[derive(Debug)]
pub(super) struct Files<T>(Mutex<HashMap<Folder, Read<T>>>);

impl<T> Default for Files<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Files<T> {
    /// What was read of a file, if it has not changed since. A store that tells no `ETag` is asked
    /// each time.
    pub(super) fn get(&self, folder: &Folder, name: &str, etag: Option<&str>) -> Option<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, read) = kept.get(folder)?.get(name)?;
        (Some(known.as_str()) == etag).then(|| Arc::clone(read))
    }

    /// Keeps all that a folder holds now, and nothing else of it.
    pub(super) fn keep(&self, folder: Folder, files: Read<T>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_FOLDERS && !kept.contains_key(&folder) {
            // Whichever goes is read again once; that there are so many is a mistake elsewhere.
            if let Some(one) = kept.keys().next().cloned() {
                kept.remove(&one);
            }
        }
        kept.insert(folder, files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_read_again_and_what_is_gone_forgotten() {
        let files = Files::default();
        let folder: Folder = ([0; 32], vec!["bucket".to_owned()]);
        let one = |etag: &str| BTreeMap::from([("a".to_owned(), (etag.to_owned(), Arc::new(1)))]);
        files.keep(folder.clone(), one("x"));
        assert_eq!(files.get(&folder, "a", Some("x")).as_deref(), Some(&1));
        assert_eq!(files.get(&folder, "a", Some("y")), None);
        assert_eq!(files.get(&folder, "a", None), None);
        files.keep(folder.clone(), BTreeMap::new());
        assert_eq!(files.get(&folder, "a", Some("x")), None);
    }
}
