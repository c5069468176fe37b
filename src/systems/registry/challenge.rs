//! What a registry wants to see before it answers: `WWW-Authenticate` (RFC 9110, RFC 6750).

use std::collections::BTreeMap;

/// The longest header that is read, in bytes.
const LONGEST: usize = 8192;

/// What a registry wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A user and a password.
    Basic,
    /// A token, and where it is to be had.
    Bearer {
        /// Where.
        realm: String,
        /// For which service.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads one header; the first challenge of a known scheme counts.
    pub fn parse(header: &str) -> Option<Self> {
        if header.len() > LONGEST {
            return None;
        }
        let mut rest = header.trim();
        while !rest.is_empty() {
            let (scheme, more) = rest.split_once(' ').unwrap_or((rest, ""));
            let (parameters, after) = parameters(more);
            if scheme.eq_ignore_ascii_case("basic") {
                return Some(Self::Basic);
            }
            if scheme.eq_ignore_ascii_case("bearer") {
                let realm = parameters.get("realm")?.clone();
                return Some(Self::Bearer { realm, service: parameters.get("service").cloned() });
            }
            if after.len() >= rest.len() {
                return None;
            }
            rest = after.trim_start_matches([',', ' ', '\t']);
        }
        None
    }
}

/// Reads `a=b, c="d"` as far as that goes; what is left begins with the next scheme.
fn parameters(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut found = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        let end = rest.find(['=', ' ', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix('=').filter(|_| !name.is_empty()) else {
            return (found, rest);
        };
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = value.find([',', ' ']).unwrap_or(value.len());
                (value[..end].to_owned(), &value[end..])
            }
        };
        found.insert(name.to_ascii_lowercase(), value);
        rest = after;
    }
}

/// The text up to the closing quote, and what follows.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        for (header, challenge) in [
            (
                "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",\
                 scope=\"repository:a/b:pull,push\"",
                Some(bearer("https://auth.docker.io/token", Some("registry.docker.io"))),
            ),
            ("bearer realm=https://a/b , error=\"x\\\"y\"", Some(bearer("https://a/b", None))),
            ("Basic realm=\"Registry, the \\\"good\\\" one\"", Some(Challenge::Basic)),
            ("Negotiate, Basic realm=\"x\"", Some(Challenge::Basic)),
            (
                "Digest realm=\"x\", qop=auth, Bearer realm=\"https://a\"",
                Some(bearer("https://a", None)),
            ),
            ("Bearer service=\"a\"", None),
            ("Negotiate abc", None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(header), challenge, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_not(header in "\\PC{0,60}", tail in "[a-zA-Z=\", \\\\]{0,60}") {
            Challenge::parse(&header);
            Challenge::parse(&format!("Bearer {tail}"));
            Challenge::parse(&tail);
        }
    }
}
