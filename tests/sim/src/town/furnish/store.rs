//! The object store: the ten buckets, closed to strangers and encrypted.

use crate::s3::{Kept, MONGODB_BUCKET, POSTGRES_BUCKET, Settings};
use crate::town::Town;

/// The application's buckets.
pub(in crate::town) const BUCKETS: [&str; 8] = [
    "trackdechets",
    "trackdechets-registry-errors",
    "trackdechets-registry-imports",
    "trackdechets-registry-exports",
    "trackdechets-texs-analysis",
    "trackdechets-registry-models",
    "trackdechets-registry-exhaustive-exports",
    "trackdechets-bsd-templates",
];

/// What a bucket of the town says of itself.
pub(in crate::town) fn closed() -> Settings {
    Settings { encryption: Some("AES256"), versioning: Some("Enabled"), ..Settings::default() }
}

impl Town {
    pub(in crate::town) fn fill_store(&self) {
        for bucket in BUCKETS.into_iter().chain([POSTGRES_BUCKET, MONGODB_BUCKET]) {
            self.furnish_bucket(bucket);
        }
    }

    /// Makes a bucket with its settings; its objects are encrypted by the store.
    pub(in crate::town) fn furnish_bucket(&self, bucket: &str) {
        self.s3.set(bucket, closed());
        self.s3.encrypt(bucket, "", Kept::ByStore);
    }
}
