//! A client's socket with TLS, which holds no buffer while nothing is on its way.
//!
//! rustls would keep 4 KiB for each connection, used or not. Its interface without buffers leaves them to us: what is
//! read and written goes through room that belongs to the thread.

#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use rustls::{
    CommonState, ProtocolVersion, ServerConfig,
    server::UnbufferedServerConnection,
    unbuffered::{ConnectionState, EncodeError, EncodeTlsData},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A record of full size, and a little of the next.
const READ: usize = 17 << 10;
/// Packed and written at once at most.
const WRITTEN: usize = 64 << 10;
/// What waits to be sent leaves together with what comes after it, unless it is more.
const COMPANY: usize = 4 << 10;
/// Room for [`WRITTEN`] in its records, [`COMPANY`], and what TLS has to say besides.
const PACKED: usize = WRITTEN + 2 * COMPANY;
/// Read at most before a message of a handshake, in several records, is whole.
const UNFINISHED: usize = 64 << 10;
/// The same once the handshake is done: a record, and a little of what few have to say by then.
const UNFINISHED_RECORD: usize = 20 << 10;
/// Pieces that are no more than this go into one record.
const JOINED: usize = 16 << 10;
/// Pieces that are packed at once at most, each with a record of its own.
const PIECES: usize = 64;
/// What is not whole has so much more room at least each time that it grows.
const STEP: usize = 4 << 10;

/// A connection with TLS, once its handshake is done.
pub(super) struct Secure {
    tcp: TcpStream,
    session: UnbufferedServerConnection,
    /// The beginning of what is not whole yet.
    coming: Vec<u8>,
    /// Unpacked, and read by nobody so far.
    plain: BytesMut,
    /// Packed, and not sent so far.
    going: BytesMut,
    /// The client has said that it sends no more.
    is_over: bool,
    /// What it said was wrong: rustls, which may still know of bytes that are gone, is not asked again.
    is_broken: bool,
    is_closed: bool,
}

/// For bytes that are on their way at this moment.
struct Room {
    read: Box<[u8]>,
    packed: Box<[u8]>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::new(Room {
        read: vec![0; READ].into(),
        packed: vec![0; PACKED].into(),
    });
}

impl Secure {
    /// Shakes hands with a client of which `hello` has been read. On failure the socket comes back, and the client has
    /// been told why.
    pub(super) async fn accept(
        tcp: TcpStream,
        config: Arc<ServerConfig>,
        hello: Vec<u8>,
    ) -> Result<Box<Self>, (TcpStream, io::Error)> {
        let session = match UnbufferedServerConnection::new(config) {
            Ok(session) => session,
            Err(error) => return Err((tcp, invalid(error))),
        };
        let mut secure = Box::new(Self {
            tcp,
            session,
            coming: hello,
            plain: BytesMut::new(),
            going: BytesMut::new(),
            is_over: false,
            is_broken: false,
            is_closed: false,
        });
        match secure.shake_hands().await {
            Ok(()) => Ok(secure),
            Err(error) => Err((secure.tcp, error)),
        }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.tcp
    }

    /// What the handshake has settled.
    pub(super) fn session(&self) -> &CommonState {
        &self.session
    }

