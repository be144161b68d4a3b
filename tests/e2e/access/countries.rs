//! `countries`: a database decides, and is read again with each reload.

use http::Request;

use super::{asked_by, logged, ruled};
use crate::harness::{Origin, Proxy, mmdb};

const NETWORKS: [(&str, &str); 3] = [
    ("203.0.113.0/24", "CH"),
    ("198.51.100.0/24", "RU"),
    ("2001:db8::/32", "FR"),
];

fn write(path: &std::path::Path, networks: &[(&str, &str)]) {
    std::fs::write(path, mmdb::write(networks, mmdb::V6, 24)).unwrap();
}

const TEXT: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate }
      http: { bind: 127.0.0.1:$http }
    certificates: [{ hosts: [localhost], self_signed: true }]
    trusted_proxies: [127.0.0.0/8]
    country_database: countries.mmdb
    upstreams: { web: { servers: [$1] } }
    defaults: { countries: { allow: [CH, FR] } }
    routes:
      - { upstream: web }
      - { path: /all, upstream: web, countries: false }
      - { path: /but, upstream: web, countries: { deny: [RU] } }
      - { path: /strict, upstream: web, countries: { allow: [CH], unknown: deny } }
      - { path: /trial, upstream: web, countries: { allow: [CH], mode: observe } }
    ";

#[tokio::test]
async fn a_country_is_let_in_or_refused_by_every_protocol() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("countries.mmdb"), &NETWORKS);
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_directory(directory, TEXT, &[&origin]).await;
    let http2 = proxy.h2_client("localhost").await;
    // A client, its country, and what it gets at /, /all, /but and /strict.
    for (client, country, statuses) in [
        ("203.0.113.7", Some("CH"), [200, 200, 200, 200]),
        ("198.51.100.7", Some("RU"), [403, 200, 403, 403]),
        ("2001:db8::7", Some("FR"), [200, 200, 200, 403]),
        ("192.0.2.7", None, [403, 200, 200, 403]),
        ("10.0.0.7", None, [200, 200, 200, 403]),
    ] {
        for (path, status) in ["/", "/all", "/but", "/strict"].into_iter().zip(statuses) {
            let answer = asked_by(&proxy, client, path).await;
            assert_eq!(answer.status(), status, "{client} {path}");
            let line = logged(&proxy, &answer).await;
            assert_eq!(line["country"].as_str(), country, "{client}");

            let request = Request::get(format!("https://localhost{path}"))
                .header("x-forwarded-for", client)
                .body(());
            let answer = http2.ask(request.unwrap(), b"").await;
            assert_eq!(answer.status, status, "{client} {path}");
        }
    }
    let answer = asked_by(&proxy, "198.51.100.7", "/").await;
    assert!(
        answer
            .text()
            .contains("This address is not open to your country.")
    );
    let line = logged(&proxy, &answer).await;
    assert_eq!(
        (&line["refusal"], &line["policy"]),
        (&"country_denied".into(), &"countries".into())
    );
}

#[tokio::test]
async fn a_trial_refuses_nobody() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("countries.mmdb"), &NETWORKS);
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_directory(directory, TEXT, &[&origin]).await;
    let answer = asked_by(&proxy, "198.51.100.7", "/trial").await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        logged(&proxy, &answer).await["observed"],
        serde_json::json!(["countries"])
    );
    assert_eq!(ruled(&proxy, "countries", "observed").await, 1);
}

#[tokio::test]
async fn another_database_is_used_after_a_reload_and_a_damaged_one_never() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("countries.mmdb");
    write(&file, &NETWORKS);
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_directory(directory, TEXT, &[&origin]).await;
    let status = async || asked_by(&proxy, "203.0.113.7", "/").await.status();
    assert_eq!(status().await, 200);
    proxy.reload().await;
    assert_eq!(status().await, 200);

    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    proxy.reload_in_vain().await;
    proxy
        .errors()
        .await_line("is no database of countries: it is damaged")
        .await;
    std::fs::remove_file(&file).unwrap();
    proxy.reload_in_vain().await;
    proxy
        .errors()
        .await_line("cannot read the database of countries")
        .await;
    assert_eq!(status().await, 200);

    // One of IPv4 alone will do.
    let other = mmdb::write(&[("203.0.113.0/24", "RU")], mmdb::V4, 28);
    std::fs::write(&file, other).unwrap();
    assert_eq!(status().await, 200);
    proxy.reload().await;
    assert_eq!(status().await, 403);
}
