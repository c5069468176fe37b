//! Manifests, indexes and configurations of images, as far as they are read.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ImageConfig;

/// What is accepted: single images and indexes, as Docker and as OCI write them.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";
/// Configurations of images; those of other artefacts say nothing of a user.
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
/// Indexes, as Docker and as OCI call them.
const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// The most images of one index that are kept.
const MOST_IMAGES: usize = 200;

/// A manifest, and its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// `sha256:…`, of the very bytes that came.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// What it names.
    pub content: Content,
}

/// What a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One image.
    Image {
        /// Its configuration.
        config: Descriptor,
    },
    /// Images, one a platform.
    Index(Vec<Descriptor>),
}

/// Where content is found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// `sha256:…`
    pub digest: String,
    /// Its media type.
    #[serde(default)]
    pub media_type: String,
    /// Its length, in bytes.
    pub size: u64,
    /// For what it is built, in an index.
    #[serde(default)]
    pub platform: Option<Platform>,
}

/// What an image is built for: `linux/amd64`, `linux/arm64`, `linux/arm/v7`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    /// Reads `linux/amd64`.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let plain = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(plain) {
            return Err(format!("`{text}` is not a platform, such as `linux/amd64`"));
        }
        Ok(Self {
            os: parts[0].to_owned(),
            architecture: parts[1].to_owned(),
            variant: parts.get(2).map(|part| (*part).to_owned()),
        })
    }

    /// Whether an image of `other` serves; a variant counts only where one is asked for.
    pub fn is_met_by(&self, other: Option<&Self>) -> bool {
        let Self { os, architecture, variant } = self;
        other.is_some_and(|other| {
            other.os == *os
                && other.architecture == *architecture
                && (variant.is_none() || other.variant() == self.variant())
        })
    }

    /// Whether an image of `other` may serve, which does not tell its variant.
    pub(super) fn may_be_met_by(&self, other: &Self) -> bool {
        let same = other.os == self.os && other.architecture == self.architecture;
        same && self.variant.is_some() && other.variant().is_none()
    }

    /// Whether it names a system and an architecture; entries that are no images name neither.
    pub(super) fn is_told(&self) -> bool {
        !self.os.is_empty() && !self.architecture.is_empty()
    }

    /// Its variant; that of `arm64` is `v8` where none is named.
    fn variant(&self) -> Option<&str> {
        let default = (self.architecture == "arm64").then_some("v8");
        self.variant.as_deref().filter(|variant| !variant.is_empty()).or(default)
    }
}

/// `linux/amd64`.
impl Default for Platform {
    fn default() -> Self {
        Self { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// In the configuration a word, in an index an object.
impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlatformVisitor)
    }
}

struct PlatformVisitor;

impl<'de> de::Visitor<'de> for PlatformVisitor {
    type Value = Platform;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a platform, such as `linux/amd64`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Platform, E> {
        Platform::parse(text).map_err(E::custom)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Platform, A::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Wire {
            os: String,
            architecture: String,
            variant: Option<String>,
        }
        let wire = Wire::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let Wire { os, architecture, variant } = wire;
        Ok(Platform { os, architecture, variant })
    }
}

impl JsonSchema for Platform {
    fn schema_name() -> Cow<'static, str> {
        "Platform".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "What images are built for.",
            "examples": ["linux/amd64", "linux/arm64"],
        })
    }
}

/// A manifest or an index as it arrives.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema_version: Option<u64>,
    media_type: Option<String>,
    config: Option<Descriptor>,
    manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    /// Reads a body; `told` is the media type that its header names.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(body: &[u8], told: Option<&str>) -> Result<Self, &'static str> {
        let wire: Wire = serde_json::from_slice(body).map_err(|_| "is not a manifest in JSON")?;
        if wire.schema_version != Some(2) {
            return Err("is a manifest of a version that is not read");
        }
        let content = match (wire.config, wire.manifests) {
            (Some(config), None) if is_sha256(&config.digest) => Content::Image { config },
            (None, Some(mut images)) if images.iter().all(|image| is_sha256(&image.digest)) => {
                images.truncate(MOST_IMAGES);
                Content::Index(images)
            }
            _ => return Err("is neither the manifest of an image nor an index"),
        };
        let media_type = wire.media_type.or_else(|| told.map(str::to_owned)).unwrap_or_default();
        Ok(Self { digest: digest_of(body), media_type, content })
    }
}

/// The digest of these bytes.
pub(super) fn digest_of(body: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(body)))
}

fn is_sha256(digest: &str) -> bool {
    let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    digest
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.chars().all(hexadecimal))
}

impl Descriptor {
    /// Whether it is an index, inside of another.
    pub(super) fn is_index(&self) -> bool {
        INDEXES.contains(&self.media_type.as_str())
    }

    /// Whether it is the configuration of an image.
    pub(super) fn is_image_config(&self) -> bool {
        CONFIGS.contains(&self.media_type.as_str())
    }
}

