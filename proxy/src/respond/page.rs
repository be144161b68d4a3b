//! The page of a refusal: small, HTML or JSON as the client prefers, with the request's id.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::{Answer, Form, Refusal};
use crate::admit::X_REQUEST_ID;

/// How soon a client may try again after 503 and 429: a health check or two later.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Makes the answer to a refused request.
pub struct Page;

impl Page {
    /// `accept` is the request's field; without one, or without a preference, the page is HTML.
    pub fn of(refusal: Refusal, accept: Option<&[u8]>, request_id: &str) -> Answer {
        let mut page = Self::saying(refusal.status(), refusal.for_client(), accept, request_id);
        match refusal {
            Refusal::MethodNotAllowed(methods) => {
                if let Ok(allow) = HeaderValue::from_str(&methods.to_string()) {
                    page.fields.push((header::ALLOW, allow));
                }
            }
            Refusal::RateLimited(after_s) => {
                page.fields
                    .push((header::RETRY_AFTER, HeaderValue::from(after_s)));
            }
            Refusal::TooManyInFlight => {
                // Over with the first that ends, whenever that is.
                page.fields
                    .push((header::RETRY_AFTER, HeaderValue::from_static("1")));
            }
            Refusal::LoginsCrowded
            | Refusal::NoServer
            | Refusal::Saturated
            | Refusal::QueueFull
            | Refusal::QueueTimeout
            | Refusal::LimitsStore
            | Refusal::Exhausted
            | Refusal::TooManyConnections => {
                page.fields.push((header::RETRY_AFTER, RETRY_AFTER));
            }
            _ => {}
        }
        page
    }

    /// A page with one sentence, which is ours or the operator's.
    pub fn saying(
        status: StatusCode,
        detail: &str,
        accept: Option<&[u8]>,
        request_id: &str,
    ) -> Answer {
        let title = status.canonical_reason().unwrap_or("Error");
        let (form, body) = if accept.is_some_and(prefers_json) {
            let detail = Form::Json.escape(detail);
            let body = json(status.as_u16(), title, &detail, request_id);
            ("application/problem+json", body)
        } else {
            let detail = Form::Html.escape(detail);
            let body = html(status.as_u16(), title, &detail, request_id);
            ("text/html; charset=utf-8", body)
        };
        let mut fields: Vec<(HeaderName, HeaderValue)> = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static(form)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
        ];
        if let Ok(id) = HeaderValue::from_str(request_id)
            && !id.is_empty()
        {
            fields.push((X_REQUEST_ID, id));
        }
        Answer {
            status,
            fields,
            body: Bytes::from(body),
        }
    }

    /// The page for a connection on which no request was read.
    pub fn bare(refusal: Refusal) -> Answer {
        Self::of(refusal, None, "")
    }
}

/// RFC 9457. The id is made of plain characters, and the detail is escaped.
fn json(status: u16, title: &str, detail: &str, request_id: &str) -> String {
    format!(
        "{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{status},\"detail\":\"{detail}\",\"request_id\":\"{request_id}\"}}\n"
    )
}

fn html(status: u16, title: &str, detail: &str, request_id: &str) -> String {
    let reference = if request_id.is_empty() {
        String::new()
    } else {
        format!("<p><small>Request <code>{request_id}</code></small></p>\n")
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{status} {title}</title>\n\
         <style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:20vh auto;padding:0 1rem}}</style>\n\
         <h1>{status} {title}</h1>\n<p>{detail}</p>\n{reference}</html>\n"
    )
}

/// Whether the client ranks JSON above HTML (RFC 9110 section 12.5.1), or names JSON alone.
pub(super) fn prefers_json(accept: &[u8]) -> bool {
    let Ok(accept) = std::str::from_utf8(accept) else {
        return false;
    };
    // Thousandths, and how exactly the range was named: a named type wins over a wildcard.
    let (mut html, mut json) = ((0, 0), (0, 0));
    for range in accept.split(',') {
        let mut parts = range.split(';');
        let media = parts.next().unwrap_or("").trim();
        let quality = parts
            .find_map(|part| part.trim().strip_prefix("q="))
            .map_or(1000, thousandths);
        match media.to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => html = html.max((quality, 1)),
            "application/json" | "application/problem+json" => json = json.max((quality, 1)),
            "text/*" => html = html.max((quality, 0)),
            "application/*" => json = json.max((quality, 0)),
            "*/*" => {
                html = html.max((quality, 0));
                json = json.max((quality, 0));
            }
            _ => {}
        }
    }
    json > html
}

fn thousandths(quality: &str) -> u16 {
    let (whole, part) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = format!("{part:0<3}");
    let part: u16 = digits
        .get(..3)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0);
    if whole.trim() == "1" { 1000 } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_follows_accept() {
        let cases = [
            ("application/json", true),
            ("application/problem+json", true),
            ("application/json, text/plain, */*", true),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                false,
            ),
            ("*/*", false),
            ("", false),
            ("text/html;q=0.5, application/json;q=0.6", true),
            ("text/html, application/json", false),
            ("application/*;q=0.3, text/html;q=0.2", true),
            ("text/html;q=0, application/json;q=0.001", true),
            ("image/png", false),
        ];
        for (accept, json) in cases {
            assert_eq!(prefers_json(accept.as_bytes()), json, "{accept}");
        }
    }

    #[test]
    fn a_json_page_is_a_problem_with_the_requests_id() {
        let page = Page::of(Refusal::NoServer, Some(b"application/json"), "abc123");
        let body: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
        assert_eq!(body["status"], 503);
        assert_eq!(body["request_id"], "abc123");
        assert!(page.fields.contains(&(header::RETRY_AFTER, RETRY_AFTER)));
    }
}
