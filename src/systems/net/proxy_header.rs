//! The PROXY protocol's header: what a load balancer writes first, so that the server behind it
//! learns who is calling.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Deserialize;

/// A version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProxyProtocol {
    /// One line of text.
    V1,
    /// Binary.
    V2,
}

/// What every header of version 2 begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

impl ProxyProtocol {
    /// The header of a connection from `source` to `destination`.
    pub fn header(self, source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
        let (from, to) = same_family(source.ip(), destination.ip());
        match self {
            Self::V1 => {
                let family = if from.is_ipv4() { "TCP4" } else { "TCP6" };
                let (from_port, to_port) = (source.port(), destination.port());
                format!("PROXY {family} {from} {to} {from_port} {to_port}\r\n").into_bytes()
            }
            Self::V2 => {
                let mut addresses = octets(from);
                addresses.extend(octets(to));
                addresses.extend(source.port().to_be_bytes());
                addresses.extend(destination.port().to_be_bytes());
                let mut header = SIGNATURE.to_vec();
                header.push(0x21); // version 2, on behalf of a client
                header.push(if from.is_ipv4() { 0x11 } else { 0x21 }); // TCP over IPv4 or IPv6
                header.extend(u16::try_from(addresses.len()).unwrap_or(u16::MAX).to_be_bytes());
                header.extend(addresses);
                header
            }
        }
    }
}

/// A header names one family: addresses are unmapped where both can be, else mapped.
fn same_family(from: IpAddr, to: IpAddr) -> (IpAddr, IpAddr) {
    match (from.to_canonical(), to.to_canonical()) {
        (IpAddr::V4(from), IpAddr::V6(to)) => (from.to_ipv6_mapped().into(), to.into()),
        (IpAddr::V6(from), IpAddr::V4(to)) => (from.into(), to.to_ipv6_mapped().into()),
        same => same,
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_is_one_line() {
        let header = ProxyProtocol::V1
            .header("192.0.2.1:4711".parse().unwrap(), "198.51.100.2:443".parse().unwrap());
        assert_eq!(header, b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n");
        let header = ProxyProtocol::V1
            .header("[2001:db8::1]:1".parse().unwrap(), "[2001:db8::2]:2".parse().unwrap());
        assert_eq!(header, b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n");
    }

    #[test]
    fn the_second_version_is_as_the_specification_lays_it_out() {
        let header = ProxyProtocol::V2
            .header("192.0.2.1:4711".parse().unwrap(), "198.51.100.2:443".parse().unwrap());
        let mut expected = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        expected.extend([192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x67, 0x01, 0xbb]);
        assert_eq!(header, expected);
        let header =
            ProxyProtocol::V2.header("[::1]:1".parse().unwrap(), "[::1]:2".parse().unwrap());
        assert_eq!(header.len(), 16 + 36);
    }
}
