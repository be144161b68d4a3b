//! Writes small databases in the format of `MaxMind`, version 2.0: a binary tree, the data it leads to, and what describes both.

use ipnet::IpNet;

/// With room for IPv4 alone, or for both.
pub(crate) const V4: u16 = 4;
pub(crate) const V6: u16 = 6;

/// Between the data and what describes it.
pub(crate) const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// Where a side of a node leads.
#[derive(Clone, Copy)]
enum To {
    Nothing,
    Node(usize),
    /// The record of this place in the list.
    Record(usize),
}

/// A database of these networks and the codes of their countries; of those that hold each other the longest counts.
pub(crate) fn write(networks: &[(&str, &str)], version: u16, record_size: u16) -> Vec<u8> {
    write_with(
        networks,
        version,
        record_size,
        ["country", "iso_code"],
        "Test-Country",
    )
}

/// As [`write()`], with each code under these two keys.
pub(crate) fn write_with(
    networks: &[(&str, &str)],
    version: u16,
    record_size: u16,
    keys: [&str; 2],
    database_type: &str,
) -> Vec<u8> {
    let mut sorted: Vec<(IpNet, &str)> = networks
        .iter()
        .map(|(network, code)| (network.parse().unwrap(), *code))
        .collect();
    sorted.sort_by_key(|(network, _)| network.prefix_len()); // those that hold others first
    let mut nodes = vec![[To::Nothing; 2]];
    let mut data = Vec::new();
    let mut offsets = Vec::new();
    for (network, code) in sorted {
        offsets.push(data.len());
        map(&mut data, 1);
        text(&mut data, keys[0]);
        map(&mut data, 1);
        text(&mut data, keys[1]);
        text(&mut data, code);
        insert(&mut nodes, &bits(network, version), offsets.len() - 1);
    }
    let count = nodes.len();
    let mut tree = Vec::new();
    for sides in &nodes {
        let [left, right] = sides.map(|to| {
            u32::try_from(match to {
                To::Nothing => count,
                To::Node(node) => node,
                To::Record(record) => count + 16 + offsets[record],
            })
            .unwrap()
        });
        let (left_bytes, right_bytes) = (left.to_be_bytes(), right.to_be_bytes());
        match record_size {
            24 => tree.extend([&left_bytes[1..], &right_bytes[1..]].concat()),
            28 => {
                let middle = (left_bytes[0] << 4) | right_bytes[0];
                tree.extend([&left_bytes[1..], &[middle], &right_bytes[1..]].concat());
            }
            _ => tree.extend([left_bytes, right_bytes].concat()),
        }
    }
    let metadata = metadata(
        u32::try_from(count).unwrap(),
        version,
        record_size,
        database_type,
    );
    [&tree[..], &[0; 16], &data, MARKER, &metadata].concat()
}

/// What describes a database.
pub(crate) fn metadata(nodes: u32, version: u16, record_size: u16, database_type: &str) -> Vec<u8> {
    let mut out = Vec::new();
    map(&mut out, 9);
    for (key, number) in [
        ("binary_format_major_version", 2_u16),
        ("binary_format_minor_version", 0),
        ("ip_version", version),
        ("record_size", record_size),
    ] {
        text(&mut out, key);
        out.push(0b101_00000 | 2); // an unsigned number of two bytes
        out.extend(number.to_be_bytes());
    }
    text(&mut out, "node_count");
    out.push(0b110_00000 | 4); // of four bytes
    out.extend(nodes.to_be_bytes());
    text(&mut out, "build_epoch");
    out.extend([8, 2]); // of eight bytes: an extended type
    out.extend(1_750_000_000_u64.to_be_bytes());
    text(&mut out, "database_type");
    text(&mut out, database_type);
    text(&mut out, "description");
    map(&mut out, 1);
    text(&mut out, "en");
    text(&mut out, "Countries of tests");
    text(&mut out, "languages");
    out.extend([1, 4]); // a list of one: an extended type
    text(&mut out, "en");
    out
}

fn map(out: &mut Vec<u8>, pairs: u8) {
    out.push(0b111_00000 | pairs);
}

/// Shorter than 285 bytes.
fn text(out: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()).unwrap() {
        short @ 0..29 => out.push(0b010_00000 | short),
        long => out.extend([0b010_11101, long - 29]),
    }
    out.extend(text.as_bytes());
}

/// The bits of a prefix. IPv4 stands in `::/96` of a database for both.
fn bits(network: IpNet, version: u16) -> Vec<usize> {
    let (address, length) = match network {
        IpNet::V4(net) if version == V6 => {
            (u128::from(net.network().to_bits()), net.prefix_len() + 96)
        }
        IpNet::V4(net) => (u128::from(net.network().to_bits()) << 96, net.prefix_len()),
        IpNet::V6(net) => (net.network().to_bits(), net.prefix_len()),
    };
    (0..length)
        .map(|at| usize::from(address >> (127 - at) & 1 == 1))
        .collect()
}

fn insert(nodes: &mut Vec<[To; 2]>, bits: &[usize], record: usize) {
    let (last, way) = bits.split_last().unwrap();
    let mut node = 0;
    for side in way {
        node = match nodes[node][*side] {
            To::Node(next) => next,
            before => {
                // What led to a record here leads to it from both sides of the node in its place.
                nodes.push([before; 2]);
                nodes[node][*side] = To::Node(nodes.len() - 1);
                nodes.len() - 1
            }
        };
    }
    nodes[node][*last] = To::Record(record);
}
