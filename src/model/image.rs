//! Image references, as Docker and Kubernetes read them: `ghcr.io/shop/api:1.4@sha256:…`.
//!
//! What is left out stands for Docker Hub: `nginx` is `docker.io/library/nginx`. A tag that is left
//! out stays none here, so that whoever asks can tell it from a written `latest`.

use std::fmt;

/// Docker Hub, as references name it.
pub const DOCKER_HUB: &str = "docker.io";
/// The longest name that is accepted, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest tag, in bytes.
const LONGEST_TAG: usize = 128;

/// A reference to an image, in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageName {
    /// Reads a reference.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(parse_digest(digest)?)),
            None => (text, None),
        };
        let slash = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[slash..].split_once(':') {
            Some((_, tag)) => (&rest[..rest.len() - tag.len() - 1], Some(parse_tag(tag)?)),
            None => (rest, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, path)) if is_host(first) => (parse_host(first)?, path.to_owned()),
            Some(_) | None => (DOCKER_HUB.to_owned(), name.to_owned()),
        };
        let repository = if registry == DOCKER_HUB && !repository.contains('/') {
            check_path(&repository)?;
            format!("library/{repository}")
        } else {
            repository
        };
        check_path(&repository)?;
        if registry.len() + 1 + repository.len() > LONGEST_NAME {
            return Err(format!("its name is longer than {LONGEST_NAME} characters"));
        }
        Ok(Self { registry, repository, tag, digest })
    }

    /// The registry, with its port where one is written: `docker.io`, `registry.example.org:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in the registry: `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, where one is written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, where one is written: `sha256:…`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Registry and repository, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The same repository by this digest alone.
    pub fn at(&self, digest: &str) -> Self {
        Self { tag: None, digest: Some(digest.to_owned()), ..self.clone() }
    }

    /// Whether it lies in `place`: a registry, or a registry and the first parts of a path.
    pub fn lies_in(&self, place: &str) -> bool {
        let place = place.trim_end_matches('/');
        let name = self.name();
        name.strip_prefix(place).is_some_and(|rest| rest.starts_with('/') || rest.is_empty())
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Whether the first part of a name is a registry rather than a part of a path.
fn is_host(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':'])
        || first.chars().any(|c| c.is_ascii_uppercase())
}

/// A registry's name as references and the configuration write it, in lower case unless its case alone
/// tells it from a part of a path.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn parse_host(text: &str) -> Result<String, String> {
    let wrong = || format!("`{}` is not a registry", super::judgement::legible(text, 80));
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            address.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (None, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("")))
        }
        None => match text.split_once(':') {
            Some((host, port)) if !port.is_empty() => (Some(host), Some(port)),
            Some(_) => return Err(wrong()),
            None => (Some(text), Some("")),
        },
    };
    let part = |part: &str| {
        let word = |c: char| c.is_ascii_alphanumeric();
        part.starts_with(word) && part.ends_with(word) && part.chars().all(|c| word(c) || c == '-')
    };
    let port_is_right =
        |port: &str| port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0);
    let right =
        host.is_none_or(|host| host.split('.').all(part)) && port.is_some_and(port_is_right);
    if !right {
        return Err(wrong());
    }
    let lower = text.to_ascii_lowercase();
    if lower == "index.docker.io" {
        return Ok(DOCKER_HUB.to_owned());
    }
    // `Shop/api` is in the registry `Shop`; `shop/api` would be on Docker Hub.
    let told_by_case = is_host(text) && !is_host(&lower);
    Ok(if told_by_case { text.to_owned() } else { lower })
}

fn check_path(path: &str) -> Result<(), String> {
    let shown = || super::judgement::legible(path, 80);
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(format!("the repository `{}` must be lower case", shown()));
    }
    let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if path.len() == 64 && path.chars().all(hexadecimal) {
        return Err("64 hexadecimal digits are not a repository".to_owned());
    }
    if path.split('/').all(is_component) {
        Ok(())
    } else {
        Err(format!("`{}` is not a repository", shown()))
    }
}

/// Lower-case words, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(part: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !part.starts_with(word) || !part.ends_with(word) {
        return false;
    }
    part.split(word)
        .filter(|joint| !joint.is_empty())
        .all(|joint| matches!(joint, "." | "_" | "__") || joint.chars().all(|c| c == '-'))
}

fn parse_tag(tag: &str) -> Result<String, String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let right = tag.starts_with(word)
        && tag.len() <= LONGEST_TAG
        && tag.chars().all(|c| word(c) || matches!(c, '.' | '-'));
    if right {
        Ok(tag.to_owned())
    } else {
        Err(format!("`{}` is not a tag", super::judgement::legible(tag, 80)))
    }
}

/// Reads `sha256:` and 64 hexadecimal digits, or another algorithm with at least 32.
fn parse_digest(digest: &str) -> Result<String, String> {
    let wrong = || format!("`{}` is not a digest", super::judgement::legible(digest, 80));
    let (algorithm, hex) = digest.split_once(':').ok_or_else(wrong)?;
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    let length = match algorithm {
        "sha256" => hex.len() == 64,
        "sha384" => hex.len() == 96,
        "sha512" => hex.len() == 128,
        _ => (32..=256).contains(&hex.len()),
    };
    let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if algorithm.split(['+', '.', '_', '-']).all(part) && length && hex.chars().all(hexadecimal) {
        Ok(digest.to_owned())
    } else {
        Err(wrong())
    }
}

