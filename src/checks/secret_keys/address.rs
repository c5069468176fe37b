//! URLs and DSNs, taken apart where they stand: nothing of a value is copied, and no word of it
//! gets into what is said of it.

/// What is wrong with a value that is to be a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It is not text without blanks.
    NotText,
    /// It does not begin with a scheme and `://`.
    NoScheme,
    /// Its scheme is none of those allowed.
    OtherScheme,
    /// A host is empty, or not one.
    NoHost,
    /// A port is not a number from 1 to 65535.
    NoPort,
    /// There is no user in front of the host, where a key must stand.
    NoUser,
    /// The path does not end in the number of a project.
    NoProject,
}

impl Flaw {
    pub(super) const fn because(self) -> &'static str {
        match self {
            Self::NotText => "it is not a text without blanks",
            Self::NoScheme => "it does not begin with a scheme and `://`",
            Self::OtherScheme => "its scheme is none of those allowed",
            Self::NoHost => "it has no host, or one that is not written as a host",
            Self::NoPort => "its port is not a number from 1 to 65535",
            Self::NoUser => "no key stands in front of its host",
            Self::NoProject => "its path does not end in the number of a project",
        }
    }
}

/// The facts of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The length of its password as written; 0 where there is none.
    pub(super) password: usize,
    /// Whether a host or the password is a word that stands for one.
    pub(super) stands_for_one: bool,
}

/// Words that people leave where a host belongs, and nobody calls a Service.
const HOSTS: [&str; 4] = ["host", "hostname", "domain", "localhost.example"];
/// Domains that never resolve.
const NO_DOMAINS: [&str; 2] = [".example", ".invalid"];
/// Words that people leave where a password belongs.
const PASSWORDS: [&str; 5] = ["password", "passwd", "pass", "secret", "pwd"];

/// A URL in its parts.
struct Parts<'v> {
    scheme: &'v str,
    user: &'v str,
    password: &'v str,
    hosts: &'v str,
    path: &'v str,
}

/// The facts of a URL, whose scheme is one of `schemes` where there are any.
pub(super) fn url(value: &[u8], schemes: &[String]) -> Result<Address, Flaw> {
    let parts = split(value)?;
    if !schemes.is_empty() && !schemes.iter().any(|s| s.eq_ignore_ascii_case(parts.scheme)) {
        return Err(Flaw::OtherScheme);
    }
    facts(&parts)
}

/// The facts of a Sentry DSN.
pub(super) fn sentry_dsn(value: &[u8]) -> Result<Address, Flaw> {
    let parts = split(value)?;
    if !["https", "http"].contains(&parts.scheme) {
        return Err(Flaw::OtherScheme);
    }
    let address = facts(&parts)?;
    if parts.user.is_empty() {
        return Err(Flaw::NoUser);
    }
    let path = parts.path.split(['?', '#']).next().unwrap_or_default();
    let project = path.rsplit('/').next().unwrap_or_default();
    if project.is_empty() || !project.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Flaw::NoProject);
    }
    Ok(address)
}

fn split(value: &[u8]) -> Result<Parts<'_>, Flaw> {
    let text = std::str::from_utf8(value).map_err(|_| Flaw::NotText)?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Flaw::NotText);
    }
    let (scheme, rest) = text.split_once("://").ok_or(Flaw::NoScheme)?;
    let word = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(word) {
        return Err(Flaw::NoScheme);
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (credential, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = credential.split_once(':').unwrap_or((credential, ""));
    Ok(Parts { scheme, user, password, hosts, path })
}

fn facts(parts: &Parts<'_>) -> Result<Address, Flaw> {
    let is = |text: &str, words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let mut stands_for_one = is(parts.password, &PASSWORDS);
    for host in parts.hosts.split(',') {
        let (host, port) = host_and_port(host)?;
        if let Some(port) = port {
            let number: u16 = port.parse().map_err(|_| Flaw::NoPort)?;
            if number == 0 || !port.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Flaw::NoPort);
            }
        }
        let ends = |domain: &&str| {
            let at = host.len().checked_sub(domain.len());
            let end = at.and_then(|at| host.get(at..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(domain))
        };
        stands_for_one |= is(host, &HOSTS) || NO_DOMAINS.iter().any(ends);
    }
    Ok(Address { password: parts.password.len(), stands_for_one })
}

