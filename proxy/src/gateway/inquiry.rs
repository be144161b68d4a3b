//! Asking a server whether a request may pass, on the house's own connections.

use std::{sync::Arc, time::Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{self, error::Elapsed, timeout, timeout_at},
};

use super::{
    exchange::Admitted,
    fault,
    line::Line,
    outcome,
    spare::{Spares, Stay, Whom},
};
use crate::{
    admit::{Asked, Gathered, Gathering, Reply, Response},
    balance::{Failure, Pick, Picked, Tried},
    forward::ProxyHeader,
    policy::{ForwardAuth, LARGEST_BODY},
    respond::Refusal,
};

/// Servers that are asked at most: one more when the first has failed, as a GET may be sent again.
const SERVERS: usize = 2;
/// Bytes of an answer at most, beside its header: a body that is given on, with room for how it is framed.
const BODY_AND_FRAMING: usize = 2 * LARGEST_BODY;
/// Read at once.
const PIECE: usize = 8 << 10;

/// A question, and whom it is about.
pub(super) struct Inquiry<'a> {
    pub(super) forward_auth: &'a ForwardAuth,
    /// A whole head; there is no body.
    pub(super) question: Vec<u8>,
    pub(super) admitted: &'a Admitted,
    pub(super) spares: &'a Arc<Spares>,
}

/// Why there is no answer.
enum Trouble {
    /// By the server, or on the way to it.
    Server(Failure, &'static str),
    /// For want of something of ours.
    Ours,
}

impl Inquiry<'_> {
    /// The answer, whatever it says, in the time that the policy has for all of it.
    ///
    /// # Errors
    /// [`Refusal::AuthUnavailable`] if there is none that is sound.
    pub(super) async fn ask(&self) -> Result<Response, Refusal> {
        let deadline = time::Instant::now() + self.forward_auth.timeout();
        let mut tried = Tried::EMPTY;
        let mut reason = "no server can be asked";
        for _ in 0..SERVERS {
            let upstream = self.forward_auth.upstream();
            let pick = match upstream.pick_or_wait(None, &tried, Instant::now()) {
                Ok(Picked::AtOnce(pick)) => pick,
                Ok(Picked::InTurn(waiting)) => match timeout_at(deadline, waiting.turn()).await {
                    Ok(Ok(pick)) => pick,
                    _ => break,
                },
                Err(_) => break,
            };
            tried.insert(pick.server().index);
            let asked = timeout_at(deadline, self.ask_server(&pick)).await;
            let failure = match asked.unwrap_or_else(|elapsed| Err(late(elapsed))) {
                Ok(answer) => {
                    note(&pick, &answer);
                    return Ok(answer);
                }
                Err(Trouble::Ours) => {
                    reason = "nothing is left to reach a server with";
                    break;
                }
                Err(Trouble::Server(failure, why)) => {
                    reason = why;
                    failure
                }
            };
            pick.failed(failure, Instant::now());
            if !matches!(failure, Failure::Connect | Failure::Reset) {
                break;
            }
        }
        Err(Refusal::AuthUnavailable(reason))
    }

    /// On a connection that was kept, if there is one; if the server has closed it just now, once more on a new one.
    async fn ask_server(&self, pick: &Pick) -> Result<Response, Trouble> {
        let version = pick.upstream().proxy_protocol();
        let header = version.map(|version| ProxyHeader {
            version,
            ends: Some(self.admitted.ends()),
        });
        let tls = pick.server().tls.as_deref();
        let whom = Whom::of(pick, None, &self.admitted.connection);
        // One that names a client is for this question alone.
        if header.is_none()
            && let Some(spare) = self.spares.take(&whom, time::Instant::now())
        {
            match self.converse(pick, spare, Some(&whom)).await {
                Err(Trouble::Server(Failure::Reset, _)) => {}
                other => return other,
            }
        }
        let connect = pick.upstream().timeouts().connect;
        let line = match timeout(connect, Line::open(pick.target(), tls, header)).await {
            Ok(Ok(line)) => line,
            Ok(Err(error)) if fault::is_exhaustion(&error) => return Err(Trouble::Ours),
            Ok(Err(error)) => {
                outcome::complain(pick, &error, Instant::now());
                return Err(Trouble::Server(Failure::Connect, "there is no connection"));
            }
            Err(_) => {
                let late = "there is no connection in time";
                return Err(Trouble::Server(Failure::Connect, late));
            }
        };
        let kept_for = header.is_none().then_some(&whom);
        self.converse(pick, line, kept_for).await
    }

    /// Asks on this connection, and keeps it for another question if it is as good as new afterwards.
    async fn converse(
        &self,
        pick: &Pick,
        mut line: Line,
        kept_for: Option<&Whom>,
    ) -> Result<Response, Trouble> {
        let timeouts = pick.upstream().timeouts();
        let written = timeout(timeouts.idle, async {
            line.write_all(&self.question).await?;
            line.flush().await
        });
        // What a server says before it closes counts even if it has not read everything: the read tells.
        let _ = written.await.map_err(late)?;
        let limits = pick.upstream().limits();
        let most = limits.header_size.saturating_add(BODY_AND_FRAMING);
        let mut gathering = Gathering::new(Reply::new(Asked::default(), limits), most);
        let mut piece = vec![0; PIECE];
        let gathered = loop {
            let patience = if gathering.is_empty() {
                timeouts.first_byte
            } else {
                timeouts.idle
            };
            let read = timeout(patience, line.read(&mut piece))
                .await
                .map_err(late)?;
            let read = read.unwrap_or(0);
            if read == 0 && gathering.ends_here() {
                break Gathered::Whole;
            }
            let new = piece
                .get(..read)
                .filter(|new| !new.is_empty())
                .ok_or(CLOSED)?;
            match gathering.add(new).map_err(malformed)? {
                Gathered::Part => {}
                whole => break whole,
            }
        };
        let answer = gathering.into_response().map_err(malformed)?;
        let vitals = &pick.server().vitals;
        match kept_for {
            Some(whom) if gathered == Gathered::WithSurplus => whom.said_too_much(vitals),
            Some(whom) if answer.keeps_alive => {
                let stay = Stay::of(pick, None, &self.admitted.connection);
                self.spares.keep(
                    whom.clone(),
                    line,
                    stay,
                    Arc::clone(vitals),
                    time::Instant::now(),
                );
            }
            _ => line.part(),
        }
        Ok(answer)
    }
}

const CLOSED: Trouble = Trouble::Server(Failure::Reset, "the connection ended before the answer");

fn late(_: Elapsed) -> Trouble {
    Trouble::Server(Failure::Timeout, "there is no answer in time")
}

fn malformed(refusal: Refusal) -> Trouble {
    let what = refusal.detail().unwrap_or("the answer breaks the protocol");
    Trouble::Server(Failure::Malformed, what)
}

/// Notes how well the server does: one that answers for others that are in trouble is in trouble itself.
fn note(pick: &Pick, answer: &Response) {
    let now = Instant::now();
    if matches!(answer.status.as_u16(), 502..=504) {
        pick.failed(Failure::Status(answer.status), now);
    } else {
        pick.succeeded(now);
    }
}
