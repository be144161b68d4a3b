//! One connection to the store, shared by all requests.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, ErrorKind, RedisError, ServerErrorKind, aio::MultiplexedConnection,
};
use tokio::task::JoinSet;

use super::{Dial, Found, Question, script};
use crate::limits::Bucket;

/// A clone of it is the same connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    connection: MultiplexedConnection,
    /// By which the server knows the script.
    hash: Arc<str>,
    /// No two connections have the same.
    pub(super) number: u64,
}

/// What moves the bytes; ends with the connection, and the connection ends with it.
pub(super) type Driver = JoinSet<()>;

/// Questions that wait to be written, beyond which those who ask wait too, within their time.
const QUEUE: usize = 1024;

/// A bucket of nobody's, with room for everybody.
const PROBE: &str = "simplon:{probe}";

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Link {
    /// A connection on which the store has done what it must.
    pub(super) async fn open(dial: &Dial) -> Result<(Self, Driver), RedisError> {
        let wire = dial.connect().await?;
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None) // whoever asks has a deadline of its own
            .set_pipeline_buffer_size(QUEUE);
        let connecting = MultiplexedConnection::new_with_config(dial.login(), wire, config);
        let (mut connection, driving) = connecting.await?;
        let mut driver = JoinSet::new();
        driver.spawn(driving);
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(script::TEXT);
        let hash: String = load.query_async(&mut connection).await?;
        let link = Self {
            connection,
            hash: hash.into(),
            number: NEXT.fetch_add(1, Relaxed),
        };
        link.try_out().await?;
        Ok((link, driver))
    }

    /// One round trip; two if the server has forgotten the script, as after a restart or SCRIPT FLUSH.
    pub(super) async fn ask(mut self, questions: &[Question]) -> Result<Vec<Found>, RedisError> {
        let connection = &mut self.connection;
        let command = script::by_hash(&self.hash, questions);
        let answer: Vec<u64> = match command.query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                script::by_text(questions).query_async(connection).await?
            }
            answer => answer?,
        };
        script::found(questions, &answer).ok_or_else(|| {
            let what = "the script's answer is not one to what it was asked";
            RedisError::from((ErrorKind::UnexpectedReturnType, what))
        })
    }

    /// Whether the store does what it must: it reads, counts and writes. A replica, or a store that
    /// is full, answers other questions well.
    pub(super) async fn try_out(&self) -> Result<(), RedisError> {
        let bucket = Bucket {
            rate: NonZeroU32::MAX,
            window: Duration::from_secs(1),
            burst: NonZeroU32::MAX,
        };
        let question = Question {
            key: PROBE.to_owned(),
            bucket,
            patience: Duration::ZERO,
            is_binding: true,
        };
        self.clone().ask(&[question]).await.map(|_| ())
    }
}
