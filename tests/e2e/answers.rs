//! What the proxy answers by itself, and what it asks servers for: redirects, rewrites, files, maintenance, error pages.

mod error_pages;
mod files;
mod maintenance;
mod redirects;
mod rewrites;

use http::Request;
use tempfile::TempDir;

use crate::harness::{Http2, Message, Origin, Proxy};

const BOTH: &str = "
listeners:
  http: { bind: '127.0.0.1:$http' }
  https: { bind: '127.0.0.1:$https', tls: intermediate }
certificates: [{ hosts: [localhost], self_signed: true }]
";

/// A proxy for plain HTTP and TLS, with these files beside its configuration.
async fn site(text: &str, files: &[(&str, &str)], origins: &[&Origin]) -> Proxy {
    let directory = with_files(files);
    Proxy::in_directory(directory, &whole(text), origins).await
}

fn whole(text: &str) -> String {
    format!("{BOTH}{text}")
}

fn with_files(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(directory.path().join(name), content).unwrap();
    }
    directory
}

/// What is the same whichever way a client comes.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    /// Of the fields that were asked for.
    fields: Vec<Option<String>>,
    /// With `ID` for the request's id.
    body: String,
}

impl Seen {
    fn of(message: &Message, names: &[&str]) -> Self {
        Self {
            status: message.status(),
            fields: names
                .iter()
                .map(|name| message.field(name).map(str::to_owned))
                .collect(),
            body: without(message.text(), message.field("x-request-id")),
        }
    }
}

/// The same question by HTTP/1.1, by TLS, and by HTTP/2; it gets the same answer, whose named fields are told.
async fn ask(proxy: &Proxy, method: &str, path: &str, lines: &[&str], names: &[&str]) -> Seen {
    let lines = [&["host: localhost"], lines].concat();
    let mut plain = proxy.client().await;
    let mut tls = proxy.tls_client("localhost").await;
    let first = plain.ask(method, path, &lines, b"").await;
    let first = Seen::of(&first, names);
    let second = tls.ask(method, path, &lines, b"").await;
    assert_eq!(Seen::of(&second, names), first, "{method} {path} by TLS");
    let http2 = proxy.h2_client("localhost").await;
    let third = by_http2(&http2, method, path, &lines, names).await;
    assert_eq!(third, first, "{method} {path} by HTTP/2");
    first
}

async fn by_http2(
    client: &Http2,
    method: &str,
    path: &str,
    lines: &[&str],
    names: &[&str],
) -> Seen {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("https://localhost{path}"));
    for line in lines.iter().filter(|line| !line.starts_with("host:")) {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let answer = client.ask(request.body(()).unwrap(), b"").await;
    let length = answer.fields.get("content-length");
    let length = length.map(|length| length.to_str().unwrap().parse::<usize>().unwrap());
    if let (Some(length), true) = (length, method != "HEAD") {
        assert_eq!(length, answer.body.len(), "{path}");
    }
    let id = answer
        .fields
        .get("x-request-id")
        .map(|id| id.to_str().unwrap());
    let field = |name: &&str| {
        let value = answer.fields.get(*name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    Seen {
        status: answer.status,
        fields: names.iter().map(field).collect(),
        body: without(std::str::from_utf8(&answer.body).unwrap(), id),
    }
}

/// A page that is the same for every request.
fn without(body: &str, id: Option<&str>) -> String {
    id.map_or_else(|| body.to_owned(), |id| body.replace(id, "ID"))
}
