//! Parameters of `secret_keys`: what is wanted of a value.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

/// The shortest text that is searched for as a placeholder, in bytes: a shorter one would be found
/// in many a random value.
const SHORTEST_PLACEHOLDER: usize = 4;

/// The name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub(super) struct Name(pub(super) String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let whole = edge(text.chars().next()) && edge(text.chars().next_back());
        if !whole || text.len() > 253 || !text.chars().all(plain) {
            return Err(format!("`{text}` is not the name of an object, such as `shop-secrets`"));
        }
        Ok(Self(text))
    }
}

/// What is wanted of the value of a key, beside that it is there, not blank and no placeholder.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wanted {
    /// Whether the key may be absent; where it is there, it is judged all the same.
    pub(super) optional: bool,
    /// The exact length in bytes; of what it decodes to where `decoded` says how.
    pub(super) exactly: Option<usize>,
    /// The least length in bytes; of what it decodes to where `decoded` says how.
    pub(super) at_least: Option<usize>,
    /// How the value is encoded: `base64`, `base64url` (both with or without padding) or `hex`.
    pub(super) decoded: Option<Encoding>,
    /// The value is a URL with a host, such as a connection string.
    pub(super) url: Option<Url>,
    /// The value is a Sentry DSN: `https://<key>@<host>/<project>`.
    pub(super) sentry_dsn: bool,
}

/// How a value is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Encoding {
    /// With `+` and `/`.
    Base64,
    /// With `-` and `_`.
    Base64Url,
    /// Two digits a byte.
    Hex,
}

impl Encoding {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Hex => "hex",
        }
    }
}

/// What is wanted of a URL. Several hosts with commas between them are understood, as `MongoDB` and
/// `PostgreSQL` write them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Url {
    /// The schemes that it may have, such as `postgresql`; any by default.
    pub(super) schemes: Vec<String>,
    /// The least length of the password in it, in bytes as written; without it a URL needs none.
    pub(super) password_at_least: Option<usize>,
}

impl Wanted {
    /// What is wrong between the parameters.
    pub(super) fn flaws(&self, key: &str) -> Vec<String> {
        let Self { optional: _, exactly, at_least, decoded, url, sentry_dsn } = self;
        let mut flaws = Vec::new();
        if exactly.is_some() && at_least.is_some() {
            flaws.push(format!("`keys.{key}` has `exactly` and `at_least`; one of them is enough"));
        }
        if *exactly == Some(0) || *at_least == Some(0) {
            flaws.push(format!("`keys.{key}` wants a length of 0; an empty value never passes"));
        }
        if usize::from(decoded.is_some()) + usize::from(url.is_some()) + usize::from(*sentry_dsn)
            > 1
        {
            flaws.push(format!(
                "`keys.{key}` has more than one of `decoded`, `url` and `sentry_dsn`"
            ));
        }
        flaws
    }

    /// The length that is wanted, in words; none where any will do.
    pub(super) fn length(&self) -> Option<String> {
        let exactly = self.exactly.map(|wanted| format!("exactly {wanted} wanted"));
        exactly.or_else(|| self.at_least.map(|wanted| format!("at least {wanted} wanted")))
    }

    /// Whether a length is as wanted.
    pub(super) fn fits(&self, length: usize) -> bool {
        self.exactly.is_none_or(|wanted| length == wanted)
            && self.at_least.is_none_or(|wanted| length >= wanted)
    }
}

/// Texts that no value may hold, in any case of letters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct Placeholders(pub(super) Vec<Cow<'static, str>>);

impl Default for Placeholders {
    fn default() -> Self {
        let texts = [
            "changeme",
            "change-me",
            "change_me",
            "replaceme",
            "replace-me",
            "replace_me",
            "placeholder",
            "your-",
            "your_",
            "example.com",
            "example.org",
            "generate-with-openssl",
        ];
        Self(texts.into_iter().map(Cow::Borrowed).collect())
    }
}

impl Placeholders {
    /// What is wrong with them.
    pub(super) fn flaw(&self) -> Option<String> {
        let short = self.0.iter().find(|text| text.len() < SHORTEST_PLACEHOLDER)?;
        Some(format!(
            "`placeholders` has `{short}`; shorter than {SHORTEST_PLACEHOLDER} bytes, it would be \
             found in random values"
        ))
    }

    /// The first that stands in `value`.
    pub(super) fn within(&self, value: &[u8]) -> Option<usize> {
        self.0.iter().position(|text| holds(value, text.as_bytes()))
    }
}

/// Whether `text` stands in `value`, in any case of ASCII letters; nothing is copied.
fn holds(value: &[u8], text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else { return false };
    value.windows(text.len()).any(|window| {
        window.split_first().is_some_and(|(begins, ends)| {
            begins.eq_ignore_ascii_case(first) && ends.eq_ignore_ascii_case(rest)
        })
    })
}
