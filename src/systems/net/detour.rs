//! Where to connect instead of where a name leads, for everything that is reached over HTTP or TLS.
//!
//! From inside a cluster the way to its own public names may lead past the load balancer; a rehearsal
//! has something stand in for the real thing. What is asked for, and what certificates must be for,
//! stays what the target says; whoever asks for names (the kind `dns`) is told the truth about them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Net;
use super::dial::Route;
use super::proxy_header::ProxyProtocol;
use crate::model::host_port::HostPort;

/// Where to connect instead of to one target.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Detour {
    /// The target, as `host:port`: `app.example.org:443` for `https://app.example.org`.
    pub target: HostPort,
    /// Where to connect instead.
    pub address: HostPort,
    /// Begins these connections with a PROXY protocol header, as a load balancer would.
    #[serde(default)]
    pub proxy_protocol: Option<ProxyProtocol>,
}

/// All of them; none names the target of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Detour>")]
#[schemars(with = "Vec<Detour>")]
pub struct Detours(Vec<Detour>);

impl TryFrom<Vec<Detour>> for Detours {
    type Error = String;

    fn try_from(all: Vec<Detour>) -> Result<Self, String> {
        for (index, Detour { target, .. }) in all.iter().enumerate() {
            if all[..index].iter().any(|other| same(&other.target, target)) {
                return Err(format!("the target `{target}` is named twice"));
            }
        }
        Ok(Self(all))
    }
}

impl Detours {
    fn of(&self, target: &HostPort) -> Option<&Detour> {
        self.0.iter().find(|detour| same(&detour.target, target))
    }
}

/// Names are the same however their letters are written.
fn same(one: &HostPort, other: &HostPort) -> bool {
    one.port() == other.port() && one.host().eq_ignore_ascii_case(other.host())
}

impl Net {
    /// The route, led elsewhere where the configuration says so of its target. A header that the
    /// route asks for itself stays.
    pub fn led<'a>(&'a self, route: Route<'a>) -> Route<'a> {
        match self.detours.of(route.to) {
            Some(Detour { target: _, address, proxy_protocol }) => {
                let proxy_protocol = route.proxy_protocol.or(*proxy_protocol);
                Route { to: address, proxy_protocol, ..route }
            }
            None => route,
        }
    }

    /// Whether the configuration leads elsewhere who wants to go to `target`.
    pub fn leads_elsewhere(&self, target: &HostPort) -> bool {
        self.detours.of(target).is_some()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::Settings;
    use super::super::dial::Family;
    use super::*;

    fn settings(yaml: &str) -> Result<Settings, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn a_target_is_led_elsewhere_and_its_neighbours_are_not() {
        let settings = settings(
            "connect_to:\n  - { target: 'app.test:443', address: '127.0.0.1:8443', proxy_protocol: v2 }\n",
        );
        let net = Net::new(&settings.unwrap());
        let led = |target: &str| {
            let to = HostPort::parse(target).unwrap();
            let until = Instant::now();
            let route = Route { to: &to, family: Family::Any, proxy_protocol: None, until };
            let Route { to, proxy_protocol, .. } = net.led(route);
            (to.to_string(), proxy_protocol)
        };
        let elsewhere = ("127.0.0.1:8443".to_owned(), Some(ProxyProtocol::V2));
        assert_eq!(led("app.test:443"), elsewhere);
        assert_eq!(led("APP.test:443"), elsewhere);
        for other in ["app.test:80", "www.app.test:443", "127.0.0.1:8443"] {
            assert_eq!(led(other), (other.to_owned(), None));
        }
    }

    #[tokio::test]
    async fn a_header_that_a_check_asks_for_stays() {
        let settings = settings(
            "connect_to: [{ target: 'a.test:1', address: 'b.test:2', proxy_protocol: v2 }]",
        );
        let net = Net::new(&settings.unwrap());
        let to = HostPort::new("a.test", 1);
        let proxy_protocol = Some(ProxyProtocol::V1);
        let route = Route { to: &to, family: Family::Any, proxy_protocol, until: Instant::now() };
        assert_eq!(net.led(route).proxy_protocol, Some(ProxyProtocol::V1));
    }

    #[test]
    fn a_target_is_led_to_one_place() {
        let twice = "connect_to:\n  - { target: 'a.test:1', address: 'b.test:2' }\n  \
                     - { target: 'A.test:1', address: 'c.test:2' }\n";
        let said = settings(twice).unwrap_err();
        assert!(said.contains("the target `A.test:1` is named twice"), "{said}");
        assert!(settings("connect_to: [{ target: 'a.test', address: 'b.test:2' }]").is_err());
    }
}
