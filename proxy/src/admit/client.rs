//! Who the client is: the peer itself, or whom trusted proxies say they speak for.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use ipnet::{IpNet, Ipv4Net};

/// Proxies in one chain at most; what stands further left is not looked at.
const LONGEST_CHAIN: usize = 64;

/// The client of a request, from the values of its `X-Forwarded-For` headers in the order received.
///
/// Only a trusted peer is believed. The list is walked from the right, where the peer wrote: each trusted address
/// vouches for the next one to the left, and the first that is not trusted is the client. An element that is not an
/// address ends the walk at the last good one, because nobody vouches for what stands left of it. nginx's
/// `real_ip_recursive on` does the same. If all are trusted, the leftmost is the client.
pub fn client_of<'a>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &Networks,
) -> IpAddr {
    let mut client = peer.to_canonical();
    let elements = forwarded_for
        .rev()
        .flat_map(|value| value.rsplit(|byte| *byte == b','))
        .take(LONGEST_CHAIN);
    for element in elements {
        if !trusted.contains(client) {
            break;
        }
        match parse_element(element) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]` or `[::1]:567`. An IPv4 address mapped into IPv6 becomes IPv4.
fn parse_element(element: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(element.trim_ascii()).ok()?;
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']');
    if text.contains('%') {
        return None; // a zone, which means something on one machine alone
    }
    let address = if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else if let Ok(address) = text.parse::<SocketAddr>() {
        address.ip()
    } else {
        IpAddr::V6(bracketed()?.parse().ok()?)
    };
    Some(address.to_canonical())
}

/// A set of networks: sorted and free of overlaps, so that a lookup is a binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let after = self.0.partition_point(|net| net.network() <= address);
        let candidate = after.checked_sub(1).and_then(|at| self.0.get(at));
        candidate.is_some_and(|net| net.contains(&address))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        let networks = networks.into_iter().map(to_canonical).collect();
        let mut networks = IpNet::aggregate(&networks);
        networks.sort_unstable_by_key(IpNet::network);
        Self(networks)
    }
}

/// A network within `::ffff:0:0/96` becomes the IPv4 network it stands for, because addresses are compared so.
pub fn to_canonical(network: IpNet) -> IpNet {
    let (IpAddr::V4(address), Some(length)) = (
        network.network().to_canonical(),
        network.prefix_len().checked_sub(96),
    ) else {
        return network;
    };
    match network {
        IpNet::V6(_) => Ipv4Net::new(address, length).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    }
}

/// What limits count a client by: an IPv4 address, or the /64 of an IPv6 one, since that is what one subscriber gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey(IpAddr);

impl ClientKey {
    /// Of IPv6 the network's.
    pub fn address(self) -> IpAddr {
        self.0
    }
}

impl From<IpAddr> for ClientKey {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
        })
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(list: &str) -> Networks {
        list.split_whitespace()
            .map(|net| net.parse().unwrap())
            .collect()
    }

    fn client(peer: &str, values: &[&str]) -> String {
        let trusted = networks("10.0.0.0/8 ::1/128 192.0.2.1/32");
        let values = values.iter().map(|value| value.as_bytes());
        client_of(peer.parse().unwrap(), values, &trusted).to_string()
    }

    #[test]
    fn the_first_address_from_the_right_that_is_not_trusted_is_the_client() {
        let cases: &[(&str, &[&str], &str)] = &[
            ("203.0.113.9", &["1.2.3.4"], "203.0.113.9"),
            ("203.0.113.9", &["10.0.0.1"], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["9.9.9.9, 1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["9.9.9.9,1.2.3.4,10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["9.9.9.9", "1.2.3.4", "10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["1.2.3.4, 10.0.0.3", "10.0.0.2"], "1.2.3.4"),
            // all trusted: the leftmost
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // rubbish ends the walk
            ("10.0.0.1", &["1.2.3.4, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["1.2.3.4,, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["1.2.3.4", ""], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, 300.1.1.1"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, 010.1.1.1"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, 5.6.7.8:"], "10.0.0.1"),
            ("10.0.0.1", &["\"1.2.3.4\""], "10.0.0.1"),
            // forms
            ("10.0.0.1", &["1.2.3.4:567"], "1.2.3.4"),
            ("10.0.0.1", &["\t 1.2.3.4 \t"], "1.2.3.4"),
            ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]:567"], "2001:db8::1"),
            ("10.0.0.1", &["[1.2.3.4]"], "10.0.0.1"),
            ("10.0.0.1", &["[fe80::1%1]"], "10.0.0.1"),
            ("10.0.0.1", &["[fe80::1%1]:567"], "10.0.0.1"),
            ("10.0.0.1", &["::ffff:1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["1.2.3.4, ::ffff:10.0.0.2"], "1.2.3.4"),
            // the peer of a dual-stack socket
            ("::ffff:10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("::ffff:203.0.113.9", &["1.2.3.4"], "203.0.113.9"),
            ("::1", &["1.2.3.4"], "1.2.3.4"),
        ];
        for (peer, values, expected) in cases {
            assert_eq!(client(peer, values), *expected, "{peer} {values:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_end_the_walk() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let values: [&[u8]; 1] = [b"1.2.3.4, \xff"];
        let trusted = networks("10.0.0.0/8");
        assert_eq!(client_of(peer, values.into_iter(), &trusted), peer);
    }

    #[test]
    fn a_chain_longer_than_the_limit_is_cut_there() {
        let chain = "1.2.3.4".to_owned() + &",10.0.0.2".repeat(LONGEST_CHAIN);
        assert_eq!(client("10.0.0.1", &[&chain]), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &[&chain[..7 + 9 * 63]]), "1.2.3.4");
    }

    #[test]
    fn networks_that_overlap_or_touch_are_merged() {
        assert_eq!(
            networks("10.1.0.0/16 10.0.0.0/8 11.0.0.0/8 ::ffff:192.0.2.0/120"),
            networks("10.0.0.0/7 192.0.2.0/24")
        );
    }

    #[test]
    fn a_network_contains_its_first_and_last_address_and_no_more() {
        let set = networks("192.0.2.0/24 10.0.0.0/8 2001:db8::/32 127.0.0.1/32");
        for (address, expected) in [
            ("9.255.255.255", false),
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("192.0.2.255", true),
            ("::ffff:192.0.2.1", true),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
            ("::", false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(set.contains(address), expected, "{address}");
        }
        assert!(!networks("").contains(IpAddr::from([10, 0, 0, 1])));
        assert!(networks("0.0.0.0/0").contains(IpAddr::from([10, 0, 0, 1])));
        assert!(!networks("::/0").contains(IpAddr::from([10, 0, 0, 1])));
    }

    #[test]
    fn ipv6_clients_count_by_64_bits_and_ipv4_clients_whole() {
        for (address, key) in [
            ("1.2.3.4", "1.2.3.4"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(ClientKey::from(address).to_string(), key, "{address}");
        }
    }

    /// An element of a list: of a trusted proxy, of somebody, or no address. Each address stands in one place alone.
    #[derive(Clone, Copy, Debug)]
    enum Element {
        Trusted,
        Stranger,
        Nonsense,
    }

    impl Element {
        fn at(self, place: usize) -> String {
            match self {
                Self::Trusted => format!("10.0.0.{place}"),
                Self::Stranger => format!("203.0.113.{place}"),
                Self::Nonsense => format!("_{place}"),
            }
        }
    }

    fn element() -> impl Strategy<Value = Element> {
        prop_oneof![
            3 => Just(Element::Trusted),
            2 => Just(Element::Stranger),
            1 => Just(Element::Nonsense),
        ]
    }

    proptest! {
        #[test]
        fn the_client_is_never_an_address_left_of_an_untrusted_one(
            peer in prop_oneof![Just("10.1.1.1"), Just("203.0.114.1")],
            list in prop::collection::vec((element(), any::<bool>()), 0..12),
        ) {
            let mut lines = vec![String::new()];
            let all: Vec<String> = list.iter().zip(0..).map(|((it, _), at)| it.at(at)).collect();
            for (text, (_, is_in_a_line_of_its_own)) in all.iter().zip(&list) {
                match lines.last_mut() {
                    Some(line) if line.is_empty() => line.push_str(text),
                    Some(line) if !is_in_a_line_of_its_own => line.extend([", ", text]),
                    _ => lines.push(text.clone()),
                }
            }
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let found = client(peer, &lines);
            if found != peer {
                let place = all.iter().position(|text| *text == found);
                let right = &list[place.expect("somebody the list names") + 1..];
                let vouched = right.iter().all(|(it, _)| matches!(it, Element::Trusted));
                prop_assert!(vouched && peer == "10.1.1.1", "{} by {} of {:?}", found, peer, lines);
            }
        }

        #[test]
        fn a_set_contains_what_any_of_its_networks_contains(
            list in prop::collection::vec((any::<[u8; 4]>(), 0_u8..=32), 0..12),
            addresses in prop::collection::vec(any::<[u8; 4]>(), 0..20),
        ) {
            let nets: Vec<IpNet> = list
                .iter()
                .map(|(octets, length)| IpNet::new(IpAddr::from(*octets), *length).unwrap())
                .collect();
            let set: Networks = nets.iter().copied().collect();
            let first = list.iter().map(|(octets, _)| *octets);
            for octets in addresses.into_iter().chain(first) {
                let address = IpAddr::from(octets);
                let expected = nets.iter().any(|net| net.contains(&address));
                prop_assert_eq!(set.contains(address), expected, "{}", address);
            }
        }
    }
}
