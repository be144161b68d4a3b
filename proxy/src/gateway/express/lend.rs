//! A connection to the server that was picked, for one try.

use std::{sync::Arc, time::Instant};

use pingora::{Error, ErrorType, Result};
use tokio::time::timeout;

use super::super::{
    exchange::Admitted,
    line::{Line, Manner},
    spare::{Spares, Stay, Whom},
};
use crate::{
    balance::{Pick, Vitals},
    forward::ProxyHeader,
};

/// A connection, and what becomes of it afterwards.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) line: Line,
    /// It had waited for this request.
    pub(super) was_kept: bool,
    is_kept: bool,
    whom: Whom,
    stay: Stay,
    vitals: Arc<Vitals>,
}

/// A spare, or a new connection. With `anew` no spare will do, and none comes of it. Afterwards `now` is the time again.
pub(super) async fn lend(
    pick: &Pick,
    admitted: &Admitted,
    spares: &Arc<Spares>,
    anew: bool,
    now: &mut Instant,
) -> Result<Lent> {
    let connection = &admitted.connection;
    let version = pick.upstream().proxy_protocol();
    let header = version.map(|version| ProxyHeader {
        version,
        ends: Some(admitted.ends()),
    });
    let whom = Whom::of(pick, header, connection);
    let spare = if anew {
        None
    } else {
        spares.take(&whom, (*now).into())
    };
    let was_kept = spare.is_some();
    let line = if let Some(spare) = spare {
        spare
    } else {
        // Seldom, so it takes no room elsewhere.
        let opened = Box::pin(open(pick, header)).await;
        *now = Instant::now();
        opened.map_err(Error::into_up)?
    };
    Ok(Lent {
        line,
        was_kept,
        is_kept: !anew && admitted.may_keep(header.as_ref()),
        whom,
        stay: Stay::of(pick, header, connection),
        vitals: Arc::clone(&pick.server().vitals),
    })
}

async fn open(pick: &Pick, header: Option<ProxyHeader>) -> Result<Line> {
    let tls = pick.server().tls.as_deref();
    let opening = Line::open(pick.target(), tls, header);
    match timeout(pick.upstream().timeouts().connect, opening).await {
        Ok(opened) => opened,
        Err(late) => Err(Error::because(
            ErrorType::ConnectTimedout,
            "to a server",
            late,
        )),
    }
}

impl Lent {
    /// The response is complete, and the server goes on: the next request may have the connection.
    pub(super) fn give_back(mut self, spares: &Arc<Spares>, now: Instant) {
        match self.line.look_inside() {
            Manner::Quiet if self.is_kept => {
                spares.keep(self.whom, self.line, self.stay, self.vitals, now.into());
            }
            Manner::Quiet | Manner::Gone => self.line.part(),
            Manner::Talking => self.said_too_much(),
        }
    }

    /// The connection is of no further use.
    pub(super) fn part(self) {
        self.line.part();
    }

    /// The server said more than it was asked for.
    pub(super) fn said_too_much(self) {
        self.whom.said_too_much(&self.vitals);
    }
}
