//! Tells the client what arrived, and can be slow or fail on purpose to try out whoever stands between.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode, request};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::problem::Problem;
use crate::address::Peer;

/// Bytes of request body that are read at most.
const BODY_LIMIT: usize = 1 << 20;

/// Bytes of request body that are sent back at most; of a longer one only the length.
const SHOWN_LIMIT: usize = 64 << 10;

/// Time a whole body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

const LONGEST_DELAY_MS: u64 = 10_000;

/// How to misbehave.
#[derive(Debug, Deserialize)]
pub struct Trial {
    /// Milliseconds to wait before the answer, up to 10,000.
    #[serde(default)]
    delay_ms: u64,
    /// The status to answer with, 200 to 599.
    #[serde(default = "ok")]
    status: u16,
}

fn ok() -> u16 {
    200
}

#[derive(Serialize)]
struct Echo<'a> {
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    headers: Vec<(&'a str, String)>,
    peer: Option<String>,
    body_length: usize,
    body: Option<&'a str>,
}

pub async fn echo(
    trial: Result<Query<Trial>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Query(trial) = trial.map_err(|rejection| bad_request(rejection.body_text()))?;
    let (delay, status) = trial.settle()?;
    let (head, body) = request.into_parts();
    let body = receive(&head.headers, body).await?;
    sleep(delay).await;

    // These have no body (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5).
    let is_bodiless = [
        StatusCode::NO_CONTENT,
        StatusCode::RESET_CONTENT,
        StatusCode::NOT_MODIFIED,
    ]
    .contains(&status);
    if is_bodiless {
        return Ok(status.into_response());
    }
    Ok((status, Json(describe(&head, &body))).into_response())
}

impl Trial {
    fn settle(&self) -> Result<(Duration, StatusCode), Problem> {
        let Self { delay_ms, status } = *self;
        if delay_ms > LONGEST_DELAY_MS {
            return Err(bad_request(format!(
                "delay_ms is at most {LONGEST_DELAY_MS}"
            )));
        }
        match StatusCode::from_u16(status) {
            Ok(code) if (200..=599).contains(&status) => {
                Ok((Duration::from_millis(delay_ms), code))
            }
            _ => Err(bad_request("status is a number from 200 to 599")),
        }
    }
}

/// Reads the whole body, or says why not: 408 or 413.
async fn receive(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    // A length that is too great is refused before a byte of it is asked for.
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > BODY_LIMIT as u64) {
        return Err(too_large());
    }
    match timeout(BODY_DEADLINE, to_bytes(body, BODY_LIMIT)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Besides the limit, the only failure is a client that broke off; it will not see the answer.
        Ok(Err(_)) => Err(too_large()),
        Err(_elapsed) => {
            let detail = format!("the body did not arrive within {BODY_DEADLINE:?}");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail))
        }
    }
}

fn describe<'a>(head: &'a request::Parts, body: &'a Bytes) -> Echo<'a> {
    let shown = if body.len() <= SHOWN_LIMIT {
        std::str::from_utf8(body).ok()
    } else {
        None
    };
    Echo {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        peer: head.extensions.get::<Peer>().map(ToString::to_string),
        body_length: body.len(),
        body: shown,
    }
}

fn bad_request(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("a body is at most {BODY_LIMIT} bytes"),
    )
}
