//! What an attack costs the proxy, beside what it costs the attacker.
//!
//! Each attack is a process of its own, which sends what it has prepared on one connection after another and
//! leaves a connection when the proxy closes it. Meanwhile a polite client asks on connections of its own.
//! `cargo bench -p simplon --bench floods [-- NAME]`; figures and what they mean are in README.md.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on has failed; the harness of the tests has more than it needs"
)]

#[path = "../tests/e2e/harness/mod.rs"]
mod harness;

use std::{
    env, fs,
    process::Stdio,
    time::{Duration, Instant},
};

use harness::{Hands, Http2, Origin, Proxy, Reply, Trust, frames};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::{sleep, timeout},
};

const SITE: &str = "
    listeners:
      http: { bind: \"127.0.0.1:$http\" }
      https: { bind: \"127.0.0.1:$https\", tls: intermediate, limits: { connections_per_client: 1000 } }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    log: { access: \"off\" }
    ";

/// Connections of one attack, in all and at a time.
const CONNECTIONS: usize = 128;
const AT_A_TIME: usize = 16;
/// An attacker holds a connection that is not closed for this long.
const HOLD: Duration = Duration::from_secs(2);

/// A name, and what is sent after the preface on each connection.
type Attack = (&'static str, fn() -> Vec<u8>);

const ATTACKS: [Attack; 11] = [
    ("nothing but handshakes", Vec::new),
    ("rapid reset", rapid_reset),
    ("made you reset", made_you_reset),
    ("CONTINUATION without end", continuation),
    ("PING", || {
        frames::frame(frames::PING, 0, 0, &[7; 8]).repeat(20_000)
    }),
    ("SETTINGS", || {
        frames::frame(frames::SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]).repeat(20_000)
    }),
    ("PRIORITY", || {
        frames::frame(frames::PRIORITY, 0, 3, &[0, 0, 0, 1, 9]).repeat(20_000)
    }),
    ("empty DATA", empty_data),
    ("HPACK references", hpack_references),
    ("cookie crumbs", cookie_crumbs),
    ("closed window", closed_window),
];

fn headers(flags: u8, stream: u32, block: &[u8]) -> Vec<u8> {
    frames::frame(frames::HEADERS, flags, stream, block)
}

fn get(stream: u32, path: &str) -> Vec<u8> {
    let block = frames::headers_block(&frames::request("GET", path));
    headers(frames::END_HEADERS | frames::END_STREAM, stream, &block)
}

fn odd(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|nth| 2 * nth + 1)
}

fn rapid_reset() -> Vec<u8> {
    let cancel = |stream| frames::frame(frames::RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    odd(2000)
        .flat_map(|stream| [get(stream, "/attack"), cancel(stream)].concat())
        .collect()
}

fn made_you_reset() -> Vec<u8> {
    let nothing = |stream| frames::frame(frames::WINDOW_UPDATE, 0, stream, &[0; 4]);
    odd(2000)
        .flat_map(|stream| [get(stream, "/attack"), nothing(stream)].concat())
        .collect()
}

fn continuation() -> Vec<u8> {
    let block = frames::headers_block(&[("x", "0123456789")]);
    let more = frames::frame(frames::CONTINUATION, 0, 1, &block);
    [
        headers(0, 1, &frames::headers_block(&frames::request("GET", "/"))),
        more.repeat(20_000),
    ]
    .concat()
}

fn empty_data() -> Vec<u8> {
    let block = frames::headers_block(&frames::request("POST", "/attack"));
    let nothing = frames::frame(frames::DATA, 0, 1, b"");
    [
        headers(frames::END_HEADERS, 1, &block),
        nothing.repeat(20_000),
    ]
    .concat()
}

/// One field of 4,000 bytes goes into the table, and each request then names it 4,000 times with a byte.
fn hpack_references() -> Vec<u8> {
    let pseudo = frames::headers_block(&frames::request("GET", "/attack"));
    let mut first = pseudo.clone();
    first.push(0x40);
    frames::push_string(&mut first, b"x");
    frames::push_string(&mut first, &[b'v'; 4000]);
    let bomb = [&pseudo[..], &[0xbe; 4000]].concat();
    let flags = frames::END_HEADERS | frames::END_STREAM;
    let bombs = odd(100)
        .skip(1)
        .flat_map(|stream| headers(flags, stream, &bomb));
    headers(flags, 1, &first).into_iter().chain(bombs).collect()
}

fn cookie_crumbs() -> Vec<u8> {
    let mut fields = frames::request("GET", "/attack").to_vec();
    fields.resize(1000, ("cookie", "a"));
    let block = frames::headers_block(&fields);
    let flags = frames::END_HEADERS | frames::END_STREAM;
    odd(100)
        .flat_map(|stream| headers(flags, stream, &block))
        .collect()
}

/// A hundred large answers, none of which may be sent.
fn closed_window() -> Vec<u8> {
    let settings = frames::frame(frames::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    settings
        .into_iter()
        .chain(odd(100).flat_map(|stream| get(stream, "/large")))
        .collect()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    if let Ok(name) = env::var("FLOOD") {
        return runtime.block_on(attack(&name));
    }
    let only = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    runtime.block_on(async {
        println!(
            "{:<26}{:>9}{:>12}{:>10}{:>8}{:>10}{:>9}{:>11}{:>9}{:>8}{:>8}",
            "",
            "MiB sent",
            "attacker ms",
            "proxy ms",
            "CPU x",
            "RSS +MiB",
            "RSS x",
            "p99 ms",
            "idle",
            "failed",
            "asked"
        );
        for (name, _) in ATTACKS {
            if only
                .as_ref()
                .is_none_or(|only| name.contains(only.as_str()))
            {
                measure(name).await;
            }
        }
    });
}

/// What was spent by whom.
struct Spent {
    /// Milliseconds.
    cpu: f64,
    /// MiB.
    rss: f64,
}

async fn measure(name: &str) {
    let origin = Origin::answering(|request| match request.target() {
        "/large" => Reply::ok(vec![b'x'; 1 << 20]),
        _ => Reply::ok("hello"),
    })
    .await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let client = proxy.h2_client("localhost").await;
    polite(&client, Duration::from_millis(300)).await; // everything is there once it was asked for
    let start = spent(proxy.id());
    let idle = polite(&client, Duration::from_secs(2)).await;
    let before = spent(proxy.id());
    let each = (before.cpu - start.cpu) / idle.count();

    let mut child = Command::new(env::current_exe().unwrap())
        .env("FLOOD", name)
        .env("PORT", proxy.https().to_string())
        .env("TRUST", proxy.state().join("dev-ca.pem"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut output = child.stdout.take().unwrap();
    let mut highest = before.rss;
    let mut attacked = Polite::default();
    {
        let mut reading = std::pin::pin!(output.read_to_string(&mut said));
        let mut is_over = false;
        while !is_over {
            let asking = polite(&client, Duration::from_millis(100));
            let (more, over) = tokio::join!(asking, timeout(Duration::ZERO, &mut reading));
            attacked.add(more);
            is_over = over.is_ok();
            highest = highest.max(spent(proxy.id()).rss);
        }
    }
    child.wait().await.unwrap();
    let after = spent(proxy.id());

    let mut figures = said
        .split_whitespace()
        .map(|figure| figure.parse::<f64>().unwrap());
    let (sent, theirs) = (figures.next().unwrap(), figures.next().unwrap());
    let ours = after.cpu - before.cpu - each * attacked.count();
    let grown = highest - before.rss;
    println!(
        "{name:<26}{sent:>9.2}{theirs:>12.0}{ours:>10.0}{:>8.1}{grown:>10.1}{:>9.2}{:>11.1}{:>9.1}{:>8}{:>8}",
        ours / theirs,
        grown / sent,
        attacked.p99(),
        idle.p99(),
        attacked.failures,
        origin.count("/attack") + origin.count("/large"),
    );
}

/// CPU time and resident memory of a process.
fn spent(process: u32) -> Spent {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanoseconds: f64 = tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next()?.parse::<f64>().ok())
        .sum();
    let pages = fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
    let pages: f64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    Spent {
        cpu: nanoseconds / 1e6,
        rss: pages / 256.0,
    }
}

/// What a client saw that asks for little.
#[derive(Default)]
struct Polite {
    /// Milliseconds.
    latencies: Vec<f64>,
    failures: usize,
}

impl Polite {
    fn add(&mut self, more: Self) {
        self.latencies.extend(more.latencies);
        self.failures += more.failures;
    }

    fn count(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap())
    }

    fn p99(&self) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
            .get(sorted.len() * 99 / 100)
            .copied()
            .unwrap_or(f64::NAN)
    }
}

/// Asks at an even pace.
async fn polite(client: &Http2, time: Duration) -> Polite {
    let started = Instant::now();
    let mut seen = Polite::default();
    while started.elapsed() < time {
        let asked = Instant::now();
        let is_well = client.get("/polite").await.status == 200;
        seen.failures += usize::from(!is_well);
        seen.latencies.push(asked.elapsed().as_secs_f64() * 1e3);
        sleep(Duration::from_millis(5)).await;
    }
    seen
}

/// The attacker's process: prints the MiB it has sent and the milliseconds of CPU it has spent.
async fn attack(name: &str) {
    let port: u16 = env::var("PORT").unwrap().parse().unwrap();
    let trust = Trust::in_file(env::var("TRUST").unwrap().as_ref());
    let (_, prepare) = ATTACKS
        .into_iter()
        .find(|(known, _)| *known == name)
        .unwrap();
    let hands = Hands::new(&trust).offering(&["h2"]);
    let preface = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &frames::frame(frames::SETTINGS, 0, 0, b"")[..],
    ]
    .concat();
    let bytes: &'static [u8] = [preface, prepare()].concat().leak();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..AT_A_TIME {
        let hands = hands.clone();
        clients.spawn(async move {
            let mut sent = 0;
            for _ in 0..CONNECTIONS / AT_A_TIME {
                sent += one(&hands, port, bytes).await;
            }
            sent
        });
    }
    let sent: usize = clients.join_all().await.into_iter().sum();
    let sent = f64::from(u32::try_from(sent).unwrap()) / f64::from(1 << 20);
    println!("{sent} {}", spent(std::process::id()).cpu);
}

/// One connection; tells how many bytes it has taken.
async fn one(hands: &Hands, port: u16, bytes: &[u8]) -> usize {
    let Ok(stream) = hands.shake(port, "localhost").await else {
        return 0;
    };
    let (mut reading, mut writing) = tokio::io::split(stream);
    let mut sent = 0;
    // Until it is closed on, or has held out for long enough.
    let _ = timeout(HOLD, async {
        let read = async { while matches!(reading.read(&mut [0; 4096]).await, Ok(1..)) {} };
        let write = async {
            for part in bytes.chunks(4096) {
                if writing.write_all(part).await.is_err() {
                    return;
                }
                sent += part.len();
            }
            if writing.flush().await.is_ok() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! { () = read => {}, () = write => {} }
    })
    .await;
    sent
}
