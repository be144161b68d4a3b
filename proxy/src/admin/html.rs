//! Text in HTML, escaped, and quantities as people read them.

use std::fmt::{Display, Formatter, Result, Write};

/// Text that may stand in an element or in a quoted attribute.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            let (escape, length) = match special.as_bytes().first() {
                Some(b'&') => ("&amp;", 1),
                Some(b'<') => ("&lt;", 1),
                Some(b'>') => ("&gt;", 1),
                Some(b'"') => ("&quot;", 1),
                _ => ("&#39;", 1),
            };
            f.write_str(escape)?;
            rest = special.get(length..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

/// So many seconds: below a minute as they are, then by two units, and no finer than minutes, so that what is
/// shown changes rarely: `12s`, `5m`, `3h12m`, `2d3h`.
pub(super) struct Age(pub(super) u64);

impl Display for Age {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let seconds = self.0;
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds}s"),
            (0, 0, _) => write!(f, "{minutes}m"),
            (0, _, _) => write!(f, "{hours}h{}m", minutes % 60),
            (_, _, _) => write!(f, "{days}d{}h", hours % 24),
        }
    }
}

/// A count, its thousands set apart by narrow spaces.
pub(super) struct Count(pub(super) u64);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(self.0);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_char('\u{202f}')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// Bytes to three digits: `980 B`, `12.4 MB`.
pub(super) struct Bytes(pub(super) u64);

impl Display for Bytes {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1000.0;
        let mut units = ["kB", "MB", "GB", "TB", "PB"].into_iter();
        let mut unit = units.next().unwrap_or_default();
        for larger in units {
            if value < 999.5 {
                break;
            }
            value /= 1000.0;
            unit = larger;
        }
        write!(f, "{} {unit}", Digits(value))
    }
}

/// Milliseconds to three digits: `0.42 ms`, `38 ms`, `1.2 s`.
pub(super) struct Millis(pub(super) f64);

impl Display for Millis {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.0 < 999.5 {
            write!(f, "{} ms", Digits(self.0))
        } else {
            write!(f, "{} s", Digits(self.0 / 1000.0))
        }
    }
}

/// A number that is to be read at a glance.
struct Digits(f64);

impl Display for Digits {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let value = self.0;
        if value >= 99.5 || value == 0.0 {
            write!(f, "{value:.0}")
        } else if value >= 9.95 {
            write!(f, "{value:.1}")
        } else {
            write!(f, "{value:.2}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        let text = Escaped(r#"<b a="1" c='2'>&amp;ü"#).to_string();
        assert_eq!(text, "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;ü");
    }

    #[test]
    fn ages_have_two_units_at_most_and_change_rarely() {
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (61, "1m"),
            (3_599, "59m"),
            (3_600, "1h0m"),
            (90_061, "1d1h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(Age(seconds).to_string(), expected);
        }
    }

    #[test]
    fn counts_are_grouped() {
        for (count, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1\u{202f}000"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!(Count(count).to_string(), expected);
        }
    }

    #[test]
    fn quantities_have_three_digits() {
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (12_420_000, "12.4 MB"),
            (999_600, "1.00 MB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), expected);
        }
        for (millis, expected) in [
            (0.0, "0 ms"),
            (0.4212, "0.42 ms"),
            (38.04, "38.0 ms"),
            (1234.5, "1.23 s"),
        ] {
            assert_eq!(Millis(millis).to_string(), expected);
        }
    }
}
