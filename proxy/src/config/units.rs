//! Quantities as an operator writes them: `500ms`, `16KiB`, `20%`, `300/3h`.
//!
//! One number and one unit, no fraction, no space. Everything else is refused with what to write in its place.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    pub const fn gib(gib: u64) -> Self {
        Self(gib << 30)
    }

    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A share of a whole, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(u8);

impl Percent {
    /// More than 100 becomes 100.
    pub const fn new(percent: u8) -> Self {
        Self(if percent > 100 { 100 } else { percent })
    }

    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Why a text is no quantity, and what to write in its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// What is said of the quantity, such as "needs a unit".
    pub message: &'static str,
    pub hint: String,
}

/// Longest first, so that a duration is shown in the largest unit that divides it.
const TIME: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

const SIZE: [(&str, u64); 5] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("", 1),
    ("B", 1), // read, never written
];

/// Reads `500ms`, `2s`, `5m`, `1h` or `1d`.
pub fn duration(text: &str) -> Result<Duration, Malformed> {
    let (number, unit) = split(text, "a duration", "2s")?;
    if unit.is_empty() {
        return Err(malformed(
            "needs a unit",
            format!("write {text}s for seconds; units are ms, s, m, h and d"),
        ));
    }
    if unit.contains(|c: char| c.is_ascii_digit()) {
        return Err(malformed(
            "has more than one unit",
            "write it in the smaller unit, such as 90m for 1h30m".to_owned(),
        ));
    }
    let Some((_, millis)) = TIME.iter().find(|(name, _)| *name == unit) else {
        return Err(malformed(
            "has an unknown unit",
            "units are ms, s, m, h and d".to_owned(),
        ));
    };
    number
        .checked_mul(*millis)
        .map(Duration::from_millis)
        .ok_or_else(|| malformed("is too long", "write fewer digits".to_owned()))
}

/// The form of [`duration`], as a regular expression for the whole of a text, which means the same to JavaScript and
/// to the crate regex. Like those below it matches whatever is read, but cannot tell that a number is too large.
pub fn duration_pattern() -> String {
    format!("[0-9]+(?:{})", names(&TIME))
}

/// The form of the configuration; what is below a millisecond is not shown.
pub fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    shown(millis, &TIME)
}

/// Reads `300/3h`: so many within so long. A unit alone is one of it, as in `50/s`.
pub fn quota(text: &str) -> Result<(NonZeroU32, Duration), Malformed> {
    let such = || "write a number and a time, such as 300/3h".to_owned();
    let Some((count, within)) = text.split_once('/') else {
        return Err(malformed("says nothing of a time", such()));
    };
    let is_number = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    if !is_number {
        return Err(malformed("does not begin with a whole number", such()));
    }
    // Of digits alone, only too many cannot be read.
    let Ok(count) = count.parse::<u32>() else {
        return Err(malformed("is too large", "write fewer digits".to_owned()));
    };
    let count = NonZeroU32::new(count)
        .ok_or_else(|| malformed("lets nothing through", "write at least 1".to_owned()))?;
    let is_unit = TIME.iter().any(|(unit, _)| *unit == within);
    let within = if is_unit {
        duration(&format!("1{within}"))
    } else {
        duration(within)
    };
    let within = within.map_err(|error| Malformed {
        message: "has no time behind its /",
        hint: error.hint,
    })?;
    if within.is_zero() {
        return Err(malformed("has no time behind its /", such()));
    }
    Ok((count, within))
}

/// The form of [`quota`].
pub fn quota_pattern() -> String {
    const POSITIVE: &str = "0*[1-9][0-9]*";
    format!("{POSITIVE}/(?:{POSITIVE})?(?:{})", names(&TIME))
}

/// The form in which a [`ByteSize`] is read.
pub fn size_pattern() -> String {
    format!("[0-9]+(?:{})?", names(&SIZE))
}

/// The form in which a [`Percent`] is read.
pub fn share_pattern() -> String {
    "0*(?:100|[0-9]{1,2})%".to_owned()
}

