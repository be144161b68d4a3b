//! How the store is reached.

use std::{io, sync::Arc};

use redis::RedisConnectionInfo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use zeroize::Zeroizing;

use crate::{
    config::model::{Address, LimitsStore},
    tls::ServerTls,
};

/// Everything a connection needs to be opened.
#[derive(Debug)]
pub struct Dial {
    address: Address,
    tls: Option<Arc<ServerTls>>,
    login: RedisConnectionInfo, // its `Debug` does not show the password
    password: Option<Zeroizing<String>>,
}

/// What a connection is, whatever it goes through.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Dial {
    /// `tls` is made of the settings' own.
    pub fn new(
        settings: &LimitsStore,
        password: Option<Zeroizing<String>>,
        tls: Option<Arc<ServerTls>>,
    ) -> Self {
        let mut login = RedisConnectionInfo::default()
            .set_db(settings.database.into())
            .set_lib_name("simplon", env!("CARGO_PKG_VERSION"));
        if let Some(user) = &settings.user {
            login = login.set_username(user);
        }
        if let Some(password) = &password {
            login = login.set_password(password.as_str());
        }
        Self {
            address: settings.address.clone(),
            tls,
            login,
            password,
        }
    }

    /// Whether connections would be the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        let Self {
            address,
            tls,
            login,
            password,
        } = self;
        let has_same_tls = match (tls, &other.tls) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        has_same_tls
            && *address == other.address
            && *password == other.password
            && login.username() == other.login.username()
            && login.db() == other.login.db()
    }

    pub fn tls(&self) -> Option<&Arc<ServerTls>> {
        self.tls.as_ref()
    }

    pub(super) fn login(&self) -> &RedisConnectionInfo {
        &self.login
    }

    /// `words` without the password, should the server have repeated it.
    pub(super) fn discreet(&self, words: &str) -> String {
        match &self.password {
            Some(password) => words.replace(password.as_str(), "…"),
            None => words.to_owned(),
        }
    }

    /// A new connection, on which nothing has been said yet.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let wire: Box<dyn Wire> = match &self.address {
            Address::Socket(address) => Box::new(at_once(TcpStream::connect(address).await?)?),
            Address::Named { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                Box::new(at_once(stream)?)
            }
            Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        };
        Ok(match &self.tls {
            Some(tls) => Box::new(tls.shake_hands_without_protocol(wire).await?),
            None => wire,
        })
    }
}

/// Questions are small, and somebody waits for the answer to each.
fn at_once(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}
