//! What a collector reads of an exchange.

use std::{
    io::Read,
    net::IpAddr,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;

use super::*;
use crate::{
    config::{model::Follow, units::Percent},
    observe::{
        Record, Timers, Trace,
        traces::{Asked, Sampling},
    },
};

const SAID: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STARTED: u64 = 1_795_246_500_000_000_000;

fn record() -> Record<'static> {
    Record {
        listener: "public",
        protocol: Protocol::Http2,
        method: "GET",
        host: "example.ch",
        path: "/a",
        status: 200,
        bytes_out: 2,
        route: "example.ch/",
        upstream: "web",
        server: "10.0.0.2:80",
        retries: 1,
        user: "ada",
        request_id: "id-1",
        user_agent: b"curl/8",
        referer: b"https://example.ch/secret",
        timers: Timers {
            total: Duration::from_millis(70),
            ..Timers::default()
        },
        ..Record::of(
            UNIX_EPOCH + Duration::from_nanos(STARTED) + Duration::from_millis(70),
            IpAddr::from([192, 0, 2, 1]),
        )
    }
}

fn trace(said: Option<&[u8]>) -> Trace {
    let sampling = Sampling {
        follow: Follow::Any,
        share: Percent::new(100),
    };
    let said = said.and_then(crate::admit::TraceParent::parse);
    Trace::begin(
        sampling,
        said,
        false,
        || true,
        &mut fastrand::Rng::with_seed(3),
    )
}

fn told(record: &Record<'_>, trace: &Trace, begun: Instant) -> proto::Span {
    let asked = Asked {
        scheme: "https",
        port: Some(8443),
        state: &[b"a=1", b"b=2"],
        begun,
    };
    let body = encode("shop", &[Span::of(record, trace, &asked)]).unwrap();
    let mut plain = Vec::new();
    GzDecoder::new(&*body).read_to_end(&mut plain).unwrap();
    let request = ExportTraceServiceRequest::decode(&*plain).unwrap();
    let [of_resource] = &request.resource_spans[..] else {
        panic!("{request:?}");
    };
    let resource = listed(&of_resource.resource.as_ref().unwrap().attributes);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        resource,
        format!("service.name=shop service.version={version}")
    );
    let [of_scope] = &of_resource.scope_spans[..] else {
        panic!("{request:?}");
    };
    assert_eq!(of_scope.scope.as_ref().unwrap().name, "simplon");
    of_scope.spans[0].clone()
}