    async fn shake_hands(&mut self) -> io::Result<()> {
        let mut hello = std::mem::take(&mut self.coming);
        let mut nobody = [];
        let mut unpacked = self.take_in(&mut hello, &mut ReadBuf::new(&mut nobody));
        drop(hello);
        loop {
            let is_done = unpacked.is_ok() && !self.session.is_handshaking();
            // The ticket of TLS 1.3 leaves with the first answer, if the request is there: in one write.
            let may_wait = self.session.protocol_version() == Some(ProtocolVersion::TLSv1_3);
            if !(is_done && may_wait) {
                let sent = poll_fn(|cx| self.poll_send(cx)).await;
                unpacked?;
                sent?;
            }
            if is_done {
                return Ok(());
            }
            let read = poll_fn(|cx| self.poll_receive(cx, &mut ReadBuf::new(&mut nobody))).await;
            unpacked = match read {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
        }
    }

    /// Reads once, and unpacks what is whole by then: into `buf`, and what does not fit there into `plain`. Ready with the
    /// number of bytes that were read.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        ROOM.with_borrow_mut(|room| {
            let mut read = ReadBuf::new(&mut room.read);
            ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut read))?;
            let count = read.filled().len();
            self.take_in(read.filled_mut(), buf)?;
            Poll::Ready(Ok(count))
        })
    }

    fn take_in(&mut self, read: &mut [u8], buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let taken = self.unpack_all(read, buf);
        self.is_broken |= taken.is_err();
        taken
    }

    /// Unpacks what has come, behind what came before it. What is not whole stays.
    fn unpack_all(&mut self, read: &mut [u8], buf: &mut ReadBuf<'_>) -> io::Result<()> {
        if self.coming.is_empty() {
            let used = self.unpack(read, buf)?;
            self.coming = read.get(used..).unwrap_or_default().to_vec();
        } else {
            let mut coming = std::mem::take(&mut self.coming);
            if coming.capacity() - coming.len() < read.len() {
                coming.reserve_exact(read.len().max(STEP));
            }
            coming.extend_from_slice(read);
            self.coming = match self.unpack(&mut coming, buf)? {
                0 => coming,
                used => coming.get(used..).unwrap_or_default().to_vec(),
            };
        }
        let most = if self.session.is_handshaking() {
            UNFINISHED
        } else {
            UNFINISHED_RECORD
        };
        if self.coming.len() > most {
            return Err(invalid("a message that is too long"));
        }
        Ok(())
    }

    /// Unpacks what is whole, and tells how much of it has been used. What TLS answers to it is then to be sent.
    fn unpack(&mut self, mut read: &mut [u8], buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        let mut used = 0;
        while !self.is_over {
            let status = self.session.process_tls_records(read);
            let mut done = status.discard;
            match status.state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(invalid)?;
                        done += record.discard;
                        let fits = record.payload.len().min(buf.remaining());
                        let (now, later) = record.payload.split_at(fits);
                        buf.put_slice(now);
                        self.plain.extend_from_slice(later);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.going)?,
                // It leaves before anything else does.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => self.is_over = true,
                Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => {
                    return Ok(used + done);
                }
                Ok(_) => return Err(invalid("early data")), // to which nobody was invited
                Err(error) => {
                    self.take_alerts();
                    return Err(invalid(error));
                }
            }
            used += done;
            read = read.get_mut(done..).unwrap_or_default();
        }
        Ok(used + read.len()) // what comes after the end is nobody's
    }

    /// What the client is told of an error.
    fn take_alerts(&mut self) {
        while self.session.wants_write() {
            let state = self.session.process_tls_records(&mut []).state;
            let Ok(ConnectionState::EncodeTlsData(data)) = state else {
                return;
            };
            if encode(data, &mut self.going).is_err() {
                return;
            }
        }
    }

    /// Packs `bytes` into records at the front of `to`; tells how long they are.
    fn pack(&mut self, bytes: &[u8], to: &mut [u8]) -> io::Result<usize> {
        // Nothing is in there that is whole.
        match self.session.process_tls_records(&mut self.coming).state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                traffic.encrypt(bytes, to).map_err(invalid)
            }
            Ok(_) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(error) => Err(invalid(error)),
        }
    }

    /// Ready once nothing waits to be sent.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.going.is_empty() {
            let written = ready!(Pin::new(&mut self.tcp).poll_write(cx, &self.going))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.going.advance(written);
        }
        self.going = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    /// Writes what waits, and `bufs` behind it. What the socket does not take of it waits for the next time.
    fn poll_pack(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
        Room {
            read: joint,
            packed,
        }: &mut Room,
    ) -> Poll<io::Result<usize>> {
        if self.is_broken && bufs.iter().any(|buf| !buf.is_empty()) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let waiting = std::mem::take(&mut self.going);
        let Some(front) = packed.get_mut(..waiting.len()) else {
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        };
        front.copy_from_slice(&waiting);
        let (mut filled, mut taken) = (waiting.len(), 0);
        let short = joined(bufs, joint);
        let bufs = short.as_ref().map_or(bufs, std::slice::from_ref);
        for buf in bufs.iter().filter(|buf| !buf.is_empty()).take(PIECES) {
            let piece = buf
                .get(..buf.len().min(WRITTEN - taken))
                .unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            match self.pack(piece, packed.get_mut(filled..).unwrap_or_default()) {
                Ok(length) => filled += length,
                Err(error) => {
                    // What was packed is still owed, and what TLS has to say of it.
                    self.going
                        .extend_from_slice(packed.get(..filled).unwrap_or_default());
                    self.take_alerts();
                    self.is_broken = true;
                    return Poll::Ready(Err(error));
                }
            }
            taken += piece.len();
        }
        let mut rest = packed.get(..filled).unwrap_or_default();
        while !rest.is_empty() {
            match Pin::new(&mut self.tcp).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => rest = rest.get(written..).unwrap_or_default(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        self.going.extend_from_slice(rest);
        Poll::Ready(Ok(taken))
    }
}

/// Several pieces as one, if that is short enough for one record: packing each by itself costs the client, too.
fn joined<'a>(bufs: &[IoSlice<'_>], room: &'a mut [u8]) -> Option<IoSlice<'a>> {
    let length: usize = bufs.iter().map(|buf| buf.len()).sum();
    if bufs.len() < 2 || length > JOINED {
        return None;
    }
    let mut left = room.get_mut(..length)?;
    for buf in bufs {
        let (here, after) = left.split_at_mut_checked(buf.len())?;
        here.copy_from_slice(buf);
        left = after;
    }
    room.get(..length).map(IoSlice::new)
}

