//! How long a reload takes until a route that it adds answers, and what happens to requests meanwhile.

use std::{
    net::Ipv4Addr,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, process::Command, time::sleep};

use super::{Figure, Row};
use crate::{
    client,
    field::Field,
    origin,
    outcome::{In, Outcome},
    peer::Running,
};

/// A reload that takes longer has failed.
const LONGEST: Duration = Duration::from_secs(120);
/// How often is asked.
const EACH: Duration = Duration::from_millis(2);
/// So many answers in a row show that it is in effect for everyone.
const IN_A_ROW: u32 = 5;

pub(super) async fn measure(row: Row, field: &Field, running: &Running) -> Outcome<Vec<Figure>> {
    let fresh = format!("fresh{}.example", field.number());
    let known = running.last_host();
    if status(running, &fresh).await? != 404 {
        return Err("a host without a route is not refused".into());
    }
    let begin = Instant::now();
    let asked = running.reload(field, &fresh)?;
    let (told, seen) = tokio::join!(told(asked), watch(running, &known, &fresh, begin));
    told?;
    let (effect, failed) = seen?;
    let figure = |line: String, unit, value, is_compared| Figure {
        line,
        unit,
        value,
        busy: None,
        is_compared,
    };
    Ok(vec![
        figure(
            row.name().to_owned(),
            "ms",
            effect.as_secs_f64() * 1e3,
            true,
        ),
        figure(
            format!("{}: failed", row.name()),
            "requests",
            f64::from(failed),
            false,
        ),
    ])
}

/// Returns once the command that asks for the reload has ended, for a proxy that has one.
async fn told(asked: Option<Command>) -> Outcome<()> {
    let Some(mut command) = asked else {
        return Ok(());
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if command.status().await?.success() {
        Ok(())
    } else {
        Err("its reload failed".into())
    }
}

/// When the new route answered for good, and how many requests for another failed: on new connections and on one that is kept.
async fn watch(
    running: &Running,
    known: &str,
    fresh: &str,
    begin: Instant,
) -> Outcome<(Duration, u32)> {
    let (mut failed, mut row, mut first) = (0, 0, None);
    let mut kept: Option<TcpStream> = None;
    while begin.elapsed() < LONGEST {
        let asked = begin.elapsed();
        if status(running, fresh)
            .await
            .is_ok_and(|status| status == 200)
        {
            row += 1;
            let first = *first.get_or_insert(asked);
            if row == IN_A_ROW {
                return Ok((first, failed));
            }
        } else {
            (row, first) = (0, None);
        }
        if status(running, known).await.ok() != Some(200) {
            failed += 1;
        }
        match on_kept(&mut kept, running, known).await {
            Ok(true) => {}
            // A connection that says `close` has ended well.
            Ok(false) => kept = None,
            Err(_) => {
                failed += 1;
                kept = None;
            }
        }
        sleep(EACH).await;
    }
    Err("its reload is not in effect in time".into())
}

/// The status of a host, by a connection of its own.
async fn status(running: &Running, host: &str) -> Outcome<u16> {
    let mut stream = client::connect(running.http, Ipv4Addr::LOCALHOST).await?;
    let request = client::request(host, origin::SMALL, "Connection: close\r\n");
    let reply = client::exchange(&mut stream, &request)
        .await
        .while_doing(host)?;
    Ok(reply.status)
}

/// Asks on a connection that is kept; says whether it goes on.
async fn on_kept(kept: &mut Option<TcpStream>, running: &Running, host: &str) -> Outcome<bool> {
    let stream = match kept {
        Some(stream) => stream,
        None => kept.insert(client::connect(running.http, Ipv4Addr::LOCALHOST).await?),
    };
    let request = client::request(host, origin::SMALL, "");
    let reply = client::exchange(stream, &request).await?;
    match reply.status {
        200 => Ok(reply.header("connection") != Some("close")),
        status => Err(format!("status {status}").into()),
    }
}
