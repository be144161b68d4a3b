//! One request to the collector: a batch in, what it says of it out.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

use super::{
    Span,
    otlp::{self, Taken},
};
use crate::{config::model, tls::ClientTls};

/// Bytes of an answer that are read at most.
const LARGEST: usize = 64 << 10;
/// A connection that was idle for longer is closed.
const IDLE: Duration = Duration::from_secs(30);
/// However long a collector asks us to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Collector {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    service: String,
    timeout: Duration,
}

/// Why a batch was not taken.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether the same batch may be taken later (OTLP, section "Failures").
    pub(super) may_pass: bool,
    /// When, if the collector has said so.
    pub(super) after: Option<Duration>,
}

impl Collector {
    pub(super) fn new(
        settings: &model::Tracing,
        tls: Option<&ClientTls>,
    ) -> Result<Self, rustls::Error> {
        let config = match tls {
            Some(tls) => tls.config(),
            None => trusting_nobody()?,
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            http: Client::builder(TokioExecutor::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(1)
                .pool_timer(TokioTimer::new())
                .build(connector),
            uri: settings.otlp.clone(),
            service: settings.service.clone(),
            timeout: settings.timeout,
        })
    }

    /// Where spans go, for the log.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn encode(&self, spans: &[Span]) -> std::io::Result<Bytes> {
        otlp::encode(&self.service, spans)
    }

    /// Posts a batch, and waits for the answer for as long as is configured.
    pub(super) async fn post(&self, batch: Bytes) -> Result<Taken, Failure> {
        match tokio::time::timeout(self.timeout, self.ask(batch)).await {
            Ok(answered) => answered,
            Err(_) => Err(Failure::under_way(format!(
                "no answer within {:?}",
                self.timeout
            ))),
        }
    }

    async fn ask(&self, batch: Bytes) -> Result<Taken, Failure> {
        let request = Request::post(&self.uri)
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .header(header::CONTENT_ENCODING, "gzip")
            .header(
                header::USER_AGENT,
                concat!("simplon/", env!("CARGO_PKG_VERSION")),
            )
            .body(Full::new(batch))
            .map_err(|error| Failure::under_way(error.to_string()))?;
        let answer = self.http.request(request).await;
        let answer = answer.map_err(|error| Failure::under_way(chain(&error)))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        if head.status.is_success() {
            // What it has taken it has taken, though it says no more of it.
            return Ok(body.map_or_else(|_| Taken::default(), |body| otlp::taken(body.to_bytes())));
        }
        Err(Failure {
            reason: format!("it answers {}", head.status),
            may_pass: may_pass(head.status),
            after: wait(&head.headers, SystemTime::now()),
        })
    }
}

impl Failure {
    /// Nothing is known of whether the batch arrived; a span that arrives twice is one and the same.
    fn under_way(reason: String) -> Self {
        Self {
            reason,
            may_pass: true,
            after: None,
        }
    }
}

fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// What `Retry-After` says, in seconds or as a date (RFC 9110 section 10.2.3).
fn wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let said = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match said.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(said)
            .ok()?
            .duration_since(now)
            .unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

/// An error with what caused it, down to the system's words.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

/// For a collector without TLS: the connector wants a configuration all the same.
fn trusting_nobody() -> Result<ClientConfig, rustls::Error> {
    let provider = aws_lc_rs::default_provider();
    Ok(ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date_and_has_an_end() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for (said, expected) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("31", Some(30)),
            ("18446744073709551615", Some(30)),
            (
                &*httpdate::fmt_http_date(now + Duration::from_secs(9)),
                Some(9),
            ),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(30)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, said.parse().unwrap());
            let expected = expected.map(Duration::from_secs);
            assert_eq!(wait(&headers, now), expected, "{said:?}");
        }
        assert_eq!(wait(&HeaderMap::new(), now), None);
    }

    #[test]
    fn what_may_pass_is_what_the_protocol_names() {
        for (status, expected) in [
            (429, true),
            (502, true),
            (503, true),
            (504, true),
            (301, false),
            (400, false),
            (401, false),
            (404, false),
            (413, false),
            (500, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(may_pass(status), expected, "{status}");
        }
    }
}
