//! References to images, and what registries answer.

use vigie::model::image::{ImageName, running_digest};
use vigie::systems::registry::challenge::Challenge;
use vigie::systems::registry::{Config, Content, Manifest, Platform};

use super::laws::{hold, is_legible};

/// A reference to an image, and the other names about one.
pub fn image_name(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    if let Some(digest) = running_digest(text) {
        assert!(text.ends_with(&digest) && running_digest(&digest).as_ref() == Some(&digest));
    }
    if let Ok(platform) = Platform::parse(text) {
        assert_eq!(platform.to_string(), text);
        assert!(platform.is_met_by(Some(&platform)));
    }
    let image = match ImageName::parse(text) {
        Ok(image) => image,
        Err(why) => {
            assert!(is_legible(&why, 300), "{why:?}");
            return false;
        }
    };
    assert_eq!(ImageName::parse(&image.to_string()).as_ref(), Ok(&image));
    assert!(image.lies_in(image.registry()) && image.lies_in(&image.name()));
    assert!(image.name().len() <= 255 && image.tag().is_none_or(|tag| tag.len() <= 128));
    assert!(image.digest().is_none_or(|digest| running_digest(digest).as_deref() == Some(digest)));
    true
}

/// A manifest, an index, or the configuration of an image.
pub fn registry_manifest(data: &[u8]) -> bool {
    if let Ok(user) = Config::user(data) {
        hold(data, &user, &["/os"], |bytes| Config::user(bytes).ok());
        return true;
    }
    let Ok(manifest) = Manifest::read(data, Some("told")) else { return false };
    let needs = [
        "/schemaVersion",
        "/config/digest",
        "/config/size",
        "/manifests/0/digest",
        "/manifests/0/size",
    ];
    let read = |bytes: &[u8]| Manifest::read(bytes, Some("told")).ok();
    let told = (manifest.media_type.clone(), manifest.content.clone());
    hold(data, &told, &needs, |bytes| read(bytes).map(|again| (again.media_type, again.content)));
    let is_digest = |digest: &str| running_digest(digest).as_deref() == Some(digest);
    assert!(is_digest(&manifest.digest));
    match &manifest.content {
        Content::Image { config } => assert!(is_digest(&config.digest)),
        Content::Index(images) => {
            assert!(images.len() <= 200 && images.iter().all(|image| is_digest(&image.digest)));
        }
    }
    true
}

/// `WWW-Authenticate`.
pub fn registry_challenge(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    match Challenge::parse(text) {
        Some(Challenge::Bearer { realm, service }) => {
            assert!(text.len() <= 8192 && realm.len() <= text.len());
            let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let mut again = format!("Bearer realm=\"{}\"", quoted(&realm));
            if let Some(service) = &service {
                again.push_str(&format!(", service=\"{}\"", quoted(service)));
            }
            if again.len() <= 8192 {
                assert_eq!(Challenge::parse(&again), Some(Challenge::Bearer { realm, service }));
            }
            true
        }
        Some(Challenge::Basic) => {
            assert!(text.to_ascii_lowercase().contains("basic"));
            true
        }
        None => false,
    }
}
