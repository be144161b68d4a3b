//! Real sockets, before a host that is not as good as ours.

use std::time::SystemTime;

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use super::*;
use crate::{
    listen::{HeadRead, Look, Pressure, REASONS, Stream},
    observe::Metrics,
    respond::Refusal,
};

const PATIENCE: Duration = Duration::from_secs(60);
const OK: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// Answers every request, but for those that contain `panic`.
struct Nervous;

impl Host for Nervous {
    fn serve(&self, mut stream: Box<Stream>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            while let HeadRead::Head(head) = stream.read_head(PATIENCE).await {
                let _carried = stream.connection().carry(head.bytes.len());
                assert!(
                    !head.bytes.windows(5).any(|word| word == b"panic"),
                    "as asked"
                );
                stream.write_all(OK).await.unwrap();
                stream.flush().await.unwrap();
            }
        })
    }

    fn turned_away(&self, _listener: &Listener, _refusal: Refusal) {}
}

struct Stage {
    _listeners: Listeners,
    listener: Arc<Listener>,
    metrics: Arc<Metrics>,
    pressure: Arc<Pressure>,
    address: SocketAddr,
}

fn listener(bind: &str, metrics: &Arc<Metrics>, pressure: &Arc<Pressure>) -> Arc<Listener> {
    let config = crate::config::quick(bind, "127.0.0.1:1");
    let settings = config.ok().unwrap().listeners.remove(0);
    let meters = metrics.listener("http");
    Arc::new(Listener::new(settings, meters, None, Arc::clone(pressure)))
}

fn stage() -> Stage {
    let metrics = Metrics::new(&[], &REASONS, SystemTime::now()).unwrap();
    let pressure = Arc::new(Pressure::default());
    let listener = listener("127.0.0.1:0", &metrics, &pressure);
    let mut listeners = Listeners::new(Arc::new(Nervous), Workers::here());
    let prepared = listeners.prepare(vec![Arc::clone(&listener)]).unwrap();
    listeners.commit(prepared, PATIENCE);
    Stage {
        address: listeners.addresses()[0].1,
        _listeners: listeners,
        listener,
        metrics,
        pressure,
    }
}

impl Stage {
    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// So much of a limit of 1 is resident.
    fn find(&self, resident: u64) {
        self.pressure.look(Look {
            resident: Some(resident),
            limit: Some(1),
            connections: 1,
        });
    }

    async fn until(&self, connections: u64) {
        while self.metrics.connections() != connections {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Whether the request is answered; false if the connection ends.
async fn asks(client: &mut TcpStream, path: &str) -> bool {
    let request = format!("GET /{path} HTTP/1.1\r\nhost: test\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; OK.len()];
    client
        .read_exact(&mut answer)
        .await
        .is_ok_and(|_| answer == OK)
}

async fn has_ended(client: &mut TcpStream) -> bool {
    matches!(client.read(&mut [0]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn a_panic_ends_its_connection_and_gives_its_seat_back() {
    let stage = stage();
    let (mut calm, mut nervous) = (stage.client().await, stage.client().await);
    assert!(asks(&mut calm, "").await && asks(&mut nervous, "").await);
    assert_eq!(stage.listener.seats.taken(), 2);
    assert!(!asks(&mut nervous, "panic").await);
    stage.until(1).await;
    assert_eq!(stage.listener.seats.taken(), 1);
    assert!(asks(&mut calm, "").await);
    assert!(asks(&mut stage.client().await, "").await);
}

#[tokio::test]
async fn while_memory_is_short_nobody_is_let_in_and_who_is_in_goes_on() {
    let stage = stage();
    let mut client = stage.client().await;
    assert!(asks(&mut client, "").await);
    stage.find(2);
    assert!(has_ended(&mut stage.client().await).await);
    assert!(asks(&mut client, "").await);
    stage.find(0);
    assert!(asks(&mut stage.client().await, "").await);
    assert_eq!(stage.listener.meters.total_refused(), 1);
}

#[tokio::test]
async fn idle_connections_make_room_one_after_another_until_all_have() {
    let stage = stage();
    let mut clients = Vec::new();
    for _ in 0..32 {
        let mut client = stage.client().await;
        assert!(asks(&mut client, "").await);
        clients.push(client);
    }
    stage.until(32).await;
    let mut left = vec![32];
    for _ in 0..8 {
        stage.listener.relieve();
        // Who was asked says goodbye for a moment.
        sleep(Duration::from_millis(400)).await;
        left.push(stage.metrics.connections());
    }
    assert_eq!(left.last(), Some(&0), "{left:?}");
    assert!(left[4] > 0, "not all at once: {left:?}");
    assert_eq!(stage.listener.meters.total_refused(), 32);
}

mod workers;
