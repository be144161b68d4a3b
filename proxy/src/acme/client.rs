//! Speaking with a CA over HTTPS, under deadlines, and noting what instant-acme does not hand on.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header, response::Parts};
use http_body_util::{BodyExt, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};

use crate::tls::SystemRoots;

/// Of one request, connecting included.
const DEADLINE: Duration = Duration::from_secs(30);
/// No chain, order or directory is larger.
const LARGEST: usize = 1 << 20;
/// A connection that was idle for longer is closed: a CA's answer takes less than a renewal's distance.
const IDLE: Duration = Duration::from_secs(20);
/// Between questions whether the CA's side of a connection is still there, and for the answer: many orders share
/// one connection, and all would wait for one that a firewall has forgotten.
const PING: Duration = Duration::from_secs(10);

/// No CA is given more patience at a time, whatever it asks for.
const LONGEST_PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// Seconds: a clock that differs less is right enough.
pub(super) const TOLERANCE: i64 = 300;
/// What instant-acme takes from a directory (RFC 8555 section 7.1.1) and expects to be URLs.
const RESOURCES: [&str; 5] = [
    "newNonce",
    "newAccount",
    "newOrder",
    "keyChange",
    "renewalInfo",
];

/// An HTTPS client for one CA.
#[derive(Clone)]
pub(super) struct Client {
    http: Http<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
    notes: Arc<Notes>,
}

/// What the CA has told us beside its answers.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Until when it asked for patience, with 429 or 503.
    patience: Mutex<Option<SystemTime>>,
    date: Mutex<Option<Heard>>,
}

/// The CA's clock, as it was heard last.
#[derive(Clone, Copy, Debug)]
struct Heard {
    date: SystemTime,
    at: Instant,
    /// Seconds by which it was ahead of ours at that moment.
    ahead: i64,
}

impl Client {
    /// Trusts the machine's CAs and `further` ones.
    pub(super) fn new(
        further: &[CertificateDer<'static>],
        notes: Arc<Notes>,
    ) -> Result<Self, String> {
        let mut roots = match SystemRoots::default().get() {
            Ok(system) => RootCertStore::clone(&system),
            Err(problem) if further.is_empty() => {
                return Err(format!(
                    "{}; install the package ca-certificates, or name a file with `root`",
                    problem.message
                ));
            }
            Err(_) => RootCertStore::empty(),
        };
        roots.add_parsable_certificates(further.iter().cloned());
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_http1()
            .enable_http2()
            .build();
        let http = Http::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            .build(connector);
        Ok(Self { http, notes })
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let is_get = request.method() == Method::GET;
        let answered = async {
            let answer = self.http.request(request).await?;
            let (mut parts, body) = answer.into_parts();
            self.notes.see(&mut parts);
            let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
            // Directories are asked for by GET, and nothing but those and advice on renewals is.
            if is_get && parts.status.is_success() {
                check_directory(&body)?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((parts, body))
        };
        match tokio::time::timeout(DEADLINE, answered).await {
            Ok(Ok((parts, body))) if is_answer(parts.status, &parts.headers) => Ok(BytesResponse {
                parts,
                body: Box::new(body),
            }),
            Ok(Ok((parts, _))) => Err(Error::Other(Box::new(Unsaid(parts.status)))),
            Ok(Err(error)) => Err(Error::Other(error)),
            Err(_) => Err(Error::Other(
                format!("the CA did not answer within {} s", DEADLINE.as_secs()).into(),
            )),
        }
    }
}

/// A status without a problem document.
#[derive(Debug, thiserror::Error)]
#[error("the CA answered {0} without saying why")]
struct Unsaid(StatusCode);

/// Whether the CA has said that there is nothing at the URL, in whatever way.
pub(super) fn is_missing(error: &Error) -> bool {
    let status = match error {
        Error::Api(problem) => problem.status,
        Error::Other(error) => error.downcast_ref().map(|Unsaid(status)| status.as_u16()),
        _ => None,
    };
    matches!(status, Some(404 | 410))
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().ask(request))
    }
}

/// A failure that is no problem document (RFC 8555 section 6.7) comes from something before the CA.
fn is_answer(status: StatusCode, headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().windows(4).any(|part| part == b"json"));
    !status.is_client_error() && !status.is_server_error() || is_json
}

