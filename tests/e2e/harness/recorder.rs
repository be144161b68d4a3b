//! A server that forgives nothing: every byte of every request is checked against the grammar, and kept.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::strict::{Heard, Reading, read};

/// Echoes the target of each request. What breaks the protocol is noted as a fault, whatever the proxy makes
/// of it.
///
/// A path that ends with `/early` is answered before its body; an upgrade is declined with 426, and agreed to
/// where the path ends with `/agree`.
pub(crate) struct Recorder {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    faults: Vec<String>,
    heard: Vec<Heard>,
}

impl Recorder {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Seen>>::default();
        let serving = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    connections.spawn(converse(stream, Arc::clone(&seen)));
                }
            }
        });
        Self {
            port,
            seen,
            serving,
        }
    }

    /// Everything that was not as it must be.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.seen.lock().faults.clone()
    }

    /// How many whole requests were for a target that begins like this.
    pub(crate) fn count(&self, start: &str) -> usize {
        let seen = self.seen.lock();
        let targets = seen.heard.iter().map(|heard| heard.target.as_str());
        targets.filter(|target| target.starts_with(start)).count()
    }

    /// The last request for this target.
    pub(crate) fn heard(&self, target: &str) -> Option<Heard> {
        let seen = self.seen.lock();
        let mut heard = seen.heard.iter().rev();
        heard.find(|heard| heard.target == target).cloned()
    }
}

async fn converse(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) {
    let mut bytes = Vec::new();
    let (mut answered_early, mut continued) = (false, false);
    loop {
        match read(&bytes) {
            Reading::Whole(heard, length) => {
                let answer = answer(&heard);
                let agreed = answer.starts_with(b"HTTP/1.1 101");
                seen.lock().heard.push(heard);
                bytes.drain(..length);
                continued = false;
                if !std::mem::take(&mut answered_early) && stream.write_all(&answer).await.is_err()
                {
                    return;
                }
                if agreed {
                    if !bytes.is_empty() {
                        seen.lock().faults.push("bytes before the 101".to_owned());
                    }
                    return shout(stream, bytes).await;
                }
                continue;
            }
            Reading::Head(heard) => {
                if heard.target.ends_with("/early") && !answered_early {
                    answered_early = true;
                    // The proxy may have left; what it said counts all the same.
                    let _ = stream.write_all(&answer(&heard)).await;
                } else if heard.all("expect").len() == 1 && !continued {
                    continued = true;
                    let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
                }
            }
            Reading::Part => {}
            Reading::Broken(fault) => {
                let shown = String::from_utf8_lossy(&bytes).into_owned();
                seen.lock().faults.push(format!("{fault}: {shown:?}"));
                return;
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(1..) => {}
            // A body may be cut off, where the client broke the protocol in the middle of it.
            _ if bytes.is_empty() || matches!(read(&bytes), Reading::Head(_)) => return,
            _ => {
                let shown = String::from_utf8_lossy(&bytes).into_owned();
                seen.lock().faults.push(format!("half a head: {shown:?}"));
                return;
            }
        }
    }
}

fn answer(heard: &Heard) -> Vec<u8> {
    if heard.target.ends_with("/agree") {
        return b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"
            .to_vec();
    }
    let status = if heard.all("upgrade").is_empty() {
        "200 OK"
    } else {
        "426 Upgrade Required"
    };
    let body = if heard.method == "HEAD" {
        ""
    } else {
        &heard.target
    };
    let length = heard.target.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// Sends everything back in upper case, what came with the handshake first.
async fn shout(mut stream: TcpStream, mut bytes: Vec<u8>) {
    loop {
        let loud = bytes.to_ascii_uppercase();
        bytes.clear();
        if stream.write_all(&loud).await.is_err() {
            return;
        }
        if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
            return;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// As a configuration names it.
impl fmt::Display for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "127.0.0.1:{}", self.port)
    }
}
