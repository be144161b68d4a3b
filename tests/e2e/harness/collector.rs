//! A collector of traces that takes OTLP by HTTP, and shows what it was told.

use std::{io::Read, sync::Arc};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use parking_lot::Mutex;
use prost::Message as _;

use super::{Handshake, Message, Origin, Reply, until};

pub(crate) struct Collector {
    pub(crate) origin: Origin,
    told: Arc<Mutex<Vec<Told>>>,
    scheme: &'static str,
}

/// One span as a collector reads it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Of the resource.
    pub(crate) service: String,
    pub(crate) span: Span,
}

impl Collector {
    /// Takes whatever comes.
    pub(crate) async fn start() -> Self {
        Self::answering(|| Reply::ok("")).await
    }

    /// Reads whatever comes, and says this of it.
    pub(crate) async fn answering(answer: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
        let told = Arc::<Mutex<_>>::default();
        let script = script(&told, answer);
        Self {
            origin: Origin::answering(script).await,
            told,
            scheme: "http",
        }
    }

    /// Takes whatever comes by TLS.
    pub(crate) async fn secured(handshake: &Handshake) -> Self {
        let told = Arc::<Mutex<_>>::default();
        let script = script(&told, || Reply::ok(""));
        Self {
            origin: Origin::secured(handshake, script).await,
            told,
            scheme: "https",
        }
    }

    /// As a configuration names it.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.origin)
    }

    /// Every span so far.
    pub(crate) fn spans(&self) -> Vec<Told> {
        self.told.lock().clone()
    }

    /// Waits for the span of this path, which is the only one.
    pub(crate) async fn span(&self, path: &str) -> Told {
        let of_path = || {
            let mut spans = self.spans();
            spans.retain(|told| told.says("url.path").as_deref() == Some(path));
            spans
        };
        until("a span comes", async || !of_path().is_empty()).await;
        let [told] = <[Told; 1]>::try_from(of_path()).expect("one span");
        told
    }
}

impl Told {
    /// Text or a number under this key.
    pub(crate) fn says(&self, key: &str) -> Option<String> {
        value(&self.span.attributes, key)
    }

    pub(crate) fn trace(&self) -> String {
        hex(&self.span.trace_id)
    }

    pub(crate) fn id(&self) -> String {
        hex(&self.span.span_id)
    }

    /// Empty if it has none.
    pub(crate) fn parent(&self) -> String {
        hex(&self.span.parent_span_id)
    }

    /// What happened, each with what is said of it. Looks that time goes on, within the span.
    pub(crate) fn events(&self) -> Vec<String> {
        let span = &self.span;
        let mut last = span.start_time_unix_nano;
        let shown = span.events.iter().map(|event| {
            assert!(last <= event.time_unix_nano, "{span:#?}");
            last = event.time_unix_nano;
            let said = event.attributes.iter();
            let said = said.map(|pair| value(&event.attributes, &pair.key).unwrap());
            let words: Vec<_> = std::iter::once(event.name.clone()).chain(said).collect();
            words.join(" ")
        });
        let shown = shown.collect();
        assert!(last <= span.end_time_unix_nano, "{span:#?}");
        shown
    }
}

fn script(
    told: &Arc<Mutex<Vec<Told>>>,
    answer: impl Fn() -> Reply + Send + Sync + 'static,
) -> impl Fn(&Message) -> Reply + Send + Sync + 'static {
    let told = Arc::clone(told);
    move |request| {
        let reply = answer();
        told.lock().extend(read(request));
        reply.with("content-type: application/x-protobuf")
    }
}

/// The spans of one request, which is as OTLP has it.
fn read(request: &Message) -> Vec<Told> {
    assert_eq!(request.start, "POST /v1/traces HTTP/1.1");
    assert_eq!(
        request.field("content-type"),
        Some("application/x-protobuf")
    );
    assert_eq!(request.field("content-encoding"), Some("gzip"));
    let mut body = Vec::new();
    GzDecoder::new(&request.body[..])
        .read_to_end(&mut body)
        .unwrap();
    let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let resource = of_resource.resource.unwrap();
        let service = value(&resource.attributes, "service.name").unwrap();
        for of_scope in of_resource.scope_spans {
            spans.extend(of_scope.spans.into_iter().map(|span| Told {
                service: service.clone(),
                span,
            }));
        }
    }
    spans
}

fn value(attributes: &[KeyValue], key: &str) -> Option<String> {
    let pair = attributes.iter().find(|pair| pair.key == key)?;
    Some(match pair.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{key} is {other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    let digits =
        |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap());
    bytes.iter().flat_map(digits).collect()
}
