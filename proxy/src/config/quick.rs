//! A configuration without a file: `simplon run --from :8080 --to 127.0.0.1:3000`.

use std::net::SocketAddr;

use super::{
    model::{
        Action, Admin, Config, Control, Drain, Limits, Listener, Log, MemoryLimit, Metrics,
        PathPattern, Policies, Protocols, Route, Server, UnderscoreHeaders, Upstream,
    },
    problem::{Located, Problem},
    read::address,
    report::Report,
    resolve::{CONTROL, STATE},
    source::Sources,
};

/// One plain listener at `from`, one upstream with the server `to`, and one route from here to there.
///
/// The access log goes to standard output; nothing is checked before it is used.
pub fn quick(from: &str, to: &str) -> Result<Config, Report> {
    let bind = address::bind(from).map_err(|wrong| problem("--from", from, wrong));
    let server = address::server(to).map_err(|wrong| problem("--to", to, wrong));
    let (bind, address) = match (bind, server) {
        (Ok(bind), Ok(server)) => (bind, server),
        (bind, server) => {
            let problems = [bind.err(), server.err()];
            let problems = problems.into_iter().flatten();
            return Err(Report::new(problems, &Sources::default()));
        }
    };
    Ok(Config {
        issuers: Vec::new(),
        listeners: vec![listener(bind)],
        admin: Admin::default(),
        metrics: Metrics::default(),
        trusted_proxies: Vec::new(),
        country_database: None,
        certificates: Vec::new(),
        upstreams: vec![Upstream::of("to", vec![Server::of(address)])],
        routes: vec![Route {
            at: Located::nowhere(()),
            hosts: Vec::new(),
            path: PathPattern::Prefix("/".to_owned()),
            methods: None,
            action: Action::Forward {
                upstream: 0,
                strip_prefix: false,
            },
            policies: Policies::default(),
        }],
        defaults: Policies::default(),
        limits_store: None,
        log: Log::default(),
        tracing: None,
        state: STATE.into(),
        workers: None,
        express: true,
        memory_limit: MemoryLimit::Auto,
        drain: Drain::default(),
        control: Control {
            path: CONTROL.into(),
            required: false,
        },
    })
}

fn listener(bind: Vec<SocketAddr>) -> Listener {
    Listener {
        name: "http".into(),
        bind,
        redirect_to_https: false,
        tls: None,
        protocols: Protocols {
            h2: false,
            http1: true,
        },
        proxy_protocol: None,
        underscore_headers: UnderscoreHeaders::default(),
        limits: Limits::default(),
    }
}

fn problem(option: &str, written: &str, (message, hint): (&str, String)) -> Problem {
    let written = super::problem::quoted(written);
    Problem::error(format!("{option}: {written} {message}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_addresses_make_a_proxy() {
        let config = quick(":8080", "127.0.0.1:3000").unwrap();
        assert_eq!(config.listeners[0].bind.len(), 2);
        assert_eq!(
            config.upstreams[0].servers[0].address.to_string(),
            "127.0.0.1:3000"
        );
        assert!(!config.control.required);
    }

    #[test]
    fn both_mistakes_are_named() {
        let report = quick("8080", "http://localhost:3000/").unwrap_err();
        let expected = "\
error: --from: \"8080\" has no host
  = hint: write \":8080\" for every address, or 127.0.0.1:8080

error: --to: \"http://localhost:3000/\" is a URL, not an address
  = hint: write localhost:3000
";
        assert_eq!(report.to_string(), expected);
    }
}
