//! An HTTP/2 client that writes frames by hand: any of them, in any order, true or not.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::client::TlsStream;

use super::{Hands, Proxy, Trust, in_time};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// One connection with TLS for `localhost`. Sending reads too, as a socket's buffers would run full
/// otherwise; what was read waits for [`Frames::next`].
pub(crate) struct Frames {
    reading: ReadHalf<TlsStream<TcpStream>>,
    writing: WriteHalf<TlsStream<TcpStream>>,
    inbox: Vec<u8>,
    end: Option<End>,
}

/// How the proxy has ended the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Cut,
}

impl End {
    /// What this outcome of reading says; nothing if it goes on.
    fn of(read: &io::Result<usize>) -> Option<Self> {
        match read {
            Ok(1..) => None,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Some(Self::Cut),
            _ => Some(Self::Closed),
        }
    }
}

/// A frame as it came (RFC 9113 section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frames {
    /// Shakes hands and says nothing yet.
    pub(crate) async fn connect(proxy: &Proxy) -> Self {
        Self::connect_to(proxy.https(), &proxy.trust()).await
    }

    /// As [`Frames::connect`], to whatever listens at this port.
    pub(crate) async fn connect_to(port: u16, trust: &Trust) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        Self::connect_on(stream, trust).await
    }

    /// As [`Frames::connect`], with a socket that takes little before it is read from, as on a slow line.
    pub(crate) async fn connect_slowly(proxy: &Proxy) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = socket.connect(([127, 0, 0, 1], proxy.https()).into());
        Self::connect_on(stream.await.unwrap(), &proxy.trust()).await
    }

    async fn connect_on(stream: TcpStream, trust: &Trust) -> Self {
        stream.set_nodelay(true).unwrap();
        let hands = Hands::new(trust).offering(&["h2"]);
        let stream = hands.shake_on(stream, "localhost").await.unwrap();
        let (reading, writing) = tokio::io::split(stream);
        Self {
            reading,
            writing,
            inbox: Vec::new(),
            end: None,
        }
    }

    /// Shakes hands, sends the preface and takes the proxy's settings.
    pub(crate) async fn begin(proxy: &Proxy) -> Self {
        let mut frames = Self::connect(proxy).await;
        frames.preface().await;
        frames.send(SETTINGS, ACK, 0, b"").await.unwrap();
        frames
    }

    /// The preface (RFC 9113 section 3.4), with settings by which the proxy remembers no field of its
    /// answers: each status can be read by itself.
    pub(crate) async fn preface(&mut self) {
        let no_table = [0, 1, 0, 0, 0, 0];
        let preface = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            &frame(SETTINGS, 0, 0, &no_table)[..],
        ];
        self.send_bytes(&preface.concat()).await.unwrap();
    }

    /// Sends one frame. An error if the proxy has closed.
    pub(crate) async fn send(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> io::Result<()> {
        self.send_bytes(&frame(kind, flags, stream, payload)).await
    }

    /// A GET, whole.
    pub(crate) async fn get(&mut self, stream: u32, path: &str) -> io::Result<()> {
        let block = headers_block(&request("GET", path));
        let flags = END_HEADERS | END_STREAM;
        self.send(HEADERS, flags, stream, &block).await
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self {
            reading,
            writing,
            inbox,
            end,
        } = self;
        in_time("writing frames", async {
            let mut write = std::pin::pin!(async {
                writing.write_all(bytes).await?;
                writing.flush().await
            });
            loop {
                tokio::select! {
                    biased;
                    written = &mut write => return written,
                    // The end is for `next` to see.
                    read = reading.read_buf(inbox), if end.is_none() => *end = End::of(&read),
                }
            }
        })
        .await
    }

    /// Sends bytes as they are, and takes nothing off the proxy's hands meanwhile.
    pub(crate) async fn send_without_reading(&mut self, bytes: &[u8]) {
        in_time("writing frames", async {
            self.writing.write_all(bytes).await?;
            self.writing.flush().await
        })
        .await
        .unwrap();
    }

    /// The next frame; nothing at the end, however the proxy makes it.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        in_time("a frame", self.next_whenever()).await
    }

    /// As [`Frames::next`], however long it takes.
    pub(crate) async fn next_whenever(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            if self.end.is_some() || !self.read().await {
                return None;
            }
        }
    }

    async fn read(&mut self) -> bool {
        let read = self.reading.read_buf(&mut self.inbox).await;
        self.end = End::of(&read);
        self.end.is_none()
    }

    /// Reads what comes in the next few milliseconds; true if that is the end.
    pub(crate) async fn look(&mut self) -> bool {
        let moment = std::time::Duration::from_millis(5);
        while self.end.is_none()
            && matches!(tokio::time::timeout(moment, self.read()).await, Ok(true))
        {}
        self.end.is_some()
    }

    /// Whether the proxy has closed, as far as was read.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the end was a reset, which may have lost what was sent before it.
    pub(crate) fn was_cut(&self) -> bool {
        self.end == Some(End::Cut)
    }

    /// The next frame about which `is_it` is true, and nothing if there is none until the end.
    pub(crate) async fn next_where(&mut self, is_it: impl Fn(&Frame) -> bool) -> Option<Frame> {
        while let Some(frame) = self.next().await {
            if is_it(&frame) {
                return Some(frame);
            }
        }
        None
    }

    /// Everything until the proxy closes.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// The status of the answer on a stream; nothing if the stream or the connection ends without one.
    pub(crate) async fn status(&mut self, stream: u32) -> Option<u16> {
        let ends =
            |frame: &Frame| frame.stream == stream && matches!(frame.kind, HEADERS | RST_STREAM);
        let frame = self.next_where(ends).await?;
        (frame.kind == HEADERS).then(|| status_in(&frame.payload))
    }

    fn take(&mut self) -> Option<Frame> {
        let head = self.inbox.first_chunk::<9>()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        if self.inbox.len() < 9 + length {
            return None;
        }
        let bytes: Vec<u8> = self.inbox.drain(..9 + length).collect();
        Some(Frame {
            kind: bytes[3],
            flags: bytes[4],
            stream: number(&bytes[5..9]) & 0x7fff_ffff,
            payload: bytes[9..].to_vec(),
        })
    }
}

