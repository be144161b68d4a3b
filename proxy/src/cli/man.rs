//! `simplon man`: manual pages, from what `--help` shows.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Args, CommandFactory};
use clap_mangen::{
    Man as Pages,
    roff::{Roff, roman},
};

use super::{Cli, pour, print, tell};

/// Print the manual page, or write all of them into a directory
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Man {
    /// Write a page for each command into this directory, which is made if need be
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  simplon man | man -l -                                 read it
  simplon man --directory /usr/local/share/man/man1      install every page
  man simplon-cert-renew                                 and read one of them";

impl Man {
    pub(super) fn execute(self) -> u8 {
        let Some(directory) = self.directory else {
            let text = pages().into_iter().next().map(|page| page.text);
            return pour(&text.unwrap_or_default());
        };
        match write(&directory) {
            Ok(written) => {
                print(format_args!(
                    "{written} pages are in {}",
                    directory.display()
                ));
                0
            }
            Err(error) => {
                tell(format_args!(
                    "error: cannot write pages to {}: {error}",
                    directory.display()
                ));
                1
            }
        }
    }
}

fn write(directory: &Path) -> io::Result<usize> {
    fs::create_dir_all(directory)?;
    let pages = pages();
    for page in &pages {
        fs::write(directory.join(&page.file), &page.text)?;
    }
    Ok(pages.len())
}

struct Page {
    /// Such as `simplon-cert-list.1`.
    file: String,
    text: Vec<u8>,
}

/// A page for each command, that of simplon itself first.
fn pages() -> Vec<Page> {
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    let mut pages = Vec::new();
    let mut open = vec![whole];
    while let Some(command) = open.pop() {
        open.extend(
            command
                .get_subcommands()
                .filter(|it| !it.is_hide_set())
                .cloned(),
        );
        pages.push(page(command));
    }
    pages
}

fn page(command: clap::Command) -> Page {
    let after = command.get_after_long_help().or(command.get_after_help());
    let after = after.map(ToString::to_string).unwrap_or_default();
    let has_commands = command.has_subcommands();
    let man = Pages::new(command)
        .manual("Simplon")
        .date(" ") // none; without the space what follows would take its place
        .source(concat!("simplon ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    let written = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_synopsis_section(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| man.render_options_section(&mut text))
        .and_then(|()| {
            if has_commands {
                man.render_subcommands_section(&mut text)
            } else {
                Ok(())
            }
        })
        .and_then(|()| sections(&after).to_writer(&mut text));
    debug_assert!(written.is_ok(), "memory takes everything");
    Page {
        file: man.get_filename(),
        text,
    }
}

/// What stands below the options: each paragraph whose first line ends with a colon is a section, line by line; others
/// are prose.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    for paragraph in text.split("\n\n") {
        let (first, rest) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        let Some(heading) = first.strip_suffix(':') else {
            roff.control("PP", []);
            roff.text([roman(paragraph.replace('\n', " "))]);
            continue;
        };
        roff.control("SH", [heading.to_uppercase().as_str()]);
        roff.control("nf", []);
        for line in rest.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn each_command_has_a_page_and_that_of_all_comes_first() {
        let files: Vec<_> = pages().into_iter().map(|page| page.file).collect();
        assert_eq!(files.first().map(String::as_str), Some("simplon.1"));
        for file in ["simplon-run.1", "simplon-cert.1", "simplon-cert-renew.1"] {
            assert!(files.iter().any(|it| it == file), "{file} of {files:?}");
        }
        assert!(!files.iter().any(|file| file.contains("help")), "{files:?}");
    }

    #[test]
    fn a_directory_is_made_and_filled() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("share/man/man1");
        let written = write(&directory).unwrap();
        assert_eq!(fs::read_dir(&directory).unwrap().count(), written);
        let page = fs::read_to_string(directory.join("simplon-check.1")).unwrap();
        assert!(page.contains(".SH EXAMPLES"), "{page}");
    }

    /// Nothing where there is no groff.
    fn typeset(page: &Page) -> Option<(String, String)> {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(&page.file);
        fs::write(&file, &page.text).unwrap();
        let ended = Command::new("groff")
            .args(["-k", "-ww", "-man", "-Tutf8", "-P-cbou", "-rLL=78n"])
            .arg(&file)
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Some((text(ended.stdout), text(ended.stderr)))
    }

    #[test]
    fn groff_finds_no_fault_with_any_page() {
        for page in pages() {
            let Some((text, complaints)) = typeset(&page) else {
                return;
            };
            assert!(complaints.is_empty(), "{}: {complaints}", page.file);
            for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES"] {
                assert!(text.contains(heading), "{}: {heading}\n{text}", page.file);
            }
        }
    }

    #[test]
    fn examples_keep_their_lines() {
        let page = pages().remove(0);
        let Some((text, _)) = typeset(&page) else {
            return;
        };
        let examples = |text: &str| {
            text.lines()
                .any(|line| line.trim_start().starts_with("simplon reload"))
        };
        assert!(examples(&text), "{text}");
        assert!(text.contains("SIGNALS"), "{text}");
    }
}
