//! One row: its proxies start, show that they do the same, have their turns, show it again, and end.

use crate::{
    cli::Args,
    field::Field,
    outcome::Outcome,
    peer::{Peer, Running},
    report::Line,
    round::{self, Turn},
    row::{Figure, Row},
    setup::Setup,
    verify,
};

/// How long each proxy is loaded before the first round, in seconds.
const WARM: f64 = 1.0;

/// What came of a row.
#[derive(Debug, Default)]
pub(crate) struct Raced {
    pub lines: Vec<Line>,
    pub notes: Vec<String>,
}

/// Runs one row. A proxy that cannot do it, or does it wrongly, is left out, and the notes say why.
pub(crate) async fn run(row: Row, args: &Args, field: &Field, peers: &[Peer]) -> Outcome<Raced> {
    let mut raced = Raced::default();
    let mut all = line_up(row, field, peers, &mut raced.notes).await?;
    let wanted = row.rounds(args.rounds);
    let (mut rounds, mut refused, mut loudest) = (Vec::new(), 0, 0.0_f64);
    let mut start = 0;
    while rounds.len() < wanted as usize && refused <= args.repeats && !all.is_empty() {
        start += 1;
        if row.starts_anew() && start > 1 {
            all = line_up(row, field, peers, &mut Vec::new()).await?;
        }
        match one(row, field, &all, start, args.calm).await {
            Round::Counts(turns) => rounds.push(turns),
            Round::Disturbed(others) => {
                refused += 1;
                loudest = loudest.max(others);
            }
            Round::Failed(place, error) => {
                let failed = all.remove(place);
                raced.notes.push(format!(
                    "{}: {} is left out: {error}",
                    row.name(),
                    label(&failed)
                ));
                rounds.clear();
            }
        }
    }
    if refused > 0 {
        raced.notes.push(format!(
            "{}: {refused} rounds were refused, as others used up to {loudest:.0} % of a core; {} of {wanted} count",
            row.name(),
            rounds.len(),
        ));
    }
    if !row.starts_anew() {
        for running in &all {
            check(row, field, running).await?;
        }
    }
    raced.lines = gather(row, &all, &rounds);
    Ok(raced)
}

/// Starts every proxy in every set-up, and has each show what it does.
async fn line_up(
    row: Row,
    field: &Field,
    peers: &[Peer],
    notes: &mut Vec<String>,
) -> Outcome<Vec<Running>> {
    let mut all = Vec::new();
    for setup in row.setups() {
        for peer in peers.iter().filter(|peer| row.suits(peer.kind, &setup)) {
            match ready(row, field, peer, &setup).await {
                Ok(running) => all.push(running),
                Err(error) => notes.push(format!(
                    "{}: {} is left out: {error}",
                    row.name(),
                    peer.kind
                )),
            }
        }
    }
    Ok(all)
}

async fn ready(row: Row, field: &Field, peer: &Peer, setup: &Setup) -> Outcome<Running> {
    let running = peer.start(field, setup).await?;
    check(row, field, &running).await?;
    if !row.starts_anew() {
        row.measure(field, &running, WARM).await?;
    }
    Ok(running)
}

async fn check(row: Row, field: &Field, running: &Running) -> Outcome<()> {
    for probe in row.probes(field, running) {
        verify::look(field, running, &probe).await?;
    }
    Ok(())
}

/// What a round came to.
enum Round {
    /// The figures of each proxy, in the order of the line-up.
    Counts(Vec<Vec<Figure>>),
    /// How much of a core others used, in percent.
    Disturbed(f64),
    /// The place of the proxy that failed, and why.
    Failed(usize, String),
}

/// One round, in which another proxy begins each time.
async fn one(row: Row, field: &Field, all: &[Running], start: usize, calm: f64) -> Round {
    let mut figures = vec![Vec::new(); all.len()];
    for step in 0..all.len() {
        let place = (start + step) % all.len();
        match round::turn(row, field, all, place).await {
            Ok(Turn { others, .. }) if others > calm => return Round::Disturbed(others),
            Ok(turn) => {
                if let Some(slot) = figures.get_mut(place) {
                    *slot = turn.figures;
                }
            }
            Err(error) => return Round::Failed(place, error.to_string()),
        }
    }
    Round::Counts(figures)
}

fn label(running: &Running) -> String {
    match running.setup.name {
        "" => running.kind().to_string(),
        name => format!("{} ({name})", running.kind()),
    }
}

/// The lines of a row, in the order in which their first figures came.
fn gather(row: Row, all: &[Running], rounds: &[Vec<Vec<Figure>>]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for round in rounds {
        let kinds = all.iter().map(Running::kind);
        let taken = kinds
            .zip(round)
            .flat_map(|(kind, figures)| figures.iter().map(move |f| (kind, f.clone())));
        let taken: Vec<_> = taken.collect();
        let more = row.derive(&taken);
        for (kind, figure) in taken.iter().chain(&more) {
            let known = lines.iter().position(|line| line.name == figure.line);
            let place = known.unwrap_or_else(|| {
                lines.push(Line::new(row, figure));
                lines.len() - 1
            });
            if let Some(line) = lines.get_mut(place) {
                line.add(*kind, figure);
            }
        }
    }
    lines
}