impl Frame {
    /// The error code of a `RST_STREAM` or GOAWAY.
    pub(crate) fn code(&self) -> u32 {
        match self.kind {
            RST_STREAM => number(&self.payload[..4]),
            GOAWAY => number(&self.payload[4..8]),
            kind => panic!("frames of kind {kind} have no error code"),
        }
    }
}

/// The bytes of a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The fields of a request to `localhost`.
pub(crate) fn request<'a>(method: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
    [
        (":method", method),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
    ]
}

/// A header block of literals that are never indexed and not Huffman-coded (RFC 7541 section 6.2.3): names
/// and values stand in it as they are given.
pub(crate) fn headers_block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x10);
        push_string(&mut block, name.as_bytes());
        push_string(&mut block, value.as_bytes());
    }
    block
}

/// A string literal of HPACK (RFC 7541 section 5.2).
pub(crate) fn push_string(block: &mut Vec<u8>, bytes: &[u8]) {
    let mut length = bytes.len();
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128).unwrap() | 128);
            length /= 128;
        }
        block.push(u8::try_from(length).unwrap());
    }
    block.extend_from_slice(bytes);
}

/// The status that a header block begins with: indexed, or a literal (RFC 7541 appendices A and B).
pub(crate) fn status_in(block: &[u8]) -> u16 {
    // A proxy may change the size of its table first (section 6.3).
    let block = &block[block
        .iter()
        .take_while(|byte| **byte & 0xe0 == 0x20)
        .count()..];
    match block[0] {
        0x88 => 200,
        0x89 => 204,
        0x8a => 206,
        0x8b => 304,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        _ => {
            let length = usize::from(block[1] & 0x7f);
            let value = &block[2..2 + length];
            if block[1] & 0x80 == 0 {
                return std::str::from_utf8(value).unwrap().parse().unwrap();
            }
            digits_in(value)
        }
    }
}

/// Three digits in Huffman code: `0` to `2` have five bits, the others six (RFC 7541 appendix B).
fn digits_in(coded: &[u8]) -> u16 {
    let bits = coded
        .iter()
        .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
    let mut left = coded.len() * 8;
    let mut digits = 0;
    for _ in 0..3 {
        let five = u16::try_from(bits >> (left - 5) & 31).unwrap();
        let digit = if five < 3 {
            left -= 5;
            five
        } else {
            left -= 6;
            u16::try_from(bits >> left & 63).unwrap() - 0x19 + 3
        };
        digits = digits * 10 + digit;
    }
    digits
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap())
}
