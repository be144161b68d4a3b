//! Sends a request in one way and sees to it that every answer belongs to its request.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::sync::Mutex;

use super::row::{Fate, Row};
use crate::harness::{Client, Message, Proxy, Recorder};

const TEXT: &str = "
    listeners:
      http:
        bind: 127.0.0.1:$http
        limits: { connections_per_client: 2000, header_timeout: 3s, body_idle_timeout: 3s, body_size: 1MiB }
      https:
        bind: 127.0.0.1:$https
        tls: intermediate
        limits: { connections_per_client: 2000, header_timeout: 3s, body_idle_timeout: 3s, body_size: 1MiB }
    acme: { nobody: { directory: https://127.0.0.1:1/directory } }
    certificates:
      - { hosts: [test], self_signed: true }
      - { hosts: [acme.test], acme: nobody }
    upstreams: { web: { servers: [RECORDER] } }
    routes:
      - { upstream: web }
      - { path: /local/get, methods: [GET], upstream: web }
      - { path: /local/old, redirect: { to: /new } }
      - { path: /local/teapot, respond: { status: 418, body: short and stout } }
      - { path: /local/moved, redirect: { match: '^/local/moved/([a-z]+)$', to: '/new/{1}', keep_query: true } }
      - { path: /local/file, respond: { file: simplon.yaml } }
      - { path: /local/closed, upstream: web, maintenance: true }
      - { path: /local/closed/file, upstream: web, maintenance: { file: page.txt } }
      - { path: /local/rewritten, upstream: web, rewrite: { match: '^/(.*)0$', to: '/{1}' } }
      - { path: /local/lost, redirect: { match: '^/no$', to: /new }, error_pages: { 4xx: page.txt } }
      - { host: nowhere.test, path: /only, upstream: web }
    ";

/// Longer than any of the deadlines above.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a request reaches the proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    AtOnce,
    /// Byte by byte; a long one in odd pieces.
    InPieces,
    /// In one write with a good request before it.
    Behind,
    Tls,
}

impl Way {
    /// Whether a request makes sense in this way. The certificate is for one host alone.
    pub(super) fn takes(self, row: &Row) -> bool {
        let names_host = memchr::memmem::find(&row.bytes, b"\r\nhost: test\r\n").is_some();
        let is_challenge = memchr::memmem::find(&row.bytes, b" /.well-known/").is_some(); // ours on plain listeners
        self != Self::Tls || (names_host && !is_challenge)
    }
}

pub(super) struct Court {
    recorder: Recorder,
    proxy: Proxy,
    /// A client that has nothing to do with any of it.
    bystander: Mutex<Client>,
    next: AtomicUsize,
}

type Verdict = Result<(), String>;

impl Court {
    pub(super) async fn open() -> Self {
        let recorder = Recorder::start().await;
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("page.txt"), "{status}").unwrap();
        let text = TEXT.replace("RECORDER", &recorder.to_string());
        let proxy = Proxy::in_directory(directory, &text, &[]).await;
        Self {
            bystander: Mutex::new(proxy.client().await),
            recorder,
            proxy,
            next: AtomicUsize::new(0),
        }
    }

    /// What is wrong, if anything is.
    pub(super) async fn try_row(&self, row: &Row, way: Way) -> Option<String> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = format!("/r/{number:05}");
        let mut bytes = replace(&row.bytes, b"/ROW", path.as_bytes());
        let mut client = match way {
            Way::Tls => self.proxy.tls_client("test").await,
            _ => self.proxy.client().await,
        };
        let good = format!("/good/{number:05}");
        if way == Way::Behind {
            let first = format!("GET {good} HTTP/1.1\r\nhost: test\r\n\r\n");
            bytes = [first.as_bytes(), &bytes].concat();
        }
        send(&mut client, &bytes, way).await;
        let verdict = async {
            if way == Way::Behind {
                belongs(&next(&mut client, "GET").await?, &good)?;
            }
            self.judge(row, &path, &mut client).await?;
            self.bystander_is_unharmed(number).await
        };
        let verdict = tokio::time::timeout(PATIENCE, verdict).await;
        let verdict = verdict.unwrap_or_else(|_| Err("it hangs".to_owned()));
        verdict.err().map(|wrong| format!("{}: {wrong}", row.name))
    }

    /// What is wrong in the end.
    pub(super) async fn closing(self) -> Vec<String> {
        let mut wrong = self.recorder.faults();
        if self.recorder.count("/smuggled") > 0 {
            wrong.push("something was smuggled".to_owned());
        }
        if !self.proxy.is_ready().await || self.proxy.errors().has("panicked") {
            wrong.push("the proxy is not well".to_owned());
        }
        wrong
    }

    async fn judge(&self, row: &Row, path: &str, client: &mut Client) -> Verdict {
        let method = if row.bytes.starts_with(b"HEAD") {
            "HEAD"
        } else {
            "GET"
        };
        let heard = || self.recorder.count(path);
        let refused = |status: u16| (400..500).contains(&status) || status == 505;
        match row.fate {
            Fate::Refused | Fate::Closed(_) => {
                let answer = next(client, method).await?;
                let status = answer.status();
                let fits = match row.fate {
                    Fate::Closed(expected) => status == expected,
                    _ => refused(status),
                };
                check(fits, || format!("answered {}", answer.start))?;
                silent(client).await?;
                check(heard() == 0, || "a server heard of it".to_owned())
            }
            Fate::Local(expected) => {
                let answer = next(client, method).await?;
                check(answer.status() == expected, || answer.start.clone())?;
                check(heard() == 0, || "a server heard of it".to_owned())?;
                canary(client, path, true).await
            }
            Fate::Passed(count) => {
                for _ in 0..count {
                    let answer = next(client, method).await?;
                    belongs_unless_head(&answer, path, method)?;
                }
                check(heard() == count, || format!("heard {} times", heard()))?;
                canary(client, path, false).await
            }
            Fate::Last => {
                let answer = next(client, method).await?;
                belongs_unless_head(&answer, path, method)?;
                check(heard() == 1, || format!("heard {} times", heard()))?;
                silent(client).await
            }
            Fate::Either => match next(client, method).await {
                Err(_) => Ok(()),
                Ok(answer) if answer.status() < 300 => {
                    belongs_unless_head(&answer, path, method)?;
                    canary(client, path, true).await
                }
                Ok(answer) if refused(answer.status()) => canary(client, path, true).await,
                Ok(answer) => Err(answer.start),
            },
        }
    }

    async fn bystander_is_unharmed(&self, number: usize) -> Verdict {
        let path = format!("/bystander/{number:05}");
        let mut client = self.bystander.lock().await;
        match client.try_ask("GET", &path, &[], b"").await {
            Ok(answer) => belongs(&answer, &path),
            Err(error) => {
                *client = self.proxy.client().await;
                Err(format!("a bystander: {error}"))
            }
        }
    }
}

