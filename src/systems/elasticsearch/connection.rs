//! `connections.elasticsearch.<name>`: where a cluster is, and who asks.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::model::secret::SecretSource;
use crate::systems::api::{Access, Basic, Credentials};
use crate::systems::net::url::WebUrl;

/// How one cluster of Elasticsearch or OpenSearch is reached.
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

/// How one cluster of Elasticsearch or OpenSearch is reached.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ElasticsearchConnection")]
struct Fields {
    /// Its URL, such as `https://elasticsearch-es-http.databases:9200`.
    url: WebUrl,
    /// A user and password. Default: none.
    basic: Option<Basic>,
    /// Where an API key is read from, at each question, as Elasticsearch encodes it. Default: none.
    api_key: Option<SecretSource>,
    /// Where a bearer token is read from, at each question. Default: none.
    bearer: Option<SecretSource>,
    /// PEM certificates of the authorities that sign its certificate. Default: the system's.
    ca: Option<SecretSource>,
}

impl TryFrom<Fields> for Connection {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let Fields { url, basic, api_key, bearer, ca } = fields;
        let credentials = Credentials { bearer, api_key, basic };
        Ok(Self { access: Access::new("an Elasticsearch", &url, credentials, ca)? })
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
    fn one_credential_is_enough() {
        let read = |yaml: &str| serde_saphyr::from_str::<Connection>(yaml);
        let keyed = read("url: https://e:9200\napi_key: { env: K }\nca: { file: /ca }").unwrap();
        assert_eq!(keyed.secrets().len(), 2);
        let basic = "basic: { username: u, password: { env: P } }";
        let error = read(&format!("url: http://e\napi_key: {{ env: K }}\n{basic}")).unwrap_err();
        assert!(error.to_string().contains("not both"), "{error}");
    }
}
