//! How much a client likes something (RFC 9110, section 12.4.2).

use std::iter::repeat;

/// A `qvalue` in ten-thousandths, so that a last resort fits below the least that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Weight(u16);

impl Weight {
    pub(super) const REFUSED: Self = Self(0);
    pub(super) const LAST_RESORT: Self = Self(1);
    pub(super) const FULL: Self = Self(10_000);

    /// Reads `q=0.5`: at most three decimals, nothing above 1.
    pub(super) fn parse(parameter: &str) -> Option<Self> {
        let (key, value) = parameter.split_once('=')?;
        let value = value.trim_start();
        let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
        let is_number = decimals.len() <= 3 && decimals.bytes().all(|digit| digit.is_ascii_digit());
        if !(is_number && key.trim_end().eq_ignore_ascii_case("q")) {
            return None;
        }
        let digits = decimals.bytes().chain(repeat(b'0')).take(4);
        let fraction = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        match (whole, fraction) {
            ("0", fraction) => Some(Self(fraction)),
            ("1", 0) => Some(Self::FULL),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_from_0_to_1_with_at_most_three_decimals() {
        let cases = [
            ("q=0", Some(0)),
            ("q=0.", Some(0)),
            ("q=0.000", Some(0)),
            ("q=0.001", Some(10)),
            ("q=0.5", Some(5_000)),
            ("q=0.999", Some(9_990)),
            ("q=1", Some(10_000)),
            ("q=1.000", Some(10_000)),
            ("Q = 0.25", Some(2_500)),
            ("q=1.001", None),
            ("q=2", None),
            ("q=00.5", None),
            ("q=-1", None),
            ("q=0.1234", None),
            ("q=.5", None),
            ("q=0,5", None),
            ("q=0.5;x=1", None),
            ("q=", None),
            ("q", None),
            ("", None),
            ("level=1", None),
        ];
        for (parameter, expected) in cases {
            assert_eq!(
                Weight::parse(parameter).map(|weight| weight.0),
                expected,
                "{parameter:?}"
            );
        }
    }
}
