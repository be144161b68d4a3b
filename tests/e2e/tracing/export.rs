//! Spans on their way to a collector, and collectors that are no good.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use rustix::process::Signal;

use super::{said, web};
use crate::harness::{Certificates, Collector, Origin, Proxy, Reply, until};

const SPANS: &str = "simplon_trace_spans_total";
const EXPORTS: &str = "simplon_trace_exports_total";

async fn spans(proxy: &Proxy, result: &str) -> u64 {
    proxy.metric(SPANS, &[("result", result)]).await.unwrap()
}

#[tokio::test]
async fn a_collector_that_is_down_costs_no_request_and_is_used_again_when_it_is_back() {
    let (origin, mut collector) = (Origin::saying("hello").await, Collector::start().await);
    collector.origin.stop().await;
    let proxy = Proxy::with(&web(&collector, ", queue: 16"), &[&origin]).await;
    let mut client = proxy.client().await;
    let line = async {
        let line = proxy
            .errors()
            .await_line("the collector of traces takes no spans")
            .await;
        assert!(line.contains("WARN") && line.contains("refused"), "{line}");
    };
    assert_eq!(client.get("/first").await.status(), 200);
    line.await;
    for _ in 0..100 {
        assert_eq!(client.get("/").await.status(), 200);
    }
    until("spans find no room", async || {
        spans(&proxy, "dropped_queue").await >= 80
    })
    .await;
    assert_eq!(spans(&proxy, "exported").await, 0);
    assert!(
        proxy
            .metric(EXPORTS, &[("result", "failed")])
            .await
            .unwrap()
            > 0
    );

    collector.origin.start_again().await;
    proxy.errors().await_line("takes spans again").await;
    until("what waited is sent", async || {
        spans(&proxy, "exported").await >= 17
    })
    .await;
    collector.span("/first").await;
    let lines = proxy.errors().lines();
    let warnings = lines.iter().filter(|line| line.contains("takes no spans"));
    assert_eq!(warnings.count(), 1);
}

#[tokio::test]
async fn what_a_collector_does_not_take_is_counted() {
    let origin = Origin::saying("hello").await;
    let partial = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 1,
            error_message: "too\nold".to_owned(),
        }),
    };
    let partial = partial.encode_to_vec();
    let choosy = Collector::answering(move || Reply::ok(partial.clone())).await;
    let proxy = Proxy::with(&web(&choosy, ""), &[&origin]).await;
    proxy.get("/").await;
    proxy
        .await_metric(SPANS, &[("result", "rejected")], 1)
        .await;
    assert_eq!(spans(&proxy, "exported").await, 0);
    proxy
        .await_metric(EXPORTS, &[("result", "partial")], 1)
        .await;
    let line = proxy.errors().await_line("rejects spans").await;
    assert!(line.contains(r"too\nold"), "{line}");

    let hostile = Collector::answering(|| Reply::new(401, "no")).await;
    let proxy = Proxy::with(&web(&hostile, ""), &[&origin]).await;
    proxy.get("/").await;
    proxy
        .await_metric(SPANS, &[("result", "dropped_export")], 1)
        .await;
    proxy
        .await_metric(EXPORTS, &[("result", "failed")], 1)
        .await;
    proxy.errors().await_line("it answers 401").await;
}

#[tokio::test]
async fn the_last_spans_are_sent_before_the_process_ends() {
    let (origin, collector) = (Origin::saying("hello").await, Collector::start().await);
    let mut proxy = Proxy::with(&web(&collector, ""), &[&origin]).await;
    for nth in 0..20 {
        assert_eq!(proxy.get(&format!("/{nth}")).await.status(), 200);
    }
    proxy.signal(Signal::TERM);
    assert!(proxy.ended().await.success());
    assert_eq!(collector.spans().len(), 20);
}

#[tokio::test]
async fn a_reload_leads_to_another_collector_and_to_none() {
    let origin = Origin::saying("hello").await;
    let (one, two) = (Collector::start().await, Collector::start().await);
    let proxy = Proxy::with(&web(&one, ""), &[&origin]).await;
    proxy.get("/one").await;
    proxy.rewrite(&web(&two, ""));
    proxy.reload().await;
    proxy.get("/two").await;
    two.span("/two").await;
    one.span("/one").await;
    proxy.rewrite("upstreams: { web: { servers: [$1] } }\nroutes: [{ upstream: web }]\n");
    proxy.reload().await;
    let lines = [&*said("01")];
    proxy.client().await.ask("GET", "/none", &lines, b"").await;
    let seen = origin.requests().pop().unwrap();
    assert_eq!(
        seen.field("traceparent"),
        lines[0].split_once(": ").map(|(_, value)| value)
    );
    assert_eq!((one.spans().len(), two.spans().len()), (1, 1));
}

#[tokio::test]
async fn a_collector_with_tls_proves_who_it_is() {
    let origin = Origin::saying("hello").await;
    let (authority, stranger) = (Certificates::new(), Certificates::new());
    let collector = Collector::secured(&authority.handshake(&["127.0.0.1"])).await;
    for (trusted, taken) in [(&authority, true), (&stranger, false)] {
        let directory = tempfile::tempdir().unwrap();
        trusted.write_authority(&directory.path().join("ca.pem"));
        let text = web(&collector, ", ca: ca.pem");
        let proxy = Proxy::in_directory(directory, &text, &[&origin]).await;
        proxy.get(&format!("/{taken}")).await;
        if taken {
            collector.span("/true").await;
        } else {
            let line = proxy.errors().await_line("takes no spans").await;
            assert!(line.contains("certificate"), "{line}");
        }
    }
    assert_eq!(collector.spans().len(), 1);
}