fn check(fits: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if fits { Ok(()) } else { Err(otherwise()) }
}

pub(super) fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, from) {
        replaced.extend([&rest[..at], to].concat());
        rest = &rest[at + from.len()..];
    }
    replaced.extend(rest);
    replaced
}

/// A proxy that refuses may close before it has read all.
async fn send(client: &mut Client, bytes: &[u8], way: Way) {
    if way != Way::InPieces {
        let _ = client.wire.try_send(bytes).await;
        return;
    }
    let lengths: &[usize] = if bytes.len() < 500 {
        &[1]
    } else {
        &[1, 2, 3, 5, 7, 11, 997]
    };
    let mut rest = bytes;
    for length in lengths.iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*length));
        if piece.is_empty() || client.wire.try_send(piece).await.is_err() {
            return;
        }
        rest = after;
        tokio::task::yield_now().await;
    }
}

/// The next answer that is not an interim one.
async fn next(client: &mut Client, method: &str) -> Result<Message, String> {
    loop {
        let answer = client.wire.read_response(method).await;
        match answer {
            Ok(answer) if answer.status() == 100 => {}
            // No library of ours answers for itself, without a log line and a count.
            Ok(answer) if answer.status() == 400 && !answer.has("x-request-id") => {
                return Err(format!("not an answer of ours: {}", answer.start));
            }
            Ok(answer) => return Ok(answer),
            Err(error) => return Err(format!("no answer: {error}")),
        }
    }
}

/// The answer is the server's to the request for `path`.
fn belongs(answer: &Message, path: &str) -> Verdict {
    let rest = answer.text().strip_prefix(path);
    let whole = rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()));
    check(whole, || {
        format!("{} {:?}, not for {path}", answer.start, answer.text())
    })
}

fn belongs_unless_head(answer: &Message, path: &str, method: &str) -> Verdict {
    match (method, answer.status()) {
        ("HEAD", 200) => Ok(()),
        _ => belongs(answer, path),
    }
}

/// One more request on the same connection gets its own answer, or, where it may be closed, none. Before it may come
/// answers to requests that stood behind the row's first.
async fn canary(client: &mut Client, path: &str, may_close: bool) -> Verdict {
    let canary = format!("/canary{path}");
    let lines = "host: test\r\nconnection: close";
    let request = format!("GET {canary} HTTP/1.1\r\n{lines}\r\n\r\n");
    let _ = client.wire.try_send(request).await;
    loop {
        match next(client, "GET").await {
            Ok(answer) if may_close && belongs(&answer, path).is_ok() => {}
            Ok(answer) if may_close && answer.status() == 400 => return silent(client).await,
            Ok(answer) => {
                belongs(&answer, &canary).map_err(|wrong| format!("its canary: {wrong}"))?;
                return silent(client).await;
            }
            Err(_) if may_close => return Ok(()),
            Err(error) => return Err(format!("its canary: {error}")),
        }
    }
}

/// Nothing more comes, whatever is asked.
async fn silent(client: &mut Client) -> Verdict {
    let _ = client
        .wire
        .try_send("GET /smuggled/after HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    match client.wire.read_to_end().await {
        Ok(rest) if rest.is_empty() => Ok(()),
        Ok(rest) => Err(format!("then {:?}", String::from_utf8_lossy(&rest))),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Err("not closed".to_owned()),
        Err(_) => Ok(()),
    }
}
