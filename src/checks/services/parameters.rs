//! Parameters of `services`, each with its default.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, de};

use crate::model::duration::Period;
use crate::systems::kubernetes::service::ServicePort;

/// What is special about an expected Service.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "ExpectedService")]
pub(super) struct Expected {
    /// Ports that it must have: a number (`443`), a name (`https`), both (`https:443`), each with a
    /// protocol where that matters (`dns:53/UDP`). It may have others.
    pub(super) ports: Vec<PortWish>,
    /// The fewest ready endpoints behind each of its ports, in place of the check's; 0 where none is
    /// due.
    pub(super) min_ready: Option<u32>,
    /// Whether it must be of type `LoadBalancer`; one that is must have an address in any case.
    pub(super) load_balancer: bool,
}

/// The fewest ready endpoints.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct MinReady(pub(super) u32);

impl Default for MinReady {
    fn default() -> Self {
        Self(1)
    }
}

/// How long a load balancer may take.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub(super) struct AddressWithin(pub(super) Period);

impl Default for AddressWithin {
    fn default() -> Self {
        Self(Period::from_secs(300))
    }
}

/// A port as wished for: `443`, `https`, `https:443`, `dns:53/UDP`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PortWish {
    name: Option<String>,
    number: Option<u16>,
    protocol: Option<String>,
}

impl PortWish {
    fn parse(text: &str) -> Result<Self, String> {
        let expected =
            || format!("`{text}` is not a port, such as `443`, `https`, `https:443`, `dns:53/UDP`");
        let (port, protocol) = match text.split_once('/') {
            Some((port, protocol)) => (port, Some(protocol)),
            None => (text, None),
        };
        if protocol.is_some_and(|protocol| !["TCP", "UDP", "SCTP"].contains(&protocol)) {
            return Err(expected());
        }
        let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number > 0);
        let (name, number) = match port.split_once(':') {
            Some((name, port)) => (Some(name), Some(number(port).ok_or_else(expected)?)),
            None if port.starts_with(|c: char| c.is_ascii_digit()) && number(port).is_some() => {
                (None, number(port))
            }
            None => (Some(port), None),
        };
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = |name: &str| {
            !name.is_empty()
                && name.chars().all(word)
                && name.contains(|c: char| c.is_ascii_lowercase())
        };
        if name.is_some_and(|name| !is_name(name)) {
            return Err(expected());
        }
        let own = |text: Option<&str>| text.map(str::to_owned);
        Ok(Self { name: own(name), number, protocol: own(protocol) })
    }

    /// Whether a port is the one.
    pub(super) fn is(&self, port: &ServicePort) -> bool {
        self.name.as_deref().is_none_or(|name| name == &*port.name)
            && self.number.is_none_or(|number| number == port.number)
            && self.protocol.as_deref().is_none_or(|protocol| protocol == &*port.protocol)
    }
}

impl fmt::Display for PortWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number.map(|number| number.to_string());
        let parts: Vec<&str> =
            [self.name.as_deref(), number.as_deref()].into_iter().flatten().collect();
        f.write_str(&parts.join(":"))?;
        self.protocol.as_ref().map_or(Ok(()), |protocol| write!(f, "/{protocol}"))
    }
}

impl<'de> Deserialize<'de> for PortWish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PortVisitor)
    }
}

struct PortVisitor;

impl Visitor<'_> for PortVisitor {
    type Value = PortWish;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a port, such as `443`, `https`, `https:443`, `dns:53/UDP`")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<PortWish, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<PortWish, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PortWish, E> {
        PortWish::parse(text).map_err(E::custom)
    }
}

impl JsonSchema for PortWish {
    fn schema_name() -> Cow<'static, str> {
        "PortWish".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "description": "A port: `443`, `https`, `https:443`, `dns:53/UDP`.",
            "examples": [443, "https", "https:443", "dns:53/UDP"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_names_or_both_with_or_without_a_protocol() {
        let port = ServicePort { name: "dns".into(), number: 53, protocol: "UDP".into() };
        for (text, is) in [
            ("53", true),
            ("dns", true),
            ("dns:53", true),
            ("dns:53/UDP", true),
            ("53/TCP", false),
            ("dns-tcp", false),
            ("dns:54", false),
        ] {
            let wish: PortWish = serde_saphyr::from_str(text).unwrap();
            assert_eq!(wish.is(&port), is, "{text}");
            assert_eq!(wish.to_string(), text);
        }
        for bad in ["0", "-1", "70000", "''", "a:b", "HTTP", "80/http", ":80", "3.5", "[80]"] {
            assert!(serde_saphyr::from_str::<PortWish>(bad).is_err(), "{bad}");
        }
    }
}
