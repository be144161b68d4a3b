//! Numbers as they fit into a column.

/// Two units at most, as `HAProxy` writes them: `7s`, `2m5s`, `4h12m`, `3d4h`.
pub(super) fn age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

/// `999`, `1.2k`, `34M`: three figures at most, cut, not rounded.
pub(super) fn count(number: u64) -> String {
    short(number, 1000, ["", "k", "M", "G", "T", "P", "E"])
}

/// As [`count`], by 1024: `1.2K`.
pub(super) fn bytes(number: u64) -> String {
    short(number, 1024, ["", "K", "M", "G", "T", "P", "E"])
}

fn short(number: u64, step: u64, units: [&str; 7]) -> String {
    let (mut whole, mut tenths, mut unit) = (number, 0, 0);
    while whole >= 1000 && unit + 1 < units.len() {
        tenths = whole % step * 10 / step;
        whole /= step;
        unit += 1;
    }
    let unit_name = units.get(unit).copied().unwrap_or_default();
    if unit > 0 && whole < 10 {
        format!("{whole}.{tenths}{unit_name}")
    } else {
        format!("{whole}{unit_name}")
    }
}

/// Three figures at most: `0.42`, `3.1`, `1234`.
pub(super) fn millis(number: f64) -> String {
    let places = match number {
        ..1.0 => 2,
        ..10.0 => 1,
        _ => 0,
    };
    format!("{number:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units_at_most() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (125, "2m5s"),
            (15_120, "4h12m"),
            (273_600, "3d4h"),
        ] {
            assert_eq!(age(seconds), expected);
        }
    }

    #[test]
    fn big_numbers_are_short() {
        for (number, expected, binary) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1000, "1.0k", "0.9K"),
            (1024, "1.0k", "1.0K"),
            (12_345, "12k", "12K"),
            (999_999, "999k", "976K"),
            (1_500_000, "1.5M", "1.4M"),
            (u64::MAX, "18E", "15E"),
        ] {
            assert_eq!(count(number), expected);
            assert_eq!(bytes(number), binary);
        }
        for (number, expected) in [
            (0.0, "0.00"),
            (0.424, "0.42"),
            (3.16, "3.2"),
            (12.7, "13"),
            (1234.4, "1234"),
        ] {
            assert_eq!(millis(number), expected);
        }
    }
}
