//! What is written for a proxy before it starts: its configuration, and its routes.

use std::{fmt::Write as _, fs};

use super::{Kind, Running};
use crate::{field::Field, outcome::Outcome, template};

/// The name of its configuration.
pub(super) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Simplon | Kind::Profiled => "simplon.yaml",
        Kind::Nginx => "nginx.conf",
        Kind::Haproxy => "haproxy.cfg",
        Kind::Caddy => "Caddyfile",
        Kind::Relay => "",
    }
}

fn text(kind: Kind) -> &'static str {
    match kind {
        Kind::Simplon | Kind::Profiled => include_str!("../../conf/simplon.yaml"),
        Kind::Nginx => include_str!("../../conf/nginx.conf"),
        Kind::Haproxy => include_str!("../../conf/haproxy.cfg"),
        Kind::Caddy => include_str!("../../conf/Caddyfile"),
        Kind::Relay => "",
    }
}

/// Writes all that it reads.
pub(super) fn write(field: &Field, running: &Running) -> Outcome<()> {
    let kind = running.kind();
    if kind == Kind::Relay {
        return Ok(());
    }
    for part in ["cert.pem", "key.pem", "bundle.pem"] {
        fs::copy(field.path(part), running.folder.join(part))?;
    }
    let setup = &running.setup;
    let mut parts = setup.parts();
    if kind.is_simplon() && setup.policies && !setup.limit {
        parts.push("limit");
    }
    if kind == Kind::Nginx && setup.compress && field.brotli.is_some() {
        parts.push("br");
    }
    let module = field
        .brotli
        .as_ref()
        .map(|module| format!("load_module {};", module.display()));
    let values = [
        ("DIR", running.folder.display().to_string()),
        ("HTTP", running.http.port().to_string()),
        ("HTTPS", running.https.port().to_string()),
        ("ADMIN", running.admin.port().to_string()),
        ("ORIGIN", field.origin.address.port().to_string()),
        ("WORKERS", setup.workers.to_string()),
        ("GZIP", setup.gzip.to_string()),
        ("CLIENT", setup.per_client.to_string()),
        ("BROTLI_MODULE", module.unwrap_or_default()),
    ];
    let filled = template::fill(text(kind), &parts, &values)?;
    fs::write(running.folder.join(name(kind)), filled)?;
    write_routes(field, running, None)
}

/// Writes a route for each host of the set-up, and for one more.
pub(super) fn write_routes(field: &Field, running: &Running, fresh: Option<&str>) -> Outcome<()> {
    let hosts = (0..running.setup.routes)
        .map(host)
        .chain(fresh.map(str::to_owned));
    let (file, text) = match running.kind() {
        Kind::Simplon | Kind::Profiled => ("routes.yaml", simplon(hosts)?),
        Kind::Nginx => ("routes.conf", nginx(hosts, running)?),
        Kind::Haproxy => ("routes.map", haproxy(hosts)?),
        Kind::Caddy => ("routes.caddy", caddy(hosts, running, field)?),
        Kind::Relay => return Ok(()),
    };
    if running.setup.routes > 0 {
        fs::write(running.folder.join(file), text)?;
    }
    Ok(())
}

/// The host of a route.
pub(super) fn host(number: usize) -> String {
    format!("h{number}.example")
}

fn simplon(hosts: impl Iterator<Item = String>) -> Outcome<String> {
    let mut text = "routes:\n".to_owned();
    for host in hosts {
        writeln!(text, "  - {{ host: {host}, upstream: web }}")?;
    }
    Ok(text)
}

fn nginx(hosts: impl Iterator<Item = String>, running: &Running) -> Outcome<String> {
    let port = running.http.port();
    let mut text = String::new();
    for host in hosts {
        writeln!(
            text,
            "server {{ listen 127.0.0.1:{port}; server_name {host}; location / {{ proxy_pass http://origin; }} }}"
        )?;
    }
    Ok(text)
}

fn haproxy(hosts: impl Iterator<Item = String>) -> Outcome<String> {
    let mut text = String::new();
    for host in hosts {
        writeln!(text, "{host} be")?;
    }
    Ok(text)
}

/// A site for each host, as Caddy's manual has it, and one for all others.
fn caddy(hosts: impl Iterator<Item = String>, running: &Running, field: &Field) -> Outcome<String> {
    let (http, origin) = (running.http.port(), field.origin.address.port());
    let mut text = format!("http://:{http} {{\n\tbind 127.0.0.1\n\trespond 404\n}}\n");
    for host in hosts {
        writeln!(
            text,
            "http://{host}:{http} {{\n\tbind 127.0.0.1\n\treverse_proxy 127.0.0.1:{origin}\n}}"
        )?;
    }
    Ok(text)
}
