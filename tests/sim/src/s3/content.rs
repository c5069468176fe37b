//! What objects hold, and how they are encrypted.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use jiff::Timestamp;
use s3s::dto::{Metadata, ServerSideEncryption};

use super::{Bucket, Object, Store, locked};

/// How an object is encrypted, as the store tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// By the store with a key of its own.
    ByStore,
    /// By the store with a key of a key management service.
    ByKms,
    /// By whoever wrote it, as its metadata tell.
    ByClient,
}

impl Store {
    /// Puts an object with a content, and its bucket with it.
    pub fn write(&self, bucket: &str, key: &str, content: impl Into<Bytes>, modified: Timestamp) {
        let content: Bytes = content.into();
        self.put(bucket, key, content.len() as u64, modified);
        if let Some(bucket) = locked(&self.held.buckets).get_mut(bucket) {
            bucket.bodies.insert(key.into(), content);
        }
    }

    /// Tells of all objects whose keys begin so that they are encrypted.
    pub fn encrypt(&self, bucket: &str, prefix: &str, kept: Kept) {
        if let Some(bucket) = locked(&self.held.buckets).get_mut(bucket) {
            bucket.kept.push((prefix.to_owned(), kept));
        }
    }
}

impl Bucket {
    /// What changes with an object's content.
    pub(super) fn etag(&self, key: &str) -> String {
        let mut hash = DefaultHasher::new();
        if let Some(Object { size, modified }) = self.objects.get(key) {
            (size, modified.as_second()).hash(&mut hash);
        }
        self.bodies.get(key).hash(&mut hash);
        format!("{:016x}", hash.finish())
    }

    /// How an object is encrypted.
    pub(super) fn kept(&self, key: &str) -> Option<Kept> {
        self.kept.iter().find(|(prefix, _)| key.starts_with(prefix)).map(|(_, kept)| *kept)
    }
}

/// The headers that tell of it.
pub(super) fn told(kept: Option<Kept>) -> (Option<ServerSideEncryption>, Option<Metadata>) {
    let by = |name| (Some(ServerSideEncryption::from_static(name)), None);
    match kept {
        None => (None, None),
        Some(Kept::ByStore) => by(ServerSideEncryption::AES256),
        Some(Kept::ByKms) => by(ServerSideEncryption::AWS_KMS),
        Some(Kept::ByClient) => {
            (None, Some(HashMap::from([("x-amz-key-v2".to_owned(), "a key".to_owned())])))
        }
    }
}