/// Refuses a directory with a resource that is not at an https URL; instant-acme would panic on it.
fn check_directory(body: &[u8]) -> Result<(), String> {
    // What is no object is refused by whoever reads it.
    let Ok(serde_json::Value::Object(directory)) = serde_json::from_slice(body) else {
        return Ok(());
    };
    let is_url = |url: &str| {
        let uri = url.parse::<Uri>();
        uri.is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some())
    };
    for name in RESOURCES {
        match directory.get(name) {
            None | Some(serde_json::Value::Null) => {}
            Some(serde_json::Value::String(url)) if is_url(url) => {}
            Some(_) => return Err(format!("the CA's directory has no https URL as {name}")),
        }
    }
    Ok(())
}

/// Seconds since 1970, from 2025 to 2124: a CA that names another date is not believed.
const PLAUSIBLE: std::ops::Range<i64> = 1_735_689_600..4_891_363_200;

impl Notes {
    /// Notes what the headers say, and leaves no wish for patience in them that instant-acme would compute
    /// a time from that does not exist.
    fn see(&self, parts: &mut Parts) {
        let text = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let (system, at) = (SystemTime::now(), Instant::now());
        let date = text(header::DATE).and_then(|date| httpdate::parse_http_date(date).ok());
        let date = date.filter(|date| PLAUSIBLE.contains(&seconds(*date)));
        if let Some(date) = date {
            *self.date.lock() = Some(Heard::new(date, system, at));
        }
        let patience = text(header::RETRY_AFTER)
            .and_then(|asked| patience(asked, date.unwrap_or_else(|| self.now(system))));
        match patience {
            Some(patience) => {
                let seconds = HeaderValue::from(patience.as_secs());
                parts.headers.insert(header::RETRY_AFTER, seconds);
            }
            None => drop(parts.headers.remove(header::RETRY_AFTER)),
        }
        if matches!(
            parts.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            *self.patience.lock() =
                patience.and_then(|patience| self.now(system).checked_add(patience));
        }
    }

    /// Until when the CA asked for patience, by [`Self::now`], if it has since this was last taken.
    pub(super) fn take_patience(&self) -> Option<SystemTime> {
        self.patience.lock().take()
    }

    /// Seconds by which the CA's clock is ahead of ours at this moment, or behind if negative; 0 before it
    /// was asked.
    pub(super) fn ahead(&self) -> i64 {
        self.ahead_of(SystemTime::now(), Instant::now())
    }

    /// The system's time, or the CA's if the two differ by more than [`TOLERANCE`].
    pub(super) fn now(&self, system: SystemTime) -> SystemTime {
        let ahead = self.ahead_of(system, Instant::now());
        let difference = Duration::from_secs(ahead.unsigned_abs());
        let corrected = match ahead {
            _ if ahead > TOLERANCE => system.checked_add(difference),
            _ if ahead < -TOLERANCE => system.checked_sub(difference),
            _ => None,
        };
        corrected.unwrap_or(system)
    }

    fn ahead_of(&self, system: SystemTime, at: Instant) -> i64 {
        self.date.lock().map_or(0, |heard| heard.ahead(system, at))
    }
}

impl Heard {
    fn new(date: SystemTime, system: SystemTime, at: Instant) -> Self {
        let ahead = seconds(date).saturating_sub(seconds(system));
        Self { date, at, ahead }
    }

    /// A clock that was right is trusted from then on: a machine that sleeps stops the monotonic one. One
    /// that was wrong is right as soon as somebody sets it to what the CA's must be by now.
    fn ahead(self, system: SystemTime, at: Instant) -> i64 {
        if self.ahead.abs() <= TOLERANCE {
            return self.ahead;
        }
        let elapsed = at.saturating_duration_since(self.at);
        let date = self.date.checked_add(elapsed).unwrap_or(self.date);
        seconds(date).saturating_sub(seconds(system))
    }
}

