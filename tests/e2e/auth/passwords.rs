//! Names and passwords.

use http::Request;

use crate::harness::{Client, Message, Origin, binary, until};

use super::{GOOD, USERS, basic, last, with_users};

const CHECKS: &str = "simplon_password_checks_total";

/// Everything is guarded but `/open`; one client fails three times in an hour at most.
const SITE: &str = "
    trusted_proxies: [127.0.0.1]
    upstreams: { web: { servers: [$1] } }
    defaults: { basic_auth: { users: users, failures: 3/h } }
    routes:
      - { upstream: web }
      - { path: /open, upstream: web, basic_auth: false }
      - { path: /other, upstream: web, basic_auth: { users: users, realm: 'the \"lab\"', pass_user: Remote-User, pass_authorization: true } }
      - { path: /fixed, respond: { body: fixed } }
    ";

async fn ask(client: &mut Client, path: &str, lines: &[&str]) -> Message {
    client.ask("GET", path, lines, b"").await
}

#[tokio::test]
async fn a_good_password_passes_and_the_server_is_told_who_it_is() {
    let origin = Origin::saying("hello").await;
    let proxy = with_users(SITE, USERS, &[&origin]).await;
    let mut client = proxy.client().await;
    for (name, password) in GOOD {
        let lines = [
            &*basic(name, password),
            "x-forwarded-user: root",
            "x-own: 1",
        ];
        let answer = ask(&mut client, "/a", &lines).await;
        assert_eq!((answer.status(), answer.text()), (200, "hello"), "{name}");
        let seen = last(&origin, "/a");
        assert_eq!(seen.field("x-forwarded-user"), Some(name));
        assert_eq!(seen.field("authorization"), None);
        assert_eq!(seen.field("x-own"), Some("1"));
        let line = proxy.logged(|line| line["user"] == name).await;
        assert_eq!(line["refusal"], serde_json::Value::Null);
        let lines = [
            &*basic(name, password),
            "remote-user: root",
            "x-forwarded-user: root",
        ];
        let answer = ask(&mut client, "/other", &lines).await;
        assert_eq!(answer.status(), 200);
        let seen = last(&origin, "/other");
        assert_eq!(seen.field("remote-user"), Some(name));
        assert_eq!(seen.field("x-forwarded-user"), None);
        assert_eq!(
            format!("authorization: {}", seen.field("authorization").unwrap()),
            lines[0]
        );
        assert_eq!(ask(&mut client, "/fixed", &lines).await.text(), "fixed");
    }
    assert_eq!(ask(&mut client, "/open", &[]).await.status(), 200);
}

