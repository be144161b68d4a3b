//! Several workers at one address.

use std::{collections::BTreeSet, num::NonZeroUsize, thread};

use tokio::{io::AsyncBufReadExt, io::BufReader};

use super::*;

/// More connections than it takes until one of two workers has had none, but once in 2^63 times.
const MANY: usize = 64;

/// Answers each line with the name of the thread that reads it.
struct Telling;

impl Host for Telling {
    fn serve(&self, mut stream: Box<Stream>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            while let HeadRead::Head(..) = stream.read_head(PATIENCE).await {
                let name = format!("{}\n", thread::current().name().unwrap_or_default());
                stream.write_all(name.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
        })
    }

    fn turned_away(&self, _listener: &Listener, _refusal: Refusal) {}
}

fn two() -> Workers {
    Workers::start(NonZeroUsize::new(2).unwrap()).unwrap()
}

fn listener_at(bind: &str) -> Arc<Listener> {
    let metrics = Metrics::new(&[], &REASONS, SystemTime::now()).unwrap();
    listener(bind, &metrics, &Arc::default())
}

struct Client(BufReader<TcpStream>);

impl Client {
    async fn of(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    /// Who serves it; nobody if the connection has ended.
    async fn served_by(&mut self) -> Option<String> {
        let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
        self.0.write_all(request).await.ok()?;
        let mut line = String::new();
        let read = self.0.read_line(&mut line).await;
        read.ok()
            .filter(|count| *count > 0)
            .map(|_| line.trim().to_owned())
    }
}

#[tokio::test]
async fn every_worker_accepts_and_a_connection_stays_with_the_one_that_did() {
    let mut listeners = Listeners::new(Arc::new(Telling), two());
    let listener = listener_at("127.0.0.1:0");
    let prepared = listeners.prepare(vec![Arc::clone(&listener)]).unwrap();
    let before = prepared.addresses();
    listeners.commit(prepared, PATIENCE);
    assert_eq!(before, listeners.addresses());
    assert_eq!(before.len(), 1, "one port for all workers");
    let mut clients = Vec::new();
    for _ in 0..MANY {
        let mut client = Client::of(before[0].1).await;
        let worker = client.served_by().await.unwrap();
        clients.push((client, worker));
    }
    let workers: BTreeSet<_> = clients.iter().map(|(_, worker)| worker.as_str()).collect();
    assert_eq!(workers, ["simplon-w0", "simplon-w1"].into());
    for _ in 0..3 {
        for (client, worker) in &mut clients {
            assert_eq!(client.served_by().await.as_ref(), Some(&*worker));
        }
    }
    // The same listener again: its sockets and connections are the same, of all workers.
    let prepared = listeners.prepare(vec![listener]).unwrap();
    assert!(prepared.addresses().is_empty(), "nothing to bind");
    listeners.commit(prepared, PATIENCE);
    for (client, worker) in &mut clients {
        assert_eq!(client.served_by().await.as_ref(), Some(&*worker));
    }
}

#[tokio::test]
async fn who_comes_before_anybody_accepts_is_served_by_every_worker() {
    let mut listeners = Listeners::new(Arc::new(Telling), two());
    let prepared = listeners.prepare(vec![listener_at("127.0.0.1:0")]).unwrap();
    let address = prepared.addresses()[0].1;
    let mut early = Vec::new();
    for _ in 0..MANY {
        early.push(Client::of(address).await);
    }
    listeners.commit(prepared, PATIENCE);
    let mut workers = BTreeSet::new();
    for mut client in early {
        workers.insert(client.served_by().await.unwrap());
    }
    assert_eq!(workers.len(), 2, "{workers:?}");
}

#[tokio::test]
async fn an_address_is_ours_alone_though_our_workers_share_it() {
    let listeners = Listeners::new(Arc::new(Telling), two());
    let prepared = listeners.prepare(vec![listener_at("127.0.0.1:0")]).unwrap();
    let address = prepared.addresses()[0].1.to_string();
    let taken = format!("cannot listen on {address}: another process uses this port");
    for others in [Workers::here(), two()] {
        let others = Listeners::new(Arc::new(Telling), others);
        let error = others.prepare(vec![listener_at(&address)]).err().unwrap();
        assert!(error.starts_with(&taken), "{error}");
    }
    // And once it is free, it is free at once.
    drop(prepared);
    let again = listeners.prepare(vec![listener_at(&address)]).unwrap();
    assert_eq!(again.addresses()[0].1.to_string(), address);
}
