//! Text to [`Config`]: every value typed, every name resolved, or every problem at once.
//!
//! ```text
//! source   files, within limits
//!   raw        YAML to a tree that knows its places; `variables` from the environment
//!     table, decode   a mapping through the table of its keys
//!       read       trees to the typed model, one file a subject; `include` adds files
//!         resolve    names, addresses and routes of the whole
//! ```
//!
//! `schema` says of the same tables what editors can check.
//!
//! What is wrong becomes a [`Problem`] and reading goes on; a [`Report`] shows all of them in their lines.
//! What is wrong with the world, such as a certificate's file that is missing, is for the snapshot to find; it
//! reports in the same way with [`Loaded::sources`].

mod decode;
mod include;
pub mod model;
mod nearest;
pub mod problem;
mod quick;
mod raw;
mod read;
mod report;
mod resolve;
mod schema;
mod shown;
mod source;
mod table;
#[cfg(test)]
mod tests;
pub mod units;
mod variables;

use std::path::Path;

pub use self::{
    model::Config,
    nearest::did_you_mean,
    problem::{Located, Problem, Severity, Span},
    quick::quick,
    report::Report,
    schema::schema,
    source::{MAX_FILE, MAX_TOTAL, Sources},
    variables::Environment,
};
use self::{
    problem::Problems,
    raw::{Node, Value},
    read::Draft,
};

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    /// What is odd about it, but no hindrance.
    pub warnings: Report,
    /// The texts it was read from, to show later problems in them.
    pub sources: Sources,
}

/// Reads a configuration file and those it includes, with the variables of this process's environment.
///
/// The error has every problem that was found, warnings among them.
pub fn load(path: &Path) -> Result<Loaded, Report> {
    load_with(path, &|name| std::env::var(name).ok())
}

/// As [`load`], with an environment of the caller's own.
pub fn load_with(path: &Path, environment: &Environment<'_>) -> Result<Loaded, Report> {
    let problems = Problems::default();
    let mut sources = Sources::default();
    let draft = read_all(path, environment, &mut sources, &problems);
    let config = draft.map(|draft| resolve::resolve(draft, &problems));
    let is_usable = !problems.has_errors();
    let report = Report::of(problems, &sources);
    match config {
        Some(config) if is_usable => Ok(Loaded {
            config,
            warnings: report,
            sources,
        }),
        _ => Err(report),
    }
}

/// The control socket that a file names, whatever else is wrong with the file; the default if none can be
/// read. So an operator with a broken file still finds the process that is to say what is wrong.
pub fn control(path: &Path) -> model::Control {
    let problems = Problems::default();
    let environment: &Environment<'_> = &|name| std::env::var(name).ok();
    read_all(path, environment, &mut Sources::default(), &problems)
        .map(|draft| resolve::resolve(draft, &problems).control)
        .unwrap_or_default()
}

fn read_all(
    path: &Path,
    environment: &Environment<'_>,
    sources: &mut Sources,
    problems: &Problems,
) -> Option<Draft> {
    let mut draft = Draft::default();
    let main = tree(path, None, environment, sources, problems)?;
    if main.value == Value::Null {
        problems.push(Problem::error(format!("{} is empty", path.display())).hint(
            "it needs listeners, upstreams and routes; conf/minimal.yaml is a small example",
        ));
        return None;
    }
    let patterns = draft.read(&main, problems);
    for (included, named_at) in include::files(path, &patterns, problems) {
        let Some(file) = tree(&included, named_at.as_ref(), environment, sources, problems) else {
            draft.is_partial = true;
            continue;
        };
        for nested in draft.read(&file, problems) {
            problems.push(
                Problem::error("an included file cannot include others")
                    .at_value(&nested)
                    .hint(format!("name them in {}", path.display())),
            );
        }
    }
    Some(draft)
}

fn tree(
    path: &Path,
    named_at: Option<&Span>,
    environment: &Environment<'_>,
    sources: &mut Sources,
    problems: &Problems,
) -> Option<Node> {
    let (file, text) = source::read(path, named_at, sources, problems)?;
    raw::parse(&file, &text, environment, problems)
}
