//! Who may look at the admin endpoint, and what its users do by the page.

mod acting;
mod forged;
mod logins;
mod passed_on;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::harness::{Client, Message, Origin, Proxy};

/// ops and bob; another program has hashed the passwords.
const USERS: &str = "\
ops:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW
bob:$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc
";
const OPS: (&str, &str) = ("ops", "open sesame");
const BOB: (&str, &str) = ("bob", "password");

const CONFIG: &str = "
    admin: { bind: \"127.0.0.1:$admin\", users: users }
    upstreams: { web: { servers: [$1, $2] } }
    routes: [{ upstream: web }]
    ";

/// With users, before two origins that say `a` and `b`.
async fn stage() -> (Proxy, Origin, Origin) {
    let (a, b) = (Origin::saying("a").await, Origin::saying("b").await);
    (with_users(CONFIG, &[&a, &b]).await, a, b)
}

async fn with_users(text: &str, origins: &[&Origin]) -> Proxy {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("users"), USERS).unwrap();
    Proxy::in_directory(directory, text, origins).await
}

/// What the admin endpoint answers to a request with these lines beside `Host`.
async fn ask(proxy: &Proxy, method: &str, path: &str, lines: &[&str], body: &str) -> Message {
    let mut client = Client::connect(proxy.admin_port()).await;
    let host = format!("host: 127.0.0.1:{}", proxy.admin_port());
    let lines: Vec<_> = [host.as_str()]
        .into_iter()
        .chain(lines.iter().copied())
        .collect();
    client.ask(method, path, &lines, body.as_bytes()).await
}

fn basic((name, password): (&str, &str)) -> String {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    format!("authorization: Basic {encoded}")
}

/// A page's own address, as browsers send it with its forms.
fn origin(proxy: &Proxy) -> String {
    format!("origin: http://127.0.0.1:{}", proxy.admin_port())
}

const FORM: &str = "content-type: application/x-www-form-urlencoded";

/// What comes of a form that ops sends by the page.
async fn act(proxy: &Proxy, form: &str) -> String {
    let lines = [&*basic(OPS), &*origin(proxy), FORM];
    led_to(&ask(proxy, "POST", "/stats", &lines, form).await)
}

/// Where the browser is led, after `/stats;st=`.
fn led_to(answer: &Message) -> String {
    assert_eq!(answer.status(), 303, "{answer:?}");
    let location = answer.field("location").unwrap();
    location.strip_prefix("/stats;st=").unwrap().to_owned()
}

/// How many of six requests each origin answers.
async fn shares(proxy: &Proxy) -> (usize, usize) {
    let mut client = proxy.client().await;
    let mut shares = (0, 0);
    for _ in 0..6 {
        match client.get("/").await.text() {
            "a" => shares.0 += 1,
            "b" => shares.1 += 1,
            other => panic!("{other}"),
        }
    }
    shares
}
