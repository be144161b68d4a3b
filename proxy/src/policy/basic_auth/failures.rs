//! How often each client may still be wrong.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::{admit::ClientKey, limits::Bucket};

/// Wrong passwords by client, as leaky buckets: for each the moment at which it is as if nobody had come (GCRA's "theoretical
/// arrival time").
///
/// Clients that fail by turns at routes with the same limit fail at one limit, whichever route it is.
#[derive(Debug, Default)]
pub struct Failures(HashMap<(ClientKey, Bucket), Instant>);

/// Clients at most: some megabytes. When more come, those are forgotten that have paid, and then any: whoever has so many
/// addresses has as many times the limit all the same.
const MOST: usize = 1 << 16;

impl Failures {
    /// Counts a failure before it happens, if one more is allowed: it is forgiven when the password proves right. So many tries
    /// at the same time are no way round the limit.
    ///
    /// # Errors
    /// How long until one is.
    pub fn foresee(
        &mut self,
        client: ClientKey,
        limit: Bucket,
        now: Instant,
    ) -> Result<(), Duration> {
        self.wait(client, limit, now)?;
        if self.0.len() >= MOST && !self.0.contains_key(&(client, limit)) {
            self.make_room(now);
        }
        let paid = self.0.entry((client, limit)).or_insert(now);
        *paid = (*paid).max(now) + limit.interval();
        Ok(())
    }

    /// Whether one more would be allowed.
    ///
    /// # Errors
    /// How long until it would.
    pub fn wait(&self, client: ClientKey, limit: Bucket, now: Instant) -> Result<(), Duration> {
        let Some(paid) = self.0.get(&(client, limit)) else {
            return Ok(());
        };
        let owed = paid.saturating_duration_since(now) + limit.interval();
        let allowed = limit.interval() * limit.burst.get();
        match owed.checked_sub(allowed) {
            None | Some(Duration::ZERO) => Ok(()),
            Some(wait) => Err(wait),
        }
    }

    /// Takes one back that was foreseen and has not come.
    pub fn forgive(&mut self, client: ClientKey, limit: Bucket, now: Instant) {
        if let Some(paid) = self.0.get_mut(&(client, limit)) {
            match paid.checked_sub(limit.interval()) {
                Some(earlier) if earlier > now => *paid = earlier,
                _ => drop(self.0.remove(&(client, limit))),
            }
        }
    }

    /// Forgets those who have paid; if that is not much, any eighth.
    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, paid| *paid > now);
        let mut over = self.0.len().saturating_sub(MOST - MOST / 8);
        self.0.retain(|_, _| {
            let stays = over == 0;
            over = over.saturating_sub(1);
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limit(count: u32, seconds: u64) -> Bucket {
        Bucket {
            rate: count.try_into().unwrap(),
            window: SECOND * u32::try_from(seconds).unwrap(),
            burst: count.try_into().unwrap(),
        }
    }

    fn client(text: &str) -> ClientKey {
        ClientKey::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn so_many_in_a_window_and_then_one_by_one() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let (limit, client) = (limit(3, 60), client("192.0.2.1"));
        for _ in 0..3 {
            assert_eq!(failures.foresee(client, limit, start), Ok(()));
        }
        assert_eq!(failures.foresee(client, limit, start), Err(SECOND * 20));
        assert_eq!(
            failures.wait(client, limit, start + SECOND * 5),
            Err(SECOND * 15)
        );
        let later = start + SECOND * 20;
        assert_eq!(failures.foresee(client, limit, later), Ok(()));
        assert_eq!(failures.foresee(client, limit, later), Err(SECOND * 20));
        let much_later = start + SECOND * 600;
        for _ in 0..3 {
            assert_eq!(failures.foresee(client, limit, much_later), Ok(()));
        }
        assert!(failures.wait(client, limit, much_later).is_err());
    }

    #[test]
    fn who_was_right_has_lost_nothing() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let (limit, client) = (limit(2, 60), client("192.0.2.1"));
        for _ in 0..1000 {
            assert_eq!(failures.foresee(client, limit, now), Ok(()));
            failures.forgive(client, limit, now);
        }
        assert!(failures.0.is_empty());
        failures.forgive(client, limit, now);
        assert_eq!(failures.foresee(client, limit, now), Ok(()));
        assert_eq!(failures.foresee(client, limit, now), Ok(()));
        failures.forgive(client, limit, now);
        assert_eq!(failures.foresee(client, limit, now), Ok(()));
        assert!(failures.foresee(client, limit, now).is_err());
    }

    #[test]
    fn nobody_pays_for_others_but_for_those_of_the_same_64() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let limit = limit(1, 60);
        for (address, passes) in [
            ("192.0.2.1", true),
            ("192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
            ("2001:db8:0:1::1", true),
        ] {
            let foreseen = failures.foresee(client(address), limit, now);
            assert_eq!(foreseen.is_ok(), passes, "{address}");
        }
    }

    #[test]
    fn a_flood_of_addresses_fills_no_more_than_the_table() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let limit = limit(10, 60);
        let most = u32::try_from(MOST).unwrap();
        for address in 0..most * 2 {
            let client = ClientKey::from(IpAddr::V4(Ipv4Addr::from_bits(address)));
            assert_eq!(failures.foresee(client, limit, now), Ok(()));
            assert!(failures.0.len() <= MOST);
        }
        assert!(failures.0.len() > MOST / 2);
        failures.make_room(now + SECOND * 600);
        assert!(failures.0.is_empty());
    }
}
