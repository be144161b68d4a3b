//! Each command tells what it is for, and how it is used, on the narrowest of usual terminals.

use clap::{Command, CommandFactory};

use super::{Cli, begin};

/// The columns of a terminal that nobody has made wider.
const NARROW: usize = 80;

/// Every command with its whole name, those of `cert` too.
fn commands() -> Vec<(String, Command)> {
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    let (mut found, mut open) = (Vec::new(), vec![("simplon".to_owned(), whole)]);
    while let Some((name, command)) = open.pop() {
        let below = command.get_subcommands().cloned();
        open.extend(below.map(|it| (format!("{name} {}", it.get_name()), it)));
        found.push((name, command));
    }
    assert!(found.len() > 10, "the walk finds them");
    found
}

#[test]
fn every_command_says_in_a_line_what_it_is_for() {
    for (name, command) in commands() {
        let about = command.get_about().map(ToString::to_string);
        let about = about.unwrap_or_default();
        assert!(!about.is_empty(), "{name}");
        assert!(
            !about.ends_with('.') && !about.contains('\n'),
            "{name}: {about}"
        );
        assert!(
            about.len() < 68,
            "{name}: {about} does not fit into the list of commands"
        );
    }
}

#[test]
fn every_command_has_examples_that_are_not_broken() {
    for (name, mut command) in commands() {
        let help = command
            .clone()
            .term_width(NARROW)
            .render_long_help()
            .to_string();
        let (_, examples) = help
            .split_once("\nExamples:\n")
            .unwrap_or_else(|| panic!("{name}"));
        let first = examples.lines().next().unwrap();
        assert!(
            first.starts_with("  ") && first.contains("simplon"),
            "{name}: {first}"
        );
        for line in help.lines() {
            assert!(line.chars().count() <= NARROW, "{name}: {line}");
        }
        // What is wrapped has more lines than on a terminal without an end.
        let wide = command.clone().term_width(0).render_long_help().to_string();
        let below = |help: &str| {
            help.split_once("\nExamples:\n")
                .map(|(_, it)| it.to_owned())
        };
        assert_eq!(below(&help), below(&wide), "{name}");
        let short = command.render_help().to_string();
        assert!(short.lines().count() <= help.lines().count(), "{name}");
    }
}

#[test]
fn every_argument_says_what_it_is_for() {
    for (name, command) in commands() {
        for argument in command.get_arguments() {
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                !help.is_empty() && !help.ends_with('.'),
                "{name}: {argument}"
            );
        }
    }
}

#[test]
fn examples_are_command_lines_that_are_understood() {
    for (name, command) in commands() {
        let help = command.get_after_help().or(command.get_after_long_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let examples = help.lines().skip_while(|line| *line != "Examples:").skip(1);
        for line in examples.take_while(|line| line.starts_with("  ")) {
            // What follows two spaces says what it does; what follows a sign of a shell is another program's.
            let line = line.trim_start().split("  ").next().unwrap();
            let words = line
                .split_whitespace()
                .skip_while(|word| *word != "simplon");
            let ours = words.take_while(|word| !["|", ">", ")"].contains(word));
            let ours: Vec<_> = ours.map(|word| word.trim_end_matches(')')).collect();
            if !ours.is_empty() {
                let read = Cli::command().try_get_matches_from(&ours);
                assert!(read.is_ok(), "{name}: {ours:?}: {}", read.unwrap_err());
            }
        }
    }
}

#[test]
fn where_to_begin_fits_a_narrow_terminal() {
    for line in begin::HERE.lines() {
        assert!(line.chars().count() < NARROW, "{line}");
    }
}
