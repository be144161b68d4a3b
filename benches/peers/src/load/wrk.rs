//! The load of HTTP/1.1: wrk, as Debian has it.

use std::{path::Path, process::Stdio};

use crate::{core, field::Field, load::Answered, outcome::Outcome};

/// One load: so many connections, each with one request at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrk<'a> {
    pub url: &'a str,
    pub connections: usize,
    pub seconds: f64,
    pub headers: &'a [&'a str],
}

impl Wrk<'_> {
    pub(crate) async fn run(&self, field: &Field) -> Outcome<Answered> {
        let program = field.wrk.as_deref().ok_or("wrk is not installed")?;
        let mut command = core::pinned(&core::LOAD.to_string(), Path::new(program));
        command.env("OPENSSL_CONF", field.path("openssl.cnf"));
        command.args(["-t1", "--timeout", "10s"]);
        command.arg(format!("-c{}", self.connections));
        command.arg(format!("-d{}s", self.seconds));
        for header in self.headers {
            command.args(["-H", header]);
        }
        let said = command.arg(self.url).stdin(Stdio::null()).output().await?;
        let text = String::from_utf8_lossy(&said.stdout);
        if !said.status.success() {
            let why = String::from_utf8_lossy(&said.stderr);
            return Err(format!("wrk: {}{}", text.trim(), why.trim()).into());
        }
        parse(&text)
    }
}

/// What it says at its end. Whatever was not a good answer is an error.
fn parse(text: &str) -> Outcome<Answered> {
    for line in text.lines() {
        if line.contains("Socket errors") || line.contains("Non-2xx") {
            return Err(format!("wrk: {}", line.trim()).into());
        }
    }
    let line = text
        .lines()
        .find(|line| line.contains(" requests in "))
        .ok_or("wrk does not say how many requests were answered")?;
    let mut words = line.split([' ', ',']).filter(|word| !word.is_empty());
    let requests = words.next().and_then(|word| word.parse().ok());
    let wall = words.nth(2).and_then(seconds);
    match (requests, wall) {
        (Some(requests), Some(wall)) if requests > 0 => Ok(Answered { requests, wall }),
        _ => Err(format!("wrk says: {}", line.trim()).into()),
    }
}

/// `2.00s`, `100.05ms` or `1.00m`, in seconds.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let (number, factor) = if let Some(number) = text.strip_suffix("ms") {
        (number, 0.001)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1.0)
    } else {
        (text.strip_suffix('m')?, 60.0)
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Running 2s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     1.10ms  200us   5ms   90%\n    Req/Sec    40.0k   500.00    41.0k    80%\n  79832 requests in 2.00s, 20.1MB read\nRequests/sec:  39900.12\nTransfer/sec:     10.05MB\n";

    #[test]
    fn requests_and_seconds_are_read() {
        let answered = parse(GOOD).unwrap();
        assert_eq!((answered.requests, answered.wall), (79_832, 2.0));
    }

    #[test]
    fn an_answer_that_was_not_good_is_an_error() {
        for line in [
            "  Non-2xx or 3xx responses: 7",
            "  Socket errors: connect 0, read 3, write 0, timeout 0",
        ] {
            let error = parse(&format!("{GOOD}{line}\n")).unwrap_err().to_string();
            assert_eq!(error, format!("wrk: {}", line.trim()));
        }
    }

    #[test]
    fn nothing_answered_is_an_error() {
        assert!(parse("  0 requests in 2.00s, 0.00B read\n").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn its_times_have_units() {
        assert_eq!(seconds("2.00s"), Some(2.0));
        assert_eq!(seconds("1.00m"), Some(60.0));
        assert_eq!(seconds("500.00ms"), Some(0.5));
        assert_eq!(seconds("7"), None);
    }
}