#[tokio::test]
async fn without_a_good_password_there_is_a_challenge_and_no_server_hears_of_it() {
    let origin = Origin::saying("hello").await;
    let site = SITE.replace("3/h", "100/h");
    let proxy = with_users(&site, USERS, &[&origin]).await;
    let mut client = proxy.client().await;
    let wrong = [
        basic("alice", "open sesam"),
        basic("alice", ""),
        basic("alice", "password"),
        basic("nobody", "open sesame"),
        basic("Alice", "open sesame"),
        basic("", "open sesame"),
        "authorization: Bearer YWxpY2U6b3BlbiBzZXNhbWU=".to_owned(),
        "authorization: Basic".to_owned(),
        "authorization: Basic !!!".to_owned(),
        "x-nothing: 1".to_owned(),
        format!("{0}\r\n{0}", basic("alice", "open sesame")),
    ];
    for line in &wrong {
        for (path, realm) in [
            ("/", "restricted"),
            ("/other", r#"the \"lab\""#),
            ("/fixed", "restricted"),
        ] {
            let answer = ask(&mut client, path, &[line]).await;
            assert_eq!(answer.status(), 401, "{line}");
            let challenge = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
            assert_eq!(answer.field("www-authenticate"), Some(&*challenge));
            assert_eq!(answer.field("cache-control"), Some("no-store"));
        }
    }
    assert_eq!(client.ask("HEAD", "/", &[], b"").await.status(), 401);
    let mut sender = proxy.client().await;
    assert_eq!(sender.ask("POST", "/", &[], b"a body").await.status(), 401);
    assert!(origin.requests().is_empty());
    let line = proxy.logged(|line| line["path"] == "/other").await;
    assert_eq!(line["refusal"], "unauthenticated");
    assert_eq!(line["policy"], "basic_auth");
    assert_eq!(line["user"], serde_json::Value::Null);
    assert_eq!(line["status"], 401);
    for secret in ["sesam", "b3Blbi", "Basic", "abcdefgh"] {
        assert!(
            !proxy.output().has(secret) && !proxy.errors().has(secret),
            "{secret}"
        );
    }
    // The connection is in order.
    let answer = ask(&mut client, "/", &[&basic("bob", "password")]).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn whoever_is_wrong_too_often_waits_and_nobody_else_does() {
    let origin = Origin::saying("hello").await;
    let proxy = with_users(SITE, USERS, &[&origin]).await;
    let mut client = proxy.client().await;
    let good = basic("alice", "open sesame");
    let from = |address: &str| format!("x-forwarded-for: {address}");
    let (one, other) = (from("192.0.2.1"), from("192.0.2.2"));
    assert_eq!(ask(&mut client, "/", &[&one, &good]).await.status(), 200);
    for nth in 0..3 {
        let answer = ask(
            &mut client,
            "/",
            &[&one, &basic("alice", &format!("no {nth}"))],
        )
        .await;
        assert_eq!(answer.status(), 401);
    }
    let guess = basic("bob", "password");
    for line in [&guess, &good] {
        let answer = ask(&mut client, "/", &[&one, line]).await;
        assert_eq!(answer.status(), 429);
        let wait: u64 = answer.field("retry-after").unwrap().parse().unwrap();
        assert!((1100..=1200).contains(&wait), "{wait}");
        assert_eq!(answer.field("www-authenticate"), None);
    }
    // Without a field nothing is guessed, and a browser may show its question.
    assert_eq!(ask(&mut client, "/", &[&one]).await.status(), 401);
    assert_eq!(ask(&mut client, "/", &[&other, &good]).await.status(), 200);
    assert_eq!(ask(&mut client, "/open", &[&one]).await.status(), 200);
    // IPv6 by /64.
    for last in 1..=3 {
        let address = from(&format!("2001:db8::{last}"));
        let answer = ask(&mut client, "/", &[&address, &basic("alice", "no")]).await;
        assert_eq!(answer.status(), 401);
    }
    for (address, status) in [("2001:db8::9", 429), ("2001:db8:0:1::9", 200)] {
        let answer = ask(&mut client, "/", &[&from(address), &good]).await;
        assert_eq!(answer.status(), status, "{address}");
    }
    proxy.await_metric(CHECKS, &[("result", "wrong")], 6).await;
    proxy
        .await_metric(CHECKS, &[("result", "limited")], 3)
        .await;
    let line = proxy.logged(|line| line["status"] == 429).await;
    assert_eq!(line["refusal"], "too_many_failures");
    assert_eq!(line["policy"], "basic_auth");
    let labels = [("reason", "too_many_failures")];
    proxy
        .await_metric("simplon_refusals_total", &labels, 3)
        .await;
}

#[tokio::test]
async fn a_password_is_checked_once_for_many_requests_until_the_file_says_otherwise() {
    let origin = Origin::saying("hello").await;
    let proxy = with_users(SITE, USERS, &[&origin]).await;
    let good = basic("alice", "open sesame");
    for _ in 0..3 {
        let mut client = proxy.client().await;
        for _ in 0..3 {
            assert_eq!(ask(&mut client, "/", &[&good]).await.status(), 200);
        }
    }
    proxy.await_metric(CHECKS, &[("result", "right")], 1).await;
    proxy
        .await_metric(CHECKS, &[("result", "remembered")], 8)
        .await;
    // The same file again: who was known is known.
    proxy.reload().await;
    assert_eq!(
        ask(&mut proxy.client().await, "/", &[&good]).await.status(),
        200
    );
    proxy.await_metric(CHECKS, &[("result", "right")], 1).await;
    // Another hash for alice, of another password.
    let file = proxy.directory().join("users");
    let bobs = USERS.lines().nth(2).unwrap();
    std::fs::write(&file, format!("{bobs}\n{}", bobs.replace("bob", "alice"))).unwrap();
    assert_eq!(
        ask(&mut proxy.client().await, "/", &[&good]).await.status(),
        200
    );
    proxy.reload().await;
    let mut client = proxy.client().await;
    assert_eq!(ask(&mut client, "/", &[&good]).await.status(), 401);
    let new = basic("alice", "password");
    assert_eq!(ask(&mut client, "/", &[&new]).await.status(), 200);
    std::fs::write(&file, bobs).unwrap();
    proxy.reload().await;
    assert_eq!(ask(&mut client, "/", &[&new]).await.status(), 401);
}

#[tokio::test]
async fn a_file_that_is_wrong_changes_nothing_and_is_told_by_its_lines() {
    let origin = Origin::saying("hello").await;
    let proxy = with_users(SITE, USERS, &[&origin]).await;
    let good = basic("alice", "open sesame");
    let file = proxy.directory().join("users");
    std::fs::write(&file, format!("{USERS}carol:secret\ndave\n")).unwrap();
    proxy.reload_in_vain().await;
    assert_eq!(
        ask(&mut proxy.client().await, "/", &[&good]).await.status(),
        200
    );
    for place in ["users:5:1", "users:6:1"] {
        assert!(proxy.errors().has(place), "{place}");
    }
    assert!(!proxy.errors().has("secret"));
    let checked = proxy.command("check").await;
    assert_eq!(checked.code, Some(2), "{}", checked.errors);
    assert!(
        checked.errors.contains("neither Argon2id nor bcrypt"),
        "{}",
        checked.errors
    );
    std::fs::remove_file(&file).unwrap();
    proxy.reload_in_vain().await;
    assert!(proxy.errors().has("cannot read the users of"));
    assert_eq!(
        ask(&mut proxy.client().await, "/", &[&good]).await.status(),
        200
    );
}

#[tokio::test]
async fn it_is_the_same_by_http_2_and_many_streams_at_once_cost_one_check() {
    let site = SITE.replace(
        "upstreams:",
        "listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate } }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams:",
    );
    let origin = Origin::saying("hello").await;
    let proxy = with_users(&site, USERS, &[&origin]).await;
    let client = proxy.h2_client("localhost").await;
    let request = |field: Option<String>| {
        let mut request = Request::get("https://localhost/");
        if let Some(field) = field {
            let (name, value) = field.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        request.body(()).unwrap()
    };
    let answer = client.ask(request(None), b"").await;
    assert_eq!(answer.status, 401);
    assert!(answer.fields.contains_key("www-authenticate"));
    let good = || request(Some(basic("alice", "open sesame")));
    let streams = (0..20).map(|_| {
        let (client, request) = (client.clone(), good());
        tokio::spawn(async move { client.ask(request, b"").await.status })
    });
    for stream in streams.collect::<Vec<_>>() {
        assert_eq!(stream.await.unwrap(), 200);
    }
    proxy.await_metric(CHECKS, &[("result", "right")], 1).await;
    let answer = client
        .ask(request(Some(basic("alice", "wrong"))), b"")
        .await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn curl_logs_in() {
    let origin = Origin::saying("hello").await;
    let proxy = with_users(SITE, USERS, &[&origin]).await;
    let address = format!("http://127.0.0.1:{}/", proxy.http());
    for (user, status) in [
        ("alice:open sesame", "200"),
        ("bob:password", "200"),
        ("bob:x", "401"),
    ] {
        let mut curl = tokio::process::Command::new("curl");
        let arguments = [
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--anyauth",
            "-u",
            user,
        ];
        let ended = curl.args(arguments).arg(&address).output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&ended.stdout), status, "{user}");
    }
}

/// Attackers from everywhere, each with a new password: whoever is known goes on, and the workers are free.
#[tokio::test]
async fn a_flood_of_wrong_passwords_holds_nobody_up_who_is_known() {
    let origin = Origin::saying("hello").await;
    // Dear enough that a flood cannot be done with.
    let dear = "mallory:$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc\n";
    let proxy = with_users(SITE, &format!("{USERS}{dear}"), &[&origin]).await;
    let good = basic("alice", "open sesame");
    let mut known = proxy.client().await;
    assert_eq!(ask(&mut known, "/", &[&good]).await.status(), 200);
    let flood = (0..150).map(|nth| {
        let port = proxy.http();
        tokio::spawn(async move {
            let mut client = Client::connect(port).await;
            let from = format!("x-forwarded-for: 10.0.0.{nth}");
            let guess = basic("mallory", &format!("guess {nth}"));
            ask(&mut client, "/", &[&from, &guess]).await.status()
        })
    });
    let flood: Vec<_> = flood.collect();
    until("the queue is full", async || {
        let crowded = proxy.metric(CHECKS, &[("result", "crowded")]).await;
        crowded.is_some_and(|count| count > 0)
    })
    .await;
    for _ in 0..20 {
        assert_eq!(ask(&mut known, "/", &[&good]).await.status(), 200);
    }
    let mut refused = 0;
    for guess in flood {
        let status = guess.await.unwrap();
        assert!(matches!(status, 401 | 503), "{status}");
        refused += u32::from(status == 503);
    }
    assert!(refused > 0);
    let labels = [("reason", "logins_crowded")];
    proxy
        .await_metric("simplon_refusals_total", &labels, u64::from(refused))
        .await;
}

#[tokio::test]
async fn a_check_of_the_configuration_warns_of_passwords_without_tls() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("simplon.yaml");
    let text = "listeners: { http: { bind: ':8080' } }
state: state
control: control.sock
routes: [{ respond: { body: hello }, basic_auth: { users: users } }]
";
    std::fs::write(&file, text).unwrap();
    std::fs::write(directory.path().join("users"), "# nobody yet\n").unwrap();
    let ended = binary()
        .arg("check")
        .arg("-c")
        .arg(&file)
        .output()
        .await
        .unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let said = String::from_utf8_lossy(&ended.stderr) + String::from_utf8_lossy(&ended.stdout);
    assert!(
        said.contains("takes passwords without TLS by the listener \"http\""),
        "{said}"
    );
    assert!(said.contains("nobody may log in"), "{said}");
}
