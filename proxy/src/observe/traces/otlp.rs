//! Spans as OTLP has them, by the semantic conventions for HTTP servers (1.23 and later, which are stable).

use std::{
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        self as proto, ResourceSpans, ScopeSpans, SpanFlags, Status,
        span::{Event, SpanKind},
        status::StatusCode,
    },
};
use prost::Message;

use super::{Span, trace::Milestone};
use crate::observe::{PolicyLabel, Protocol};

/// The methods that name a span; others would be names without end that clients make up.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
];

/// A batch as the body of a request, compressed by gzip.
pub(super) fn encode(service: &str, spans: &[Span]) -> std::io::Result<Bytes> {
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: Attributes::default()
                    .text("service.name", service)
                    .text("service.version", env!("CARGO_PKG_VERSION"))
                    .0,
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "simplon".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans: spans.iter().map(span).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&request.encode_to_vec())?;
    Ok(gzip.finish()?.into())
}

/// What a collector says of a batch that it has taken.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Spans that it has not taken.
    pub(super) rejected: u64,
    /// Why, or what else it has to say.
    pub(super) message: String,
}

/// A body that cannot be read rejects nothing: the status has said what counts.
pub(super) fn taken(body: Bytes) -> Taken {
    let answer = ExportTraceServiceResponse::decode(body).unwrap_or_default();
    let partial = answer.partial_success.unwrap_or_default();
    Taken {
        rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
        message: partial.error_message,
    }
}

fn span(span: &Span) -> proto::Span {
    let known = METHODS.contains(&&*span.method);
    let named = if known { &*span.method } else { "HTTP" };
    let remote = match span.parent {
        Some(_) => SpanFlags::ContextHasIsRemoteMask as u32 | SpanFlags::ContextIsRemoteMask as u32,
        None => SpanFlags::ContextHasIsRemoteMask as u32,
    };
    proto::Span {
        trace_id: span.own.trace.to_bytes().into(),
        span_id: span.own.span.to_bytes().into(),
        trace_state: span.state.to_string(),
        parent_span_id: span.parent.map_or_else(Vec::new, |it| it.to_bytes().into()),
        flags: u32::from(span.own.flags()) | remote,
        name: match &*span.route {
            "" => named.to_owned(),
            route => format!("{named} {route}"),
        },
        kind: SpanKind::Server.into(),
        start_time_unix_nano: nanoseconds(span.started),
        end_time_unix_nano: nanoseconds(span.ended),
        attributes: attributes(span, known),
        events: span.events.iter().map(event).collect(),
        // What a server makes of a bad request is no error of its own.
        status: (span.status >= 500).then(|| Status {
            message: span.refusal.unwrap_or_default().to_owned(),
            code: StatusCode::Error.into(),
        }),
        ..proto::Span::default()
    }
}

fn attributes(span: &Span, is_known_method: bool) -> Vec<KeyValue> {
    let status = span.status.to_string();
    let failed = span.status >= 500;
    let client = span.client.to_string();
    let (method, original) = if is_known_method {
        (&*span.method, "")
    } else {
        ("_OTHER", &*span.method)
    };
    Attributes::default()
        .text("http.request.method", method)
        .text("http.request.method_original", original)
        .text("url.scheme", span.scheme)
        .text("url.path", &span.path)
        .text("server.address", &span.host)
        .number("server.port", span.port.map(i64::from))
        .text("client.address", &client)
        .text("network.protocol.version", version(span.protocol))
        .number("http.response.status_code", Some(span.status.into()))
        .text("http.route", &span.route)
        .text("user_agent.original", &span.user_agent)
        .text(
            "error.type",
            match span.refusal {
                _ if !failed => "",
                Some(refusal) => refusal,
                None => &status,
            },
        )
        .text("simplon.listener", &span.listener)
        .text("simplon.upstream", &span.upstream)
        .text("simplon.server", &span.server)
        .number(
            "simplon.retries",
            (span.retries > 0).then_some(span.retries.into()),
        )
        .text("simplon.refusal", span.refusal.unwrap_or_default())
        .text(
            "simplon.policy",
            span.policy.map_or("", PolicyLabel::as_str),
        )
        .text("simplon.request_id", &span.request_id)
        .0
}

fn event((at, event): &(SystemTime, Milestone)) -> Event {
    let none = Attributes::default();
    let (name, attributes) = match event {
        Milestone::Pick { server } => ("pick", none.text("simplon.server", server)),
        Milestone::Retry { server, failure } => (
            "retry",
            none.text("simplon.server", server)
                .text("simplon.failure", failure),
        ),
        Milestone::FirstByte => ("first_byte", none),
        Milestone::Refusal(label) => ("refusal", none.text("simplon.refusal", label)),
    };
    Event {
        time_unix_nano: nanoseconds(*at),
        name: name.to_owned(),
        attributes: attributes.0,
        ..Event::default()
    }
}

/// Under keys in the order in which they are put; what is empty is left out.
#[derive(Default)]
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn text(self, key: &str, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        self.put(key, Value::StringValue(text.to_owned()))
    }

    fn number(self, key: &str, number: Option<i64>) -> Self {
        match number {
            Some(number) => self.put(key, Value::IntValue(number)),
            None => self,
        }
    }

    fn put(mut self, key: &str, value: Value) -> Self {
        self.0.push(KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        });
        self
    }
}

fn version(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http10 => "1.0",
        Protocol::Http11 => "1.1",
        Protocol::Http2 => "2",
    }
}

/// Since 1970; zero before.
fn nanoseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
