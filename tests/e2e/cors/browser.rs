//! CORS as a browser understands it: Chromium opens a page of one origin, which fetches from another.

use std::{path::Path, process::Stdio};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::harness::{Origin, Proxy, Reply, until};

/// Opens this page, and looks up no other name than `localhost`. Ended when dropped.
struct Browser {
    _child: Child,
    _profile: TempDir,
}

impl Browser {
    fn open(url: &str) -> Self {
        const NAMES: [&str; 2] = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
        let program = NAMES.into_iter().find(|name| Path::new(name).exists());
        let program = program.expect("Chromium is missing: install the package chromium");
        let profile = tempfile::tempdir().unwrap();
        let child = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args([
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-sync",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("--remote-debugging-port=0") // keeps it from ending with the page
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            _child: child,
            _profile: profile,
        }
    }
}

/// Fetches from `$api` in several ways, and reports what it could read of each, a line each.
const PAGE: &str = r"<!doctype html><title>A page of another origin</title><script>
const tell = async (name, path, options) => {
  try {
    const answer = await fetch('$api' + path, options);
    const [line] = (await answer.text()).split('\n');
    return `${name}: ${answer.status} ${line} ${answer.headers.get('x-total')} ${answer.headers.get('x-secret')}`;
  } catch (error) {
    return `${name}: ${error.name}`;
  }
};
const put = { method: 'PUT', headers: { 'Authorization': 'Bearer 1', 'X-A': 'a' }, credentials: 'include', body: 'b' };
Promise.all([
  tell('simple', '/api'),
  tell('preflighted', '/api', put),
  tell('method', '/api', { method: 'PATCH' }),
  tell('refused', '/gone'),
  tell('closed', '/closed'),
  tell('closed to more', '/closed', put),
]).then((lines) => fetch('/report', { method: 'POST', body: lines.join('\n') }));
</script>";

#[tokio::test]
async fn a_page_reads_what_it_may_and_nothing_else() {
    let api = Origin::answering(|request| {
        let who = request.field("authorization").unwrap_or("nobody");
        Reply::ok(format!("hello {who}"))
            .with("X-Total: 7")
            .with("X-Secret: s")
            .with("Access-Control-Allow-Origin: *") // with credentials a browser would not take it
    })
    .await;
    let page = Origin::answering(|request| match request.target() {
        "/report" => Reply::new(204, ""),
        target => {
            let port = target.strip_prefix("/?").unwrap_or_default();
            let page = PAGE.replace("$api", &format!("http://localhost:{port}"));
            Reply::ok(page).with("Content-Type: text/html")
        }
    })
    .await;
    let text = format!(
        "
        upstreams:
          web: {{ servers: [$1] }}
          gone: {{ servers: ['127.0.0.1:$other'] }}
        defaults:
          cors: {{ origins: ['http://localhost:{}'], methods: [GET, PUT], expose: X-Total, credentials: true }}
        routes:
          - {{ path: /api, methods: [GET, PUT, PATCH], upstream: web }}
          - {{ path: /gone, upstream: gone, headers: {{ response: {{ set: {{ X-Total: '8' }} }} }} }}
          - {{ path: /closed, upstream: web, cors: {{ origins: https://app.example.ch }} }}
        ",
        page.port()
    );
    let proxy = Proxy::with(&text, &[&api]).await;
    let url = format!("http://localhost:{}/?{}", page.port(), proxy.http());
    let _browser = Browser::open(&url);
    until("the page is open", async || !page.requests().is_empty()).await;
    until("the page has tried everything", async || {
        page.count("/report") > 0
    })
    .await;
    let requests = page.requests();
    let report = requests.iter().find(|it| it.target() == "/report");
    let lines: Vec<&str> = report.unwrap().text().lines().collect();
    assert_eq!(
        lines,
        [
            "simple: 200 hello nobody 7 null",
            "preflighted: 200 hello Bearer 1 7 null",
            "method: TypeError",
            "refused: 502 <!doctype html> 8 null",
            "closed: TypeError",
            "closed to more: TypeError",
        ]
    );
    // What needed a preflight that failed has reached no server; what needed none has.
    let asked = |method: &str| {
        api.requests()
            .iter()
            .filter(|it| it.method() == method)
            .count()
    };
    assert_eq!((asked("OPTIONS"), asked("PATCH"), asked("PUT")), (0, 0, 1));
    assert_eq!(api.count("/closed"), 1);
}
