//! How a registry is reached, as configured.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::model::image::parse_host;
use crate::model::secret::SecretSource;

/// How a registry is reached: `connections.registries.<host>`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Connection {
    /// Who asks; nobody in particular by default.
    pub credential: Option<Credential>,
    /// Where the certificates (PEM) are that are trusted instead of the system's.
    pub ca: Option<SecretSource>,
    /// Whether it speaks HTTP without TLS. Default `false`.
    pub plain_http: bool,
}

/// Who asks a registry.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Credential {
    /// A user and a password, or a token in its place.
    Basic {
        /// The user's name.
        username: String,
        /// Where the password is read, at each use.
        password: SecretSource,
    },
    /// Where a `config.json` of Docker is read, at each use: a pull secret's key
    /// `.dockerconfigjson`. What it holds for this registry is used.
    DockerConfig(SecretSource),
}

impl Connection {
    /// The secrets that it reads.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        let Self { credential, ca, plain_http: _ } = self;
        let credential = credential.as_ref().map(|credential| match credential {
            Credential::Basic { username: _, password } => password,
            Credential::DockerConfig(source) => source,
        });
        credential.into_iter().chain(ca).collect()
    }
}

/// A registry, as references to images name it: `ghcr.io`, `docker.io`, `localhost:5000`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(String);

impl RegistryHost {
    /// The registry of this name.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let told = |why| format!("{why}, such as `ghcr.io` or `localhost:5000`");
        parse_host(text).map(Self).map_err(told)
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RegistryHost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for RegistryHost {
    fn schema_name() -> Cow<'static, str> {
        "RegistryHost".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A registry, with a port unless it is the usual one.",
            "examples": ["ghcr.io", "localhost:5000"],
        })
    }
}
