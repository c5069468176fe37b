//! Where a secret is read from: a file, an environment variable, a Kubernetes Secret. Never YAML.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The place of a secret. Reading it is the business of `systems::secrets`, at each use.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretSource {
    /// A file; one trailing line end is left out.
    File(PathBuf),
    /// An environment variable of the daemon.
    Env(String),
    /// A key of a Kubernetes Secret, read by name with one GET, never listed or watched.
    Secret(SecretKey),
}

/// A key of a Kubernetes Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretKey {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name.
    pub name: String,
    /// The key in its `data`.
    pub key: String,
}

impl SecretSource {
    /// The place, for sentences: never the value.
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => format!("file {}", path.display()),
            Self::Env(name) => format!("environment variable {name}"),
            Self::Secret(SecretKey { namespace, name, key }) => {
                format!("key {key} of Secret {namespace}/{name}")
            }
        }
    }
}