impl FromStr for ByteSize {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (number, unit) = split(text, "a size", "16KiB")?;
        let Some((_, bytes)) = SIZE.iter().find(|(name, _)| *name == unit) else {
            let meant = unit.bytes().next().map(|c| c.to_ascii_uppercase());
            return Err(malformed(
                "has an unknown unit",
                match meant {
                    Some(letter @ (b'K' | b'M' | b'G')) => {
                        format!("did you mean {number}{}iB?", char::from(letter))
                    }
                    _ => "units are KiB, MiB and GiB; a number alone counts bytes".to_owned(),
                },
            ));
        };
        number
            .checked_mul(*bytes)
            .map(Self)
            .ok_or_else(|| malformed("is too large", "write fewer digits".to_owned()))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&if self.0 == 0 {
            "0".to_owned()
        } else {
            shown(self.0, &SIZE)
        })
    }
}

impl FromStr for Percent {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.contains('.') {
            let hint = "write a whole percentage, such as 20%".to_owned();
            return Err(malformed("has a fraction", hint));
        }
        let (number, unit) = split(text, "a share", "20%")?;
        if unit != "%" {
            return Err(malformed("needs a % sign", format!("write {number}%")));
        }
        u8::try_from(number)
            .ok()
            .filter(|number| *number <= 100)
            .map(Self)
            .ok_or_else(|| malformed("is more than 100%", "write at most 100%".to_owned()))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// The number in front and what follows it. `what` and `example` are for the messages.
fn split<'a>(text: &'a str, what: &str, example: &str) -> Result<(u64, &'a str), Malformed> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let such = || format!("write {what} as a number and a unit, such as {example}");
    if digits.is_empty() {
        return Err(malformed(
            if unit.starts_with('-') {
                "cannot be negative"
            } else {
                "does not begin with a number"
            },
            such(),
        ));
    }
    if unit.starts_with(['.', ',', '_']) {
        return Err(malformed(
            "has a fraction",
            "use a smaller unit, such as 1500ms for 1.5s or 1536KiB for 1.5MiB".to_owned(),
        ));
    }
    if unit.contains(char::is_whitespace) {
        return Err(malformed("has a space before its unit", such()));
    }
    match digits.parse() {
        Ok(number) => Ok((number, unit)),
        // Of digits alone, only too many cannot be read.
        Err(_) => Err(malformed("is too large", "write fewer digits".to_owned())),
    }
}

fn shown(number: u64, units: &[(&str, u64)]) -> String {
    let whole = units.iter().find(|(_, of)| number.is_multiple_of(*of));
    whole.map_or_else(
        || number.to_string(),
        |(unit, of)| format!("{}{unit}", number / of),
    )
}

/// For a regular expression: each unit that has a name.
fn names(units: &[(&str, u64)]) -> String {
    let names = units.iter().map(|(name, _)| *name);
    names
        .filter(|name| !name.is_empty())
        .collect::<Vec<_>>()
        .join("|")
}

