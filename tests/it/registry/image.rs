//! Images made of nothing but a manifest and a configuration.

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vigie_sim::net::site::{Answer, Site};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Some bytes that a registry serves, by their digest.
pub struct Stored {
    pub digest: String,
    pub media_type: &'static str,
    pub bytes: Bytes,
}

impl Stored {
    fn new(media_type: &'static str, value: &Value) -> Self {
        Self::raw(media_type, value.to_string().into_bytes())
    }

    pub fn raw(media_type: &'static str, bytes: Vec<u8>) -> Self {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        Self { digest, media_type, bytes: bytes.into() }
    }

    pub fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }

    pub fn answer(&self) -> Answer {
        Answer::new(200, self.bytes.clone()).header("content-type", self.media_type)
    }
}

/// The configuration of an image whose containers run as `user`.
pub fn config(user: &str) -> Stored {
    Stored::new(
        CONFIG,
        &json!({
            "architecture": "amd64", "os": "linux", "config": { "User": user },
            "rootfs": { "type": "layers", "diff_ids": [] },
        }),
    )
}

/// The configuration of an image for this platform, and whatever else.
pub fn config_with(fields: &Value) -> Stored {
    Stored::new(CONFIG, fields)
}

/// The manifest of an image of this configuration.
pub fn manifest(config: &Stored) -> Stored {
    let value = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor(), "layers": [],
    });
    Stored::new(MANIFEST, &value)
}

/// An index of images by their architecture.
pub fn index(images: &[(&str, &Stored)]) -> Stored {
    let entry = |(architecture, manifest): &(&str, &Stored)| {
        let mut descriptor = manifest.descriptor();
        descriptor["platform"] = json!({ "os": "linux", "architecture": architecture });
        descriptor
    };
    let entries: Vec<Value> = images.iter().map(entry).collect();
    let value = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    Stored::new(INDEX, &value)
}

/// Lets a site serve an image under `repository:tag`.
pub fn serve(site: &Site, repository: &str, tag: &str, config: &Stored) -> Stored {
    let manifest = manifest(config);
    for name in [tag, &manifest.digest] {
        site.answer(&format!("/v2/{repository}/manifests/{name}"), manifest.answer());
    }
    site.answer(&format!("/v2/{repository}/blobs/{}", config.digest), config.answer());
    manifest
}