/// A configuration, in the fields that are read.
#[derive(Deserialize)]
pub struct Config {
    os: Option<String>,
    #[serde(default)]
    architecture: Value,
    #[serde(default)]
    variant: Value,
    #[serde(rename = "config")]
    settings: Option<Settings>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "User")]
    user: Option<String>,
}

impl Config {
    /// The user that a configuration names; empty for none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn user(body: &[u8]) -> Result<String, &'static str> {
        Self::read(body).map(|config| config.user)
    }

    /// What a configuration says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(body: &[u8]) -> Result<ImageConfig, &'static str> {
        let config: Self = serde_json::from_slice(body).map_err(|_| "is not one in JSON")?;
        // Every image's names its system: else this is something else, and says nothing of a user.
        let os = config.os.filter(|os| !os.is_empty()).ok_or("is not that of an image")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let platform = Platform {
            os,
            architecture: text(&config.architecture),
            variant: Some(text(&config.variant)).filter(|variant| !variant.is_empty()),
        };
        let user = config.settings.and_then(|settings| settings.user).unwrap_or_default();
        Ok(ImageConfig { user, platform: Some(platform).filter(Platform::is_told) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn platforms_are_read_from_both_sides() {
        let wanted: Platform = serde_json::from_value(json!("linux/arm64")).unwrap();
        let offered: Platform = serde_json::from_value(
            json!({ "os": "linux", "architecture": "arm64", "variant": "v8" }),
        )
        .unwrap();
        assert!(wanted.is_met_by(Some(&offered)));
        assert!(!Platform::parse("linux/arm64/v7").unwrap().is_met_by(Some(&offered)));
        assert!(!wanted.is_met_by(None));
        for bad in ["linux", "linux/", "a/b/c/d", "linux/amd 64"] {
            assert!(Platform::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_configuration_tells_its_platform_or_does_not() {
        let platform = |value: Value| {
            let config = Config::read(value.to_string().as_bytes()).unwrap();
            config.platform.map(|platform| platform.to_string())
        };
        let arm = json!({ "os": "linux", "architecture": "arm", "variant": "v7" });
        assert_eq!(platform(arm).as_deref(), Some("linux/arm/v7"));
        let amd = json!({ "os": "linux", "architecture": "amd64", "variant": 7 });
        assert_eq!(platform(amd).as_deref(), Some("linux/amd64"));
        for untold in [
            json!({ "os": "linux" }),
            json!({ "os": "linux", "architecture": "" }),
            json!({ "os": "linux", "architecture": 7 }),
        ] {
            assert_eq!(platform(untold), None);
        }
    }

    #[test]
    fn a_variant_counts_where_it_is_asked_for() {
        let [arm, v7, arm64, v8] = ["linux/arm", "linux/arm/v7", "linux/arm64", "linux/arm64/v8"]
            .map(|text| Platform::parse(text).unwrap());
        assert!(arm.is_met_by(Some(&v7)) && !v7.is_met_by(Some(&arm)));
        assert!(v7.may_be_met_by(&arm) && !v7.may_be_met_by(&v8));
        assert!(v8.is_met_by(Some(&arm64)) && !v8.may_be_met_by(&arm64));
    }

    #[test]
    fn a_manifest_that_lacks_anything_is_refused() {
        let digest = digest_of(b"");
        let config = json!({ "digest": digest, "size": 2, "mediaType": CONFIGS[0] });
        let whole = json!({ "schemaVersion": 2, "config": config, "layers": [] });
        assert!(Manifest::read(whole.to_string().as_bytes(), None).is_ok());
        for bad in [
            json!([]),
            json!({}),
            json!({ "schemaVersion": 1, "config": config }),
            json!({ "schemaVersion": 2 }),
            json!({ "schemaVersion": 2, "config": {} }),
            json!({ "schemaVersion": 2, "config": { "digest": "sha256:ab", "size": 1 } }),
            json!({ "schemaVersion": 2, "config": { "digest": "../../x", "size": 1 } }),
            json!({ "schemaVersion": 2, "config": config, "manifests": [] }),
            json!({ "schemaVersion": 2, "manifests": [{ "digest": digest }] }),
        ] {
            assert!(Manifest::read(bad.to_string().as_bytes(), None).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_absent_user_is_none_and_an_absent_system_no_image() {
        let user = |value: Value| Config::user(value.to_string().as_bytes());
        assert_eq!(
            user(json!({ "os": "linux", "config": { "User": "1000:0" } })).unwrap(),
            "1000:0"
        );
        assert_eq!(user(json!({ "os": "linux", "config": {} })).unwrap(), "");
        assert_eq!(user(json!({ "os": "linux" })).unwrap(), "");
        for bad in
            [json!({}), json!({ "os": "" }), json!({ "os": "linux", "config": { "User": 7 } })]
        {
            assert!(user(bad).is_err());
        }
    }
}
