//! An HTTP/1 connection: one head after another, each given to Pingora with exactly its own body.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::BytesMut;
use pingora::{apps::HttpServerApp, protocols::http::ServerSession};
use tokio::io::AsyncWriteExt;

use super::{
    Door,
    express::{self, http1::Served},
    pages,
};
use crate::{
    admit::RequestId,
    listen::{HeadRead, Stream},
    observe::{Places, Record, Timers, Tls},
    respond::{PageFacts, Refusal},
};

/// A connection on which so long nothing was asked holds no room for an exchange.
///
/// Where one request follows another there is so one allocation for all of them, and not one for each.
const LULL: Duration = Duration::from_millis(100);

pub(super) async fn serve(door: &Door, mut stream: Box<Stream>) {
    let connection = Arc::clone(stream.connection());
    let limits = &connection.listener.settings.limits;
    let lull = LULL.min(limits.keepalive_timeout);
    let mut silence = limits.header_timeout;
    loop {
        let read = stream.read_head(silence).await;
        if matches!(read, HeadRead::Ended) {
            return;
        }
        match Box::pin(converse(door, stream, read, lull)).await {
            Some(quiet) => stream = quiet,
            None => return,
        }
        silence = limits.keepalive_timeout.saturating_sub(lull);
    }
}

/// Serves one request after another; the stream comes back in the first lull.
async fn converse(
    door: &Door,
    mut stream: Box<Stream>,
    mut read: HeadRead,
    lull: Duration,
) -> Option<Box<Stream>> {
    loop {
        match read {
            HeadRead::Head(head) => {
                match express::http1::serve(&door.means, &mut stream, head).await {
                    Served::Next => {}
                    Served::Over => return None,
                    Served::NotOurs(head) => {
                        stream = Box::pin(exchange(door, stream, head.into())).await?;
                    }
                }
            }
            HeadRead::Ended => return None,
            HeadRead::Refused(refusal, head) => {
                Box::pin(refuse(door, stream, refusal, &head)).await;
                return None;
            }
        }
        if !stream.goes_on_within(lull).await {
            return Some(stream);
        }
        let limits = &stream.connection().listener.settings.limits;
        let silence = limits.keepalive_timeout;
        read = stream.read_head(silence).await;
    }
}

/// Serves one request by the full lane; the stream comes back if the connection may carry another.
async fn exchange(door: &Door, stream: Box<Stream>, head: BytesMut) -> Option<Box<Stream>> {
    let retired = stream.connection().retired();
    let mut session = ServerSession::new_http1(stream);
    session.set_pipelined_prefix(head);
    let reused = door.proxy.process_new_http(session, &retired).await?;
    let (stream, _settings) = reused.consume();
    stream.into_any().downcast().ok()
}

/// Answers a head that no lane is to see, and closes: what follows it cannot be told apart.
async fn refuse(door: &Door, mut stream: Box<Stream>, refusal: Refusal, head: &[u8]) {
    let started = Instant::now();
    let id = RequestId::new(fastrand::u128(..).to_be_bytes());
    let facts = PageFacts {
        request_id: id.as_str(),
        host: "",
        accept: accept(head),
    };
    let snapshot = door.means.snapshot.load();
    let page = pages::of(refusal, &facts, &snapshot.defaults);
    let (method, path) = request_line(head);
    let mut answer = page.to_http1(SystemTime::now());
    let body = if method == "HEAD" { 0 } else { page.body.len() };
    answer.truncate(answer.len() - page.body.len() + body);
    // The client may have left; the log line stands either way.
    let written = stream.write_all(&answer).await.is_ok() && stream.shutdown().await.is_ok();
    let connection = stream.connection();
    door.means.observer.record(
        &Record {
            listener: &connection.listener.settings.name,
            method,
            path,
            status: refusal.status().as_u16(),
            bytes_out: if written { body as u64 } else { 0 },
            refusal: Some(refusal.label()),
            refusal_detail: refusal.detail(),
            blame: Some(refusal.blame(false)),
            tls: connection.tls.as_ref().map(Tls::from),
            request_id: id.as_str(),
            timers: Timers {
                total: started.elapsed(),
                ..Timers::default()
            },
            ..Record::of(SystemTime::now(), connection.peer.ip())
        },
        Places {
            listener: Some(&connection.listener.meters),
            ..Places::default()
        },
        &snapshot.config.log,
    );
}

/// The `Accept` field of a head that may be anything, for the form of the page alone.
fn accept(head: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"accept:";
    let line = head.split(|byte| *byte == b'\n').skip(1).find(|line| {
        line.get(..NAME.len())
            .is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    })?;
    Some(line.get(NAME.len()..)?.trim_ascii())
}

/// Method and path of a head that may be anything, for the log alone: so neither holds a query, nor the user of an
/// absolute target.
fn request_line(head: &[u8]) -> (&str, &str) {
    let line = head
        .split(|byte| *byte == b'\r' || *byte == b'\n')
        .next()
        .unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else {
        return ("", "");
    };
    let is_no_letter = |c: char| !c.is_ascii_alphabetic();
    let (method, rest) = line.split_at(line.find(is_no_letter).unwrap_or(line.len()));
    let target = rest.strip_prefix(' ').unwrap_or("");
    let path = target.split([' ', '\t', '?', '#']).next().unwrap_or("");
    (method, if path.starts_with('/') { path } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_a_refused_head_holds_no_query_and_no_user() {
        for (head, line) in [
            ("GET /a?token=secret HTTP/1.1\r\n", ("GET", "/a")),
            ("GET /a#b HTTP/1.1\r\n", ("GET", "/a")),
            ("GET\t/a?token=secret HTTP/1.1\r\n", ("GET", "")),
            ("GET /a\t?token=secret\r\n", ("GET", "/a")),
            ("GET http://user:secret@test/ HTTP/1.1\r\n", ("GET", "")),
            ("secret=1 / HTTP/1.1\r\n", ("secret", "")),
            ("\u{16}\u{3}\u{1}", ("", "")),
            ("", ("", "")),
        ] {
            assert_eq!(request_line(head.as_bytes()), line, "{head:?}");
        }
    }
}
