//! The orders of operators on disk: `servers.json` in the state directory, so that they outlive the process.
//!
//! Of several processes with one state directory each reads it when it starts and writes it whole when it is
//! given an order: the last writer wins.

use std::{io, path::Path};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::Source;
use crate::{
    balance::{
        Orders,
        orders::{Book, Revision},
    },
    state::State,
};

const FILE: &str = "servers.json";

/// The file's content. Other keys are left to versions to come.
#[derive(Default, Serialize, Deserialize)]
struct Content {
    servers: Book,
}

/// Where orders are kept, if they are.
pub(super) struct OrdersFile {
    state: Option<State>,
    /// What the file holds, or what it held when the process began. Locked while it is written.
    written: Mutex<Revision>,
}

impl OrdersFile {
    /// Only who serves by a configuration file has orders that outlive the process.
    pub(super) fn of(source: &Source, directory: &Path) -> Self {
        Self {
            state: match source {
                Source::File(_) => Some(State::look(directory)),
                Source::Trial(_) | Source::Given => None,
            },
            written: Mutex::default(),
        }
    }

    /// What was ordered before. A file that cannot be read is told of, and taken for none. Blocks on the disk.
    pub(super) fn restore(&self) -> Orders {
        let Some(state) = &self.state else {
            return Orders::default();
        };
        let content = read(state).unwrap_or_else(|error| {
            tracing::warn!(
                "the orders for servers in {} cannot be read, and none holds: {error}",
                state.path(FILE).display()
            );
            Content::default()
        });
        Orders::restore(content.servers)
    }

    /// Writes down what holds now, unless that was done already. The error is why it will not outlive the
    /// process. Blocks on the disk.
    pub(super) fn save(&self, orders: &Orders) -> Result<(), String> {
        let mut written = self.written.lock();
        let (revision, servers) = orders.book();
        if revision == *written {
            return Ok(());
        }
        let Some(state) = &self.state else {
            return Err(
                "what `simplon up` and `simplon run --from` are told is not kept".to_owned(),
            );
        };
        write(state, &Content { servers }).map_err(|error| {
            let path = state.path(FILE);
            tracing::warn!(%error, "orders for servers cannot be written to {}", path.display());
            format!("cannot write {}: {error}", path.display())
        })?;
        *written = revision;
        Ok(())
    }
}

fn read(state: &State) -> io::Result<Content> {
    let Some(text) = state.read(FILE)? else {
        return Ok(Content::default());
    };
    Ok(serde_json::from_slice(&text)?)
}

fn write(state: &State, content: &Content) -> io::Result<()> {
    let mut text = serde_json::to_vec(content)?;
    text.push(b'\n');
    // It may have been removed since; one that is made anew has the right mode.
    State::open(&state.path(""))?.write(FILE, &text)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, sync::Arc, time::Instant};

    use super::*;
    use crate::balance::{Operation, Order, Upstream, select};

    fn file(directory: &Path) -> OrdersFile {
        OrdersFile::of(&Source::File(PathBuf::new()), directory)
    }

    fn upstream() -> Arc<Upstream> {
        let config = crate::config::quick("127.0.0.1:1", "127.0.0.1:2").unwrap();
        Upstream::build(&config.upstreams[0], None, None, Instant::now())
    }

    fn order(orders: &Orders, upstream: &Arc<Upstream>, order: Order) {
        let selected = select(&[upstream.name().to_string()], &[upstream]).unwrap();
        let operation = Operation::Order(order);
        orders
            .operate(&selected, operation, Instant::now())
            .unwrap();
    }

    fn restored(directory: &Path) -> Order {
        let fresh = upstream();
        file(directory).restore().apply(&fresh, Instant::now());
        fresh.servers()[0].vitals.ordered().order
    }

    #[test]
    fn orders_outlive_the_process() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state");
        let (file, upstream) = (file(&directory), upstream());
        let orders = file.restore();
        file.save(&orders).unwrap();
        assert!(!directory.exists(), "nothing was ordered");
        for each in [Order::Drain, Order::Maint, Order::Ready] {
            order(&orders, &upstream, each);
            file.save(&orders).unwrap();
            assert_eq!(restored(&directory), each);
        }
    }

    #[test]
    fn a_broken_file_is_taken_for_none_and_replaced_by_the_next_order() {
        let home = tempfile::tempdir().unwrap();
        for broken in [
            "",
            "{",
            "[]",
            r#"{"servers":{"a":{"b":{"order":"dance"}}}}"#,
            r#"{"servers":{"a":{"b":{"weight":257}}}}"#,
            "\u{0}",
        ] {
            fs::write(home.path().join(FILE), broken).unwrap();
            assert_eq!(restored(home.path()), Order::Ready, "{broken}");
        }
        let (file, upstream) = (file(home.path()), upstream());
        let orders = file.restore();
        order(&orders, &upstream, Order::Drain);
        file.save(&orders).unwrap();
        assert_eq!(restored(home.path()), Order::Drain);
    }

    #[test]
    fn what_could_not_be_written_is_written_with_the_next_order() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state");
        fs::write(&directory, "a file").unwrap();
        let (file, upstream) = (file(&directory), upstream());
        let orders = file.restore();
        order(&orders, &upstream, Order::Drain);
        let why = file.save(&orders).unwrap_err();
        assert!(why.contains("servers.json"), "{why}");
        fs::remove_file(&directory).unwrap();
        file.save(&orders).unwrap();
        assert_eq!(restored(&directory), Order::Drain);
    }

    #[test]
    fn without_a_configuration_file_nothing_is_kept() {
        let home = tempfile::tempdir().unwrap();
        for source in [Source::Given, Source::Trial(PathBuf::new())] {
            let (file, upstream) = (OrdersFile::of(&source, home.path()), upstream());
            let orders = file.restore();
            file.save(&orders).unwrap();
            order(&orders, &upstream, Order::Drain);
            file.save(&orders).unwrap_err();
            assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        }
    }
}
