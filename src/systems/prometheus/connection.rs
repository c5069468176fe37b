//! `connections.prometheus.<name>`: where Prometheus is, and who asks.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::model::secret::SecretSource;
use crate::systems::api::{Access, Basic, Credentials};
use crate::systems::net::url::WebUrl;

/// How one Prometheus is reached, or whatever else speaks its query API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Connection {
    pub(super) access: Access,
}

impl Connection {
    /// The secrets that it reads.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        self.access.secrets().collect()
    }
}

/// How one Prometheus is reached, or whatever else speaks its query API.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PrometheusConnection")]
struct Fields {
    /// Its URL, such as `http://prometheus.monitoring:9090`, with the path under which it serves
    /// `/api/v1`, where there is one.
    url: WebUrl,
    /// Where a bearer token is read from, at each query. Default: none.
    bearer: Option<SecretSource>,
    /// A user and password, in place of a token. Default: none.
    basic: Option<Basic>,
    /// PEM certificates of the authorities that sign its certificate. Default: the system's.
    ca: Option<SecretSource>,
}

impl TryFrom<Fields> for Connection {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let Fields { url, bearer, basic, ca } = fields;
        let credentials = Credentials { bearer, api_key: None, basic };
        Ok(Self { access: Access::new("a Prometheus", &url, credentials, ca)? })
    }
}

impl JsonSchema for Connection {
    fn schema_name() -> Cow<'static, str> {
        Fields::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Fields::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_with_or_without_a_path_is_good_and_two_credentials_are_not() {
        let read = |yaml: &str| serde_saphyr::from_str::<Connection>(yaml);
        for (url, endpoint) in [
            ("http://p:9090", "http://p:9090/api/v1/query"),
            ("https://m.example.org/prometheus/", "https://m.example.org/prometheus/api/v1/query"),
        ] {
            let connection = read(&format!("url: {url}")).unwrap();
            assert_eq!(connection.access.url("/api/v1/query").unwrap().whole(), endpoint);
        }
        let basic = "basic: { username: u, password: { env: P } }";
        read(&format!("url: http://p\n{basic}")).unwrap();
        for (bad, told) in [
            (format!("url: http://p\nbearer: {{ env: T }}\n{basic}"), "not both"),
            ("url: http://p/?a=b".to_owned(), "before any `?`"),
            ("url: http://p\nca: { file: /a }".to_owned(), "goes with `https:`"),
            ("url: http://p\nbasic: { username: 'a:b', password: { env: P } }".to_owned(), "`:`"),
            ("url: http://p\ntoken: t".to_owned(), "unknown field"),
            ("bearer: { env: T }".to_owned(), "missing field"),
        ] {
            let error = read(&bad).unwrap_err().to_string();
            assert!(error.contains(told), "{bad}: {error}");
        }
    }
}