fn host_and_port(text: &str) -> Result<(&str, Option<&str>), Flaw> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or(Flaw::NoHost)?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(Flaw::NoHost);
        }
        let port = match rest {
            "" => None,
            rest => Some(rest.strip_prefix(':').ok_or(Flaw::NoPort)?),
        };
        return Ok((host, port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let plain = |c: char| c.is_alphanumeric() || "-._".contains(c);
    if host.is_empty() || !host.chars().all(plain) || !host.chars().any(char::is_alphanumeric) {
        return Err(Flaw::NoHost);
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn connection_strings_of_all_systems_are_understood() {
        for (text, password) in [
            ("postgresql://shop:s3cr3t@db:5432/shop?schema=public", 6),
            ("postgres://shop:p%40ss@10.0.0.1/shop", 6),
            ("redis://:s3cr3t@rfrm-redis:6379/0", 6),
            ("redis://rfrm-redis", 0),
            ("mongodb://u:s3cr3t@m0:27017,m1:27017,m2/db?replicaSet=rs0", 6),
            ("mongodb+srv://u:s3cr3t@cluster.shop.internal/db\n", 6),
            ("https://elastic:s3cr3t@[fd00::1]:9200", 6),
            ("http://elasticsearch.shop.svc.cluster.local:9200", 0),
        ] {
            let seen = url(text.as_bytes(), &[]);
            assert_eq!(seen, Ok(Address { password, stands_for_one: false }), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_says_what_is_wrong() {
        let schemes = ["postgres".to_owned(), "postgresql".to_owned()];
        for (text, flaw) in [
            (&b"hunter2"[..], Flaw::NoScheme),
            (b"://db", Flaw::NoScheme),
            (b"1p://db", Flaw::NoScheme),
            (b"postgres://", Flaw::NoHost),
            (b"postgres://u:p@", Flaw::NoHost),
            (b"postgres://u:p@/shop", Flaw::NoHost),
            (b"postgres://u:p@:5432/shop", Flaw::NoHost),
            (b"postgres://a,,b/shop", Flaw::NoHost),
            (b"postgres://[fd00::/shop", Flaw::NoHost),
            (b"postgres://<host>/shop", Flaw::NoHost),
            (b"postgres://db:/shop", Flaw::NoPort),
            (b"postgres://db:+1/shop", Flaw::NoPort),
            (b"postgres://db:65536/shop", Flaw::NoPort),
            (b"postgres://db:0", Flaw::NoPort),
            (b"postgres://u:p w@db", Flaw::NotText),
            (b"postgres://\xff", Flaw::NotText),
            (b"mysql://db", Flaw::OtherScheme),
        ] {
            let shown = String::from_utf8_lossy(text);
            assert_eq!(url(text, &schemes), Err(flaw), "{shown}");
        }
        assert!(url(b"POSTGRES://db", &schemes).is_ok());
    }

    #[test]
    fn a_sentry_dsn_has_a_key_a_host_and_a_project() {
        for (text, flaw) in [
            ("https://0a1b2c@sentry.internal/42", None),
            ("https://0a1b2c:old@sentry.internal:8443/path/42", None),
            ("https://sentry.internal/42", Some(Flaw::NoUser)),
            ("https://0a1b2c@sentry.internal", Some(Flaw::NoProject)),
            ("https://0a1b2c@sentry.internal/", Some(Flaw::NoProject)),
            ("https://0a1b2c@sentry.internal/project", Some(Flaw::NoProject)),
            ("ftp://0a1b2c@sentry.internal/42", Some(Flaw::OtherScheme)),
            ("0a1b2c", Some(Flaw::NoScheme)),
        ] {
            assert_eq!(sentry_dsn(text.as_bytes()).err(), flaw, "{text}");
        }
    }

    #[test]
    fn words_that_stand_for_a_host_or_a_password_are_noticed() {
        for text in [
            "postgres://u:x@host:5432/db",
            "postgres://u:x@HOSTNAME/db",
            "postgres://u:x@db.example/db",
            "postgres://u:password@db/shop",
            "mongodb://u:x@m0,host/db",
        ] {
            assert!(url(text.as_bytes(), &[]).unwrap().stands_for_one, "{text}");
        }
        for text in ["postgres://u:x@hosts.internal/db", "http://server:3000"] {
            assert!(!url(text.as_bytes(), &[]).unwrap().stands_for_one, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_value_breaks_it(noise: Vec<u8>, text in "[a-z]{0,4}(://)?[a-z:@,\\[\\]/0-9.é]{0,20}") {
            for value in [&noise[..], text.as_bytes()] {
                let _ = (url(value, &[]).is_ok(), sentry_dsn(value).is_ok());
            }
        }
    }
}
