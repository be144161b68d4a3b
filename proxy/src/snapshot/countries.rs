//! The database of countries: read anew with each snapshot, unpacked only if it is another.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::Snapshot;
use crate::{
    config::{Located, problem::Problem},
    policy::{CountryDatabase, ReadFile},
};

/// Bytes of a database at most; one of cities has some tens of MiB.
const LONGEST: u64 = 512 << 20;
const HINT: &str =
    "GeoLite2-Country of maxmind.com and IP to Country Lite of db-ip.com (as MMDB) are such files";

/// The database in `file`: that of `previous`, if it is the same. Nothing, if there is none or it cannot be used; then
/// `problems` says why.
pub(super) fn build(
    file: Option<&Located<PathBuf>>,
    previous: &Snapshot,
    read: ReadFile<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<CountryDatabase>> {
    let file = file?;
    match open(&file.value, previous, read) {
        Ok(database) => Some(database),
        Err(message) => {
            problems.push(Problem::error(message).at_value(file).hint(HINT));
            None
        }
    }
}

fn open(
    path: &Path,
    previous: &Snapshot,
    read: ReadFile<'_>,
) -> Result<Arc<CountryDatabase>, String> {
    let shown = path.display();
    let unreadable =
        |error: io::Error| format!("cannot read the database of countries {shown}: {error}");
    let bytes = read(path, LONGEST).map_err(unreadable)?;
    let before = previous.country_database.as_ref();
    if let Some(same) = before.filter(|before| before.is_of(&bytes)) {
        return Ok(Arc::clone(same));
    }
    let database = CountryDatabase::parse(&bytes);
    database
        .map(Arc::new)
        .map_err(|bad| format!("{shown} is no database of countries: {bad}"))
}
