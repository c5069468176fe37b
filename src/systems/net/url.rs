//! URLs of endpoints: `http` or `https`, without a user or password in them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use url::{Host, Url};

use crate::model::host_port::HostPort;

/// A URL that can be fetched: `http` or `https`, with a host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebUrl(Url);

impl WebUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// A sentence that says what was expected; it does not repeat a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| {
            format!("not a URL such as `https://api.example.org/ping`: {error}")
        })?;
        Self::of(url)
    }

    /// Where `location`, a redirect's target, leads from here.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn join(&self, location: &str) -> Result<Self, String> {
        let onward = self.0.join(location).map_err(|error| format!("not a URL: {error}"))?;
        // Who answers chose the word: it is not repeated.
        if !["http", "https"].contains(&onward.scheme()) {
            return Err("a URL of neither `http:` nor `https:`".to_owned());
        }
        Self::of(onward)
    }

    fn of(url: Url) -> Result<Self, String> {
        if !["http", "https"].contains(&url.scheme()) {
            return Err(format!("`{}:` is neither `http:` nor `https:`", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL with a user or password; put them into a header".to_owned());
        }
        if url.host().is_none() || url.port() == Some(0) {
            return Err("a URL without a host and port to connect to".to_owned());
        }
        Ok(Self(url))
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// Whether it takes TLS.
    pub fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host, an IPv6 address without its brackets.
    pub fn host(&self) -> String {
        match self.0.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        }
    }

    /// Where it connects to.
    pub fn endpoint(&self) -> HostPort {
        let port =
            self.0.port_or_known_default().unwrap_or(if self.is_secure() { 443 } else { 80 });
        HostPort::new(self.host(), port)
    }

    /// The `Host` header.
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The request's target: path and query.
    pub fn path_and_query(&self) -> String {
        self.0
            .query()
            .map_or_else(|| self.0.path().to_owned(), |query| format!("{}?{query}", self.0.path()))
    }

    /// Whether it has a query, which may hold what is not to be shown.
    pub fn has_query(&self) -> bool {
        self.0.query().is_some_and(|query| !query.is_empty())
    }

    /// The names and values of its query, in lower case.
    pub fn query_words(&self) -> Vec<String> {
        let words = self.0.query_pairs().flat_map(|(name, value)| [name, value]);
        words.map(|word| word.to_lowercase()).filter(|word| !word.is_empty()).collect()
    }

    /// All of it, for patterns of the configuration; never for sentences or labels.
    pub fn whole(&self) -> &str {
        self.0.as_str()
    }

    /// The same with another parameter in its query.
    pub fn with_parameter(&self, name: &str, value: &str) -> Self {
        let mut url = self.0.clone();
        url.query_pairs_mut().append_pair(name, value);
        Self(url)
    }

    /// Whether both name the same to a server: all but the fragment is equal.
    pub fn same_resource(&self, other: &Self) -> bool {
        self.same_origin(other) && self.path_and_query() == other.path_and_query()
    }

    /// Whether both lie on one scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }
}

/// Without query and fragment, which may hold what is not to be shown.
impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.0.scheme(), self.authority(), self.0.path())
    }
}

impl<'de> Deserialize<'de> for WebUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for WebUrl {
    fn schema_name() -> Cow<'static, str> {
        "WebUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "uri",
            "description": "A URL, `http` or `https`, without a user or password in it.",
            "examples": ["https://api.example.org/ping"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_query() {
        let url = WebUrl::parse("https://api.example.org/ping?token=s3cret#x").unwrap();
        assert_eq!(url.to_string(), "https://api.example.org/ping");
        assert_eq!(url.endpoint().to_string(), "api.example.org:443");
        assert_eq!(url.path_and_query(), "/ping?token=s3cret");
        let six = WebUrl::parse("http://[::1]:8080").unwrap();
        assert_eq!((six.host().as_str(), six.authority().as_str()), ("::1", "[::1]:8080"));
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        let error = WebUrl::parse("https://me:s3cret@example.org/").unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
        for bad in ["ftp://a/", "https://", "example.org", "http://a:0/", ""] {
            assert!(WebUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
