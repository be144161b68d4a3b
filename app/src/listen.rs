//! Binds an address, TCP or Unix, and says in plain words why it could not.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::address::{Bind, Peer};

/// A connection of either kind.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A bound socket.
#[derive(Debug)]
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    pub async fn bind(bind: &Bind) -> Result<Self, BindError> {
        let bound = match bind {
            Bind::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Bind::Unix(path) => bind_unix(path)
                .await
                .map(|socket| Self::Unix(socket, path.clone())),
        };
        bound.map_err(|source| BindError {
            bind: bind.clone(),
            source,
        })
    }

    /// The real address: where port 0 was asked for, the port that was given.
    pub fn address(&self) -> io::Result<Bind> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(Bind::Tcp),
            Self::Unix(_, path) => Ok(Bind::Unix(path.clone())),
        }
    }

    /// The next client. May be dropped while it waits.
    pub async fn accept(&self) -> io::Result<(Box<dyn Stream>, Peer)> {
        match self {
            Self::Tcp(socket) => {
                let (stream, address) = socket.accept().await?;
                // A response leaves in one write; waiting to fill a packet would only delay its end.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Peer::Tcp(address)))
            }
            Self::Unix(socket, _) => socket
                .accept()
                .await
                .map(|(stream, _)| (Box::new(stream) as _, Peer::Unix)),
        }
    }
}

/// Binds a path; a socket left behind by a process that is gone makes way.
async fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(taken) if taken.kind() == io::ErrorKind::AddrInUse => {
            let is_socket = std::fs::symlink_metadata(path)?.file_type().is_socket();
            let answer = UnixStream::connect(path).await;
            let is_abandoned =
                answer.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
            if !(is_socket && is_abandoned) {
                return Err(taken);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

/// Why an address could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {bind}: {}", self.reason())]
pub struct BindError {
    bind: Bind,
    source: io::Error,
}

impl BindError {
    fn reason(&self) -> String {
        match (self.source.kind(), &self.bind) {
            (io::ErrorKind::AddrInUse, Bind::Tcp(_)) => "another process uses this port".to_owned(),
            (io::ErrorKind::AddrInUse, Bind::Unix(_)) => {
                "another process or file is at this path".to_owned()
            }
            (io::ErrorKind::AddrNotAvailable, _) => "this machine has no such address".to_owned(),
            (io::ErrorKind::PermissionDenied, _) => "permission denied".to_owned(),
            _ => self.source.to_string(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match (self.source.kind(), &self.bind) {
            (io::ErrorKind::AddrInUse, Bind::Tcp(address)) => {
                let port = address.port();
                Some(format!("choose another port, or see who has it: ss -ltnp 'sport = :{port}'"))
            }
            (io::ErrorKind::AddrInUse, Bind::Unix(path)) => {
                Some(format!("choose another path, or see what is there: ls -l {}", path.display()))
            }
            (io::ErrorKind::AddrNotAvailable, _) => Some("see which it has: ip address".to_owned()),
            (io::ErrorKind::PermissionDenied, Bind::Tcp(address)) if address.port() < 1024 => {
                Some("a port below 1024 needs CAP_NET_BIND_SERVICE; behind a proxy any higher one will do".to_owned())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_left_behind_makes_way_but_a_living_one_or_a_file_does_not() {
        let root = tempfile::tempdir().unwrap();
        let bind = Bind::Unix(root.path().join("app.sock"));
        let first = Listener::bind(&bind).await.unwrap();
        let refused = Listener::bind(&bind).await.unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("another process or file is at this path"),
            "{refused}"
        );
        drop(first); // leaves its socket in the folder
        Listener::bind(&bind).await.unwrap();

        let file = root.path().join("notes.txt");
        std::fs::write(&file, "keep").unwrap();
        Listener::bind(&Bind::Unix(file.clone())).await.unwrap_err();
        assert_eq!(std::fs::read(file).unwrap(), b"keep");
    }
}
