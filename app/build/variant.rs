//! Compresses a file as hard as each coding can; it is done once, and read a million times.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use sha2::{Digest, Sha256};

/// The field of `Asset`, the ending of the file, and the compressor.
pub(crate) type Coding = (&'static str, &'static str, fn(&[u8]) -> io::Result<Vec<u8>>);

pub(crate) const CODINGS: [Coding; 3] = [
    ("brotli", "br", brotli),
    ("zstd", "zst", zstd),
    ("gzip", "gz", gzip),
];

/// The first 64 bits of the SHA-256, in hexadecimal.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(8)
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
            hex
        })
}

fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = Vec::new();
    let (quality, window_bits) = (11, 22);
    brotli::CompressorWriter::new(&mut packed, 4096, quality, window_bits).write_all(bytes)?;
    Ok(packed)
}

fn zstd(bytes: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, 19)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes)?;
    packer.finish()
}