fn listed(attributes: &[KeyValue]) -> String {
    let shown = |pair: &KeyValue| match &pair.value.as_ref().unwrap().value {
        Some(Value::StringValue(text)) => format!("{}={text}", pair.key),
        Some(Value::IntValue(number)) => format!("{}=#{number}", pair.key),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_span_says_who_asked_for_what_and_who_answered() {
    let span = told(&record(), &trace(Some(SAID)), Instant::now());
    assert_eq!(span.name, "GET example.ch/");
    assert_eq!(span.kind, SpanKind::Server as i32);
    assert_eq!(
        listed(&span.attributes),
        "http.request.method=GET url.scheme=https url.path=/a server.address=example.ch server.port=#8443 \
         client.address=192.0.2.1 network.protocol.version=2 http.response.status_code=#200 \
         http.route=example.ch/ user_agent.original=curl/8 simplon.listener=public simplon.upstream=web \
         simplon.server=10.0.0.2:80 simplon.retries=#1 simplon.request_id=id-1"
    );
    assert_eq!(span.status, None);
    assert_eq!(span.start_time_unix_nano, STARTED);
    assert_eq!(span.end_time_unix_nano, STARTED + 70_000_000);
}

#[test]
fn a_span_has_its_place_in_the_trace() {
    let continued = trace(Some(SAID));
    let span = told(&record(), &continued, Instant::now());
    assert_eq!(
        span.trace_id,
        0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes()
    );
    assert_eq!(span.parent_span_id, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());
    assert_eq!(span.span_id, continued.own().span.to_bytes());
    assert_eq!((span.trace_state.as_str(), span.flags), ("a=1,b=2", 0x301));
    let begun = trace(None);
    let span = told(&record(), &begun, Instant::now());
    assert_eq!(span.trace_id, begun.own().trace.to_bytes());
    assert_eq!(
        (span.parent_span_id.len(), span.trace_state.as_str()),
        (0, "")
    );
    assert_eq!(span.flags, 0x101);
}

#[test]
fn what_went_wrong_is_an_error_if_it_is_the_servers_or_ours() {
    for (status, refusal, error, message) in [
        (200, None, "", ""),
        (404, Some("no_route"), "", ""),
        (499, Some("client_gone"), "", ""),
        (500, None, "500", ""),
        (503, Some("no_server"), "no_server", "no_server"),
    ] {
        let span = told(
            &Record {
                status,
                refusal,
                ..record()
            },
            &trace(None),
            Instant::now(),
        );
        let listed = listed(&span.attributes);
        let expected = format!(" error.type={error} ");
        assert_eq!(listed.contains(&expected), !error.is_empty(), "{listed}");
        assert_eq!(listed.contains("error.type"), status >= 500, "{listed}");
        let expected = (status >= 500).then(|| Status {
            message: message.to_owned(),
            code: StatusCode::Error.into(),
        });
        assert_eq!(span.status, expected, "{status}");
    }
}

#[test]
fn names_of_spans_are_few_whatever_clients_send() {
    for (method, route, name, known) in [
        ("POST", "a.ch/", "POST a.ch/", true),
        ("POST", "", "POST", true),
        ("BREW", "a.ch/", "HTTP a.ch/", false),
        ("get", "", "HTTP", false),
    ] {
        let span = told(
            &Record {
                method,
                route,
                ..record()
            },
            &trace(None),
            Instant::now(),
        );
        assert_eq!(span.name, name);
        let listed = listed(&span.attributes);
        let other = format!("http.request.method=_OTHER http.request.method_original={method} ");
        assert_eq!(listed.contains(&other), !known, "{listed}");
    }
}

#[test]
fn what_happens_on_the_way_is_an_event_at_its_time() {
    let begun = Instant::now();
    let at = |millis| begun + Duration::from_millis(millis);
    let mut trace = trace(None);
    let (one, two) = ("10.0.0.1:80".into(), "10.0.0.2:80".into());
    trace.note(at(1), || Milestone::Pick { server: one });
    let failure = "connect";
    trace.note(at(2), || Milestone::Retry {
        server: "10.0.0.1:80".into(),
        failure,
    });
    trace.note(at(3), || Milestone::Pick { server: two });
    trace.note(at(4), || Milestone::FirstByte);
    trace.note(at(5), || Milestone::Refusal("server_reset"));
    let span = told(&record(), &trace, begun);
    let events = span.events.iter().map(|event| {
        let after = (event.time_unix_nano - STARTED) / 1_000_000;
        format!("{after} {} {}", event.name, listed(&event.attributes))
    });
    assert_eq!(
        events.collect::<Vec<_>>(),
        [
            "1 pick simplon.server=10.0.0.1:80",
            "2 retry simplon.server=10.0.0.1:80 simplon.failure=connect",
            "3 pick simplon.server=10.0.0.2:80",
            "4 first_byte ",
            "5 refusal simplon.refusal=server_reset",
        ]
    );
}

#[test]
fn what_clients_choose_is_cut() {
    let long = "é".repeat(40_000);
    let raw = vec![0xff; 40_000];
    let record = Record {
        method: &long,
        host: &long,
        path: &long,
        request_id: &long,
        user_agent: &raw,
        ..record()
    };
    let span = told(&record, &trace(Some(SAID)), Instant::now());
    assert!(span.encoded_len() < 4096, "{}", span.encoded_len());
}

#[test]
fn an_answer_is_read_for_what_was_not_taken() {
    let answer = |rejected_spans, error_message: &str| {
        let partial = opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess {
            rejected_spans,
            error_message: error_message.to_owned(),
        };
        let answer = ExportTraceServiceResponse {
            partial_success: Some(partial),
        };
        taken(answer.encode_to_vec().into())
    };
    assert_eq!(taken(Bytes::new()), Taken::default());
    assert_eq!(
        taken(Bytes::from_static(b"{\"partialSuccess\":{}}")),
        Taken::default()
    );
    let expected = |rejected, message: &str| Taken {
        rejected,
        message: message.to_owned(),
    };
    assert_eq!(answer(3, "too old"), expected(3, "too old"));
    assert_eq!(answer(-3, "odd"), expected(0, "odd"));
}
