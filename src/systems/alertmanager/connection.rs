//! `connections.alertmanager.<name>`: where the members of one Alertmanager are, and who asks.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use crate::model::secret::SecretSource;
use crate::systems::api::{Access, Basic, Credentials};
use crate::systems::net::url::WebUrl;

/// The most members of a cluster.
const MOST_MEMBERS: usize = 9;

/// How one Alertmanager is reached, all of its members.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Connection {
    pub(super) members: Vec<Access>,
}

impl Connection {
    /// The secrets that it reads.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        // All members are asked by the same.
        self.members.iter().take(1).flat_map(Access::secrets).collect()
    }
}

/// How one Alertmanager is reached, all of its members.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AlertmanagerConnection")]
struct Fields {
    /// The URLs of its members, such as `http://alertmanager.monitoring:9093`, each with the path
    /// under which it serves `/api/v2`, where there is one; all members of a cluster, at most nine.
    urls: Vec<WebUrl>,
    /// Where a bearer token is read from, at each question. Default: none.
    bearer: Option<SecretSource>,
    /// A user and password, in place of a token. Default: none.
    basic: Option<Basic>,
    /// PEM certificates of the authorities that sign their certificates. Default: the system's.
    ca: Option<SecretSource>,
}

impl TryFrom<Fields> for Connection {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        let Fields { urls, bearer, basic, ca } = fields;
        if urls.is_empty() || urls.len() > MOST_MEMBERS {
            return Err(format!("`urls` names between one and {MOST_MEMBERS} members"));
        }
        let member = |url: &WebUrl| {
            let (bearer, basic) = (bearer.clone(), basic.clone());
            let credentials = Credentials { bearer, api_key: None, basic };
            Access::new("an Alertmanager", url, credentials, ca.clone())
        };
        Ok(Self { members: urls.iter().map(member).collect::<Result<_, _>>()? })
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
    fn a_cluster_has_members_and_one_credential() {
        let read = |yaml: &str| serde_saphyr::from_str::<Connection>(yaml);
        let two = read("urls: ['http://a:9093', 'https://b/alerts/']\nbearer: { env: T }").unwrap();
        assert_eq!(two.secrets().len(), 1);
        assert_eq!(two.members[1].place(), "https://b/alerts");
        for (bad, told) in [
            ("urls: []", "between one and 9"),
            ("urls: ['http://a?b']", "before any `?`"),
            ("urls: ['http://a']\nca: { file: /a }", "goes with `https:`"),
            ("url: http://a", "unknown field"),
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains(told), "{bad}: {error}");
        }
    }
}
