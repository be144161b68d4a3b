//! Who is let in: connections counted in all and per client.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasher,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;

use crate::{admit::ClientKey, config::model::Limits};

/// Enough shards that two workers rarely meet; the tables are as small as the connections they count.
const SHARDS: usize = 16;

/// The connections of one listener. Bounded, since a client is forgotten with its last connection.
#[derive(Default)]
pub struct Seats {
    taken: AtomicUsize,
    clients: [Mutex<HashMap<ClientKey, usize>>; SHARDS],
    hasher: std::hash::RandomState,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The listener is at `connections`.
    Listener,
    /// The client is at `connections_per_client`.
    Client,
}

/// A connection that has been let in. Dropping it gives the seat back.
pub struct Seat {
    seats: Arc<Seats>,
    /// Whose it is; nobody's as long as a PROXY header is still to say it.
    client: Option<ClientKey>,
}

impl Seats {
    /// Lets one more connection of `client` in, if the limits allow it.
    pub fn take(self: &Arc<Self>, client: ClientKey, limits: &Limits) -> Result<Seat, Full> {
        self.take_for_anyone(limits)?.give_to(client, limits)
    }

    /// Lets one more connection in, of a client that is not known yet.
    pub fn take_for_anyone(self: &Arc<Self>, limits: &Limits) -> Result<Seat, Full> {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= limits.connections {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Listener);
        }
        Ok(Seat {
            seats: Arc::clone(self),
            client: None,
        })
    }

    /// Connections held now.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    fn shard(&self, client: ClientKey) -> &Mutex<HashMap<ClientKey, usize>> {
        let hash = self.hasher.hash_one(client);
        // The remainder is below SHARDS, so the array always has that place.
        let place = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        &self.clients[place]
    }
}

impl Seat {
    /// The seat of `client` from now on, if it may have one more. Otherwise it is given back.
    pub fn give_to(mut self, client: ClientKey, limits: &Limits) -> Result<Self, Full> {
        let mut clients = self.seats.shard(client).lock();
        let held = clients.entry(client).or_insert(0);
        if *held >= limits.connections_per_client {
            return Err(Full::Client);
        }
        *held += 1;
        drop(clients);
        self.client = Some(client);
        Ok(self)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(client) = self.client
            && let Entry::Occupied(mut held) = self.seats.shard(client).lock().entry(client)
        {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
        self.seats.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> ClientKey {
        ClientKey::from(text.parse::<std::net::IpAddr>().unwrap())
    }

    fn limits(connections: usize, connections_per_client: usize) -> Limits {
        Limits {
            connections,
            connections_per_client,
            ..Limits::default()
        }
    }

    #[test]
    fn a_dropped_seat_is_free_again() {
        let seats = Arc::new(Seats::default());
        let only_one = limits(1, 1);
        let seat = seats.take(client("192.0.2.1"), &only_one).ok();
        assert!(seat.is_some());
        assert_eq!(
            seats.take(client("192.0.2.2"), &only_one).err(),
            Some(Full::Listener)
        );
        drop(seat);
        assert_eq!(seats.taken(), 0);
        assert!(seats.take(client("192.0.2.2"), &only_one).is_ok());
    }

    #[test]
    fn ipv6_clients_share_their_64() {
        let seats = Arc::new(Seats::default());
        let two_each = limits(10, 2);
        let _first = seats.take(client("2001:db8::1"), &two_each);
        let _second = seats.take(client("2001:db8::2"), &two_each);
        assert_eq!(
            seats.take(client("2001:db8::3"), &two_each).err(),
            Some(Full::Client)
        );
        assert!(seats.take(client("2001:db8:0:1::1"), &two_each).is_ok());
    }

    #[test]
    fn a_client_that_is_named_late_is_counted_from_then_on() {
        let seats = Arc::new(Seats::default());
        let limits = limits(3, 1);
        let give = |to| seats.take_for_anyone(&limits)?.give_to(client(to), &limits);
        let _unnamed = seats.take_for_anyone(&limits);
        let named = give("192.0.2.1");
        assert!(named.is_ok());
        assert_eq!(give("192.0.2.1").err(), Some(Full::Client));
        assert_eq!(seats.taken(), 2);
        let _other = give("192.0.2.2");
        assert_eq!(give("192.0.2.3").err(), Some(Full::Listener));
        drop(named);
        assert!(give("192.0.2.1").is_ok());
    }

    #[test]
    fn a_client_that_left_is_forgotten() {
        let seats = Arc::new(Seats::default());
        for host in 0..1000_u32 {
            let address = std::net::Ipv4Addr::from(host);
            drop(seats.take(
                ClientKey::from(std::net::IpAddr::from(address)),
                &limits(10, 2),
            ));
        }
        assert!(seats.clients.iter().all(|shard| shard.lock().is_empty()));
    }
}
