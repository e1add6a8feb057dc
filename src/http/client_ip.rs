//! Client address behind trusted proxies: reads `X-Forwarded-For` from right to left, up to the first address that is
//! not a trusted proxy.

use std::{net::IpAddr, str::FromStr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The header in which proxies send the client's address.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// An address, or a network such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// Error for text that is not a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address, or a network such as 10.0.0.0/8")]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| address()).map(Self).map_err(|_| InvalidNetwork)
    }
}

impl Network {
    /// Returns whether the network contains every address.
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        self.0.prefix_len() == 0
    }
}

/// Returns whether one of the networks contains the address.
pub(super) fn any_contains(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.0.contains(&address))
}

/// Returns the client's address: the peer's, or, if the peer is a trusted proxy, the last address in `X-Forwarded-For`
/// that is not one. The header of any other peer is ignored.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_proxy = |address: IpAddr| any_contains(proxies, address);
    let mut address = peer.to_canonical();
    let forwarded =
        headers.get_all(FORWARDED_FOR).iter().flat_map(|value| value.to_str().unwrap_or_default().split(','));
    let mut forwarded: Vec<_> = forwarded.collect();
    while is_proxy(address) {
        // Without a valid entry, the proxy's own address is used.
        let Some(next) = forwarded.pop().and_then(parse) else { break };
        address = next;
    }
    address
}

/// Returns whether a peer that is not a trusted proxy sends the header.
pub(super) fn has_untrusted_header(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> bool {
    headers.contains_key(FORWARDED_FOR) && !any_contains(proxies, peer.to_canonical())
}

/// Parses an address with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(address, _)| address);
    let address: Option<IpAddr> = bare.parse().ok();
    let with_port = || bare.parse::<std::net::SocketAddrV4>().ok().map(|address| IpAddr::V4(*address.ip()));
    address.or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().expect("a network")
    }

    fn source_of(peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for forwarded in forwarded {
            headers.append(HeaderName::from_static(FORWARDED_FOR), HeaderValue::from_static(forwarded));
        }
        let proxies = [network("10.0.0.0/8"), network("2001:db8::/32"), network("192.0.2.7")];
        client_address(peer.parse().expect("an address"), &headers, &proxies).to_string()
    }

    #[test]
    fn a_network_has_what_begins_alike() {
        for (text, address, has) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
        ] {
            assert_eq!(any_contains(&[network(text)], address.parse().expect("an address")), has, "{text} {address}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "2001:db8::/129", "10.0.0.0/x", "example.org", "10.0.0.0/-1"] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxy() {
        let cases: [(&str, &str, &[&'static str], &str); 14] = [
            ("an unknown peer may not forward", "203.0.113.1", &["198.51.100.1"], "203.0.113.1"),
            ("an IPv4 address within IPv6", "::ffff:203.0.113.1", &[], "203.0.113.1"),
            ("a proxy forwards", "10.0.0.1", &["203.0.113.1"], "203.0.113.1"),
            ("a client forges an address", "10.0.0.1", &["198.51.100.1, 203.0.113.1"], "203.0.113.1"),
            ("two proxies", "10.0.0.1", &["198.51.100.1, 203.0.113.1, 10.9.9.9"], "203.0.113.1"),
            ("two headers", "192.0.2.7", &["198.51.100.1", "203.0.113.1,10.9.9.9"], "203.0.113.1"),
            ("a proxy's IPv4 address within IPv6", "::ffff:10.0.0.1", &["2001:db9::1"], "2001:db9::1"),
            ("a port", "10.0.0.1", &["203.0.113.1:4711"], "203.0.113.1"),
            ("a port after an IPv6 address", "10.0.0.1", &["[2001:db9::1]:4711"], "2001:db9::1"),
            ("no header", "10.0.0.1", &[], "10.0.0.1"),
            ("an empty header", "10.0.0.1", &[""], "10.0.0.1"),
            ("no address", "10.0.0.1", &["unknown"], "10.0.0.1"),
            ("no address at the end", "10.0.0.1", &["203.0.113.1, nonsense"], "10.0.0.1"),
            ("proxies alone", "10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
        ];
        for (case, peer, forwarded, client) in cases {
            assert_eq!(source_of(peer, forwarded), client, "{case}");
        }
    }
}