/// For how long `Retry-After` asks (RFC 9110 section 10.2.3), a day at most; `None` if it says nothing.
fn patience(asked: &str, now: SystemTime) -> Option<Duration> {
    let asked = asked.trim();
    let is_number = !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit());
    let patience = if is_number {
        // A number that does not fit is a long time.
        asked.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(asked).ok()?;
        until.duration_since(now).unwrap_or_default()
    };
    Some(patience.min(LONGEST_PATIENCE))
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    #[test]
    fn a_directory_names_https_urls_or_is_refused() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"newNonce":"https://ca.example/nonce","keyChange":null}"#,
            r#"{"suggestedWindow":{},"renewalInfo":"https://[::1]:14000/x"}"#,
        ] {
            assert_eq!(check_directory(body.as_bytes()), Ok(()), "{body}");
        }
        for name in RESOURCES {
            for url in [
                r#""http://ca.example/x""#,
                r#""https://ca.example/a b""#,
                r#""https://""#,
                r#""https:///x""#,
                r#""/x""#,
                r#""""#,
                r#""\u0000""#,
                "7",
                "{}",
            ] {
                let body = format!(r#"{{"{name}":{url}}}"#);
                let words = check_directory(body.as_bytes()).unwrap_err();
                assert!(words.ends_with(name), "{body}: {words}");
            }
        }
    }

    #[tokio::test]
    async fn urls_that_are_not_https_are_refused() {
        let signed = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
        let client = Client::new(&[signed.cert.der().clone()], Arc::default()).unwrap();
        for url in [
            "http://127.0.0.1:1/x",
            "ftp://127.0.0.1/x",
            "/x",
            "*",
            "ca.example",
            "https://:1/x",
            "https://x_$/",
            "https://127.0.0.1:99999/",
        ] {
            let request = Request::post(url).body(BodyWrapper::default()).unwrap();
            assert!(client.request(request).await.is_err(), "{url}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_a_problem_document_or_without() {
        let unsaid = |status| Error::Other(Box::new(Unsaid(status)));
        let problem = |text| Error::Api(serde_json::from_str(text).unwrap());
        for (error, expected) in [
            (unsaid(StatusCode::NOT_FOUND), true),
            (unsaid(StatusCode::BAD_GATEWAY), false),
            (problem(r#"{"status":404}"#), true),
            (problem(r#"{"status":403}"#), false),
            (Error::Other("no route to host".into()), false),
        ] {
            assert_eq!(is_missing(&error), expected, "{error}");
        }
    }

    #[test]
    fn patience_ends_after_a_day() {
        let now = at(0);
        let date = |seconds| httpdate::fmt_http_date(at(seconds));
        for (asked, expected) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("18446744073709551615", Some(DAY)),
            ("99999999999999999999999", Some(DAY)),
            (&date(60), Some(60)),
            (&date(1000 * DAY), Some(DAY)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(DAY)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(0)),
            ("-1", None),
            ("+1", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(patience(asked, now), expected, "{asked:?}");
        }
    }

    #[test]
    fn what_is_absurd_is_taken_out_of_the_headers() {
        for (asked, left) in [
            ("18446744073709551615", Some("86400")),
            ("-5", None),
            ("5", Some("5")),
        ] {
            let notes = Notes::default();
            let answer = http::Response::builder()
                .status(StatusCode::SERVICE_UNAVAILABLE)
                .header(header::RETRY_AFTER, asked)
                .header(header::RETRY_AFTER, "18446744073709551615")
                .body(())
                .unwrap();
            let (mut parts, ()) = answer.into_parts();
            notes.see(&mut parts);
            let values: Vec<_> = parts.headers.get_all(header::RETRY_AFTER).iter().collect();
            assert_eq!(values, left.into_iter().collect::<Vec<_>>(), "{asked}");
            assert_eq!(notes.take_patience().is_some(), left.is_some(), "{asked}");
        }
    }

    #[test]
    fn a_clock_that_is_set_right_is_right_at_once() {
        let begun = Instant::now();
        let later = begun + Duration::from_secs(1000);
        // It was forty days behind, and still is.
        let heard = Heard::new(at(40 * DAY), at(0), begun);
        let forty = i64::try_from(40 * DAY).unwrap();
        assert_eq!(heard.ahead(at(0), begun), forty);
        assert_eq!(heard.ahead(at(1000), later), forty);
        // NTP has come by.
        assert_eq!(heard.ahead(at(40 * DAY + 1000), later), 0);
    }

    #[test]
    fn a_clock_that_was_right_is_trusted_after_the_machine_has_slept() {
        let begun = Instant::now();
        let heard = Heard::new(at(10), at(0), begun);
        assert_eq!(heard.ahead(at(0), begun), 10);
        assert_eq!(heard.ahead(at(30 * DAY), begun), 10);
    }

    #[test]
    fn the_cas_clock_counts_where_ours_is_far_off() {
        let notes = Notes::default();
        assert_eq!(notes.now(at(0)), at(0));
        *notes.date.lock() = Some(Heard::new(at(200), at(0), Instant::now()));
        assert_eq!(notes.now(at(0)), at(0));
        *notes.date.lock() = Some(Heard::new(at(DAY), at(0), Instant::now()));
        assert_eq!(notes.now(at(0)), at(DAY));
        *notes.date.lock() = Some(Heard::new(at(0), at(DAY), Instant::now()));
        assert_eq!(notes.now(at(DAY)), at(0));
    }
}
