//! Bodies out of their coding, by decoders that have no part in ours where there are such.

use std::{io::Read, process::Stdio};

use tokio::{io::AsyncWriteExt, process::Command};

/// The body that was coded; an error if its end is missing.
pub(super) fn decode(coding: &str, coded: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(coded).read_to_end(&mut body),
        "br" => brotli::Decompressor::new(coded, 4096).read_to_end(&mut body),
        "zstd" => zstd::stream::read::Decoder::new(coded)?.read_to_end(&mut body),
        "" => return Ok(coded.to_vec()),
        other => panic!("{other} is not known"),
    }?;
    Ok(body)
}

/// What a decoder can tell before the end has come.
pub(super) fn decode_so_far(coding: &str, coded: &[u8]) -> Vec<u8> {
    let mut decoder: Box<dyn Read> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(coded)),
        "br" => Box::new(brotli::Decompressor::new(coded, 4096)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(coded).unwrap()),
        other => panic!("{other} is not known"),
    };
    let (mut body, mut byte) = (Vec::new(), [0]);
    while let Ok(1..) = decoder.read(&mut byte) {
        body.push(byte[0]);
    }
    body
}

/// Gzip by Python, which has zlib itself.
pub(super) async fn decode_by_python(coded: &[u8]) -> Vec<u8> {
    let program =
        "import sys, zlib; sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read(), 31))";
    let mut child = Command::new("python3")
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(coded).await.unwrap();
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success());
    output.stdout
}
