//! What operators have ordered of all servers, kept apart from these: so it holds for a server that is named
//! again, and outlives the process where it is written down.

use std::{collections::BTreeMap, time::Instant};

use parking_lot::Mutex;

use super::{
    operation::{Changed, Operation, Selected},
    order::Ordered,
    upstream::Upstream,
};

/// By upstream and server, as the configuration writes them; what is not in it is as configured.
pub type Book = BTreeMap<String, BTreeMap<String, Ordered>>;

/// How often the orders of a process have changed.
pub type Revision = u64;

/// The orders of one process.
#[derive(Debug, Default)]
pub struct Orders(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    book: Book,
    revision: Revision,
}

impl Orders {
    /// Servers that something is ordered of, at most, whether the configuration still names them or not.
    pub const MOST: usize = 10_000;

    /// As they were written down. What goes beyond [`Self::MOST`] is left out.
    pub fn restore(book: Book) -> Self {
        let mut kept = Kept::default();
        let entries = book.into_iter().flat_map(|(upstream, servers)| {
            let named = move |(server, ordered)| (upstream.clone(), server, ordered);
            servers.into_iter().map(named)
        });
        for (upstream, server, ordered) in entries.take(Self::MOST) {
            kept.note(&upstream, &server, ordered);
        }
        Self(Mutex::new(kept))
    }

    /// Gives the servers of an upstream that was just built what is ordered of them.
    pub fn apply(&self, upstream: &Upstream, now: Instant) {
        // Held so that no order slips in between: what is kept and what is in force stay the same.
        let kept = self.0.lock();
        let servers = kept.book.get(&**upstream.name());
        for server in upstream.servers() {
            let ordered = servers.and_then(|servers| servers.get(&*server.label));
            server
                .vitals
                .follow(ordered.copied().unwrap_or_default(), now);
        }
    }

    /// Changes all of these servers, or none and says why. In force when this returns.
    pub fn operate(
        &self,
        servers: &[Selected<'_>],
        operation: Operation,
        now: Instant,
    ) -> Result<Vec<Changed>, String> {
        let mut kept = self.0.lock();
        let change = |(upstream, server): &Selected<'_>| {
            Changed::new(upstream, server, operation, server.vitals.ordered())
        };
        let changes: Vec<_> = servers.iter().map(change).collect();
        let is_new = |change: &&Changed| {
            change.before == Ordered::default() && change.after != Ordered::default()
        };
        if kept.count() + changes.iter().filter(is_new).count() > Self::MOST {
            return Err(format!(
                "orders for more than {} servers are not kept\n  hint: `simplon ready` and `simplon weight … default` end those of servers that are there; \
                 take those of servers that are gone out of servers.json in the state directory, and restart",
                Self::MOST
            ));
        }
        for ((upstream, server), change) in servers.iter().zip(&changes) {
            if change.is_change() {
                server.vitals.follow(change.after, now);
                upstream.look_again(); // who waits may have found a place, or lost one
                kept.note(&change.upstream, &change.server, change.after);
                kept.revision += 1;
            }
        }
        Ok(changes)
    }

    /// What is to be written down, and a number that another state of it never has.
    pub fn book(&self) -> (Revision, Book) {
        let kept = self.0.lock();
        (kept.revision, kept.book.clone())
    }
}

impl Kept {
    /// Keeps what is not the default, and only that.
    fn note(&mut self, upstream: &str, server: &str, ordered: Ordered) {
        if ordered != Ordered::default() {
            let servers = self.book.entry(upstream.to_owned()).or_default();
            servers.insert(server.to_owned(), ordered);
        } else if let Some(servers) = self.book.get_mut(upstream) {
            servers.remove(server);
            if servers.is_empty() {
                self.book.remove(upstream);
            }
        }
    }

    fn count(&self) -> usize {
        self.book.values().map(BTreeMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::balance::{Order, Weight, sample, select};

    const DRAIN: Operation = Operation::Order(Order::Drain);
    const READY: Operation = Operation::Order(Order::Ready);

    fn order(orders: &Orders, upstream: &Arc<Upstream>, name: &str, operation: Operation) {
        let selected = select(&[name.to_owned()], &[upstream]).unwrap();
        orders
            .operate(&selected, operation, Instant::now())
            .unwrap();
    }

    fn ordered(upstream: &Upstream) -> Vec<Order> {
        let servers = upstream.servers().iter();
        servers
            .map(|server| server.vitals.ordered().order)
            .collect()
    }

    #[test]
    fn an_order_holds_for_a_server_that_is_named_again() {
        let (orders, now) = (Orders::default(), Instant::now());
        let upstream = Upstream::build(&sample::upstream(&[1, 1]), None, None, now);
        order(&orders, &upstream, "api/10.0.0.2:80", DRAIN);
        let without = Upstream::build(&sample::upstream(&[1]), None, Some(&upstream), now);
        orders.apply(&without, now);
        let again = Upstream::build(&sample::upstream(&[1, 1, 1]), None, Some(&without), now);
        orders.apply(&again, now);
        assert_eq!(ordered(&again), [Order::Ready, Order::Drain, Order::Ready]);
    }

    #[test]
    fn only_what_is_not_the_default_is_kept_and_restored() {
        let (orders, now) = (Orders::default(), Instant::now());
        let upstream = Upstream::build(&sample::upstream(&[1, 1]), None, None, now);
        let weight = Operation::Weight(Some(Weight::try_from(9).unwrap()));
        order(&orders, &upstream, "api", READY);
        assert_eq!(orders.book(), (0, Book::new()));
        order(&orders, &upstream, "api", DRAIN);
        order(&orders, &upstream, "api/10.0.0.2:80", weight);
        order(&orders, &upstream, "api/10.0.0.1:80", READY);
        let (revision, book) = orders.book();
        assert_eq!(revision, 4);
        let text = serde_json::to_string(&book).unwrap();
        assert_eq!(
            text,
            r#"{"api":{"10.0.0.2:80":{"order":"drain","weight":9}}}"#
        );
        let restored = Orders::restore(serde_json::from_str(&text).unwrap());
        let fresh = Upstream::build(&sample::upstream(&[1, 1]), None, None, now);
        restored.apply(&fresh, now);
        assert_eq!(ordered(&fresh), [Order::Ready, Order::Drain]);
        order(&restored, &fresh, "api", READY);
        order(&restored, &fresh, "api", Operation::Weight(None));
        assert_eq!(restored.book().1, Book::new());
    }

    #[test]
    fn there_is_an_end_to_what_is_kept_and_beyond_it_nothing_changes() {
        let servers = (0..=Orders::MOST).map(|nth| {
            let ordered = Ordered {
                order: Order::Maint,
                weight: None,
            };
            (format!("{nth}"), ordered)
        });
        let book = Book::from([("gone".to_owned(), servers.collect())]);
        let orders = Orders::restore(book);
        assert_eq!(orders.0.lock().count(), Orders::MOST);
        let now = Instant::now();
        let upstream = Upstream::build(&sample::upstream(&[1]), None, None, now);
        let selected = select(&["api".to_owned()], &[&upstream]).unwrap();
        let refused = orders.operate(&selected, DRAIN, now).unwrap_err();
        assert!(refused.contains("10000 servers"), "{refused}");
        assert_eq!(ordered(&upstream), [Order::Ready]);
        assert!(orders.operate(&selected, READY, now).is_ok());
    }
}
