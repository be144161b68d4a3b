//! Batches, tries and the end, before a collector that does as it is told.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::UNIX_EPOCH,
};

use parking_lot::Mutex;
use prometheus::{Registry, TextEncoder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    config::{
        model::{self, Follow},
        problem::Located,
        units::Percent,
    },
    observe::{Record, Tracer, families::Maker, traces::Asked},
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
const LOST: &str = "HTTP/1.1 502 Lost\r\ncontent-length: 0\r\n\r\n";
const NEVER: &str = "HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n";

/// Answers requests in this order, the last of them for ever, and counts them.
struct Stub {
    uri: http::Uri,
    heard: Arc<AtomicU64>,
}

impl Stub {
    async fn answering(answers: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect::<VecDeque<_>>()));
        let heard = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(converse(stream, Arc::clone(&answers), Arc::clone(&counted)));
            }
        });
        Self {
            uri: uri.parse().unwrap(),
            heard,
        }
    }
}

async fn converse(
    mut stream: TcpStream,
    answers: Arc<Mutex<VecDeque<&'static str>>>,
    heard: Arc<AtomicU64>,
) {
    let mut bytes = Vec::new();
    loop {
        let Some((end, length)) = whole(&bytes) else {
            match stream.read_buf(&mut bytes).await {
                Ok(1..) => continue,
                _ => return,
            }
        };
        bytes.drain(..end + length);
        heard.fetch_add(1, Relaxed);
        let answer = {
            let mut answers = answers.lock();
            if answers.len() > 1 {
                answers.pop_front().unwrap()
            } else {
                answers[0]
            }
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// The lengths of head and body, if all of the first request is there.
fn whole(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = str::from_utf8(&bytes[..end]).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    (bytes.len() >= end + length).then_some((end, length))
}

struct Scene {
    tracer: Arc<Tracer>,
    registry: Registry,
}

impl Scene {
    fn before(uri: &http::Uri, queue: usize) -> Self {
        let registry = Registry::new();
        let meters = TraceMeters::new(&Maker(&registry)).unwrap();
        let settings = model::Tracing {
            at: Located::nowhere(()),
            otlp: uri.clone(),
            tls: None,
            service: "test".to_owned(),
            sample: Percent::new(100),
            follow: Follow::Any,
            timeout: Duration::from_secs(5),
            queue,
        };
        let tracer = Tracer::build(&settings, None, meters, None).unwrap();
        Self { tracer, registry }
    }

    fn send(&self, spans: usize) {
        for _ in 0..spans {
            let trace = self.tracer.begin(None, false, || false);
            self.tracer.send(Span::of(&record(), &trace, &asked()));
        }
    }

    fn count(&self, series: &str) -> u64 {
        let text = TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap();
        let line = text.lines().find(|line| line.contains(series));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    }

    async fn until(&self, series: &str, value: u64) {
        while self.count(series) != value {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

fn asked() -> Asked<'static> {
    Asked {
        scheme: "http",
        port: None,
        state: &[],
        begun: std::time::Instant::now(),
    }
}

fn record() -> Record<'static> {
    Record {
        method: "GET",
        path: "/",
        status: 200,
        ..Record::of(UNIX_EPOCH, [192, 0, 2, 1].into())
    }
}

#[tokio::test]
async fn spans_go_in_batches_and_the_last_ones_at_the_end() {
    let stub = Stub::answering(&[OK]).await;
    let scene = Scene::before(&stub.uri, 2048);
    scene.send(2 * BATCH + 1);
    scene.tracer.start();
    scene.until("\"exported\"", 2 * BATCH as u64 + 1).await;
    assert_eq!(scene.count("\"ok\""), 3);
    scene.send(3);
    scene.tracer.end().await;
    assert_eq!(scene.count("\"exported\""), 2 * BATCH as u64 + 4);
    assert_eq!(scene.count("\"ok\""), 4);
    scene.send(1);
    assert_eq!(scene.count("\"dropped_queue\""), 1);
}

#[tokio::test]
async fn what_finds_no_room_is_dropped_and_counted_and_the_rest_goes() {
    let stub = Stub::answering(&[OK]).await;
    let scene = Scene::before(&stub.uri, 16);
    scene.send(20);
    assert_eq!(scene.count("\"dropped_queue\""), 4);
    scene.tracer.start();
    scene.until("\"exported\"", 16).await;
}

#[tokio::test]
async fn a_batch_that_is_not_taken_is_tried_again_if_that_may_help() {
    for (answers, exported, failed) in [
        (&[BUSY, BUSY, OK][..], 5, 2),
        (&[BUSY], 0, 5),
        (&[NEVER, OK], 0, 1),
    ] {
        let stub = Stub::answering(answers).await;
        let scene = Scene::before(&stub.uri, 2048);
        scene.send(5);
        scene.tracer.start();
        let result = if exported > 0 {
            "\"exported\""
        } else {
            "\"dropped_export\""
        };
        scene.until(result, 5).await;
        assert_eq!(scene.count("\"failed\""), failed, "{answers:?}");
        assert_eq!(stub.heard.load(Relaxed), failed + u64::from(exported > 0));
    }
}

#[tokio::test]
async fn an_end_waits_for_no_collector_that_is_down() {
    let stub = Stub::answering(&[LOST]).await;
    let scene = Scene::before(&stub.uri, 2048);
    scene.send(2 * BATCH);
    scene.tracer.start();
    scene.until("\"failed\"", 1).await; // the first of several pauses begins
    let begun = Instant::now();
    scene.tracer.end().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(scene.count("\"dropped_export\""), 2 * BATCH as u64);
    assert!((3..=4).contains(&scene.count("\"failed\"")));
}

#[tokio::test]
async fn what_waits_is_sent_when_the_last_who_could_send_more_has_gone() {
    let stub = Stub::answering(&[OK]).await;
    let Scene { tracer, registry } = Scene::before(&stub.uri, 2048);
    let meters = Scene {
        tracer: Arc::clone(&tracer),
        registry,
    };
    meters.send(7);
    tracer.start();
    let Scene {
        tracer: other,
        registry,
    } = meters;
    drop((tracer, other));
    let count = || {
        let text = TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        text.contains("simplon_trace_spans_total{result=\"exported\"} 7")
    };
    while !count() {
        sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn a_tracer_of_the_same_settings_is_the_same() {
    let uri = "http://127.0.0.1:4318/v1/traces".parse().unwrap();
    let Scene {
        tracer,
        registry: _,
    } = Scene::before(&uri, 16);
    let settings = |queue| model::Tracing {
        queue,
        ..tracer.settings.clone()
    };
    let build = |queue| {
        let previous = Some(&tracer);
        Tracer::build(&settings(queue), None, tracer.meters.clone(), previous).unwrap()
    };
    assert!(Arc::ptr_eq(&build(16), &tracer));
    assert!(!Arc::ptr_eq(&build(17), &tracer));
}
