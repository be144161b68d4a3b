//! Clients that take their response slowly, or send a body slowly by HTTP/2.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::sleep,
};

use super::{Stage, WAYS, Way};
use crate::harness::{Origin, Proxy, Reply, Wire, until};

/// What a slow reader takes each tenth of a second.
const SIP: usize = 30 << 10;
const ENOUGH: usize = 2 << 20;
const BIG: &str = "GET /8000 HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_off_on_every_way() {
    let stage = Stage::limited("write_idle_timeout: 300ms").await;
    for (way, later) in WAYS.into_iter().flat_map(|way| [(way, false), (way, true)]) {
        let before = stage.turned_away(way, "write_timeout").await;
        let mut client = stage.client(way, later).await;
        client.send(BIG.replace("8000", "30000")).await;
        until("it is cut off", async || {
            stage.turned_away(way, "write_timeout").await == before + 1
        })
        .await;
    }
    let labels = [("upstream", "web"), ("server", &*stage.origin.to_string())];
    let proxy = &stage.proxy;
    proxy
        .await_metric("simplon_server_in_flight", &labels, 0)
        .await;
}

/// Whoever reads so little at a time, and says how much it got before the end.
async fn sips(stage: &Stage) -> usize {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap(); // or the kernel reads on its own
    let address = ([127, 0, 0, 1], stage.proxy.http()).into();
    let mut stream: TcpStream = socket.connect(address).await.unwrap();
    stream.write_all(BIG.as_bytes()).await.unwrap();
    let (mut sip, mut got) = (vec![0; SIP], 0);
    loop {
        sleep(Duration::from_millis(100)).await;
        let mut left = &mut sip[..];
        while !left.is_empty() {
            match stream.read(left).await {
                Ok(0) | Err(_) => return got,
                Ok(read) => {
                    got += read;
                    left = &mut left[read..];
                }
            }
        }
        if got >= ENOUGH {
            return got;
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_is_cut_off_though_it_never_stops() {
    let slow = Stage::limited("write_idle_timeout: 1s, min_rate: 1MiB").await;
    let (started, got) = (Instant::now(), sips(&slow).await);
    assert!(got < ENOUGH, "{got}");
    assert!(started.elapsed() > Duration::from_secs(1));
    assert_eq!(slow.turned_away(Way::Plain, "write_timeout").await, 1);

    let patient = Stage::limited("write_idle_timeout: 1s, min_rate: 0").await;
    assert!(sips(&patient).await >= ENOUGH);
    assert_eq!(patient.turned_away(Way::Plain, "write_timeout").await, 0);
}

/// The status of the answer to a body that comes byte by byte, over HTTP/2.
async fn dribbles(stage: &Stage, content: &str) -> u16 {
    let client = stage.proxy.h2_client("localhost").await;
    let request = Request::post("https://localhost/").header("content-type", content);
    let (response, mut body) = client.begin(request.body(()).unwrap()).await;
    let dribbling = async {
        for _ in 0..40 {
            if body.send_data(Bytes::from_static(b"x"), false).is_err() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        // Refused or not: it is over.
        let _ = body.send_data(Bytes::new(), true);
    };
    let (response, ()) = tokio::join!(response, dribbling);
    response.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_body_that_dribbles_over_http2_is_408_and_grpc_is_left_alone() {
    let stage = Stage::limited("body_idle_timeout: 1s, min_rate: 1KiB").await;
    assert_eq!(dribbles(&stage, "text/plain").await, 408);
    assert_eq!(stage.refusals("body_timeout").await, 1);
    assert_eq!(dribbles(&stage, "application/grpc+proto").await, 200);
    let patient = Stage::limited("body_idle_timeout: 1s, min_rate: 0").await;
    assert_eq!(dribbles(&patient, "text/plain").await, 200);
}

/// The kernel asks for more when half of what it holds is sent, 64 KiB; such a reader takes longer for them than it may
/// stand still.
#[tokio::test]
async fn a_slow_but_steady_reader_is_seen_to_move() {
    const BODY: usize = 200_000;
    let origin = Origin::answering(|_| Reply::ok(vec![b'x'; BODY])).await;
    let limits = "limits: { write_idle_timeout: 500ms, min_rate: 0 }";
    let text = format!(
        "
        listeners: {{ http: {{ bind: \"127.0.0.1:$http\", {limits} }} }}
        upstreams: {{ web: {{ servers: [$1] }} }}
        routes: [{{ upstream: web }}]
        "
    );
    let proxy = Proxy::with(&text, &[&origin]).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(([127, 0, 0, 1], proxy.http()).into());
    let mut wire = Wire::new(stream.await.unwrap());
    wire.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let head = wire.read_head().await.unwrap().unwrap();
    assert_eq!(head.length(), Some(BODY));
    for got in (0..BODY).step_by(4000) {
        let read = wire.read_exactly(4000).await;
        assert!(read.is_ok(), "cut off after {got}: {read:?}");
        sleep(Duration::from_millis(100)).await; // the line is what is slow here
    }
}
