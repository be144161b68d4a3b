//! Which clients are let in, by country.

use std::fmt;

use super::Mode;

/// Which clients are let in, by the country that the database has for their address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Countries {
    pub list: CountryList,
    pub unknown: Unknown,
    pub mode: Mode,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CountryList {
    /// These alone.
    Allow(Vec<Country>),
    /// All but these.
    Deny(Vec<Country>),
}

/// Whether an address is let in whose country the database does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The default where countries are denied.
    Allow,
    /// Only one of a private network, which has no country. The default where countries are allowed.
    Private,
    Deny,
}

/// Two capital letters, as of ISO 3166-1 (alpha-2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// None if these are not two capital letters. Whether they are a country's is for the border to say.
    pub fn parse(code: &str) -> Option<Self> {
        let letters = <[u8; 2]>::try_from(code.as_bytes()).ok()?;
        letters
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Self(letters))
    }

    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default() // letters are
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
