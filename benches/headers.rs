//! What edits of headers, security headers and CORS cost an exchange.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot set up has failed"
)]

use std::{hint::black_box, path::Path};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use simplon::{
    admit::FieldLines,
    config,
    policy::{Applied, Facts, Policies, Request, Workshop},
};

/// The policies of a route that says this.
fn policies(said: &str) -> Policies {
    let text = format!(
        "listeners: {{ https: {{ bind: '127.0.0.1:8443', tls: modern }} }}
certificates: [{{ hosts: localhost, self_signed: true }}]
routes: [{{ respond: {{ status: 204 }}, {said} }}]"
    );
    let directory = tempfile::tempdir().unwrap();
    let file: &Path = &directory.path().join("simplon.yaml");
    std::fs::write(file, text).unwrap();
    let config = config::load(file).unwrap().config;
    let mut problems = Vec::new();
    Policies::build(
        &config.routes[0].policies,
        "/",
        &mut Workshop::new(&mut problems, &simplon::tls::content),
    )
}

/// A server's response, and a browser's request, as they often are.
fn fields(lines: &[(&'static str, &'static str)]) -> FieldLines {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        fields.append(*name, HeaderValue::from_static(value));
    }
    FieldLines::from(&fields) // as the express lane has them
}

const RESPONSE: [(&str, &str); 7] = [
    ("date", "Sat, 21 Nov 2026 16:00:00 GMT"),
    ("server", "app/1.0"),
    ("content-type", "application/json"),
    ("content-length", "8192"),
    ("cache-control", "private"),
    ("via", "1.1 simplon"),
    ("x-request-id", "4a46c245f4e59557ddd55856f7cae406"),
];

fn responses(criterion: &mut Criterion) {
    let request_fields = fields(&[
        ("host", "api.example.ch"),
        ("origin", "https://app.example.ch"),
        ("accept", "*/*"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ]);
    let facts = Facts {
        request: Request {
            client: "198.51.100.7".parse().unwrap(),
            method: &Method::GET,
            announced: None,
            is_tls: true,
            host: "api.example.ch",
            port: None,
            path: "/api/items",
            query: "",
            fields: (&request_fields).into(),
        },
        trace_id: "",
        request_id: "4a46c245f4e59557ddd55856f7cae406",
        route: "api.example.ch/api",
        upstream: "api",
        server: "10.0.0.11:8000",
    };
    let applied = Applied::default();
    let mut group = criterion.benchmark_group("headers");
    for (name, said) in [
        ("nothing", ""),
        ("security headers", "security_headers: true"),
        (
            "two edits",
            "headers: { response: { remove: Server, set: { X-Node: a } } }",
        ),
        (
            "both",
            "security_headers: true, headers: { response: { remove: Server, set: { X-Node: a } } }",
        ),
        (
            "a template",
            "headers: { response: { set: { X-Node: '{client_ip} by {route}' } } }",
        ),
        (
            "a wildcard",
            "headers: { response: { remove: 'X-Debug-*' } }",
        ),
        ("cors", "cors: { origins: https://app.example.ch }"),
    ] {
        let policies = policies(said);
        let response = fields(&RESPONSE);
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || response.clone(),
                |fields| policies.respond(black_box(fields), &applied, &facts),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, responses);
criterion_main!(benches);
