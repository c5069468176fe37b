//! Whom to ask: a resolver by its address, or our own.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::systems::net::server_address::ServerAddress;

/// The word, and the label, for our own resolver.
const SYSTEM: &str = "system";

/// A resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Our own: those of `connections.net`, else the system's. It is not on trial.
    System,
    /// The one at this address.
    Server(ServerAddress),
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str(SYSTEM),
            Self::Server(server) => server.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Whom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        if text == SYSTEM {
            return Ok(Self::System);
        }
        let server = ServerAddress::parse(&text);
        server.map(Self::Server).map_err(|why| de::Error::custom(format!("{why}, or `{SYSTEM}`")))
    }
}

impl JsonSchema for Whom {
    fn schema_name() -> Cow<'static, str> {
        "Whom".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The address of a DNS server, with a port unless it is 53; or `system`.",
            "examples": [SYSTEM, "9.9.9.9", "127.0.0.1:5353"],
        })
    }
}
