//! Chooses a content coding by `Accept-Encoding` (RFC 9110, section 12.5.3). Knows nothing of files.

use super::weight::Weight;

/// A content coding we can answer with, in our order of preference among equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Brotli,
    Zstd,
    Gzip,
    Identity,
}

impl Encoding {
    /// Every coding, the one we like best first.
    pub const ALL: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Identity];

    /// The value for `Content-Encoding`; `Identity` has none.
    pub const fn token(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Zstd => Some("zstd"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    fn named(name: &str) -> Option<Self> {
        let names = [
            ("br", Self::Brotli),
            ("zstd", Self::Zstd),
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("identity", Self::Identity),
        ];
        names
            .into_iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, it)| it)
    }
}

/// What a client accepts: a weight for each coding it named, and one for all others (`*`).
///
/// An element that cannot be read is passed over; of two for the same coding the later holds.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    named: [Option<Weight>; Encoding::ALL.len()],
    others: Option<Weight>,
}

impl Accepted {
    /// Reads the values of all `Accept-Encoding` lines of a request.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut accepted = Self::default();
        for element in lines.into_iter().flat_map(|line| line.split(',')) {
            accepted.note(element);
        }
        accepted
    }

    fn note(&mut self, element: &str) {
        let (name, weight) = match element.split_once(';') {
            Some((name, parameter)) => (name.trim(), Weight::parse(parameter.trim())),
            None => (element.trim(), Some(Weight::FULL)),
        };
        let Some(weight) = weight else { return };
        if name == "*" {
            self.others = Some(weight);
        } else if let Some(encoding) = Encoding::named(name) {
            self.named[encoding as usize] = Some(weight);
        }
    }

    /// The available coding the client likes best, and of equals the one we like best.
    /// `Identity` is always available. `None` if the client refuses all there is: that is 406.
    pub fn choose(&self, is_available: impl Fn(Encoding) -> bool) -> Option<Encoding> {
        let mut best = None;
        for encoding in Encoding::ALL {
            let offered = encoding == Encoding::Identity || is_available(encoding);
            let weight = self.weight(encoding);
            if offered && weight > best.map_or(Weight::REFUSED, |(_, weight)| weight) {
                best = Some((encoding, weight));
            }
        }
        best.map(|(encoding, _)| encoding)
    }

    fn weight(&self, encoding: Encoding) -> Weight {
        // What nobody mentions is refused, but identity is then still good as a last resort.
        let unmentioned = match encoding {
            Encoding::Identity => Weight::LAST_RESORT,
            Encoding::Brotli | Encoding::Zstd | Encoding::Gzip => Weight::REFUSED,
        };
        self.named[encoding as usize]
            .or(self.others)
            .unwrap_or(unmentioned)
    }
}

#[cfg(test)]
mod tests {
    use super::Encoding::{Brotli, Gzip, Identity, Zstd};
    use super::*;

    fn chosen(lines: &[&str]) -> Option<Encoding> {
        Accepted::parse(lines.iter().copied()).choose(|_| true)
    }

    #[test]
    fn the_client_s_weights_come_first_and_ours_settle_ties() {
        let cases: &[(&[&str], Option<Encoding>)] = &[
            (&[], Some(Identity)),
            (&[""], Some(Identity)),
            (&["gzip"], Some(Gzip)),
            (&["x-gzip"], Some(Gzip)),
            (&["GZip"], Some(Gzip)),
            (&["deflate"], Some(Identity)),
            (&["gzip, deflate, br"], Some(Brotli)),
            (&["gzip, deflate, br, zstd"], Some(Brotli)),
            (&["gzip, zstd"], Some(Zstd)),
            (&["gzip", "br"], Some(Brotli)),
            (&["br;q=0.5, gzip"], Some(Gzip)),
            (&["br;q=0.5,gzip;q=0.5,zstd;q=0.5"], Some(Brotli)),
            (&["br ; q = 0.1 , gzip ;Q=0.101"], Some(Gzip)),
            (&["gzip;q=0.001"], Some(Gzip)),
            (&["gzip;q=0"], Some(Identity)),
            (&["gzip;q=0.000"], Some(Identity)),
            (&["identity"], Some(Identity)),
            (&["identity, br"], Some(Brotli)),
            (&["identity, br;q=0.9"], Some(Identity)),
            (&["*"], Some(Brotli)),
            (&["*, br;q=0"], Some(Zstd)),
            (&["*;q=0.5, gzip"], Some(Gzip)),
            (&["*;q=0, gzip"], Some(Gzip)),
            (&["identity;q=0, gzip;q=0.1"], Some(Gzip)),
            (&["identity;q=0"], None),
            (&["*;q=0"], None),
            (&["*;q=0, identity"], Some(Identity)),
            (&["br;q=1.000"], Some(Brotli)),
        ];
        for (lines, expected) in cases {
            assert_eq!(chosen(lines), *expected, "{lines:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        for element in ["br;q=2", "br;level=5", "br;q=0.5;x=1", ";", "b r"] {
            assert_eq!(chosen(&[element]), Some(Identity), "{element:?}");
        }
    }

    #[test]
    fn of_two_weights_for_one_coding_the_later_holds() {
        assert_eq!(chosen(&["br, gzip", "br;q=0"]), Some(Gzip));
    }

    #[test]
    fn a_coding_that_is_not_there_is_not_chosen() {
        let accepted = Accepted::parse(["br, gzip;q=0.1"]);
        assert_eq!(accepted.choose(|encoding| encoding == Gzip), Some(Gzip));
        assert_eq!(accepted.choose(|_| false), Some(Identity));
        assert_eq!(
            Accepted::parse(["br, identity;q=0"]).choose(|_| false),
            None
        );
    }
}
