//! What one active check says and hears. No sockets here: bytes in, words out.

use std::{io, ops::RangeInclusive, time::Duration};

/// The start of an answer, as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Could still become a status line.
    Partial,
    Status(u16),
    NotHttp,
}

/// `GET path` over HTTP/1.1. `host` is the address as written; a Unix socket is `localhost`.
pub(super) fn request(path: &str, host: &str) -> Vec<u8> {
    let host = if host.starts_with("unix:") {
        "localhost"
    } else {
        host
    };
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: {host}\r\n\
         User-Agent: simplon-health\r\n\
         Accept: */*\r\n\
         Connection: close\r\n\r\n"
    )
    .into_bytes()
}

/// Reads `HTTP/1.x NNN`, RFC 9112 section 4, from an answer's first bytes; thirteen settle it.
pub(super) fn answer(bytes: &[u8]) -> Answer {
    const START: &[u8] = b"HTTP/1.";
    let shared = bytes.len().min(START.len());
    if bytes.get(..shared) != START.get(..shared) {
        return Answer::NotHttp;
    }
    match bytes {
        [_, _, _, _, _, _, _, minor, b' ', a, b, c, after, ..]
            if minor.is_ascii_digit() && matches!(after, b' ' | b'\r' | b'\n') =>
        {
            status([*a, *b, *c]).map_or(Answer::NotHttp, Answer::Status)
        }
        _ if bytes.len() > 12 => Answer::NotHttp,
        _ => Answer::Partial,
    }
}

fn status(digits: [u8; 3]) -> Option<u16> {
    let [first, ..] = digits;
    if !(b'1'..=b'9').contains(&first) {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        Some(number * 10 + u16::from(digit))
    })
}

/// How far a check came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Connected, which is all that was wanted.
    Connected,
    /// Connected with TLS, which is all that was wanted.
    Secured,
    /// Answered as expected.
    Answered,
    /// No connection was made in time.
    NoConnection,
    /// The connection was refused, or broke at once.
    Unconnected,
    /// The TLS handshake failed.
    Insecure,
    /// No answer came in time.
    NoAnswer,
    /// The answer is not one of HTTP.
    NotHttp,
    /// The answer has a status that is not expected.
    BadStatus,
}

/// What a check found, good or bad, in plain words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) reached: Reached,
    pub(super) status: Option<u16>,
    pub(super) text: String,
}

impl Finding {
    pub(super) fn of(reached: Reached, text: impl Into<String>) -> Self {
        Self {
            reached,
            status: None,
            text: text.into(),
        }
    }

    pub(super) fn is_good(&self) -> bool {
        matches!(
            self.reached,
            Reached::Connected | Reached::Secured | Reached::Answered
        )
    }
}

pub(super) fn judge(answer: Answer, expect: &[RangeInclusive<u16>]) -> Finding {
    match answer {
        Answer::Status(status) => Finding {
            reached: if expect.iter().any(|range| range.contains(&status)) {
                Reached::Answered
            } else {
                Reached::BadStatus
            },
            status: Some(status),
            text: format!("status {status}"),
        },
        Answer::NotHttp => Finding::of(Reached::NotHttp, "not an HTTP answer"),
        Answer::Partial => Finding::of(Reached::NotHttp, "closed without an answer"),
    }
}

pub(super) fn too_slow(reached: Reached, what: &str, timeout: Duration) -> Finding {
    Finding::of(reached, format!("no {what} within {timeout:?}"))
}

/// A system's error as an operator would say it.
pub(super) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such socket".to_owned(),
        io::ErrorKind::Other | io::ErrorKind::InvalidInput => error.to_string(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_the_first_bytes() {
        let table: [(&[u8], Answer); 16] = [
            (b"HTTP/1.1 200 OK\r\n", Answer::Status(200)),
            (b"HTTP/1.0 503 Service Unavailable\r\n", Answer::Status(503)),
            (b"HTTP/1.1 204\r\n", Answer::Status(204)),
            (b"HTTP/1.1 999 \n", Answer::Status(999)),
            (b"", Answer::Partial),
            (b"HT", Answer::Partial),
            (b"HTTP/1.", Answer::Partial),
            (b"HTTP/1.1 20", Answer::Partial),
            (b"HTTP/1.1 200", Answer::Partial),
            (b"HTTP/2.0 200 OK\r\n", Answer::NotHttp),
            (b"HTTP/1.x 200 OK\r\n", Answer::NotHttp),
            (b"HTTP/1.1 2000 OK\r\n", Answer::NotHttp),
            (b"HTTP/1.1 099 OK\r\n", Answer::NotHttp),
            (b"HTTP/1.1 +20 OK\r\n", Answer::NotHttp),
            (b"HTTP/1.1  200 OK\r\n", Answer::NotHttp),
            (b"SSH-2.0-OpenSSH", Answer::NotHttp),
        ];
        for (bytes, expected) in table {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(answer(bytes), expected, "{shown:?}");
        }
    }

    #[test]
    fn the_request_names_its_host_and_closes() {
        let request = |host| String::from_utf8(request("/ready", host)).unwrap();
        assert_eq!(
            request("10.0.0.1:80"),
            "GET /ready HTTP/1.1\r\nHost: 10.0.0.1:80\r\nUser-Agent: simplon-health\r\n\
             Accept: */*\r\nConnection: close\r\n\r\n"
        );
        assert!(request("unix:/run/a.sock").contains("\r\nHost: localhost\r\n"));
    }

    #[test]
    fn a_status_is_good_within_the_expected_ranges() {
        let expect = [200..=299, 401..=401];
        let table = [
            (200, true),
            (299, true),
            (300, false),
            (401, true),
            (503, false),
        ];
        for (status, good) in table {
            let finding = judge(Answer::Status(status), &expect);
            assert_eq!(finding.is_good(), good, "{status}");
            assert_eq!(finding.text, format!("status {status}"));
        }
    }
}
