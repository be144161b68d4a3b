//! Values of addresses, by the most specific network they are in: a binary search, however many networks there are.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::admit::to_canonical;

/// A value for every address. Networks are laid out flat when it is built: as the addresses from which on the value is
/// another, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkMap<V> {
    v4: Ranges<u32, V>,
    v6: Ranges<u128, V>,
}

impl<V: Copy + PartialEq> NetworkMap<V> {
    /// Of several networks that hold an address the longest prefix decides; of a network that stands twice, the last.
    /// `otherwise` is for addresses in none of them.
    ///
    /// IPv4 networks and addresses mapped into IPv6 are taken as IPv4; so `::/0` holds no IPv4 address.
    pub fn new(networks: impl IntoIterator<Item = (IpNet, V)>, otherwise: V) -> Self {
        let networks = networks.into_iter();
        let mut sorted: Vec<_> = networks
            .map(|(net, value)| (to_canonical(net), value))
            .collect();
        // A stable sort, so that the last of equal ones stays the last.
        sorted.sort_by_key(|(network, _)| (network.network(), network.prefix_len()));
        let mut layout = Layout::new(otherwise);
        for (network, value) in sorted {
            layout.add(network, value);
        }
        layout.finish()
    }

    pub fn get(&self, address: IpAddr) -> V {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.get(address.to_bits()),
            IpAddr::V6(address) => self.v6.get(address.to_bits()),
        }
    }
}

/// A [`NetworkMap`] to which networks are added in their order: by address, those that hold others before them.
pub(super) struct Layout<V> {
    v4: Sweep<u32, V>,
    v6: Sweep<u128, V>,
}

impl<V: Copy + PartialEq> Layout<V> {
    pub(super) fn new(otherwise: V) -> Self {
        Self {
            v4: Sweep::new(otherwise),
            v6: Sweep::new(otherwise),
        }
    }

    pub(super) fn add(&mut self, network: IpNet, value: V) {
        match network {
            IpNet::V4(net) => self.v4.add(
                u128::from(net.network().to_bits()),
                u128::from(net.broadcast().to_bits()),
                value,
            ),
            IpNet::V6(net) => {
                self.v6
                    .add(net.network().to_bits(), net.broadcast().to_bits(), value);
            }
        }
    }

    pub(super) fn finish(self) -> NetworkMap<V> {
        NetworkMap {
            v4: self.v4.finish(),
            v6: self.v6.finish(),
        }
    }
}

/// Goes over the addresses of one family from the first to the last.
struct Sweep<A, V> {
    ranges: Ranges<A, V>,
    /// Networks that have begun and not ended, each within the one before: its last address, and its value.
    open: Vec<(u128, V)>,
}

impl<A, V> Sweep<A, V>
where
    A: Copy + Ord + Default + TryFrom<u128>,
    V: Copy + PartialEq,
{
    fn new(otherwise: V) -> Self {
        Self {
            ranges: Ranges {
                otherwise,
                first: otherwise,
                starts: Vec::new(),
                landmarks: Vec::new(),
                values: Vec::new(),
            },
            open: Vec::new(),
        }
    }

    fn add(&mut self, first: u128, last: u128, value: V) {
        self.end_before(Some(first));
        self.ranges.begin(first, value);
        self.open.push((last, value));
    }

    /// Ends what ends before this address; `None` lies behind the last one.
    fn end_before(&mut self, next: Option<u128>) {
        while let Some((last, _)) = self.open.last().copied()
            && next.is_none_or(|next| last < next)
        {
            self.open.pop();
            let outer = self
                .open
                .last()
                .map_or(self.ranges.otherwise, |(_, outer)| *outer);
            if let Some(after) = last.checked_add(1) {
                self.ranges.begin(after, outer);
            }
        }
    }

    fn finish(mut self) -> Ranges<A, V> {
        self.end_before(None);
        let Ranges {
            starts,
            landmarks,
            values,
            ..
        } = &mut self.ranges;
        starts.shrink_to_fit();
        values.shrink_to_fit();
        landmarks.extend(starts.iter().step_by(STRIDE));
        self.ranges
    }
}

const STRIDE: usize = 64;

/// The addresses of one family, in stretches of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ranges<A, V> {
    otherwise: V,
    /// The value before the first start.
    first: V,
    /// Where another value begins, ascending.
    starts: Vec<A>,
    /// Every [`STRIDE`]th start: few enough for the processor's cache, so that a search among millions of starts waits for
    /// memory once or twice, not at each step.
    landmarks: Vec<A>,
    /// The value from the start at the same place on.
    values: Vec<V>,
}

