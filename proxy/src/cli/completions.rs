//! `simplon completions`: what shells need to complete its command lines.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, pour};

/// Print what a shell needs to complete command lines of simplon
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  source <(simplon completions bash)            bash; always, if in ~/.bashrc
  simplon completions zsh > ~/.zfunc/_simplon   zsh, in a directory of fpath
  simplon completions fish > ~/.config/fish/completions/simplon.fish
  eval (simplon completions elvish | slurp)     elvish, in rc.elv
  simplon completions powershell | Out-String | Invoke-Expression";

impl Completions {
    pub(super) fn execute(self) -> u8 {
        pour(&script(self.shell))
    }
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "simplon", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_has_a_script_that_names_the_commands() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for command in ["check", "completions", "reload", "rollover"] {
                assert!(script.contains(command), "{shell}: {command}");
            }
        }
    }

    /// What bash offers for these words, the last of which is being written.
    fn offered(words: &[&str]) -> Vec<String> {
        let last = words.len() - 1;
        let asking = format!(
            "set -u; source \"$1\"; COMP_WORDS=({}); COMP_CWORD={last}; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}
            compopt() {{ :; }}
            _simplon simplon '{current}' '{previous}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
            line = words.join(" "),
            current = words[last],
            previous = words[last - 1],
        );
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("simplon.bash");
        std::fs::write(&file, script(Shell::Bash)).unwrap();
        let ended = Command::new("bash")
            .args(["--norc", "-c", &asking, "bash"])
            .arg(&file)
            .output()
            .unwrap();
        let complaints = String::from_utf8(ended.stderr).unwrap();
        assert!(complaints.is_empty(), "{complaints}");
        let lines = String::from_utf8(ended.stdout).unwrap();
        lines.lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_commands_options_and_their_values() {
        for (words, expected) in [
            (vec!["simplon", "rel"], vec!["reload"]),
            (vec!["simplon", "cert", "r"], vec!["renew", "rollover"]),
            (vec!["simplon", "check", "--form"], vec!["--format"]),
            (
                vec!["simplon", "check", "--format", ""],
                vec!["human", "json"],
            ),
            (vec!["simplon", "completions", "z"], vec!["zsh"]),
        ] {
            assert_eq!(offered(&words), expected, "{words:?}");
        }
    }

    #[test]
    fn bash_completes_the_files_of_a_configuration() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../conf/mini");
        let found = offered(&["simplon", "run", "-c", directory]);
        assert_eq!(found, [format!("{directory}mal.yaml")]);
    }

    #[test]
    fn bash_finds_no_fault_with_its_script() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("simplon.bash");
        std::fs::write(&file, script(Shell::Bash)).unwrap();
        let ended = Command::new("bash").arg("-n").arg(&file).output().unwrap();
        let complaints = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(
            ended.status.success() && complaints.is_empty(),
            "{complaints}"
        );
    }
}
