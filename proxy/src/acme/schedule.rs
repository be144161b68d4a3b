//! When a certificate is renewed, and when a failed order is tried again. Times in, times out.

use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use rustls::sign::CertifiedKey;

use crate::tls::Facts;

/// Between the first tries, while there is another challenge or CA to turn to.
const SHORT: Duration = Duration::from_secs(3);
/// The first rest once everything was tried; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What the CA suggests (RFC 9773): a renewal at a random moment between the two.
pub(super) type Window = (SystemTime, SystemTime);

/// When to renew. `spread` is a number from 0 to 1 that is the certificate's own, so that many
/// certificates of one day are not renewed in one minute, and a restart does not draw again.
///
/// Within the CA's window if it has suggested one, else when two thirds of the lifetime are over, less up
/// to a twelfth of it. That is day 54 to 60 of 90, and day 3.5 to 4 of six.
pub(super) fn renewal(facts: &Facts, window: Option<Window>, spread: f64) -> SystemTime {
    let spread = spread.clamp(0.0, 1.0);
    if let Some((begin, end)) = window {
        let width = end.duration_since(begin).unwrap_or_default();
        // The CA knows best, but an order takes time, and may fail: a twelfth of the life is left for that.
        let latest = facts.not_after - facts.lifetime() / 12;
        (begin + width.mul_f64(spread)).min(latest)
    } else {
        let lifetime = facts.lifetime();
        facts.not_before + lifetime * 2 / 3 - (lifetime / 12).mul_f64(spread)
    }
}

/// A number from 0 to 1 that is a certificate's own.
pub(super) fn spread(chain: &CertifiedKey) -> f64 {
    let leaf = chain.cert.first().map_or(&[][..], |leaf| leaf.as_ref());
    let digest = digest::digest(&digest::SHA256, leaf);
    let number = digest
        .as_ref()
        .iter()
        .take(4)
        .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    f64::from(number) / f64::from(u32::MAX)
}

/// How long to rest after so many failures in a row, of which the first `ways` are over quickly: the same
/// again, each other challenge, each other CA. `spread` as above; it adds up to a tenth.
pub(super) fn rest(failures: u32, ways: u32, spread: f64) -> Duration {
    let rest = if failures <= ways {
        SHORT
    } else {
        let doublings = (failures - ways - 1).min(20);
        (FIRST * (1_u32 << doublings)).min(LONGEST)
    };
    rest + (rest / 10).mul_f64(spread.clamp(0.0, 1.0))
}

/// Which of `ways` to try after so many failures in a row: the first one twice, then each other one.
pub(super) fn way(failures: u32, ways: usize) -> usize {
    usize::try_from(failures.saturating_sub(1)).unwrap_or(0) % ways.max(1)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn of(days: u32) -> Facts {
        Facts {
            names: vec!["example.ch".to_owned()],
            not_before: UNIX_EPOCH,
            not_after: UNIX_EPOCH + DAY * days,
            subject: String::new(),
            issuer: String::new(),
            serial: String::new(),
            key: String::new(),
            schemes: &[],
        }
    }

    #[test]
    fn without_advice_two_thirds_of_the_life_are_used() {
        for (days, earliest, latest) in [(90, 52.5, 60.0), (47, 27.4, 31.4), (6, 3.5, 4.0)] {
            let at = |spread| {
                let due = renewal(&of(days), None, spread);
                due.duration_since(UNIX_EPOCH).unwrap().as_secs_f64() / DAY.as_secs_f64()
            };
            assert!((at(0.0) - latest).abs() < 0.1, "{days}: {}", at(0.0));
            assert!((at(1.0) - earliest).abs() < 0.1, "{days}: {}", at(1.0));
        }
    }

    #[test]
    fn the_window_of_the_ca_is_respected() {
        let day = |number: u32| UNIX_EPOCH + DAY * number;
        let window = Some((day(10), day(20)));
        assert_eq!(renewal(&of(90), window, 0.0), day(10));
        assert_eq!(renewal(&of(90), window, 0.5), day(15));
        assert_eq!(renewal(&of(90), window, 1.0), day(20));
        let too_late = Some((day(80), day(200)));
        assert_eq!(renewal(&of(96), too_late, 1.0), day(88));
        let upside_down = Some((day(20), day(10)));
        assert_eq!(renewal(&of(90), upside_down, 0.7), day(20));
    }

    #[test]
    fn the_first_tries_are_quick_and_the_rest_grows_to_a_day() {
        let rests: Vec<u64> = (1..=15)
            .map(|failures| rest(failures, 3, 0.0).as_secs())
            .collect();
        assert_eq!(rests[..6], [3, 3, 3, 10, 20, 40]);
        assert_eq!(rests[14], 20_480);
        assert_eq!(rest(20, 3, 0.0), LONGEST);
        assert_eq!(rest(u32::MAX, 1, 0.0), LONGEST);
        assert_eq!(rest(u32::MAX, 1, 1.0), LONGEST + LONGEST / 10);
    }

    #[test]
    fn the_first_way_is_tried_twice_then_every_other_one() {
        let ways: Vec<usize> = (0..7).map(|failures| way(failures, 3)).collect();
        assert_eq!(ways, [0, 0, 1, 2, 0, 1, 2]);
        assert_eq!(way(u32::MAX, 1), 0);
    }
}
