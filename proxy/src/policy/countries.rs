//! Countries: which clients are let in, by the country of their address.
//!
//! A database guesses where an address is used, and VPNs are everywhere: this keeps out the crowd, not who wants in.

mod database;

use std::{net::IpAddr, sync::Arc};

pub use database::{BadDatabase, CountryDatabase};

use super::Verdict;
use crate::{
    config::model::{self, Country, CountryList, Mode, Unknown},
    respond::Refusal,
};

#[derive(Debug)]
pub struct Countries {
    database: Arc<CountryDatabase>,
    /// Sorted.
    listed: Vec<Country>,
    lets_in_listed: bool,
    unknown: Unknown,
    pub mode: Mode,
}

impl Countries {
    pub fn new(spec: &model::Countries, database: Arc<CountryDatabase>) -> Self {
        let model::Countries {
            list,
            unknown,
            mode,
        } = spec;
        let (CountryList::Allow(listed) | CountryList::Deny(listed)) = list;
        let mut listed = listed.clone();
        listed.sort_unstable();
        Self {
            database,
            listed,
            lets_in_listed: matches!(list, CountryList::Allow(_)),
            unknown: *unknown,
            mode: *mode,
        }
    }

    pub fn judge(&self, client: IpAddr) -> Verdict {
        let is_in = match (self.database.country_of(client), self.unknown) {
            (Some(country), _) => {
                self.listed.binary_search(&country).is_ok() == self.lets_in_listed
            }
            (None, Unknown::Allow) => true,
            (None, Unknown::Private) => is_private(client),
            (None, Unknown::Deny) => false,
        };
        if is_in {
            Verdict::Continue
        } else {
            Verdict::Refuse(Refusal::CountryDenied)
        }
    }
}

/// Whether an address is of no country, because it means something in its own network alone: of this machine, private
/// (RFC 1918, RFC 4193), shared by the customers of a provider (RFC 6598), or of one link.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            address.is_private() || address.is_loopback() || address.is_link_local() || is_shared
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::countries::database::writing::{V6, write};

    #[test]
    fn the_list_decides_and_unknown_addresses_have_a_rule_of_their_own() {
        let countries = [
            ("192.0.2.0/24", "CH"),
            ("2001:db8::/32", "FR"),
            ("10.9.0.0/16", "RU"),
        ];
        let database = CountryDatabase::parse(&write(&countries, V6, 28)).unwrap();
        let database = Arc::new(database);
        let codes = |list: &str| {
            list.split(' ')
                .map(|code| Country::parse(code).unwrap())
                .collect()
        };
        let (allow, deny) = (
            CountryList::Allow(codes("FR CH")),
            CountryList::Deny(codes("RU FR")),
        );
        let private =
            "10.0.0.1 127.0.0.1 ::1 172.16.0.1 192.168.1.1 169.254.1.1 100.64.0.1 fe80::1 fd00::1";
        let public = "8.8.8.8 2001:db9::1 100.128.0.1 172.32.0.1";
        // The list, the rule, whether CH, FR, RU, private and public unknown addresses are let in.
        for (list, unknown, expected) in [
            (&allow, Unknown::Private, [true, true, false, true, false]),
            (&allow, Unknown::Allow, [true, true, false, true, true]),
            (&allow, Unknown::Deny, [true, true, false, false, false]),
            (&deny, Unknown::Private, [true, false, false, true, false]),
            (&deny, Unknown::Allow, [true, false, false, true, true]),
            (&deny, Unknown::Deny, [true, false, false, false, false]),
        ] {
            let spec = model::Countries {
                list: list.clone(),
                unknown,
                mode: Mode::Enforce,
            };
            let policy = Countries::new(&spec, Arc::clone(&database));
            let clients = [
                "192.0.2.1 ::ffff:192.0.2.1",
                "2001:db8::1",
                "10.9.1.1",
                private,
                public,
            ];
            for (clients, expected) in clients.iter().zip(expected) {
                for client in clients.split(' ') {
                    let verdict = policy.judge(client.parse().unwrap());
                    let is_in = matches!(verdict, Verdict::Continue);
                    assert_eq!(is_in, expected, "{list:?} {unknown:?} {client}");
                }
            }
        }
    }
}
