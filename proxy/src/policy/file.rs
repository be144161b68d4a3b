//! Files that the operator names for answers: read whole when the snapshot is built, and so again with each reload.

use std::path::PathBuf;

use bytes::Bytes;

use crate::{
    config::problem::{Located, Problem},
    respond::{CustomPage, Form},
    tls,
};

/// Bytes. Every request that is answered with it shares one copy; what is longer belongs on a server.
const LONGEST: u64 = 1 << 20;

/// What is in the file; if it cannot be read, that is a problem.
pub fn content(file: &Located<PathBuf>, problems: &mut Vec<Problem>) -> Option<Bytes> {
    match tls::content(&file.value, LONGEST) {
        Ok(content) => Some(Bytes::from(content)),
        Err(error) => {
            let shown = file.value.display();
            problems.push(
                Problem::error(format!("cannot read {shown}: {error}"))
                    .at_value(file)
                    .hint("paths are relative to the configuration file; the user that runs simplon must be able to read it"),
            );
            None
        }
    }
}

/// Adds the file to a page, in the form that its name says.
pub(super) fn page(file: &Located<PathBuf>, page: &mut CustomPage, problems: &mut Vec<Problem>) {
    if let (Some(content), Some(form)) = (content(file, problems), Form::of(&file.value)) {
        page.add(form, &content);
    }
}
