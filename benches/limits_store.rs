//! What a check at a shared store costs: a real Redis server on the same machine, one question at a time and many at once.
//!
//! Needs `redis-server`, which is started on a port of its own and ended afterwards.
#![allow(
    clippy::expect_used,
    reason = "a bench that cannot start its server has nothing to measure"
)]

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    num::NonZeroU32,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use simplon::{
    config::{
        model::{Address, LimitsStore, OnFailure},
        problem::Located,
    },
    limits::{
        Bucket,
        shared::{Dial, Question, SharedStore},
    },
    observe::Metrics,
};
use tokio::{runtime::Runtime, task::JoinSet};

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("its number").port();
        drop(free);
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            std::thread::yield_now();
        }
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn store(server: &Server, runtime: &Runtime) -> Arc<SharedStore> {
    let settings = LimitsStore {
        at: Located::nowhere(()),
        address: Address::Socket((Ipv4Addr::LOCALHOST, server.port).into()),
        database: 0,
        tls: None,
        user: None,
        password_file: None,
        timeout: Duration::from_secs(5),
        on_failure: OnFailure::Local,
    };
    let metrics = Metrics::new(&[], &[], SystemTime::now()).expect("metrics");
    let dial = Dial::new(&settings, None, None);
    let store = SharedStore::build(&settings, dial, metrics.store("bench"), None);
    runtime.block_on(async {
        store.start();
        store.tried().await;
    });
    assert!(store.is_up(), "the store is not reached");
    store
}

/// Of so many limits that a request is before; none of them ever has enough.
fn questions(limits: usize, client: usize) -> Vec<Question> {
    let rate = NonZeroU32::MAX;
    let bucket = Bucket {
        rate,
        window: Duration::from_secs(86_400),
        burst: rate,
    };
    let question = |limit| Question {
        key: format!("simplon:{{defaults|{limit}|client_ip}}:{client:032x}"),
        bucket,
        patience: Duration::ZERO,
        is_binding: true,
    };
    (0..limits).map(question).collect()
}

fn checks(bench: &mut Criterion) {
    const CROWD: usize = 64;
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let store = store(&server, &runtime);
    for limits in [1, 2] {
        let name = format!("one request before {limits} of a store's limits");
        bench.bench_function(&name, |bencher| {
            bencher.iter(|| runtime.block_on(store.check(&questions(limits, 0))));
        });
    }
    let mut group = bench.benchmark_group("many requests at once");
    group.throughput(Throughput::Elements(CROWD as u64));
    group.bench_function("64 before one limit", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let mut asking = JoinSet::new();
                for client in 0..CROWD {
                    let store = Arc::clone(&store);
                    asking.spawn(async move { store.check(&questions(1, client)).await });
                }
                asking.join_all().await
            })
        });
    });
    group.finish();
    store.retire();
    bench.bench_function("one request while the store is given up", |bencher| {
        bencher.iter(|| runtime.block_on(store.check(&questions(1, 0))));
    });
}

criterion_group!(benches, checks);
criterion_main!(benches);
