//! `simplon schema`: what editors need to help with a configuration.

use clap::Args;

use super::pour;
use crate::config;

/// Print the JSON Schema of the configuration, for editors
///
/// An editor with the YAML language server then completes keys, tells what they are for, and underlines what is not one. It
/// checks the shape of each value; `simplon check` checks the whole.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Schema {}

const EXAMPLES: &str = "\
Examples:
  simplon schema > simplon.schema.json    write it beside the configuration

First line of the configuration, for the YAML language server:
  # yaml-language-server: $schema=simplon.schema.json";

impl Schema {
    #[expect(clippy::unused_self, reason = "as with every command")]
    pub(super) fn execute(self) -> u8 {
        pour(format!("{:#}\n", config::schema()).as_bytes())
    }
}
