//! The load of HTTP/2: h2load, of nghttp2.

use std::{path::Path, process::Stdio};

use crate::{core, field::Field, load::Answered, outcome::Outcome};

/// Connections, and streams on each at a time.
const CLIENTS: &str = "16";
const STREAMS: &str = "32";

/// What it says of a handshake that is like every other.
const AGREED: [&str; 4] = [
    "TLS Protocol: TLSv1.3\n",
    "Cipher: TLS_AES_128_GCM_SHA256\n",
    "Server Temp Key: X25519",
    "Application protocol: h2\n",
];

/// Asks for a URL again and again.
pub(crate) async fn run(field: &Field, url: &str, seconds: f64) -> Outcome<Answered> {
    let program = field.h2load.as_deref().ok_or("h2load is not installed")?;
    let mut command = core::pinned(&core::LOAD.to_string(), Path::new(program));
    command.env("OPENSSL_CONF", field.path("openssl.cnf"));
    command.args(["-c", CLIENTS, "-m", STREAMS, "--groups=X25519"]);
    command.arg("--tls13-ciphers=TLS_AES_128_GCM_SHA256");
    command.arg(format!("-D{seconds}"));
    let said = command.arg(url).stdin(Stdio::null()).output().await?;
    let text = String::from_utf8_lossy(&said.stdout);
    if !said.status.success() {
        let why = String::from_utf8_lossy(&said.stderr);
        return Err(format!("h2load: {}{}", text.trim(), why.trim()).into());
    }
    parse(&text)
}

/// What it says at its end. Whatever was not a good answer by HTTP/2 is an error.
fn parse(text: &str) -> Outcome<Answered> {
    let line = |start: &str| {
        text.lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_default()
    };
    let (requests, status) = (line("requests:"), line("status codes:"));
    for agreed in AGREED {
        if !text.contains(agreed) {
            return Err(format!("h2load: not by {agreed}").into());
        }
    }
    let good = before(requests, "succeeded");
    let bad = [
        before(requests, "failed"),
        before(requests, "errored"),
        before(requests, "timeout"),
        before(status, "3xx"),
        before(status, "4xx"),
        before(status, "5xx"),
    ];
    if bad.iter().any(|count| *count != Some(0)) {
        return Err(format!("h2load: {requests}; {status}").into());
    }
    let wall = line("finished in ")
        .split([' ', ','])
        .nth(2)
        .and_then(super::wrk::seconds);
    match (good, wall) {
        (Some(requests), Some(wall)) if requests > 0 => Ok(Answered { requests, wall }),
        _ => Err(format!("h2load: {requests}").into()),
    }
}

/// The number before a word: `0 failed, 0 errored`.
fn before(line: &str, word: &str) -> Option<u64> {
    let mut words = line.split([' ', ',']).filter(|word| !word.is_empty());
    let mut last = words.next()?;
    for next in words {
        if next == word {
            return last.parse().ok();
        }
        last = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "TLS Protocol: TLSv1.3\nCipher: TLS_AES_128_GCM_SHA256\nServer Temp Key: X25519 253 bits\nApplication protocol: h2\n\nfinished in 2.00s, 60000.00 req/s, 10.00MB/s\nrequests: 120000 total, 120512 started, 120000 done, 120000 succeeded, 0 failed, 0 errored, 0 timeout\nstatus codes: 120000 2xx, 0 3xx, 0 4xx, 0 5xx\n";

    #[test]
    fn requests_and_seconds_are_read() {
        let answered = parse(GOOD).unwrap();
        assert_eq!((answered.requests, answered.wall), (120_000, 2.0));
    }

    #[test]
    fn an_answer_that_was_not_good_is_an_error() {
        for (good, bad) in [
            ("0 failed", "3 failed"),
            ("0 5xx", "1 5xx"),
            ("0 errored", "2 errored"),
            ("protocol: h2\n", "protocol: http/1.1\n"),
            ("TLS_AES_128", "TLS_AES_256"),
        ] {
            assert!(parse(&GOOD.replace(good, bad)).is_err(), "{bad}");
        }
        assert!(parse("").is_err());
    }
}
