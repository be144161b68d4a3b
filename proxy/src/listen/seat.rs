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

/// One client has this part of the handshakes under way at most: half a `ClientHello` costs nothing, and
/// whoever sends a thousand of them leaves room for others.
const SHARE: usize = 8;
/// But as many as a browser opens at once it always may.
const FEWEST: usize = 8;

/// Enough shards that two workers rarely meet; the tables are as small as the connections they count.
const SHARDS: usize = 16;

/// The connections of one listener, or its handshakes under way. Bounded, since a client is forgotten with its
/// last one.
#[derive(Default)]
pub struct Seats {
    taken: AtomicUsize,
    clients: [Mutex<HashMap<ClientKey, usize>>; SHARDS],
    hasher: std::hash::RandomState,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// There is none for anybody.
    Listener,
    /// This client has what one client may.
    Client,
}

/// How many seats there are.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub in_all: usize,
    pub for_one: usize,
}

impl Room {
    pub fn for_connections(limits: &Limits) -> Self {
        Self {
            in_all: limits.connections,
            for_one: limits.connections_per_client,
        }
    }

    pub fn for_handshakes(limits: &Limits) -> Self {
        Self {
            in_all: limits.handshakes,
            for_one: (limits.handshakes / SHARE).max(FEWEST),
        }
    }
}

/// A connection that has been let in. Dropping it gives the seat back.
pub struct Seat {
    seats: Arc<Seats>,
    /// Whose it is; nobody's as long as a PROXY header is still to say it.
    client: Option<ClientKey>,
}

impl Seats {
    /// Lets one more of `client` in, if there is room.
    pub fn take(self: &Arc<Self>, client: ClientKey, room: Room) -> Result<Seat, Full> {
        self.take_for_anyone(room)?.give_to(client, room)
    }

    /// Lets one more in, of a client that is not known yet.
    pub fn take_for_anyone(self: &Arc<Self>, room: Room) -> Result<Seat, Full> {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= room.in_all {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Listener);
        }
        Ok(Seat {
            seats: Arc::clone(self),
            client: None,
        })
    }

    /// Seats held now.
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
    pub fn give_to(mut self, client: ClientKey, room: Room) -> Result<Self, Full> {
        let mut clients = self.seats.shard(client).lock();
        let held = clients.entry(client).or_insert(0);
        if *held >= room.for_one {
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

    const fn room(in_all: usize, for_one: usize) -> Room {
        Room { in_all, for_one }
    }

    #[test]
    fn a_dropped_seat_is_free_again() {
        let seats = Arc::new(Seats::default());
        let only_one = room(1, 1);
        let seat = seats.take(client("192.0.2.1"), only_one).ok();
        assert!(seat.is_some());
        assert_eq!(
            seats.take(client("192.0.2.2"), only_one).err(),
            Some(Full::Listener)
        );
        drop(seat);
        assert_eq!(seats.taken(), 0);
        assert!(seats.take(client("192.0.2.2"), only_one).is_ok());
    }

    #[test]
    fn ipv6_clients_share_their_64() {
        let seats = Arc::new(Seats::default());
        let two_each = room(10, 2);
        let _first = seats.take(client("2001:db8::1"), two_each);
        let _second = seats.take(client("2001:db8::2"), two_each);
        assert_eq!(
            seats.take(client("2001:db8::3"), two_each).err(),
            Some(Full::Client)
        );
        assert!(seats.take(client("2001:db8:0:1::1"), two_each).is_ok());
    }

    #[test]
    fn a_client_that_is_named_late_is_counted_from_then_on() {
        let seats = Arc::new(Seats::default());
        let room = room(3, 1);
        let give = |to| seats.take_for_anyone(room)?.give_to(client(to), room);
        let _unnamed = seats.take_for_anyone(room);
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
    fn a_million_clients_leave_nothing_behind() {
        let seats = Arc::new(Seats::default());
        for host in 0..1_000_000_u32 {
            let address = std::net::Ipv4Addr::from(host);
            let client = ClientKey::from(std::net::IpAddr::from(address));
            drop(seats.take(client, room(10, 2)));
        }
        for shard in &seats.clients {
            let shard = shard.lock();
            assert!(shard.is_empty());
            assert!(shard.capacity() < 64, "{}", shard.capacity());
        }
    }

    #[test]
    fn a_table_that_is_full_holds_no_more_clients_than_seats() {
        let seats = Arc::new(Seats::default());
        let clients = (0..100_000_u32).map(|host| std::net::Ipv4Addr::from(host).into());
        let take = |address: std::net::IpAddr| seats.take(ClientKey::from(address), room(1000, 2));
        let taken: Vec<_> = clients.filter_map(|address| take(address).ok()).collect();
        assert_eq!(taken.len(), 1000);
        let held: usize = seats.clients.iter().map(|shard| shard.lock().len()).sum();
        assert_eq!(held, 1000);
    }

    #[test]
    fn one_client_has_an_eighth_of_the_handshakes() {
        for (handshakes, for_one) in [(1000, 125), (100, 12), (64, 8), (10, 8), (1, 8)] {
            let limits = Limits {
                handshakes,
                ..Limits::default()
            };
            assert_eq!(Room::for_handshakes(&limits).for_one, for_one);
        }
    }
}
