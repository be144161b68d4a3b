//! Stands before an origin, takes the PROXY header off each connection, and passes everything else on.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::free_port;

pub(crate) struct Doorman {
    port: u16,
    guests: Arc<Mutex<Vec<Arc<Guest>>>>,
    serving: JoinHandle<()>,
}

/// One connection.
struct Guest {
    header: String,
    /// Bytes that came after the header.
    said: AtomicUsize,
    gone: AtomicUsize,
}

impl Doorman {
    pub(crate) async fn before(origin: &impl fmt::Display) -> Self {
        let origin = origin.to_string();
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let guests = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&guests);
        let serving = tokio::spawn(async move {
            let mut serving = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (origin, into) = (origin.clone(), Arc::clone(&into));
                serving.spawn(async move {
                    // Whoever leaves in the middle has been written down by then.
                    let _ = receive(stream, &origin, &into).await;
                });
            }
        });
        Self {
            port,
            guests,
            serving,
        }
    }

    /// What the headers said so far, in the order they came: `v1 TCP4 192.0.2.1 192.0.2.2 56324 443`.
    pub(crate) fn headers(&self) -> Vec<String> {
        let guests = self.guests.lock();
        guests.iter().map(|guest| guest.header.clone()).collect()
    }

    /// How many bytes have followed each of them.
    pub(crate) fn said(&self) -> Vec<usize> {
        let guests = self.guests.lock();
        guests
            .iter()
            .map(|guest| guest.said.load(Relaxed))
            .collect()
    }

    /// How many connections have ended.
    pub(crate) fn gone(&self) -> usize {
        let guests = self.guests.lock();
        guests.iter().map(|guest| guest.gone.load(Relaxed)).sum()
    }
}

impl Drop for Doorman {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// As a configuration names it.
impl fmt::Display for Doorman {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "127.0.0.1:{}", self.port)
    }
}

async fn receive(
    mut stream: TcpStream,
    origin: &str,
    guests: &Mutex<Vec<Arc<Guest>>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let header = read_header(&mut stream).await?;
    let guest = Arc::new(Guest {
        header,
        said: AtomicUsize::new(0),
        gone: AtomicUsize::new(0),
    });
    guests.lock().push(Arc::clone(&guest));
    let passed = pass_on(stream, origin, &guest).await;
    guest.gone.store(1, Relaxed);
    passed
}

async fn pass_on(stream: TcpStream, origin: &str, guest: &Guest) -> io::Result<()> {
    let (mut from_proxy, mut to_proxy) = stream.into_split();
    let (mut from_origin, mut to_origin) = TcpStream::connect(origin).await?.into_split();
    tokio::select! {
        ended = carry(&mut from_proxy, &mut to_origin, Some(&guest.said)) => ended,
        ended = carry(&mut from_origin, &mut to_proxy, None) => ended,
    }
}

async fn carry(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: Option<&AtomicUsize>,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        if let Some(count) = count {
            count.fetch_add(read, Relaxed);
        }
        to.write_all(&bytes[..read]).await?;
    }
}

/// One header in words. What is none ends the connection.
async fn read_header(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = vec![0; 16];
    stream.read_exact(&mut bytes[..15]).await?; // no header is shorter
    if bytes.starts_with(b"PROXY ") {
        bytes.truncate(15);
        while !bytes.ends_with(b"\r\n") {
            bytes.push(stream.read_u8().await?);
        }
        let line = String::from_utf8(bytes).map_err(io::Error::other)?;
        return Ok(line.trim_end().replacen("PROXY", "v1", 1));
    }
    bytes[15] = stream.read_u8().await?;
    assert!(bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n"), "{bytes:x?}");
    let mut block = vec![0; usize::from(u16::from_be_bytes([bytes[14], bytes[15]]))];
    stream.read_exact(&mut block).await?;
    Ok(match (bytes[12], bytes[13], block.len()) {
        (0x20, 0x00, 0) => "v2 LOCAL".to_owned(),
        (0x21, 0x11, 12) => {
            let address = |at: usize| {
                let octets: [u8; 4] = block[at..at + 4].try_into().unwrap();
                Ipv4Addr::from(octets)
            };
            format!(
                "v2 TCP4 {} {} {}",
                address(0),
                address(4),
                ports(&block[8..])
            )
        }
        (0x21, 0x21, 36) => {
            let address = |at: usize| {
                let octets: [u8; 16] = block[at..at + 16].try_into().unwrap();
                Ipv6Addr::from(octets)
            };
            format!(
                "v2 TCP6 {} {} {}",
                address(0),
                address(16),
                ports(&block[32..])
            )
        }
        other => panic!("a header of {other:x?}"),
    })
}

fn ports(bytes: &[u8]) -> String {
    let port = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    format!("{} {}", port(0), port(2))
}
