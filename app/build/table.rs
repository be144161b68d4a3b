//! Writes the assets beside the table that embeds them: Rust source for `src/front/asset.rs`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::{PAGE, variant};

/// Writes every representation into `out` and gives the source of `ASSETS`, ordered by path.
pub(crate) fn write(
    assets: &BTreeMap<String, Vec<u8>>,
    out: &Path,
) -> Result<String, Box<dyn Error>> {
    let mut source = String::from(
        "/// Every file of the front end, ordered by path.\npub static ASSETS: &[Asset] = &[\n",
    );
    for (name, bytes) in assets {
        let content_type = content_type(name)?;
        let is_immutable = name != PAGE;
        writeln!(
            source,
            "Asset {{ path: \"/{name}\", content_type: {content_type:?}, is_immutable: {is_immutable},"
        )?;
        writeln!(source, "identity: {},", representation(name, bytes, out)?)?;
        for (field, ending, compress) in variant::CODINGS {
            let packed = compress(bytes)?;
            if packed.len() < bytes.len() {
                let kept = representation(&format!("{name}.{ending}"), &packed, out)?;
                writeln!(source, "{field}: Some({kept}),")?;
            } else {
                writeln!(source, "{field}: None,")?;
            }
        }
        source.push_str("},\n");
    }
    source.push_str("];\n");
    Ok(source)
}

fn representation(file: &str, bytes: &[u8], out: &Path) -> Result<String, Box<dyn Error>> {
    fs::write(out.join(file), bytes)?;
    let etag = format!("\"{}\"", variant::hash(bytes));
    Ok(format!(
        "Representation {{ bytes: include_bytes!(concat!(env!(\"OUT_DIR\"), {:?})), etag: {etag:?} }}",
        format!("/{file}")
    ))
}

fn content_type(name: &str) -> Result<&'static str, Box<dyn Error>> {
    match name.rsplit_once('.') {
        Some((_, "html")) => Ok("text/html; charset=utf-8"),
        Some((_, "css")) => Ok("text/css; charset=utf-8"),
        Some((_, "js")) => Ok("text/javascript; charset=utf-8"),
        Some((_, "svg")) => Ok("image/svg+xml; charset=utf-8"),
        _ => Err(format!("no content type is known for {name}").into()),
    }
}
