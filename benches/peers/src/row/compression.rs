//! What compressing a response costs, and what comes out: codings are compared at about the size that the peer makes.
//!
//! `HAProxy`'s gzip (libslz) is fast and hardly compresses; so it has a line of its own, beside Simplon's gzip of level 1, which makes
//! fewer bytes. The others are beside Simplon's defaults, whose sizes are theirs within a percent or below.

use super::Figure;
use crate::{
    field::Field,
    load::wrk::Wrk,
    origin,
    outcome::Outcome,
    peer::{Kind, Running},
    round::Spent,
    setup::Setup,
    verify::{self, Probe, Wire},
};

const CONNECTIONS: usize = 8;
const FAST: &str = "fast";

pub(super) fn setups() -> Vec<Setup> {
    let usual = Setup {
        compress: true,
        ..Setup::default()
    };
    let fast = Setup {
        name: FAST,
        gzip: 1,
        ..usual.clone()
    };
    vec![usual, fast]
}

pub(super) fn suits(kind: Kind, setup: &Setup) -> bool {
    match kind {
        Kind::Simplon | Kind::Profiled => true,
        Kind::Haproxy => setup.name == FAST,
        Kind::Nginx | Kind::Caddy => setup.name != FAST,
        Kind::Relay => false,
    }
}

fn codings(field: &Field, running: &Running) -> &'static [&'static str] {
    match running.kind() {
        kind if kind.is_simplon() && running.setup.name == FAST => &["gzip"],
        Kind::Simplon | Kind::Profiled => &["gzip", "br", "zstd"],
        Kind::Nginx if field.brotli.is_some() => &["gzip", "br"],
        Kind::Nginx | Kind::Haproxy => &["gzip"],
        Kind::Caddy => &["gzip", "zstd"],
        Kind::Relay => &[],
    }
}

pub(super) fn probes(field: &Field, running: &Running) -> Vec<Probe> {
    codings(field, running)
        .iter()
        .map(|coding| probe(coding))
        .collect()
}

fn probe(coding: &'static str) -> Probe {
    Probe {
        coding: Some(coding),
        ..Probe::new(Wire::Plain, origin::JSON_64K)
    }
}

pub(super) async fn measure(
    field: &Field,
    running: &Running,
    seconds: f64,
) -> Outcome<Vec<Figure>> {
    let url = format!("http://{}{}", running.http, origin::JSON_64K);
    let mut figures = Vec::new();
    for coding in codings(field, running) {
        let line = match running.setup.name {
            "" => format!("{coding} of 64 KiB"),
            name => format!("{coding} of 64 KiB, {name}"),
        };
        let bytes = verify::look(field, running, &probe(coding)).await?;
        let accept = format!("Accept-Encoding: {coding}");
        let wrk = Wrk {
            url: &url,
            connections: CONNECTIONS,
            seconds,
            headers: &[&accept],
        };
        let spent = Spent::begin(running)?;
        let answered = wrk.run(field).await?;
        figures.push(spent.per_request(&line, running, answered)?);
        figures.push(Figure {
            line: format!("{line}: size"),
            unit: "bytes",
            value: f64::from(u32::try_from(bytes)?),
            busy: None,
            is_compared: false,
        });
    }
    Ok(figures)
}
