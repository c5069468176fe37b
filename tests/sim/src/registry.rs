//! A simulated registry of images, as the OCI distribution specification has it: manifests and
//! configurations, no layers.

use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::net::mill::Issued;
use crate::net::site::{Answer, Site};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A running registry; it stops when dropped.
pub struct Registry {
    site: Site,
}

/// The pieces of an image.
struct Pieces {
    config: Bytes,
    manifest: Bytes,
}

impl Registry {
    /// Starts one over TLS at a free port of 127.0.0.1, with nothing in it.
    ///
    /// # Errors
    /// No port is to be had.
    pub async fn start(certificate: &Issued) -> Result<Self> {
        let site = Site::secure(certificate).await?;
        let version = ("docker-distribution-api-version", "registry/2.0");
        site.answer("/v2/", Answer::new(200, "{}").header(version.0, version.1));
        site.answer("*", missing());
        Ok(Self { site })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.site.address()
    }

    /// Takes an image, built for `linux/amd64`, whose containers run as `user`.
    pub fn push(&self, repository: &str, tag: &str, user: &str) {
        let Pieces { config, manifest } = pieces(repository, tag, user);
        let served = |bytes: &Bytes, kind: &str| {
            Answer::new(200, bytes.clone())
                .header("content-type", kind)
                .header("docker-content-digest", &digest_of(bytes))
        };
        for name in [tag, &digest_of(&manifest)] {
            let path = format!("/v2/{repository}/manifests/{name}");
            self.site.answer(&path, served(&manifest, MANIFEST));
        }
        let path = format!("/v2/{repository}/blobs/{}", digest_of(&config));
        self.site.answer(&path, served(&config, "application/octet-stream"));
    }

    /// Forgets a tag, as a policy of retention does.
    pub fn remove(&self, repository: &str, tag: &str) {
        self.site.answer(&format!("/v2/{repository}/manifests/{tag}"), missing());
    }

    /// Lets a tag name the image that was built for another one.
    pub fn retag(&self, repository: &str, tag: &str, built_as: &str, user: &str) {
        let Pieces { config: _, manifest } = pieces(repository, built_as, user);
        let answer = Answer::new(200, manifest.clone()).header("content-type", MANIFEST);
        let answer = answer.header("docker-content-digest", &digest_of(&manifest));
        self.site.answer(&format!("/v2/{repository}/manifests/{tag}"), answer);
    }

    /// The site below it.
    pub fn site(&self) -> &Site {
        &self.site
    }
}

/// The digest of the image that [`Registry::push`] takes under this tag: what a node reports that
/// pulled it.
pub fn digest(repository: &str, tag: &str, user: &str) -> String {
    digest_of(&pieces(repository, tag, user).manifest)
}

fn pieces(repository: &str, tag: &str, user: &str) -> Pieces {
    let config = bytes(&json!({
        "architecture": "amd64", "os": "linux",
        "config": { "User": user, "Labels": { "org.opencontainers.image.ref.name": tag } },
        "rootfs": { "type": "layers", "diff_ids": [digest_of(repository.as_bytes())] },
        "history": [],
    }));
    let manifest = bytes(&json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": CONFIG, "digest": digest_of(&config), "size": config.len() },
        "layers": [],
    }));
    Pieces { config, manifest }
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn missing() -> Answer {
    let error = json!({ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown" });
    Answer::new(404, json!({ "errors": [error] }).to_string())
        .header("content-type", "application/json")
}
