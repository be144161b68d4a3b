//! Pages of the operator's: which files can be one.

use std::path::PathBuf;

use crate::{
    config::{
        decode::Fields,
        problem::{Located, Problem, quoted},
        read::beside,
    },
    respond::Form,
};

/// The file of a page, whose form its name says.
pub(super) fn file(
    fields: &Fields<'_>,
    name: &str,
    written: &Located<&str>,
) -> Option<Located<PathBuf>> {
    let file = beside(fields, name, written, written.value)?;
    if Form::of(&file.value).is_some() {
        return Some(file);
    }
    let message = format!(
        "the name of {} does not say what it is",
        quoted(written.value)
    );
    let hint = "a page is a file whose name ends in .html, .json or .txt";
    fields
        .problems
        .push(Problem::error(message).at_value(written).hint(hint));
    None
}
