//! A database of countries in the format of `MaxMind`, unpacked: which country an address is used in.
//!
//! All of it is read when the snapshot is built, so that a request meets neither the format nor damage to a file; and
//! what is kept of a database of cities is its countries.

#[cfg(test)]
#[path = "../../../../tests/e2e/harness/mmdb.rs"]
pub(super) mod writing;

use std::{collections::HashMap, net::IpAddr};

use aws_lc_rs::digest::{self, SHA256};
use ipnet::{IpNet, Ipv4Net};
use maxminddb::{LookupResult, MaxMindDbError, Reader, WithinOptions, path};

use crate::{
    config::model::Country,
    policy::network_map::{Layout, NetworkMap},
};

/// The country of each address, where one is known.
#[derive(Debug)]
pub struct CountryDatabase {
    countries: NetworkMap<Option<Country>>,
    /// Of the bytes it was read from.
    digest: Vec<u8>,
}

/// Why a file is no database of countries.
#[derive(Debug, thiserror::Error)]
pub enum BadDatabase {
    #[error("it is damaged, or not in MaxMind's format: {0}")]
    Damaged(#[from] MaxMindDbError),
    /// Its tree has more ends than its nodes can have.
    #[error("it is damaged: its branches grow together")]
    NoTree,
    /// It may be of something else; this is its type.
    #[error("it has no country for any address; its type is \"{0}\"")]
    NoCountries(String),
}

impl CountryDatabase {
    /// Reads a whole database: of `GeoLite2-Country`, of DB-IP, or of any other that has `country.iso_code`. An address
    /// whose code is not two letters has no country.
    ///
    /// The work is bounded by the length of the file, whatever is in it.
    pub fn parse(file: &[u8]) -> Result<Self, BadDatabase> {
        let reader = Reader::from_source(file)?;
        let metadata = reader.metadata();
        // A tree has one end more than it has nodes; a copy of the IPv4 part elsewhere in it is not followed.
        let mut ends_left = u64::from(metadata.node_count) * 2 + 1;
        let mut layout = Layout::new(None);
        let mut known = HashMap::new();
        // Ends without data too: else the way from one to the next has no bound.
        let options = WithinOptions::default().include_networks_without_data();
        for found in reader.networks(options)? {
            let found = found?;
            ends_left = ends_left.checked_sub(1).ok_or(BadDatabase::NoTree)?;
            let Some(offset) = found.offset() else {
                continue;
            };
            let country = match known.get(&offset) {
                Some(country) => *country,
                None => *known.entry(offset).or_insert(country(&found)?),
            };
            let network = found.network()?;
            if let Ok(network) = IpNet::new(network.ip(), network.prefix()) {
                // What is said of all of ::/96 or more is said of IPv4, which stands there in these databases.
                if let IpNet::V6(net) = network
                    && net.prefix_len() <= 96
                    && net.network().is_unspecified()
                {
                    layout.add(Ipv4Net::default().into(), country);
                }
                layout.add(network, country);
            }
        }
        if known.values().all(Option::is_none) {
            return Err(BadDatabase::NoCountries(metadata.database_type.clone()));
        }
        Ok(Self {
            countries: layout.finish(),
            digest: digest_of(file),
        })
    }

    /// Whether it was read from these bytes.
    pub fn is_of(&self, file: &[u8]) -> bool {
        self.digest == digest_of(file)
    }

    pub fn country_of(&self, address: IpAddr) -> Option<Country> {
        self.countries.get(address)
    }
}

fn digest_of(file: &[u8]) -> Vec<u8> {
    digest::digest(&SHA256, file).as_ref().to_vec()
}

fn country(found: &LookupResult<'_, &[u8]>) -> Result<Option<Country>, MaxMindDbError> {
    let code: Option<&str> = found.decode_path(&path!["country", "iso_code"])?;
    Ok(code.and_then(Country::parse))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        writing::{V4, V6, write, write_with},
        *,
    };

    const SOME: [(&str, &str); 6] = [
        ("192.0.2.0/24", "CH"),
        ("192.0.2.128/25", "FR"),
        ("198.51.100.7/32", "BE"),
        ("0.0.0.0/8", "LU"),
        ("2001:db8::/32", "MC"),
        ("2001:db8:0:1::/64", "CH"),
    ];

    fn code(database: &CountryDatabase, address: &str) -> String {
        let country = database.country_of(address.parse().unwrap());
        country.map_or_else(String::new, |country| country.as_str().to_owned())
    }

