//! Which content coding a client takes best: `Accept-Encoding` (RFC 9110 section 12.5.3) against our own order.

/// A coding that a body can be sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    /// Our order where nothing else is configured: the smallest body first, at the levels that are used on the fly.
    pub const PREFERENCE: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The name in `Content-Encoding`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }
}

/// What a body is to be sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Coded(Coding),
    Identity,
    /// The client takes neither one of our codings nor a body without one. Section 12.5.3 lets a server answer 406
    /// or send the body as it is.
    Nothing,
}

/// What a client said of the codings that we know; `None` is nothing.
///
/// No field at all and an empty one come to the same: a body without a coding. (Section 12.5.3 would allow any coding
/// where there is no field, but a client that knows one says so.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcceptEncoding {
    brotli: Option<Weight>,
    zstd: Option<Weight>,
    gzip: Option<Weight>,
    identity: Option<Weight>,
    /// `*`: whatever the field does not name, `identity` included.
    any: Option<Weight>,
}

/// Elements of all lines together that are looked at, empty ones among them. Browsers send four or five.
const MOST_ELEMENTS: usize = 64;

/// How welcome a coding is, in thousandths; zero is not at all (section 12.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Weight(u16);

impl Weight {
    const NOT_AT_ALL: Self = Self(0);
    const FULL: Self = Self(1000);
}

impl AcceptEncoding {
    /// Reads the values of the field's lines, in any order.
    ///
    /// An element that breaks the grammar is as if it were not there, and so is a coding that we do not know. Of a
    /// coding that is named twice the lower weight counts: who says no once means it. Elements beyond the 64th are
    /// not looked at.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut accepted = Self::default();
        let elements = values
            .into_iter()
            .flat_map(|value| value.split(|byte| *byte == b','))
            .take(MOST_ELEMENTS);
        for (name, weight) in elements.filter_map(parse_element) {
            if let Some(said) = accepted.place(name) {
                *said = Some(said.map_or(weight, |before| before.min(weight)));
            }
        }
        accepted
    }

    /// The heaviest coding of `preference`; among equals the first of them, and any of them before none.
    ///
    /// A body without a coding is acceptable unless `identity` or, where that is not named, `*` has the weight zero.
    /// It is preferred only where the client gives it more weight than any coding of ours.
    pub fn choose(&self, preference: &[Coding]) -> Choice {
        let heaviest = preference
            .iter()
            .rev() // of several that weigh the same, `max_by_key` takes the last
            .map(|coding| (*coding, self.weight(*coding)))
            .filter(|(_, weight)| *weight > Weight::NOT_AT_ALL)
            .max_by_key(|(_, weight)| *weight);
        let identity = self.identity.or(self.any);
        match (heaviest, identity) {
            (Some((coding, _)), None) => Choice::Coded(coding),
            (Some((coding, weight)), Some(identity)) if weight >= identity => Choice::Coded(coding),
            (None, Some(Weight::NOT_AT_ALL)) => Choice::Nothing,
            (_, _) => Choice::Identity,
        }
    }

    fn weight(&self, coding: Coding) -> Weight {
        let said = match coding {
            Coding::Brotli => self.brotli,
            Coding::Zstd => self.zstd,
            Coding::Gzip => self.gzip,
        };
        said.or(self.any).unwrap_or(Weight::NOT_AT_ALL)
    }

    /// Where it stands what is said of a name, in any case; `x-gzip` is an old name of gzip (section 8.4.1.3).
    fn place(&mut self, name: &[u8]) -> Option<&mut Option<Weight>> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("br") {
            Some(&mut self.brotli)
        } else if is("zstd") {
            Some(&mut self.zstd)
        } else if is("gzip") || is("x-gzip") {
            Some(&mut self.gzip)
        } else if is("identity") {
            Some(&mut self.identity)
        } else if is("*") {
            Some(&mut self.any)
        } else {
            None
        }
    }
}

/// `coding` or `coding;q=0.5`, with white space round each part but none round the `=`.
fn parse_element(element: &[u8]) -> Option<(&[u8], Weight)> {
    let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let name = parts.next()?;
    let weight = match parts.next() {
        Some([b'q' | b'Q', b'=', digits @ ..]) => parse_weight(digits)?,
        Some(_) => return None,
        None => Weight::FULL,
    };
    parts.next().is_none().then_some((name, weight))
}

