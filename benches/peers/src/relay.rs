//! The null relay: what passing on costs if nothing is read, checked, chosen or changed.
//!
//! For each connection that it accepts it opens one to the server, and copies what comes on either to the other: two reads, two
//! writes and two waits for a request, and waits serve all that is ready. No proxy that keeps TCP on both sides does with less.

use std::{
    collections::HashMap,
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd},
    rc::Rc,
};

use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
};

use rustix::io::Errno;

use crate::outcome::Outcome;

/// Events taken at a time.
const EVENTS: usize = 256;
const BUFFER: usize = 64 << 10;

struct Relay {
    epoll: OwnedFd,
    /// Each connection by its descriptor, with the one that it is copied to.
    pairs: HashMap<RawFd, (Rc<TcpStream>, Rc<TcpStream>)>,
    to: SocketAddr,
    buffer: Vec<u8>,
}

/// Relays until the process ends.
pub(crate) fn run(from: SocketAddr, to: SocketAddr) -> Outcome<()> {
    let listener = TcpListener::bind(from)?;
    listener.set_nonblocking(true)?;
    let mut relay = Relay {
        epoll: epoll::create(CreateFlags::CLOEXEC)?,
        pairs: HashMap::new(),
        to,
        buffer: vec![0; BUFFER],
    };
    let listening = listener.as_raw_fd();
    epoll::add(&relay.epoll, &listener, data(listening), EventFlags::IN)?;
    let mut events = Vec::with_capacity(EVENTS);
    loop {
        events.clear();
        match epoll::wait(&relay.epoll, spare_capacity(&mut events), None) {
            // Such as by a debugger that takes hold.
            Err(Errno::INTR) => continue,
            waited => waited?,
        };
        for event in &events {
            // A copy, as the fields of an event are not aligned.
            let about = event.data;
            match RawFd::try_from(about.u64())? {
                descriptor if descriptor == listening => relay.accept(&listener)?,
                descriptor => relay.copy(descriptor)?,
            }
        }
    }
}

fn data(descriptor: RawFd) -> EventData {
    EventData::new_u64(u64::from(descriptor.unsigned_abs()))
}

impl Relay {
    fn accept(&mut self, listener: &TcpListener) -> Outcome<()> {
        loop {
            let client = match listener.accept() {
                Ok((client, _)) => Rc::new(client),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let server = Rc::new(TcpStream::connect(self.to)?);
            for (one, other) in [(&client, &server), (&server, &client)] {
                one.set_nodelay(true)?;
                one.set_nonblocking(true)?;
                epoll::add(
                    &self.epoll,
                    one.as_fd(),
                    data(one.as_raw_fd()),
                    EventFlags::IN,
                )?;
                self.pairs
                    .insert(one.as_raw_fd(), (Rc::clone(one), Rc::clone(other)));
            }
        }
    }

    /// Copies what has come on a connection; at its end, or if it breaks, both are closed.
    fn copy(&mut self, descriptor: RawFd) -> Outcome<()> {
        let Some((from, to)) = self.pairs.get(&descriptor) else {
            return Ok(()); // closed with its other half
        };
        let length = match (&**from).read(&mut self.buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Ok(0) | Err(_) => return self.close(descriptor),
            Ok(length) => length,
        };
        let mut left = self.buffer.get(..length).unwrap_or_default();
        while !left.is_empty() {
            match (&**to).write(left) {
                Ok(written) => left = left.get(written..).unwrap_or_default(),
                // The rest waits for the reader, and everyone else with it: this is a measure, not a product.
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait(to)?,
                Err(_) => return self.close(descriptor),
            }
        }
        Ok(())
    }

    fn close(&mut self, descriptor: RawFd) -> Outcome<()> {
        let Some((one, other)) = self.pairs.remove(&descriptor) else {
            return Ok(());
        };
        self.pairs.remove(&other.as_raw_fd());
        epoll::delete(&self.epoll, one.as_fd())?;
        epoll::delete(&self.epoll, other.as_fd())?;
        Ok(())
    }
}

/// Waits until a socket takes more.
fn wait(socket: &TcpStream) -> Outcome<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    poll(&mut [PollFd::new(socket, PollFlags::OUT)], None)?;
    Ok(())
}