    #[test]
    fn every_kind_of_database_is_read() {
        for record_size in [24, 28, 32] {
            for version in [V4, V6] {
                let of_version =
                    |(network, _): &&(&str, &str)| version == V6 || !network.contains(':');
                let some: Vec<_> = SOME.iter().filter(of_version).copied().collect();
                let database = CountryDatabase::parse(&write(&some, version, record_size)).unwrap();
                for (address, expected) in [
                    ("192.0.2.1", "CH"),
                    ("::ffff:192.0.2.1", "CH"),
                    ("192.0.2.128", "FR"),
                    ("198.51.100.6", ""),
                    ("198.51.100.7", "BE"),
                    ("198.51.100.8", ""),
                    ("0.255.0.0", "LU"),
                    ("1.0.0.0", ""),
                    ("255.255.255.255", ""),
                ] {
                    assert_eq!(
                        code(&database, address),
                        expected,
                        "{address} {record_size}"
                    );
                }
                for (address, expected) in [
                    ("2001:db8::1", "MC"),
                    ("2001:db8:0:1::1", "CH"),
                    ("2001:db8:0:2::", "MC"),
                    ("2001:db9::", ""),
                ] {
                    let expected = if version == V6 { expected } else { "" };
                    assert_eq!(
                        code(&database, address),
                        expected,
                        "{address} {record_size}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_code_that_is_none_is_no_country() {
        let odd = [
            ("10.0.0.0/8", "ch"),
            ("11.0.0.0/8", "CHE"),
            ("12.0.0.0/8", ""),
            ("13.0.0.0/8", "XK"),
        ];
        let database = CountryDatabase::parse(&write(&odd, V4, 24)).unwrap();
        for (address, expected) in [
            ("10.0.0.1", ""),
            ("11.0.0.1", ""),
            ("12.0.0.1", ""),
            ("13.0.0.1", "XK"),
        ] {
            assert_eq!(code(&database, address), expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_database_of_countries_is_told_so() {
        let whole = write(&SOME, V6, 24);
        let says = |file: &[u8]| CountryDatabase::parse(file).unwrap_err().to_string();
        assert!(says(b"").starts_with("it is damaged, or not in MaxMind's format"));
        assert!(says(b"10.0.0.0/8\n").starts_with("it is damaged, or not"));
        assert!(says(&whole[whole.len() / 2..]).starts_with("it is damaged"));
        let of_systems = write_with(
            &SOME,
            V6,
            24,
            ["autonomous_system", "number"],
            "GeoLite2-ASN",
        );
        assert_eq!(
            says(&of_systems),
            "it has no country for any address; its type is \"GeoLite2-ASN\""
        );
    }

    #[test]
    fn branches_that_grow_together_have_an_end() {
        // Each node leads to the next on both sides, and the last to nothing: 2^120 ways.
        let nodes = 120_u32;
        let mut tree = Vec::new();
        for node in 1..=nodes {
            tree.extend_from_slice(&node.to_be_bytes());
            tree.extend_from_slice(&node.to_be_bytes());
        }
        let about = writing::metadata(nodes, V6, 32, "Test-Country");
        let file = [&tree[..], &[0; 16], writing::MARKER, &about].concat();
        assert!(matches!(
            CountryDatabase::parse(&file),
            Err(BadDatabase::NoTree)
        ));
    }

    #[test]
    fn it_knows_the_bytes_it_was_read_from() {
        let file = write(&SOME, V6, 24);
        let database = CountryDatabase::parse(&file).unwrap();
        assert!(database.is_of(&file));
        assert!(!database.is_of(&write(&SOME[..3], V6, 24)));
    }

    fn networks() -> impl Strategy<Value = Vec<(String, String)>> {
        let v4 = (any::<[u8; 4]>(), 1_u8..=32)
            .prop_map(|(octets, length)| (IpAddr::from(octets), length));
        let v6 = (any::<[u8; 15]>(), 8_u8..=128).prop_map(|(low, length)| {
            // Within 2000::/8: what begins with zeros would be the IPv4 part, or a copy of it.
            let mut octets = [0x20; 16];
            octets[1..].copy_from_slice(&low);
            (IpAddr::from(octets), length)
        });
        let network = prop_oneof![v4, v6]
            .prop_map(|(address, length)| IpNet::new(address, length).unwrap().trunc().to_string());
        prop::collection::vec((network, "[A-C]{2}"), 1..20)
    }

    proptest! {
        #[test]
        fn it_says_what_the_format_says(
            networks in networks(),
            others in prop::collection::vec(any::<[u8; 4]>(), 0..8),
            size in prop::sample::select(vec![24_u16, 28, 32]),
        ) {
            let given: Vec<_> = networks.iter().map(|(net, code)| (&**net, &**code)).collect();
            let file = write(&given, V6, size);
            let database = CountryDatabase::parse(&file).unwrap();
            let reader = Reader::from_source(&file[..]).unwrap();
            let nets = networks.iter().map(|(net, _)| net.parse::<IpNet>().unwrap());
            let edges = nets.flat_map(|net| [net.network(), net.broadcast()]);
            for address in edges.chain(others.into_iter().map(IpAddr::from)) {
                let expected = country(&reader.lookup(address).unwrap()).unwrap();
                prop_assert_eq!(database.country_of(address), expected, "{}", address);
            }
        }

        #[test]
        fn a_damaged_file_is_read_or_refused_and_neither_panics_nor_loops(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
            cut in prop::option::of(any::<prop::sample::Index>()),
            size in prop::sample::select(vec![24_u16, 28, 32]),
        ) {
            let mut file = write(&SOME, V6, size);
            for (at, flipped) in damage {
                let at = at.index(file.len());
                file[at] ^= flipped;
            }
            if let Some(cut) = cut {
                file.truncate(cut.index(file.len()));
            }
            if let Ok(database) = CountryDatabase::parse(&file) {
                for (network, _) in SOME {
                    let network: IpNet = network.parse().unwrap();
                    let country = database.country_of(network.network());
                    prop_assert!(country.is_none_or(|country| country.as_str().len() == 2));
                }
            }
        }
    }
}
