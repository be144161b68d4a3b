//! The control socket: how commands find the running process and speak to it.
//!
//! One line of JSON in, one out. Whoever may open the socket may operate the process: mode 0600.

use std::{
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    task::JoinHandle,
};

use super::signals::Wish;
use crate::{
    balance::{Operation, Order, Weight},
    config::model::Control,
};

/// A request is one line, with room for some hundred names of servers; more is not read.
const LONGEST_LINE: u64 = 64 << 10;
/// A client that connects and says nothing holds a task for no longer than this.
const SILENCE: Duration = Duration::from_secs(5);
/// Connections at a time; further ones wait in the kernel's queue.
const MOST: usize = 32;
/// Whoever asks hears within this time what comes of it, or that it takes longer.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What the process may be asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    Reload,
    /// Answered with a list of [`crate::admin::CertificateStatus`].
    Certificates,
    /// Answered once it is renewed, or will not be.
    Renew {
        host: String,
    },
    /// Answered once the account at this issuer has another key, or will not have.
    RollOver {
        issuer: String,
    },
    /// Servers are named as [`crate::balance::select`] finds them. Answered with a list of `ServerStatus`.
    Order {
        servers: Vec<String>,
        order: Order,
    },
    /// Without a weight the configured one holds again. Answered as [`Self::Order`].
    Weight {
        servers: Vec<String>,
        weight: Option<Weight>,
    },
    /// Answered as [`Self::Order`], and changes nothing.
    Servers {
        servers: Vec<String>,
    },
    /// Answered with a [`crate::admin::StatsView`] of these upstreams alone; none named is all.
    Status {
        upstreams: Vec<String>,
    },
}

/// What the process answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Asked {
    pub ok: bool,
    /// For the operator.
    pub message: String,
    /// For programs; null if there is no more to say.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

impl Asked {
    fn refused(message: impl Into<String>) -> Self {
        Self {
            ok: false,
            message: message.into(),
            data: Value::Null,
        }
    }

    /// Granted, with this for programs.
    fn with(data: impl Serialize) -> Self {
        match serde_json::to_value(data) {
            Ok(data) => Self {
                data,
                ..Self::granted("")
            },
            Err(error) => Self::refused(error.to_string()),
        }
    }

    fn granted(message: impl Into<String>) -> Self {
        Self {
            ok: true,
            ..Self::refused(message)
        }
    }
}

impl From<Result<String, String>> for Asked {
    fn from(result: Result<String, String>) -> Self {
        match result {
            Ok(message) => Self::granted(message),
            Err(message) => Self::refused(message),
        }
    }
}

