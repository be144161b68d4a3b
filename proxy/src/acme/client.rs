//! Speaking with a CA over HTTPS, under deadlines, and noting what instant-acme does not hand on.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use parking_lot::Mutex;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer};

/// Of one request, connecting included.
const DEADLINE: Duration = Duration::from_secs(30);
/// No chain, order or directory is larger.
const LARGEST: usize = 1 << 20;
/// A connection that was idle for longer is closed: a CA's answer takes less than a renewal's distance.
const IDLE: Duration = Duration::from_secs(20);
/// Between questions whether the CA's side of a connection is still there, and for the answer: many orders share
/// one connection, and all would wait for one that a firewall has forgotten.
const PING: Duration = Duration::from_secs(10);

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
    /// Seconds by which its clock is ahead of ours.
    ahead: AtomicI64,
}

impl Client {
    /// Trusts the machine's CAs and `further` ones.
    pub(super) fn new(
        further: &[CertificateDer<'static>],
        notes: Arc<Notes>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs.into_iter().chain(further.iter().cloned()));
        if roots.is_empty() {
            return Err(
                "this machine has no list of CAs to trust; install the package ca-certificates"
                    .to_owned(),
            );
        }
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
        let answered = async {
            let answer = self.http.request(request).await?;
            self.notes.see(&answer);
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((parts, body))
        };
        match tokio::time::timeout(DEADLINE, answered).await {
            Ok(Ok((parts, body))) if is_answer(parts.status, &parts.headers) => Ok(BytesResponse {
                parts,
                body: Box::new(body),
            }),
            Ok(Ok((parts, _))) => Err(Error::Other(
                format!("the CA answered {} without saying why", parts.status).into(),
            )),
            Ok(Err(error)) => Err(Error::Other(error)),
            Err(_) => Err(Error::Other(
                format!("the CA did not answer within {} s", DEADLINE.as_secs()).into(),
            )),
        }
    }
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
fn is_answer(status: StatusCode, headers: &http::HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().windows(4).any(|part| part == b"json"));
    !status.is_client_error() && !status.is_server_error() || is_json
}

impl Notes {
    fn see(&self, answer: &Response<Incoming>) {
        let headers = answer.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let now = SystemTime::now();
        if let Some(date) = text(header::DATE).and_then(|date| httpdate::parse_http_date(date).ok())
        {
            self.ahead
                .store(seconds(date) - seconds(now), Ordering::Relaxed);
        }
        if matches!(
            answer.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            let until = text(header::RETRY_AFTER).and_then(|value| match value.parse() {
                Ok(seconds) => now.checked_add(Duration::from_secs(seconds)),
                Err(_) => httpdate::parse_http_date(value).ok(),
            });
            *self.patience.lock() = until;
        }
    }

    /// Until when the CA asked for patience, if it has since this was last taken.
    pub(super) fn take_patience(&self) -> Option<SystemTime> {
        self.patience.lock().take()
    }

    /// Seconds by which the CA's clock is ahead of ours, or behind if negative; 0 before it was asked.
    pub(super) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