fn encode<Side>(mut data: EncodeTlsData<'_, Side>, going: &mut BytesMut) -> io::Result<()> {
    let Err(EncodeError::InsufficientSize(wanted)) = data.encode(&mut []) else {
        return Ok(()); // there was nothing in it
    };
    let before = going.len();
    going.resize(before + wanted.required_size, 0);
    let room = going.get_mut(before..).unwrap_or_default();
    data.encode(room).map(drop).map_err(invalid)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl AsyncRead for Secure {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            if !this.plain.is_empty() {
                let fits = this.plain.len().min(buf.remaining());
                buf.put_slice(&this.plain.split_to(fits));
                if this.plain.is_empty() {
                    this.plain = BytesMut::new();
                }
                return Poll::Ready(Ok(()));
            }
            if this.is_broken {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if this.is_over || buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            match this.poll_receive(cx, buf) {
                Poll::Ready(Ok(1..)) => {}
                // It has not said goodbye: somebody may have cut it off.
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                waits_or_fails => {
                    // A ticket need not wait any longer; and who fails is told why, if that can be done at once. (Whoever reads is
                    // whoever writes: there is one waker.)
                    let _ = this.poll_send(cx);
                    if waits_or_fails.is_ready() && buf.filled().len() > before {
                        return Poll::Ready(Ok(())); // what came before the mistake; the next read tells of it
                    }
                    return waits_or_fails.map_ok(|_| ());
                }
            }
        }
    }
}

impl AsyncWrite for Secure {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.going.len() > COMPANY {
            ready!(this.poll_send(cx))?;
        }
        ROOM.with_borrow_mut(|room| this.poll_pack(cx, bufs, room))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    /// Says goodbye, and closes our half.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.is_closed, true) && !this.is_broken {
            let mut goodbye = [0; 256];
            let status = this.session.process_tls_records(&mut this.coming);
            if let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state
                && let Ok(length) = traffic.queue_close_notify(&mut goodbye)
            {
                let goodbye = goodbye.get(..length).unwrap_or_default();
                this.going.extend_from_slice(goodbye);
            }
        }
        ready!(this.poll_send(cx))?;
        match ready!(Pin::new(&mut this.tcp).poll_shutdown(cx)) {
            // The client was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}

impl std::fmt::Debug for Secure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Secure").field(&self.tcp).finish()
    }
}
