//! TLS to the servers of an upstream.

use std::net::IpAddr;

use super::{file_path, host};
use crate::config::{
    decode::Fields,
    model::{Address, ClientCertificate, Server, ServerTls, UpstreamProtocol},
    problem::{Located, Problem, Span, quoted},
    raw::Value,
    table::{Key, Kind, Table},
};

pub(super) static TABLE: Table = Table {
    of: "tls to servers",
    keys: &[
        Key::new(
            "server_name",
            Kind::Text("a host name or an IP address"),
            "whom the certificate must be for; default the host of the server's address",
        ),
        Key::new(
            "ca",
            Kind::Text("the path of a PEM file"),
            "a PEM file with the authorities to trust; default those of the system",
        ),
        Key::new(
            "certificate",
            Kind::Text("the path of a PEM file"),
            "a PEM file with the certificate to show to servers that ask for one",
        ),
        Key::new(
            "key",
            Kind::Text("the path of a PEM file"),
            "a PEM file with that certificate's private key",
        ),
        Key::new(
            "verify",
            Kind::Flag,
            "whether the server must prove who it is; default true",
        ),
    ],
};

/// The settings under `tls`, which may be `true` alone.
pub(super) fn read(upstream: &Fields<'_>) -> Option<ServerTls> {
    let entry = upstream.entry("tls")?;
    let trust_the_system = trusting_the_system(Located::new((), &entry.at));
    match entry.node.value {
        Value::Bool(true) => return Some(trust_the_system),
        Value::Bool(false) => return None,
        Value::Null => {
            upstream.flag("tls");
            return None;
        }
        _ => {}
    }
    let fields = upstream.fields("tls")?;
    Some(ServerTls {
        server_name: server_name(&fields),
        ca: file_path(&fields, "ca"),
        certificate: certificate(&fields),
        verify: verify(&fields),
        ..trust_the_system
    })
}

/// Every default.
pub(super) fn trusting_the_system(at: Located<()>) -> ServerTls {
    ServerTls {
        at,
        server_name: None,
        ca: None,
        certificate: None,
        verify: true,
    }
}

fn server_name(fields: &Fields<'_>) -> Option<Located<String>> {
    let written = fields.text("server_name")?;
    let name = written.value;
    if name.parse::<IpAddr>().is_err()
        && let Err((message, hint)) = host::is_name(name)
    {
        let message = format!("{} {message}", quoted(name));
        fields
            .problems
            .push(Problem::error(message).at_value(&written).hint(hint));
        return None;
    }
    Some(Located {
        value: name.to_ascii_lowercase(),
        span: written.span.clone(),
    })
}

fn certificate(fields: &Fields<'_>) -> Option<ClientCertificate> {
    match (fields.entry("certificate"), fields.entry("key")) {
        (Some(_), Some(_)) => {
            let (chain, key) = (file_path(fields, "certificate"), file_path(fields, "key"));
            Some(ClientCertificate {
                chain: chain?,
                key: key?,
            })
        }
        (Some(alone), None) => {
            fields.error(
                &alone.at,
                "\"certificate\" needs \"key\" beside it",
                "add the PEM file with the private key: `key: certs/edge.key`",
            );
            None
        }
        (None, Some(alone)) => {
            fields.error(
                &alone.at,
                "\"key\" needs \"certificate\" beside it",
                "add the PEM file with the certificate: `certificate: certs/edge.pem`",
            );
            None
        }
        (None, None) => None,
    }
}

fn verify(fields: &Fields<'_>) -> bool {
    let verify = fields.flag("verify").unwrap_or(true);
    if let (false, Some(entry)) = (verify, fields.entry("verify")) {
        fields.problems.push(
            Problem::warning("nothing proves that these servers are who they should be")
                .at(&entry.node.span)
                .hint(
                    "whoever gets between can read and change everything; name the servers' \
                     own authority with `ca` in place of this",
                ),
        );
    }
    verify
}

/// Reports what does not go together: the protocol with TLS or without, and servers without a name.
pub(super) fn check(
    upstream: &Fields<'_>,
    servers: &[(Server, Span)],
    protocol: UpstreamProtocol,
    tls: Option<&ServerTls>,
) {
    let protocol_at = upstream.node("protocol").map(|node| &node.span);
    match (protocol, tls, protocol_at) {
        // What is wrong with `tls` itself has been said.
        (UpstreamProtocol::H2, None, Some(at)) if !has_tls(upstream) => upstream.error(
            at,
            "\"h2\" needs \"tls\" on this upstream",
            "add `tls: true`, or write `protocol: h2c` if the servers speak HTTP/2 without TLS",
        ),
        (UpstreamProtocol::H2c, Some(_), Some(at)) => upstream.error(
            at,
            "\"h2c\" is HTTP/2 without TLS, and this upstream has \"tls\"",
            "write `protocol: h2`, or remove `tls`",
        ),
        _ => {}
    }
    if tls.is_none() || has_server_name(upstream) {
        return;
    }
    for (server, at) in servers {
        if let Address::Unix(_) = server.address {
            upstream.error(
                at,
                "a socket has no name that a certificate could be for",
                "add `server_name` under `tls`",
            );
        }
    }
}

fn has_tls(upstream: &Fields<'_>) -> bool {
    upstream
        .node("tls")
        .is_some_and(|node| node.value != Value::Bool(false))
}

/// Whether one is written, good or not.
fn has_server_name(upstream: &Fields<'_>) -> bool {
    match upstream.node("tls").map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().any(|entry| entry.key == "server_name"),
        _ => false,
    }
}