const fn malformed(message: &'static str, hint: String) -> Malformed {
    Malformed { message, hint }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_one_number_and_one_unit() {
        let good = [
            ("500ms", 500),
            ("2s", 2000),
            ("0s", 0),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("007s", 7000),
        ];
        for (text, millis) in good {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        let bad = [
            ("", "does not begin with a number"),
            ("soon", "does not begin with a number"),
            ("-1s", "cannot be negative"),
            ("2", "needs a unit"),
            ("2sec", "has an unknown unit"),
            ("2S", "has an unknown unit"),
            ("1h30m", "has more than one unit"),
            ("1.5s", "has a fraction"),
            ("2 s", "has a space before its unit"),
            ("99999999999999999999s", "is too large"),
            ("18446744073709551615d", "is too long"),
        ];
        for (text, message) in bad {
            assert_eq!(
                duration(text).map_err(|e| e.message),
                Err(message),
                "{text}"
            );
        }
    }

    #[test]
    fn sizes_are_binary() {
        let good = [
            ("512", 512),
            ("0", 0),
            ("240B", 240),
            ("16KiB", 16 << 10),
            ("64MiB", 64 << 20),
            ("1GiB", 1 << 30),
        ];
        for (text, bytes) in good {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        let bad = [
            ("16KB", "did you mean 16KiB?"),
            ("16k", "did you mean 16KiB?"),
            ("1g", "did you mean 1GiB?"),
            (
                "5x",
                "units are KiB, MiB and GiB; a number alone counts bytes",
            ),
            ("18446744073709551615KiB", "write fewer digits"),
        ];
        for (text, hint) in bad {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert_eq!(error.hint, hint, "{text}");
        }
    }

    #[test]
    fn shares_end_at_a_hundred() {
        assert_eq!("20%".parse(), Ok(Percent(20)));
        assert_eq!("100%".parse(), Ok(Percent(100)));
        for (text, hint) in [("20", "write 20%"), ("101%", "write at most 100%")] {
            assert_eq!(text.parse::<Percent>().unwrap_err().hint, hint);
        }
    }

    #[test]
    fn a_quota_is_a_number_within_a_time() {
        let good = [
            ("300/3h", 300, 10_800_000),
            ("5/7d", 5, 604_800_000),
            ("50/s", 50, 1000),
            ("1/ms", 1, 1),
        ];
        for (text, count, millis) in good {
            let expected = (count.try_into().unwrap(), Duration::from_millis(millis));
            assert_eq!(quota(text), Ok(expected), "{text}");
        }
        let bad = [
            ("", "says nothing of a time"),
            ("300", "says nothing of a time"),
            ("/3h", "does not begin with a whole number"),
            ("-1/3h", "does not begin with a whole number"),
            ("1.5/3h", "does not begin with a whole number"),
            ("0/3h", "lets nothing through"),
            ("5000000000/3h", "is too large"),
            ("5/", "has no time behind its /"),
            ("5/0s", "has no time behind its /"),
            ("5/3", "has no time behind its /"),
            ("5/week", "has no time behind its /"),
        ];
        for (text, message) in bad {
            assert_eq!(quota(text).map_err(|e| e.message), Err(message), "{text}");
        }
    }

    fn matches(pattern: &str, text: &str) -> bool {
        regex::Regex::new(&format!("^(?:{pattern})$"))
            .unwrap()
            .is_match(text)
    }

    #[test]
    fn a_pattern_matches_no_other_form() {
        let table: [(String, &[&str]); 4] = [
            (
                duration_pattern(),
                &["", "soon", "-1s", "2", "2sec", "2S", "1h30m", "1.5s", "2 s"],
            ),
            (
                size_pattern(),
                &["", "16KB", "16k", "1g", "5x", "-1", "1.5MiB", "1 KiB"],
            ),
            (
                share_pattern(),
                &["", "20", "101%", "1000%", "%", "-1%", "20 %"],
            ),
            (
                quota_pattern(),
                &[
                    "", "300", "/3h", "-1/3h", "1.5/3h", "0/3h", "5/", "5/0s", "5/3", "5/week",
                ],
            ),
        ];
        for (pattern, texts) in table {
            for text in texts {
                assert!(!matches(&pattern, text), "{text} and {pattern}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_read_matches_its_pattern(text in "[0-9]{0,4}/?[0-9]{0,3}(%|[dhms]|ms|[KMG]iB|B)?") {
            prop_assert!(duration(&text).is_err() || matches(&duration_pattern(), &text));
            prop_assert!(quota(&text).is_err() || matches(&quota_pattern(), &text));
            prop_assert!(text.parse::<ByteSize>().is_err() || matches(&size_pattern(), &text));
            prop_assert!(text.parse::<Percent>().is_err() || matches(&share_pattern(), &text));
        }

        #[test]
        fn what_is_shown_is_read_back(millis in 0..u64::MAX, bytes: u64, percent in 0..=100u8) {
            let time = Duration::from_millis(millis);
            prop_assert_eq!(duration(&show_duration(time)), Ok(time));
            prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
            prop_assert_eq!(Percent(percent).to_string().parse(), Ok(Percent(percent)));
        }

        #[test]
        fn no_text_is_too_strange(text: String) {
            let _ = duration(&text);
            let _ = quota(&text);
            let _ = text.parse::<ByteSize>();
            let _ = text.parse::<Percent>();
        }
    }
}