/// The open socket. Its file goes when this is dropped.
pub(super) struct ControlSocket {
    path: PathBuf,
    identity: Option<(u64, u64)>,
    listening: JoinHandle<()>,
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.listening.abort();
        if identity(&self.path) == self.identity {
            // Nothing is lost if it is gone already.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Opens the socket. One that the configuration does not name may be impossible without harm.
pub(super) async fn open(
    control: &Control,
    wishes: mpsc::Sender<Wish>,
) -> Result<Option<ControlSocket>, String> {
    match bind(&control.path).await {
        Ok(listener) => {
            let listening = tokio::spawn(listen(listener, wishes));
            let path = control.path.clone();
            Ok(Some(ControlSocket {
                identity: identity(&path),
                path,
                listening,
            }))
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(format!(
            "another simplon runs with the control socket {}\n  hint: stop it, or give this one a path of its own with `control:`",
            control.path.display()
        )),
        Err(error) if control.required => Err(format!(
            "cannot open the control socket {}: {error}\n  hint: `control:` names it; its directory must be writable",
            control.path.display()
        )),
        Err(error) => {
            tracing::info!(
                "no control socket at {}: {error}; commands such as `simplon reload` cannot reach this process, SIGHUP can",
                control.path.display()
            );
            Ok(None)
        }
    }
}

async fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
    {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    match UnixStream::connect(path).await {
        Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // A socket at which nobody answers was left behind by a process that is gone.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && is_socket(path) => {}
        Err(error) if is_socket(path) => return Err(error),
        Err(_) => return Err(io::Error::other("there is a file that is no socket")),
    }
    // Bound under another name, so that it is nobody else's to open from the start.
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let listener = UnixListener::bind(&draft)?;
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&draft, path)?;
    Ok(listener)
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}

/// What tells one file from another that later has its name.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let file = std::fs::symlink_metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

async fn listen(listener: UnixListener, wishes: mpsc::Sender<Wish>) {
    let places = Arc::new(Semaphore::new(MOST));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let answer = answer(stream, wishes.clone());
                tokio::spawn(async move {
                    answer.await;
                    drop(place);
                });
            }
            // Out of descriptors: a moment's rest, as for clients.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn answer(mut stream: UnixStream, wishes: mpsc::Sender<Wish>) {
    let mut line = String::new();
    let mut reader = BufReader::new((&mut stream).take(LONGEST_LINE));
    let read = tokio::time::timeout(SILENCE, reader.read_line(&mut line)).await;
    if !matches!(read, Ok(Ok(1..))) {
        return;
    }
    let asked = match serde_json::from_str(&line) {
        Ok(command) => match tokio::time::timeout(PATIENCE, execute(command, &wishes)).await {
            Ok(Ok(asked)) => asked,
            Ok(Err(Gone)) => Asked::refused("the process is stopping"),
            Err(_) => Asked::refused(format!(
                "it takes longer than {} min, and goes on; `simplon certificates` and the log tell what comes of it",
                PATIENCE.as_secs() / 60
            )),
        },
        Err(error) => Asked::refused(format!("not a command: {error}")),
    };
    if let Ok(mut reply) = serde_json::to_vec(&asked) {
        reply.push(b'\n');
        // Whoever asked may have left; what was asked for is done.
        let _ = stream.write_all(&reply).await;
    }
}

/// Nobody answers any more.
struct Gone;

async fn execute(command: Command, wishes: &mpsc::Sender<Wish>) -> Result<Asked, Gone> {
    Ok(match command {
        Command::Reload => match wish(wishes, Wish::Reload).await? {
            Ok(generation) => Asked::granted(format!("generation {generation} is in force")),
            Err(error) => Asked::refused(error.to_string()),
        },
        Command::Certificates => Asked::with(wish(wishes, Wish::Certificates).await?),
        Command::Renew { host } => wish(wishes, |answer| Wish::Renew(host, answer))
            .await?
            .into(),
        Command::RollOver { issuer } => wish(wishes, |answer| Wish::RollOver(issuer, answer))
            .await?
            .into(),
        Command::Order { servers, order } => {
            operate(servers, Operation::Order(order), wishes).await?
        }
        Command::Weight { servers, weight } => {
            operate(servers, Operation::Weight(weight), wishes).await?
        }
        Command::Servers { servers } => show(servers, wishes).await?,
        Command::Status { upstreams } => {
            let stats = wish(wishes, |answer| Wish::Status(upstreams, answer));
            match stats.await? {
                Ok(stats) => Asked::with(stats),
                Err(message) => Asked::refused(message),
            }
        }
    })
}

/// Does it, and shows how the servers are then.
async fn operate(
    names: Vec<String>,
    operation: Operation,
    wishes: &mpsc::Sender<Wish>,
) -> Result<Asked, Gone> {
    let servers = names.clone();
    let operated = wish(wishes, |answer| Wish::Operate(servers, operation, answer));
    Ok(match operated.await? {
        Ok(operated) => Asked {
            // Null if a reload has just removed one.
            data: show(names, wishes).await?.data,
            ..Asked::granted(operated.message())
        },
        Err(message) => Asked::refused(message),
    })
}

async fn show(names: Vec<String>, wishes: &mpsc::Sender<Wish>) -> Result<Asked, Gone> {
    let servers = wish(wishes, |answer| Wish::Servers(names, answer));
    Ok(match servers.await? {
        Ok(servers) => Asked::with(servers),
        Err(message) => Asked::refused(message),
    })
}

async fn wish<T>(
    wishes: &mpsc::Sender<Wish>,
    what: impl FnOnce(oneshot::Sender<T>) -> Wish,
) -> Result<T, Gone> {
    let (answer, answered) = oneshot::channel();
    let sent = wishes.send(what(answer)).await;
    sent.map_err(|_closed| Gone)?;
    answered.await.map_err(|_dropped| Gone)
}

/// Asks the process behind the socket, and waits for what comes of it.
pub async fn ask(path: &Path, command: &Command) -> io::Result<Asked> {
    let mut stream = UnixStream::connect(path).await?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut reply = String::new();
    if BufReader::new(stream).read_line(&mut reply).await? == 0 {
        return Err(io::Error::other("it ended before"));
    }
    Ok(serde_json::from_str(&reply)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENEW: &[u8] = b"{\"renew\":{\"host\":\"a.test\"}}\n";

    /// Whoever wished for it waits until this is dropped.
    async fn renewal(wished: &mut mpsc::Receiver<Wish>) -> oneshot::Sender<Result<String, String>> {
        match wished.recv().await {
            Some(Wish::Renew(host, answer)) if host == "a.test" => answer,
            _ => panic!("something else was wished"),
        }
    }

    async fn reply(stream: UnixStream) -> Asked {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.unwrap();
        serde_json::from_str(&line).unwrap()
    }

    #[tokio::test]
    async fn so_many_are_heard_at_a_time_and_the_next_once_one_has_its_answer() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("control.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (sender, mut wished) = mpsc::channel(MOST * 2);
        let listening = tokio::spawn(listen(listener, sender));
        let mut clients = Vec::new();
        for _ in 0..=MOST {
            let mut client = UnixStream::connect(&path).await.unwrap();
            client.write_all(RENEW).await.unwrap();
            clients.push(client);
        }
        let mut answers = Vec::new();
        for _ in 0..MOST {
            answers.push(renewal(&mut wished).await);
        }
        let one_more = tokio::time::timeout(Duration::from_millis(100), wished.recv()).await;
        assert!(one_more.is_err(), "one more was heard");
        answers.remove(0).send(Ok("renewed".to_owned())).unwrap();
        renewal(&mut wished).await;
        assert!(reply(clients.remove(0)).await.ok);
        listening.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_too_long_is_told_that_it_goes_on() {
        let (mut client, server) = UnixStream::pair().unwrap();
        client.write_all(RENEW).await.unwrap();
        let (sender, mut wished) = mpsc::channel(1);
        let answering = tokio::spawn(answer(server, sender));
        let renewing = renewal(&mut wished).await;
        answering.await.unwrap();
        let asked = reply(client).await;
        assert!(!asked.ok && asked.message.starts_with("it takes longer than 20 min"));
        drop(renewing);
    }
}
