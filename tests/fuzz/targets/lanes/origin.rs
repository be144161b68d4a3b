//! A server that answers by the path, and notes what it was asked.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::told::{decode, fields};

/// What requests were seen, in the order in which they ended.
#[derive(Default)]
pub(crate) struct Notes {
    requests: Mutex<Vec<String>>,
    under_way: AtomicUsize,
}

impl Notes {
    /// What was noted since it was last asked, once nothing is under way.
    pub(crate) async fn take(&self) -> String {
        for _ in 0..2000 {
            if self.under_way.load(Ordering::Relaxed) == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut requests = std::mem::take(&mut *self.requests.lock());
        // One that comes by a connection which is just closing is asked once more, and which was kept is a matter of luck.
        requests.dedup();
        requests.concat()
    }
}

/// Serves as long as its runtime runs.
pub(crate) async fn start() -> (u16, Arc<Notes>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let notes = Arc::new(Notes::default());
    let kept = Arc::clone(&notes);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(serve(stream, Arc::clone(&notes)));
        }
    });
    (port, kept)
}

async fn serve(mut stream: TcpStream, notes: Arc<Notes>) {
    let mut inbox = Vec::new();
    loop {
        let Some(head) = head(&mut stream, &mut inbox).await else {
            if !inbox.is_empty() {
                notes.requests.lock().push(format!(
                    "half a head: {}\n",
                    String::from_utf8_lossy(&inbox)
                ));
            }
            return;
        };
        notes.under_way.fetch_add(1, Ordering::Relaxed);
        let goes_on = exchange(&mut stream, &mut inbox, &head, &notes).await;
        notes.under_way.fetch_sub(1, Ordering::Relaxed);
        if goes_on.is_none() {
            return;
        }
    }
}

/// Nothing if the connection is over.
async fn head(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = inbox.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = inbox.drain(..end + 4).collect::<Vec<_>>();
            return Some(head.iter().map(|byte| char::from(*byte)).collect());
        }
        more(stream, inbox).await?;
    }
}

async fn more(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> Option<()> {
    match stream.read_buf(inbox).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(()),
    }
}

/// Notes one request, and answers it.
async fn exchange(
    stream: &mut TcpStream,
    inbox: &mut Vec<u8>,
    head: &str,
    notes: &Notes,
) -> Option<()> {
    let (line, rest) = head.split_once("\r\n").unwrap_or((head, ""));
    let target = line.split(' ').nth(1).unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    // A client with HTTP/1.0 may name no host: then the server is told its own address.
    let own = stream.local_addr().ok()?.to_string();
    let mut note = format!("{line}\n{}", fields(rest)).replace(&own, "OWN");
    if path == "/early" {
        notes.requests.lock().push(note);
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly")
            .await;
        return None;
    }
    let body = body(stream, inbox, head).await;
    let _ = writeln!(
        note,
        "{} {:?}",
        if body.is_some() { "whole" } else { "cut" },
        body.as_ref().map(|body| String::from_utf8_lossy(body))
    );
    notes.requests.lock().push(note);
    answer(stream, path, line.starts_with("HEAD "), &body?).await
}

/// The body, if it comes to its end.
async fn body(stream: &mut TcpStream, inbox: &mut Vec<u8>, head: &str) -> Option<Vec<u8>> {
    let field = |name: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    let chunked = field("transfer-encoding").is_some();
    let length = field("content-length").map_or(0, |length| length.parse().expect("a length"));
    loop {
        if chunked {
            if let Some((body, end)) = decode(inbox) {
                inbox.drain(..end);
                return Some(body);
            }
        } else if inbox.len() >= length {
            return Some(inbox.drain(..length).collect());
        }
        more(stream, inbox).await?;
    }
}

/// Nothing if the connection ends with it.
async fn answer(stream: &mut TcpStream, path: &str, head_alone: bool, body: &[u8]) -> Option<()> {
    let (mut text, goes_on) = if path == "/echo" {
        let body: String = body.iter().map(|byte| char::from(*byte)).collect();
        let length = body.chars().count();
        let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
        (text, true)
    } else {
        let (text, goes_on) = fixed(path);
        (text.to_owned(), goes_on)
    };
    if head_alone && let Some(end) = text.find("\r\n\r\n") {
        text.truncate(end + 4);
    }
    // One byte for a character, so that a text can have one that is not ASCII.
    let bytes = text.chars().map(|char| u8::try_from(u32::from(char)));
    let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().expect("Latin-1");
    stream.write_all(&bytes).await.ok()?;
    goes_on.then_some(())
}

/// What is said, and whether the connection goes on.
fn fixed(path: &str) -> (&'static str, bool) {
    match path {
        "/chunked" => (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-end\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nx-end: 1\r\n\r\n",
            true,
        ),
        "/extension" => (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n",
            false,
        ),
        "/until-close" => ("HTTP/1.1 200 OK\r\n\r\nuntil the end", false),
        "/204" => ("HTTP/1.1 204 Nothing To Say\r\nx-a: 1\r\n\r\n", true),
        "/304" => (
            "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\ncontent-length: 5\r\n\r\n",
            true,
        ),
        "/interim" => (
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nconnection: x-hop\r\nx-hop: 1\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok",
            true,
        ),
        "/garbage" => ("SSH-2.0-OpenSSH\r\n\r\n", false),
        "/silent" => ("", false),
        "/short" => ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", false),
        "/cut" => (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            false,
        ),
        "/surplus" => (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
            true,
        ),
        "/oldest" => ("HTTP/1.0 200 OK\r\n\r\nuntil the end", false),
        "/old" => ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", false),
        "/503" => (
            "HTTP/1.1 503 Busy\r\ncontent-length: 4\r\nretry-after: 1\r\n\r\nbusy",
            true,
        ),
        "/fields" => (
            "HTTP/1.1 299 Odd\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nVia: 1.0 inner\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: odd\r\nX-Two: 1\r\nx-two: 2\r\nX-Text: \u{e4}\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
            false,
        ),
        "/switch" => (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
            false,
        ),
        _ => (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
            true,
        ),
    }
}
