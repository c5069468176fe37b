//! The address of a DNS server, as the configuration writes it.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// The address of a DNS server: `192.0.2.53`, or with a port, `192.0.2.53:5353`, `[::1]:53`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerAddress(pub SocketAddr);

impl ServerAddress {
    /// Reads an address, with port 53 where none is written.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(SocketAddr::new(address, 53)));
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => Ok(Self(address)),
            _ => Err(format!(
                "`{text}` is not the address of a DNS server, such as `9.9.9.9` or `127.0.0.1:5353`"
            )),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.port() == 53 { self.0.ip().fmt(f) } else { self.0.fmt(f) }
    }
}

impl<'de> Deserialize<'de> for ServerAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for ServerAddress {
    fn schema_name() -> Cow<'static, str> {
        "ServerAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The address of a DNS server, with a port unless it is 53.",
            "examples": ["9.9.9.9", "127.0.0.1:5353"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_with_or_without_port() {
        assert_eq!(ServerAddress::parse("9.9.9.9").unwrap().to_string(), "9.9.9.9");
        assert_eq!(ServerAddress::parse("[::1]:5353").unwrap().to_string(), "[::1]:5353");
        for bad in ["", "dns.example.org", "9.9.9.9:0", "9.9.9"] {
            assert!(ServerAddress::parse(bad).is_err(), "{bad}");
        }
    }
}
