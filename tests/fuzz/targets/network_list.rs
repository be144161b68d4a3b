//! Files of networks, and who is in them: as a reader in three lines and a look at every network have it.
#![no_main]

use std::net::IpAddr;

use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use simplon::{
    admit::to_canonical,
    policy::{
        NetworkMap,
        access::list::{BadNetwork, LONGEST_LINE, MOST_TOLD, NetworkList},
    },
};

/// With which some editors begin a file.
const MARK: &[u8] = b"\xef\xbb\xbf";

fuzz_target!(|file: &[u8]| {
    if file.starts_with(MARK) {
        return; // it is put before every other
    }
    let lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').collect();
    let read: Vec<_> = lines.iter().map(|line| plainly(line)).collect();
    let wrong: Vec<_> = (1..)
        .zip(&read)
        .filter_map(|(at, read)| Some((at, read.err()?)))
        .collect();
    let parsed = NetworkList::parse(file);
    assert_eq!(NetworkList::parse(&[MARK, file].concat()), parsed);
    match parsed {
        Ok(list) => {
            assert!(wrong.is_empty());
            let networks: Vec<IpNet> = read.into_iter().filter_map(|read| read.ok()?).collect();
            let loose = networks.iter().any(|network| *network != network.trunc());
            assert_eq!(list.loose.is_some(), loose);
            let networks: Vec<_> = networks.iter().map(IpNet::trunc).collect();
            assert_eq!(list.networks, networks);
            assert_found(&networks);
        }
        Err(bad) => {
            let told: Vec<_> = bad.iter().map(|bad| (bad.line, bad.what)).collect();
            assert_eq!(told, wrong[..wrong.len().min(MOST_TOLD)]);
        }
    }
});

/// The network of a line, if it has one.
fn plainly(line: &[u8]) -> Result<Option<IpNet>, BadNetwork> {
    if line.len() > LONGEST_LINE {
        return Err(BadNetwork::TooLong);
    }
    let entry = line
        .split(|byte| b"#;".contains(byte))
        .next()
        .unwrap_or_default();
    let text = String::from_utf8_lossy(entry.trim_ascii());
    let address = text.parse::<IpAddr>().map(IpNet::from);
    match &*text {
        "" => Ok(None),
        text => text
            .parse()
            .or(address)
            .map(Some)
            .map_err(|_| BadNetwork::Neither),
    }
}

/// Each network has its place in the list for its value.
fn assert_found(networks: &[IpNet]) {
    let valued = || networks.iter().copied().zip(1_usize..);
    let map = NetworkMap::new(valued(), 0);
    for (network, _) in valued() {
        let ends = [network.network(), network.broadcast()];
        for address in ends.into_iter().chain(ends.map(beyond)) {
            let canonical = address.to_canonical();
            let holding = valued().map(|(network, value)| (to_canonical(network), value));
            let expected = holding
                .filter(|(network, _)| network.contains(&canonical))
                .max_by_key(|(network, _)| network.prefix_len()) // the last of equal ones
                .map_or(0, |(_, value)| value);
            assert_eq!(map.get(address), expected, "{address} {networks:?}");
        }
    }
}

fn beyond(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => address.to_bits().wrapping_add(1).to_be_bytes().into(),
        IpAddr::V6(address) => address.to_bits().wrapping_add(1).to_be_bytes().into(),
    }
}
