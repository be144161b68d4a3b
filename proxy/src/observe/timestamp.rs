//! Instants as text in UTC, by RFC 3339 or the Common Log Format, cheap enough for every request.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second before the year 10000, which RFC 3339 cannot write.
const LAST_SECOND: u64 = 253_402_300_799;
const SECONDS_OF_DAY: u64 = 86_400;

/// Formats instants and keeps the text of the last second, which the next request mostly shares.
#[derive(Debug)]
pub(super) struct Clock<const LENGTH: usize> {
    second: u64,
    text: [u8; LENGTH],
    write: fn(&Moment) -> [u8; LENGTH],
}

/// A second of the Gregorian calendar, in UTC.
struct Moment {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Clock<20> {
    /// For [`Self::write_rfc3339`].
    pub(super) fn rfc3339() -> Self {
        Self::new(rfc3339)
    }

    /// Appends `2026-11-21T07:35:00.123Z`. What lies outside 1970 to 9999 becomes the nearer end.
    pub(super) fn write_rfc3339(&mut self, at: SystemTime, out: &mut Vec<u8>) {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let [hundreds, tens, ones] = three_digits(since.subsec_millis());
        out.extend_from_slice(self.second_of(since));
        out.extend_from_slice(&[hundreds, tens, ones, b'Z']);
    }
}

impl Clock<28> {
    /// For [`Self::write_common`].
    pub(super) fn common() -> Self {
        Self::new(common)
    }

    /// Appends `[21/Nov/2026:07:35:00 +0000]`, the form of the Common Log Format.
    pub(super) fn write_common(&mut self, at: SystemTime, out: &mut Vec<u8>) {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        out.extend_from_slice(self.second_of(since));
    }
}

impl<const LENGTH: usize> Clock<LENGTH> {
    fn new(write: fn(&Moment) -> [u8; LENGTH]) -> Self {
        Self {
            second: 0,
            text: write(&Moment::of(0)),
            write,
        }
    }

    fn second_of(&mut self, since: Duration) -> &[u8] {
        let second = since.as_secs().min(LAST_SECOND);
        if second != self.second {
            self.second = second;
            self.text = (self.write)(&Moment::of(second));
        }
        &self.text
    }
}

impl Moment {
    fn of(second: u64) -> Self {
        let (year, month, day) = civil(second / SECONDS_OF_DAY);
        let of_day = second % SECONDS_OF_DAY;
        Self {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }
}

/// The last three decimal digits of a number.
pub(super) fn three_digits(number: u32) -> [u8; 3] {
    [digit(number / 100), digit(number / 10), digit(number)]
}

fn rfc3339(at: &Moment) -> [u8; 20] {
    let [y1, y2, y3, y4] = four_digits(at.year);
    let [mo1, mo2] = two_digits(at.month);
    let [d1, d2] = two_digits(at.day);
    let [h1, h2] = two_digits(at.hour);
    let [mi1, mi2] = two_digits(at.minute);
    let [s1, s2] = two_digits(at.second);
    [
        y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2,
        b'.',
    ]
}

fn common(at: &Moment) -> [u8; 28] {
    let [d1, d2] = two_digits(at.day);
    let [n1, n2, n3] = month_name(at.month);
    let [y1, y2, y3, y4] = four_digits(at.year);
    let [h1, h2] = two_digits(at.hour);
    let [mi1, mi2] = two_digits(at.minute);
    let [s1, s2] = two_digits(at.second);
    [
        b'[', d1, d2, b'/', n1, n2, n3, b'/', y1, y2, y3, y4, b':', h1, h2, b':', mi1, mi2, b':',
        s1, s2, b' ', b'+', b'0', b'0', b'0', b'0', b']',
    ]
}

/// As in English, whatever the machine speaks.
const fn month_name(month: u64) -> [u8; 3] {
    match month {
        1 => *b"Jan",
        2 => *b"Feb",
        3 => *b"Mar",
        4 => *b"Apr",
        5 => *b"May",
        6 => *b"Jun",
        7 => *b"Jul",
        8 => *b"Aug",
        9 => *b"Sep",
        10 => *b"Oct",
        11 => *b"Nov",
        _ => *b"Dec",
    }
}

fn four_digits(number: u64) -> [u8; 4] {
    [number / 1000, number / 100, number / 10, number].map(decimal)
}

fn two_digits(number: u64) -> [u8; 2] {
    [number / 10, number].map(decimal)
}

/// Days since 1970-01-01 to year, month and day of the Gregorian calendar. Years are counted from
/// March, so that the leap day is a year's last and months have a regular length (30.6 days).
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_ERA: u64 = 146_097; // 400 years
    let since_march_0000 = days + 719_468;
    let era = since_march_0000 / DAYS_OF_ERA;
    let day_of_era = since_march_0000 % DAYS_OF_ERA;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

fn digit(number: u32) -> u8 {
    decimal(u64::from(number))
}

fn decimal(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(at: SystemTime) -> [String; 2] {
        let (mut rfc3339, mut common) = (Vec::new(), Vec::new());
        Clock::rfc3339().write_rfc3339(at, &mut rfc3339);
        Clock::common().write_common(at, &mut common);
        [rfc3339, common].map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn instants_are_written_in_utc() {
        let cases = [
            (
                0,
                ["1970-01-01T00:00:00.000Z", "[01/Jan/1970:00:00:00 +0000]"],
            ),
            (
                951_782_399_999,
                ["2000-02-28T23:59:59.999Z", "[28/Feb/2000:23:59:59 +0000]"],
            ),
            (
                951_782_400_000,
                ["2000-02-29T00:00:00.000Z", "[29/Feb/2000:00:00:00 +0000]"],
            ),
            (
                951_868_800_001,
                ["2000-03-01T00:00:00.001Z", "[01/Mar/2000:00:00:00 +0000]"],
            ),
            (
                1_709_251_199_050,
                ["2024-02-29T23:59:59.050Z", "[29/Feb/2024:23:59:59 +0000]"],
            ),
            (
                1_795_246_500_123,
                ["2026-11-21T07:35:00.123Z", "[21/Nov/2026:07:35:00 +0000]"],
            ),
            (
                4_107_542_400_000,
                ["2100-03-01T00:00:00.000Z", "[01/Mar/2100:00:00:00 +0000]"],
            ),
            (
                253_402_300_799_999,
                ["9999-12-31T23:59:59.999Z", "[31/Dec/9999:23:59:59 +0000]"],
            ),
            (
                253_402_300_800_000,
                ["9999-12-31T23:59:59.000Z", "[31/Dec/9999:23:59:59 +0000]"],
            ),
        ];
        for (millis, expected) in cases {
            let at = UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!(texts(at), expected);
        }
    }

    #[test]
    fn a_clock_follows_from_second_to_second() {
        let mut clock = Clock::common();
        for (second, expected) in [
            (59, "[01/Jan/1970:00:00:59 +0000]"),
            (59, "[01/Jan/1970:00:00:59 +0000]"),
            (60, "[01/Jan/1970:00:01:00 +0000]"),
            (0, "[01/Jan/1970:00:00:00 +0000]"),
        ] {
            let mut out = Vec::new();
            clock.write_common(UNIX_EPOCH + Duration::from_secs(second), &mut out);
            assert_eq!(out, expected.as_bytes());
        }
    }

    #[test]
    fn a_clock_set_before_1970_is_written_as_its_first_second() {
        let before = UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(
            texts(before),
            ["1970-01-01T00:00:00.000Z", "[01/Jan/1970:00:00:00 +0000]"]
        );
    }
}
