//! Builds the front end into the binary: hashes names, compresses, and writes the table of assets.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "build/table.rs"]
mod table;
#[path = "build/variant.rs"]
mod variant;

const PAGE: &str = "index.html";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=front");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let assets = hash_names(read(Path::new("front"))?)?;
    fs::write(out.join("assets.rs"), table::write(&assets, &out)?)?;
    Ok(())
}

/// The files of a flat folder, by name.
fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Box<dyn Error>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| format!("{} is not UTF-8", name.display()))?;
        files.insert(name, fs::read(entry.path())?);
    }
    Ok(files)
}

/// Gives every file but the page a name with its hash, and the page the new names.
/// A file the page does not mention is a mistake, and fails the build.
fn hash_names(
    mut files: BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<String, Vec<u8>>, Box<dyn Error>> {
    let page = files.remove(PAGE).ok_or("front/index.html is missing")?;
    let mut page = String::from_utf8(page)?;
    let mut assets = BTreeMap::new();
    for (name, bytes) in files {
        let (stem, extension) = name
            .rsplit_once('.')
            .ok_or_else(|| format!("{name} has no extension"))?;
        let hashed = format!("{stem}.{}.{extension}", &variant::hash(&bytes)[..8]);
        let reference = format!("\"/{name}\"");
        if !page.contains(&reference) {
            return Err(format!("{PAGE} does not mention {reference}").into());
        }
        page = page.replace(&reference, &format!("\"/{hashed}\""));
        assets.insert(hashed, bytes);
    }
    assets.insert(PAGE.to_owned(), page.into_bytes());
    Ok(assets)
}
