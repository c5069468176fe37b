//! Files that were read once, and are read again only where they changed.
//!
//! Kept by folder: a listing that no longer shows a file forgets it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::page::{Bucket, Object};
use super::read::Content;
use super::trouble::Trouble;

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

impl<T> Files<Result<T, String>> {
    /// What a file says, an error where it can't be believed, and what it cost to ask: nothing where
    /// it has not changed. None where it is gone since it was listed.
    pub(super) async fn read(
        &self,
        bucket: &Bucket<'_>,
        (folder, name): (&Folder, &str),
        object: &Object,
        largest: u64,
        read: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<(Option<Arc<Result<T, String>>>, u32), Trouble> {
        if let Some(known) = self.get(folder, name, object.etag.as_deref()) {
            return Ok((Some(known), 0));
        }
        let said = match bucket.content(&object.key, largest).await {
            Ok(Content::Whole(bytes)) => read(&bytes),
            Ok(Content::TooLarge) => Err(format!("it is larger than {} MiB", largest >> 20)),
            Err(Trouble::NoObject) => return Ok((None, 1)),
            Err(trouble) => return Err(trouble),
        };
        Ok((Some(Arc::new(said)), 1))
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