/// The digest of what runs, from a container's `imageID`: `docker-pullable://a/b@sha256:…`,
/// `a/b@sha256:…` or `sha256:…` alone. None where it bears no digest.
pub fn running_digest(image_id: &str) -> Option<String> {
    let digest = match image_id.rsplit_once('@') {
        Some((_, digest)) => digest,
        None => image_id.rsplit_once("://").map_or(image_id, |(_, rest)| rest),
    };
    parse_digest(digest).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn references_are_read_as_docker_reads_them() {
        for (text, full) in [
            ("nginx", "docker.io/library/nginx"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("mtes/api", "docker.io/mtes/api"),
            ("index.docker.io/mtes/api:2", "docker.io/mtes/api:2"),
            ("docker.io/nginx", "docker.io/library/nginx"),
            ("localhost/a", "localhost/a"),
            ("localhost:5000/a:b", "localhost:5000/a:b"),
            ("Registry/a/b", "Registry/a/b"),
            ("GHCR.io/shop/api:V1", "ghcr.io/shop/api:V1"),
            ("[::1]:5000/a/b:1", "[::1]:5000/a/b:1"),
            ("a--b/c__d/e.f_g:x", "docker.io/a--b/c__d/e.f_g:x"),
        ] {
            assert_eq!(ImageName::parse(text).unwrap().to_string(), full, "{text}");
        }
        let whole = format!("ghcr.io/shop/api:1@{DIGEST}");
        let image = ImageName::parse(&whole).unwrap();
        assert_eq!(image.to_string(), whole);
        assert_eq!((image.tag(), image.digest()), (Some("1"), Some(DIGEST)));
    }

    #[test]
    fn what_docker_refuses_is_refused() {
        let hex = "0123456789abcdef".repeat(4);
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "ghcr.io/",
            "ghcr.io/Shop/api",
            "shop/API",
            "a:",
            "a:b:c",
            "a@b",
            "a@sha256:12",
            "a:-x",
            "a b",
            "a_-b",
            "a...b",
            "-a",
            "http://a/b",
            "a:5000/",
            "ghcr.io:0/a",
            "ghcr.io:x/a",
            "-.io/a",
            "[::1/a",
            "é",
            &hex,
            &format!("a:{}", "x".repeat(129)),
            &"a/".repeat(200),
        ] {
            assert!(ImageName::parse(bad).is_err(), "{bad}");
        }
        assert!(ImageName::parse("shop/API").unwrap_err().contains("lower case"));
    }

    #[test]
    fn a_place_ends_at_a_slash() {
        let image = ImageName::parse("ghcr.io/mtes-mct/trackdechets/api:1").unwrap();
        for place in ["ghcr.io", "ghcr.io/mtes-mct", "ghcr.io/mtes-mct/"] {
            assert!(image.lies_in(place), "{place}");
        }
        for place in ["ghcr.i", "ghcr.io/mtes", "docker.io"] {
            assert!(!image.lies_in(place), "{place}");
        }
    }

    #[test]
    fn running_images_tell_their_digest_in_several_forms() {
        for id in
            [format!("docker-pullable://a/b@{DIGEST}"), format!("a/b@{DIGEST}"), DIGEST.to_owned()]
        {
            assert_eq!(running_digest(&id).as_deref(), Some(DIGEST), "{id}");
        }
        assert_eq!(running_digest(&format!("docker://{DIGEST}")).as_deref(), Some(DIGEST));
        for id in ["", "a/b:1", "sha256:12"] {
            assert_eq!(running_digest(id), None, "{id}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(image) = ImageName::parse(&text) {
                prop_assert_eq!(ImageName::parse(&image.to_string()), Ok(image));
            }
            running_digest(&text);
        }

        #[test]
        fn what_is_read_reads_the_same_again(
            host in proptest::option::of("[a-z]{1,8}(\\.[a-z0-9]{1,8}){1,2}(:[1-9][0-9]{0,3})?"),
            path in proptest::collection::vec("[a-z0-9]{1,6}([._-][a-z0-9]{1,6}){0,2}", 1..4),
            tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}"),
            pinned in any::<bool>(),
        ) {
            // A dot would make a registry of the first part.
            prop_assume!(host.is_some() || path.len() == 1 || !path[0].contains('.'));
            let mut text = path.join("/");
            if let Some(host) = &host {
                text = format!("{host}/{text}");
            }
            if let Some(tag) = &tag {
                text = format!("{text}:{tag}");
            }
            if pinned {
                text = format!("{text}@{DIGEST}");
            }
            let image = ImageName::parse(&text).unwrap();
            prop_assert_eq!(image.tag(), tag.as_deref());
            prop_assert_eq!(image.digest().is_some(), pinned);
            prop_assert_eq!(ImageName::parse(&image.to_string()).unwrap(), image.clone());
            prop_assert!(image.lies_in(image.registry()));
        }
    }
}
