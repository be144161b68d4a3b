//! Instants as RFC 3339 text in UTC with milliseconds, cheap enough for every request.

use std::time::{SystemTime, UNIX_EPOCH};

/// The last second before the year 10000, which RFC 3339 cannot write.
const LAST_SECOND: u64 = 253_402_300_799;
const SECONDS_OF_DAY: u64 = 86_400;

/// Formats instants and keeps the text of the last second, which the next request mostly shares.
#[derive(Debug)]
pub(super) struct Clock {
    second: u64,
    /// `2026-11-21T07:35:00.`
    text: [u8; 20],
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            second: 0,
            text: whole_second(0),
        }
    }

    /// Appends `2026-11-21T07:35:00.123Z`. What lies outside 1970 to 9999 becomes the nearer end.
    pub(super) fn write(&mut self, at: SystemTime, out: &mut Vec<u8>) {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = since.as_secs().min(LAST_SECOND);
        if second != self.second {
            self.second = second;
            self.text = whole_second(second);
        }
        let [hundreds, tens, ones] = three_digits(since.subsec_millis());
        out.extend_from_slice(&self.text);
        out.extend_from_slice(&[hundreds, tens, ones, b'Z']);
    }
}

/// The last three decimal digits of a number.
pub(super) fn three_digits(number: u32) -> [u8; 3] {
    [digit(number / 100), digit(number / 10), digit(number)]
}

fn whole_second(second: u64) -> [u8; 20] {
    let (year, month, day) = civil(second / SECONDS_OF_DAY);
    let of_day = second % SECONDS_OF_DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let [y1, y2, y3, y4] = [year / 1000, year / 100, year / 10, year].map(decimal);
    let [mo1, mo2, d1, d2] = [month / 10, month, day / 10, day].map(decimal);
    let [h1, h2, mi1, mi2] = [hour / 10, hour, minute / 10, minute].map(decimal);
    let [s1, s2] = [second / 10, second].map(decimal);
    [
        y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2,
        b'.',
    ]
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
    use std::time::Duration;

    use super::*;

    fn text(clock: &mut Clock, at: SystemTime) -> String {
        let mut out = Vec::new();
        clock.write(at, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants_are_written_in_utc_with_milliseconds() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_001, "2000-03-01T00:00:00.001Z"),
            (1_709_251_199_050, "2024-02-29T23:59:59.050Z"),
            (1_795_246_500_123, "2026-11-21T07:35:00.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "9999-12-31T23:59:59.000Z"),
        ];
        let mut clock = Clock::new();
        for (millis, expected) in cases {
            let at = UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!(text(&mut clock, at), expected);
        }
    }

    #[test]
    fn a_clock_set_before_1970_is_written_as_its_first_second() {
        let before = UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(text(&mut Clock::new(), before), "1970-01-01T00:00:00.000Z");
    }
}
