//! Who asks, by address: the connection's peer, or whom a trusted proxy names in `X-Forwarded-For`.
//!
//! Anybody can write that header, so it counts only where the peer is a configured proxy, and only as far as trusted
//! hands wrote it: from the right, up to the first address that is no trusted proxy.

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// More hops than this nobody has.
const MAX_HOPS: usize = 32;

/// Whom limits are counted for: an IPv4 address, or the /64 of an IPv6 one, since a single customer has all of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Caller(IpAddr);

impl Caller {
    /// The one who asks.
    pub(super) fn of(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Caller {
        Caller::at(client(peer.to_canonical(), headers, proxies))
    }

    fn at(address: IpAddr) -> Caller {
        Caller(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        })
    }
}

fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let trusted = |address: &IpAddr| proxies.iter().any(|net| net.contains(address));
    let mut nearest = peer;
    if !trusted(&peer) {
        return peer;
    }
    let lines: Vec<&str> =
        headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or("")).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    for hop in hops.take(MAX_HOPS) {
        // What can't be read was not written by a proxy that can be trusted: the last one that could be is it.
        let Some(address) = address(hop.trim()) else { return nearest };
        nearest = address;
        if !trusted(&address) {
            return address;
        }
    }
    nearest
}

/// An address; some proxies add a port, or brackets.
fn address(text: &str) -> Option<IpAddr> {
    let parsed =
        text.parse::<IpAddr>().or_else(|_| text.parse::<std::net::SocketAddr>().map(|full| full.ip()));
    let parsed = parsed.or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>());
    parsed.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let proxies: Vec<IpNet> = proxies.iter().map(|net| net.parse().unwrap()).collect();
        Caller::of(peer.parse().unwrap(), &headers, &proxies).0.to_string()
    }

    #[test]
    fn the_header_of_a_stranger_says_nothing() {
        assert_eq!(of("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(of("203.0.113.9", &["198.51.100.1"], &["127.0.0.0/8"]), "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        let proxies = ["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(of("127.0.0.1", &["198.51.100.1"], &proxies), "198.51.100.1");
        assert_eq!(of("127.0.0.1", &["198.51.100.1, 10.1.2.3"], &proxies), "198.51.100.1");
        assert_eq!(of("127.0.0.1", &["198.51.100.1", "10.1.2.3"], &proxies), "198.51.100.1");
        assert_eq!(of("127.0.0.1", &["198.51.100.1:4711"], &proxies), "198.51.100.1");
        assert_eq!(of("127.0.0.1", &["[2001:db8:1:2:3::1]:4711"], &proxies), "2001:db8:1:2::");
        assert_eq!(of("127.0.0.1", &["[2001:db8:1:2:3::1]"], &proxies), "2001:db8:1:2::");
        assert_eq!(of("::ffff:127.0.0.1", &["::ffff:198.51.100.1"], &proxies), "198.51.100.1");
    }

    #[test]
    fn what_the_client_itself_wrote_does_not_count() {
        // The client sent "1.2.3.4"; the proxy added where it came from.
        assert_eq!(of("127.0.0.1", &["1.2.3.4, 198.51.100.1"], &["127.0.0.1/32"]), "198.51.100.1");
        assert_eq!(of("127.0.0.1", &["1.2.3.4", "198.51.100.1"], &["127.0.0.1/32"]), "198.51.100.1");
    }

    #[test]
    fn without_a_readable_address_it_is_the_nearest_that_was() {
        for bad in ["", "unknown", "1.2.3", "a, ", &"127.0.0.1,".repeat(100)] {
            assert_eq!(of("127.0.0.1", &[bad], &["127.0.0.0/8"]), "127.0.0.1", "{bad}");
        }
        assert_eq!(of("127.0.0.1", &[], &["127.0.0.0/8"]), "127.0.0.1");
        assert_eq!(of("127.0.0.1", &["x, 127.0.0.2"], &["127.0.0.0/8"]), "127.0.0.2");
    }

    #[test]
    fn an_ipv6_customer_is_one_caller() {
        assert_eq!(of("2001:db8:1:2:3:4:5:6", &[], &[]), of("2001:db8:1:2::9", &[], &[]));
        assert_ne!(of("2001:db8:1:2::9", &[], &[]), of("2001:db8:1:3::9", &[], &[]));
    }
}
