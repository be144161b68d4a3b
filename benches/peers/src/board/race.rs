//! One row: its proxies start, show that they do the same, have their turns, show it again, and end.

use crate::{
    cli::Args,
    field::Field,
    outcome::Outcome,
    peer::{Kind, Peer, Running},
    report::Line,
    round::{self, Turn},
    row::{Figure, Row},
    setup::Setup,
    verify,
};

/// How long each proxy is loaded before the first round, in seconds.
const WARM: f64 = 1.0;

/// What came of a row.
#[derive(Debug)]
pub(crate) struct Raced {
    pub lines: Vec<Line>,
    pub notes: Vec<String>,
}

/// Runs one row. A proxy that cannot do it, or does it wrongly, is left out, and the notes say why.
pub(crate) async fn run(row: Row, args: &Args, field: &Field, peers: &[Peer]) -> Outcome<Raced> {
    let mut race = Race {
        row,
        field,
        out: Vec::new(),
        notes: Vec::new(),
    };
    let mut all = race.line_up(peers).await;
    let wanted = row.rounds(args.rounds);
    let (mut rounds, mut refused, mut loudest, mut start) = (Vec::new(), 0, 0.0_f64, 0);
    while rounds.len() < wanted as usize && refused <= args.repeats && !all.is_empty() {
        start += 1;
        let those_before = race.out.len();
        if row.starts_anew() && start > 1 {
            all.clear();
            all = race.line_up(peers).await;
        }
        match one(row, field, &all, start, args.calm).await {
            Round::Counts(figures) => rounds.push(figures),
            Round::Disturbed(others) => {
                refused += 1;
                loudest = loudest.max(others);
            }
            Round::Failed(place, error) => {
                let failed = all.remove(place);
                race.leave_out(&failed.peer, &failed.setup, &error);
            }
        }
        if race.out.len() > those_before {
            // So that all figures of a row are of the same rounds.
            rounds.clear();
        }
    }
    if refused > 0 {
        race.notes.push(format!(
            "{}: {refused} rounds were refused, as others used up to {loudest:.0} % of a core; {} of {wanted} count",
            row.name(),
            rounds.len(),
        ));
    }
    for running in &all {
        check(row, field, running).await?;
    }
    Ok(Raced {
        lines: gather(row, &rounds),
        notes: race.notes,
    })
}

/// Who takes part.
struct Race<'a> {
    row: Row,
    field: &'a Field,
    /// Who is left out, with the name of the set-up.
    out: Vec<(Kind, &'static str)>,
    notes: Vec<String>,
}

impl Race<'_> {
    /// Starts every proxy in every set-up, and has each show what it does.
    async fn line_up(&mut self, peers: &[Peer]) -> Vec<Running> {
        let mut all = Vec::new();
        for setup in self.row.setups() {
            for peer in peers {
                let is_out = self.out.contains(&(peer.kind, setup.name));
                if is_out || !self.row.suits(peer.kind, &setup) {
                    continue;
                }
                match ready(self.row, self.field, peer, &setup).await {
                    Ok(running) => all.push(running),
                    Err(error) => self.leave_out(peer, &setup, &error.to_string()),
                }
            }
        }
        all
    }

    fn leave_out(&mut self, peer: &Peer, setup: &Setup, error: &str) {
        let (row, kind) = (self.row.name(), peer.kind);
        let with = match setup.name {
            "" => String::new(),
            name => format!(" ({name})"),
        };
        self.notes
            .push(format!("{row}: {kind}{with} is left out: {error}"));
        self.out.push((kind, setup.name));
    }
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
    /// Whose figures they are, and the figures.
    Counts(Vec<(Kind, Figure)>),
    /// How much of a core others used, in percent.
    Disturbed(f64),
    /// The place of the proxy that failed, and why.
    Failed(usize, String),
}

/// One round, in which another proxy begins each time.
async fn one(row: Row, field: &Field, all: &[Running], start: usize, calm: f64) -> Round {
    let mut figures = Vec::new();
    let places = (0..all.len()).cycle().skip(start % all.len().max(1));
    for (place, running) in places
        .map_while(|place| Some((place, all.get(place)?)))
        .take(all.len())
    {
        match round::turn(row, field, all, running).await {
            Ok(Turn { others, .. }) if others > calm => return Round::Disturbed(others),
            Ok(turn) => figures.extend(
                turn.figures
                    .into_iter()
                    .map(|figure| (running.kind(), figure)),
            ),
            Err(error) => return Round::Failed(place, error.to_string()),
        }
    }
    Round::Counts(figures)
}

/// The lines of a row, in the order in which their first figures came.
fn gather(row: Row, rounds: &[Vec<(Kind, Figure)>]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for round in rounds {
        for (kind, figure) in round.iter().chain(&row.derive(round)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gathers_its_figures_over_the_rounds() {
        let figure = |line: &str, value| Figure {
            line: line.to_owned(),
            unit: "µs",
            value,
            busy: None,
            is_compared: true,
        };
        let round = |ours, theirs| {
            vec![
                (Kind::Simplon, figure("a", ours)),
                (Kind::Nginx, figure("a", theirs)),
                (Kind::Simplon, figure("b", 7.0)),
            ]
        };
        let lines = gather(Row::H1, &[round(1.0, 4.0), round(3.0, 6.0)]);
        let names: Vec<_> = lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(lines[0].median(Kind::Simplon), Some(2.0));
        assert_eq!(lines[0].median(Kind::Nginx), Some(5.0));
        assert_eq!(lines[1].median(Kind::Nginx), None);
    }
}