impl<A, V> Ranges<A, V>
where
    A: Copy + Ord + Default + TryFrom<u128>,
    V: Copy + PartialEq,
{
    fn get(&self, address: A) -> V {
        let passed = self.landmarks.partition_point(|start| *start <= address);
        let from = passed.saturating_sub(1) * STRIDE;
        let to = self.starts.len().min(from + STRIDE);
        let near = self.starts.get(from..to).unwrap_or_default();
        let at = (from + near.partition_point(|start| *start <= address)).checked_sub(1);
        at.and_then(|at| self.values.get(at))
            .copied()
            .unwrap_or(self.first)
    }

    /// From `start` on there is this value; what was said of `start` itself before counts no longer.
    fn begin(&mut self, start: u128, value: V) {
        let Ok(start) = A::try_from(start) else {
            return; // behind the last address of the family
        };
        if start == A::default() {
            self.first = value;
            return;
        }
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.values.pop();
        }
        if self.values.last().copied().unwrap_or(self.first) != value {
            self.starts.push(start);
            self.values.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn map(networks: &[(&str, u8)]) -> NetworkMap<u8> {
        NetworkMap::new(networks.iter().map(|(text, value)| (net(text), *value)), 0)
    }

    #[test]
    fn the_longest_prefix_decides_whatever_the_order() {
        let networks = [
            ("10.1.0.0/16", 2),
            ("0.0.0.0/0", 9),
            ("10.0.0.0/8", 1),
            ("10.1.2.3/32", 3),
            ("10.1.255.0/24", 4),
            ("255.255.255.255/32", 5),
            ("::ffff:192.0.2.0/120", 6),
            ("2001:db8::/32", 7),
            ("2001:db8::1/128", 8),
        ];
        let mut backwards = networks;
        backwards.reverse();
        for map in [map(&networks), map(&backwards)] {
            for (address, value) in [
                ("0.0.0.0", 9),
                ("9.255.255.255", 9),
                ("10.0.0.0", 1),
                ("10.0.255.255", 1),
                ("10.1.0.0", 2),
                ("10.1.2.2", 2),
                ("10.1.2.3", 3),
                ("10.1.2.4", 2),
                ("10.1.255.255", 4),
                ("10.2.0.0", 1),
                ("11.0.0.0", 9),
                ("192.0.2.7", 6),
                ("::ffff:10.1.2.3", 3),
                ("255.255.255.254", 9),
                ("255.255.255.255", 5),
                ("::", 0),
                ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", 0),
                ("2001:db8::", 7),
                ("2001:db8::1", 8),
                ("2001:db8::2", 7),
                ("2001:db9::", 0),
                ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0),
            ] {
                assert_eq!(map.get(address.parse().unwrap()), value, "{address}");
            }
        }
    }

    #[test]
    fn of_a_network_that_stands_twice_the_last_counts() {
        let one = map(&[("10.0.0.0/8", 1), ("10.0.0.0/8", 2)]);
        assert_eq!(one.get(IpAddr::from([10, 0, 0, 0])), 2);
        assert_eq!(one.get(IpAddr::from([11, 0, 0, 0])), 0);
        let whole = map(&[("::/0", 1), ("::/0", 2), ("0.0.0.0/0", 3)]);
        assert_eq!(whole.get("::".parse().unwrap()), 2);
        assert_eq!(whole.get(IpAddr::from([255; 4])), 3);
    }

    #[test]
    fn neighbours_of_one_value_take_one_place() {
        let halves = map(&[("10.0.0.0/9", 1), ("10.128.0.0/9", 1), ("10.3.0.0/16", 1)]);
        assert_eq!(halves, map(&[("10.0.0.0/8", 1)]));
        assert_eq!(halves.v4.starts.len(), 2);
        assert_eq!(map(&[("10.0.0.0/8", 0)]).v4.starts.len(), 0);
    }

    /// Networks close together, so that they hold each other.
    fn networks() -> impl Strategy<Value = Vec<(IpNet, u8)>> {
        let v4 = (any::<[bool; 4]>(), 0_u8..=32).prop_map(|(bits, length)| {
            let octets = bits.map(|bit| if bit { 255 } else { 0 });
            IpNet::new(IpAddr::from(octets), length).unwrap()
        });
        let v6 = (any::<[bool; 8]>(), 0_u8..=128).prop_map(|(bits, length)| {
            let groups = bits.map(|bit| if bit { 0xffff } else { 0 });
            IpNet::new(IpAddr::from(groups), length).unwrap()
        });
        let any_v4 = (any::<[u8; 4]>(), 0_u8..=32)
            .prop_map(|(octets, length)| IpNet::new(IpAddr::from(octets), length).unwrap());
        prop::collection::vec((prop_oneof![v4, v6, any_v4], 1_u8..4), 0..24)
    }

    proptest! {
        #[test]
        fn it_finds_what_a_look_at_every_network_finds(
            networks in networks(),
            others in prop::collection::vec(any::<IpAddr>(), 0..8),
        ) {
            let map = NetworkMap::new(networks.iter().copied(), 0);
            let edges = networks.iter().flat_map(|(network, _)| {
                let (first, last) = (network.network(), network.broadcast());
                [Some(first), Some(last), before(first), after(last)]
            });
            for address in edges.flatten().chain(others) {
                let canonical = address.to_canonical();
                let expected = networks
                    .iter()
                    .map(|(network, value)| (to_canonical(*network), value))
                    .filter(|(network, _)| network.contains(&canonical))
                    .max_by_key(|(network, _)| network.prefix_len())
                    .map_or(0, |(_, value)| *value);
                prop_assert_eq!(map.get(address), expected, "{}", address);
            }
        }
    }

    #[test]
    fn many_networks_are_found_as_few_are() {
        let address = |at: u32| IpAddr::from((at * 4096).to_be_bytes());
        let networks = (1..1000).map(|at| (IpNet::from(address(at)), at));
        let map = NetworkMap::new(networks, 0);
        for at in 1..1000 {
            assert_eq!(map.get(address(at)), at);
            assert_eq!(map.get(before(address(at)).unwrap()), 0);
            assert_eq!(map.get(after(address(at)).unwrap()), 0);
        }
    }

    fn before(address: IpAddr) -> Option<IpAddr> {
        Some(match address {
            IpAddr::V4(address) => IpAddr::V4(address.to_bits().checked_sub(1)?.into()),
            IpAddr::V6(address) => IpAddr::V6(address.to_bits().checked_sub(1)?.into()),
        })
    }

    fn after(address: IpAddr) -> Option<IpAddr> {
        Some(match address {
            IpAddr::V4(address) => IpAddr::V4(address.to_bits().checked_add(1)?.into()),
            IpAddr::V6(address) => IpAddr::V6(address.to_bits().checked_add(1)?.into()),
        })
    }
}
