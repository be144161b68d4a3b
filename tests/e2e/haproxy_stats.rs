//! What `HAProxy` shows of itself, shown of us: beside the `HAProxy` that is installed, and to those who read it.

mod exporter;
mod metrics;
mod table;

use serde_json::Value;

use crate::harness::{Client, Foreign, Message, Origin, Proxy, free_port, until};

/// A proxy with an upstream of two servers, of which one is down, that has answered five requests.
struct Ours {
    proxy: Proxy,
    /// The one that is up.
    origin: Origin,
    _gone: Origin,
}

impl Ours {
    async fn start(more: &str) -> Self {
        let origin = Origin::saying("hello").await;
        let mut gone = Origin::saying("hello").await;
        gone.stop().await;
        let text = format!(
            "
            upstreams:
              app: {{ servers: [$1, $2], health: {{ path: /live, interval: 100ms, timeout: 1s, rise: 2, fall: 3 }} }}
            routes:
              - upstream: app
              - {{ path: /moved, redirect: {{ to: /, status: 308 }} }}
            {more}
            "
        );
        let proxy = Proxy::with(&text, &[&origin, &gone]).await;
        let down = gone.to_string();
        let labels = [("upstream", "app"), ("server", &*down)];
        proxy.await_metric("simplon_server_up", &labels, 0).await;
        let mut client = proxy.client().await;
        for (path, status) in [
            ("/", 200),
            ("/", 200),
            ("/", 200),
            ("/", 200),
            ("/moved", 308),
        ] {
            assert_eq!(client.get(path).await.status(), status);
        }
        Self {
            proxy,
            origin,
            _gone: gone,
        }
    }

    async fn get(&self, path: &str) -> Message {
        get(self.proxy.admin_port(), path).await
    }

    /// The table, once the five requests are counted.
    async fn csv(&self) -> String {
        until("the requests are counted", async || {
            let text = self.get("/stats;csv?scope=http").await;
            cell(text.text(), "http", "FRONTEND", "req_tot") == "5"
        })
        .await;
        self.get("/stats;csv").await.text().to_owned()
    }
}

/// The real one, with a server that is up, one that is down and one that is not checked.
struct Theirs {
    _haproxy: Foreign,
    _origin: Origin,
    port: u16,
}

impl Theirs {
    async fn start() -> Self {
        let origin = Origin::saying("hello").await;
        let (port, web, nobody) = (free_port(), free_port(), free_port());
        let sections = format!(
            "  mode http\n\
             frontend web\n  bind 127.0.0.1:{web}\n  default_backend app\n\
             backend app\n  option httpchk GET /live\n  http-check expect string hello\n\
             server up {origin} check inter 50ms\n  server down 127.0.0.1:{nobody} check inter 50ms\n\
             server free {origin}\n\
             backend picky\n  option httpchk GET /live\n  http-check expect on-error \"a,\\\"b\" string nothing\n\
             server odd {origin} check inter 50ms\n\
             frontend stats\n  bind 127.0.0.1:{port}\n\
             http-request use-service prometheus-exporter if {{ path /metrics }}\n\
             stats enable\n  stats uri /stats\n  stats show-legends\n"
        );
        let haproxy = Foreign::haproxy(&sections, port).await;
        let theirs = Self {
            _haproxy: haproxy,
            _origin: origin,
            port,
        };
        let mut client = Client::connect(web).await;
        assert_eq!(client.get("/").await.status(), 200);
        until("HAProxy has checked its servers", async || {
            let text = theirs.get("/stats;csv").await;
            let text = text.text();
            cell(text, "app", "down", "status") == "DOWN"
                && cell(text, "app", "up", "check_status") == "L7OK"
                && cell(text, "picky", "odd", "check_status") == "L7RSP"
        })
        .await;
        theirs
    }

    async fn get(&self, path: &str) -> Message {
        get(self.port, path).await
    }
}

async fn get(port: u16, path: &str) -> Message {
    let mut client = Client::connect(port).await;
    let answer = client.ask("GET", path, &["host: localhost"], b"").await;
    assert_eq!(answer.status(), 200, "{path}");
    answer
}

/// The columns of a line, out of their quotes.
fn columns(line: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let last = columns.last_mut().unwrap();
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => last.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => columns.push(String::new()),
            plain => last.push(plain),
        }
    }
    assert!(!is_quoted, "{line}");
    columns
}

/// The names of the columns that every `HAProxy` of a version has.
fn names(text: &str) -> Vec<String> {
    let head = text.lines().next().unwrap().strip_prefix("# ").unwrap();
    let mut names = columns(head);
    let end = names.iter().position(|name| name == "-").unwrap();
    names.truncate(end);
    names
}

/// The one value of a row, by its names.
fn cell(text: &str, proxy: &str, server: &str, column: &str) -> String {
    let place = names(text).iter().position(|name| name == column).unwrap();
    let mut rows = text.lines().skip(1).map(columns);
    let row = rows.find(|row| row[0] == proxy && row[1] == server);
    let row = row.unwrap_or_else(|| panic!("no {proxy}/{server} in\n{text}"));
    row[place].clone()
}

/// The entries of all objects of this kind.
fn entries<'a>(objects: &'a Value, kind: &str) -> Vec<&'a Value> {
    let objects = objects.as_array().unwrap().iter();
    let entries = objects.flat_map(|object| object.as_array().unwrap());
    entries.filter(|entry| entry["objType"] == kind).collect()
}
