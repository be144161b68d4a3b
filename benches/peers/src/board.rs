//! A run: every row in turn, and then the report.

mod race;

use std::io::{Write as _, stderr};

use clap::ValueEnum as _;

use crate::{
    cli::Args,
    core,
    field::Field,
    machine::Host,
    outcome::Outcome,
    peer::Peer,
    report::{self, Board},
    row::Row,
};

pub(crate) async fn run(args: &Args) -> Outcome<()> {
    core::stay_on_load()?;
    core::open_many_files();
    let (peers, absent) = Peer::find(args)?;
    let field = Field::prepare(args).await?;
    let mut board = Board::new(Host::here()?, &peers, &absent, args);
    let rows = if args.rows.is_empty() {
        Row::value_variants()
    } else {
        &args.rows
    };
    for row in rows {
        say(&format!("{} …", row.name()));
        match race::run(*row, args, &field, &peers).await {
            Ok(outcome) => {
                board.lines.extend(outcome.lines);
                board.notes.extend(outcome.notes);
            }
            Err(error) => board.notes.push(format!("{}: {error}", row.name())),
        }
        report::keep(&board, args)?;
    }
    report::publish(&board, args)
}

/// Tells how far it is; the report itself goes to standard output.
fn say(text: &str) {
    // A terminal that has gone away is no reason to stop.
    let _ = writeln!(stderr(), "{text}");
}