/// `0` or `1`, and at most three decimals, which after a `1` are zeros (section 12.4.2).
fn parse_weight(digits: &[u8]) -> Option<Weight> {
    let (whole, decimals) = match digits {
        [whole] => (whole, &[][..]),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    let mut thousandths = match whole {
        b'0' => 0,
        b'1' => 1000,
        _ => return None,
    };
    for (decimal, unit) in decimals.iter().zip([100, 10, 1]) {
        let digit = decimal.is_ascii_digit().then(|| decimal - b'0')?;
        thousandths += u16::from(digit) * unit;
    }
    (thousandths <= Weight::FULL.0).then_some(Weight(thousandths))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BR: Choice = Choice::Coded(Coding::Brotli);
    const ZSTD: Choice = Choice::Coded(Coding::Zstd);
    const GZIP: Choice = Choice::Coded(Coding::Gzip);

    fn choose(lines: &[&str], preference: &[Coding]) -> Choice {
        AcceptEncoding::parse(lines.iter().map(|line| line.as_bytes())).choose(preference)
    }

    #[test]
    fn the_heaviest_coding_is_chosen_and_our_order_decides_among_equals() {
        for (value, choice) in [
            ("gzip, deflate, br, zstd", BR),
            ("gzip, deflate, zstd", ZSTD),
            ("gzip, deflate", GZIP),
            ("deflate", Choice::Identity),
            ("gzip;q=1.0, br;q=0.9", GZIP),
            ("gzip;q=0.001", GZIP),
            ("gzip;q=0.8, br;q=0.8, zstd;q=0.799", BR),
            ("br;q=0, gzip", GZIP),
            ("br;q=0.000, gzip;q=0.0", Choice::Identity),
            ("BR, GZip", BR),
            ("x-gzip", GZIP),
            ("X-Gzip;q=0.5, br;q=0.4", GZIP),
            ("", Choice::Identity),
            (" , ,gzip,, ", GZIP),
            ("\tgzip\t;\tq=0.5\t,\tbr ; q=0.6", BR),
        ] {
            assert_eq!(choose(&[value], &Coding::PREFERENCE), choice, "{value:?}");
        }
        assert_eq!(choose(&[], &Coding::PREFERENCE), Choice::Identity);
    }

    #[test]
    fn a_star_stands_for_what_is_not_named() {
        for (value, choice) in [
            ("*", BR),
            ("*;q=0.5", BR),
            ("br;q=0, *", ZSTD),
            ("*;q=0.5, gzip", GZIP),
            ("gzip;q=0.5, *;q=0.1", GZIP),
            ("*;q=0, gzip", GZIP),
            ("*;q=0, gzip;q=0.1", GZIP),
            ("*, br;q=0, zstd;q=0, gzip;q=0", Choice::Identity),
        ] {
            assert_eq!(choose(&[value], &Coding::PREFERENCE), choice, "{value:?}");
        }
    }

    #[test]
    fn no_coding_is_acceptable_unless_the_client_says_otherwise() {
        for (value, choice) in [
            ("identity", Choice::Identity),
            ("identity;q=0", Choice::Nothing),
            ("*;q=0", Choice::Nothing),
            ("deflate, identity;q=0", Choice::Nothing),
            ("deflate, *;q=0", Choice::Nothing),
            ("identity;q=0.1, *;q=0", Choice::Identity),
            ("identity;q=0, *", BR),
            ("identity;q=0, gzip;q=0.1", GZIP),
            ("identity, gzip;q=0.5", Choice::Identity),
            ("identity, gzip", GZIP),
            ("identity;q=0.5, gzip;q=0.5", GZIP),
            ("identity;q=0.5, gzip;q=0.6", GZIP),
        ] {
            assert_eq!(choose(&[value], &Coding::PREFERENCE), choice, "{value:?}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_as_if_it_were_not_there() {
        for element in [
            "gzip;q=",
            "gzip;q=.5",
            "gzip;q=0.1234",
            "gzip;q=1.001",
            "gzip;q=1.0000",
            "gzip;q=2",
            "gzip;q=-0",
            "gzip;q=+1",
            "gzip;q=00",
            "gzip;q=0,5x",
            "gzip;q=0.5x",
            "gzip;q=0 .5",
            "gzip;q=\"1\"",
            "gzip;q =1",
            "gzip;q= 1",
            "gzip;",
            "gzip;q",
            "gzip;x=1",
            "gzip;q=1;q=1",
            "gzip;level=9;q=1",
            "gzip q=1",
            "gzi",
            "gzipp",
            ";q=1",
            "\u{e9}",
        ] {
            assert_eq!(
                choose(&[element], &Coding::PREFERENCE),
                Choice::Identity,
                "{element:?}"
            );
            let with_another = format!("{element}, zstd;q=0.2");
            let choice = choose(&[&with_another], &Coding::PREFERENCE);
            assert_eq!(choice, ZSTD, "{with_another:?}");
        }
        for digits in ["0", "0.", "0.000", "1", "1.", "1.0", "1.000", "0.999"] {
            assert!(parse_weight(digits.as_bytes()).is_some(), "{digits:?}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        for (lines, choice) in [
            (&["gzip", "br"][..], BR),
            (&["gzip;q=0.5", "", "br;q=0.4"], GZIP),
            (&["*;q=0", "identity;q=0"], Choice::Nothing),
            // Named twice: the lower weight counts, whichever comes first.
            (&["br, br;q=0", "gzip"], GZIP),
            (&["br;q=0", "br", "gzip"], GZIP),
            (&["*", "*;q=0"], Choice::Nothing),
        ] {
            assert_eq!(choose(lines, &Coding::PREFERENCE), choice, "{lines:?}");
        }
    }

    #[test]
    fn only_what_is_in_our_order_is_chosen() {
        let both = [Coding::Gzip, Coding::Zstd];
        for (value, preference, choice) in [
            ("br, gzip", &both[..], GZIP),
            ("zstd, gzip", &both, GZIP),
            ("zstd, gzip;q=0.9", &both, ZSTD),
            ("*", &both, GZIP),
            ("br", &both, Choice::Identity),
            ("gzip;q=0.1, *;q=0.5", &[Coding::Gzip], Choice::Identity),
            ("br, gzip", &[], Choice::Identity),
            ("br, *;q=0", &[], Choice::Nothing),
        ] {
            assert_eq!(choose(&[value], preference), choice, "{value:?}");
        }
    }

    #[test]
    fn elements_beyond_the_limit_are_not_looked_at() {
        let within = ",".repeat(MOST_ELEMENTS - 1) + "gzip";
        assert_eq!(choose(&[&within], &Coding::PREFERENCE), GZIP);
        let beyond = ",".repeat(MOST_ELEMENTS) + "gzip";
        assert_eq!(choose(&[&beyond], &Coding::PREFERENCE), Choice::Identity);
        let line = "x;q=0.5";
        let lines: Vec<_> = [line; MOST_ELEMENTS].into_iter().chain(["gzip"]).collect();
        assert_eq!(choose(&lines, &Coding::PREFERENCE), Choice::Identity);
    }

    fn element() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "br", "gzip", "zstd", "identity", "*", "deflate", "x-gzip", "GZIP", "",
        ]);
        let weight = prop::sample::select(vec![
            "",
            ";q=0",
            ";q=0.1",
            ";q=0.5",
            ";q=1",
            " ; q=0.999",
            ";q=2",
            ";",
            ";Q=0.7",
        ]);
        (name, weight).prop_map(|(name, weight)| format!("{name}{weight}"))
    }

    proptest! {
        #[test]
        fn neither_the_order_of_elements_nor_their_lines_change_the_choice(
            elements in prop::collection::vec(element(), 0..8)
                .prop_flat_map(|elements| (Just(elements.clone()), Just(elements).prop_shuffle())),
            cut in 0..8_usize,
        ) {
            let (elements, shuffled) = elements;
            let (first, second) = shuffled.split_at(cut.min(shuffled.len()));
            prop_assert_eq!(
                choose(&[&elements.join(",")], &Coding::PREFERENCE),
                choose(&[&first.join(", "), &second.join(" ,")], &Coding::PREFERENCE)
            );
        }

        #[test]
        fn a_coding_that_is_chosen_was_welcome(
            elements in prop::collection::vec(element(), 0..6),
        ) {
            let accepted = AcceptEncoding::parse([elements.join(",").as_bytes()]);
            if let Choice::Coded(coding) = accepted.choose(&Coding::PREFERENCE) {
                let weight = accepted.weight(coding);
                prop_assert!(weight > Weight::NOT_AT_ALL);
                prop_assert!(Coding::PREFERENCE.iter().all(|other| accepted.weight(*other) <= weight));
                let named = elements.iter().any(|element| {
                    let element = element.to_ascii_lowercase();
                    element.contains(coding.as_str()) || element.contains('*')
                });
                prop_assert!(named);
            }
        }

        #[test]
        fn any_bytes_lead_to_a_choice_without_a_panic(
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
        ) {
            let values = values.iter().map(Vec::as_slice);
            let _ = AcceptEncoding::parse(values).choose(&Coding::PREFERENCE);
        }
    }
}
