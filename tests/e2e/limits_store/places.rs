//! Where a store may be, and who may use it.

use std::fs;

use super::{UP, checks, edge, edge_with, site, statuses};
use crate::harness::{Certificates, Proxy, Redis, Setup};

const PASSWORD: &str = "open sesame";

/// With a file `password` beside its configuration.
async fn proxy_with_password(store: &str, password: &str) -> Proxy {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("password"), format!("{password}\n")).unwrap();
    let text = site(store, "{ rate: 2/1d }");
    Setup::of(&text).kept_in(directory).start().await
}

async fn is_shared(proxy: &Proxy) {
    assert_eq!(statuses(proxy, 3).await, [200, 200, 429]);
    assert_eq!(checks(proxy, "ok").await, 2);
}

#[tokio::test]
async fn a_password_lets_us_in_with_or_without_a_user() {
    // As the annotated example says.
    let may = "~simplon:* +select +eval +evalsha +script|load +time +mget +set";
    let acl = format!("user edge on >opensesame {may}");
    let redis = Redis::with(&["--requirepass", PASSWORD]).await;
    let of_default = format!("{{ url: {redis}, password_file: password, timeout: 5s }}");
    is_shared(&proxy_with_password(&of_default, PASSWORD).await).await;

    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("users.acl"),
        format!("user default off\n{acl}\n"),
    )
    .unwrap();
    let redis = Redis::in_directory(directory, &["--aclfile", "$dir/users.acl"]).await;
    let of_user = format!("{{ url: {redis}, user: edge, password_file: password, timeout: 5s }}");
    is_shared(&proxy_with_password(&of_user, "opensesame").await).await;
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_shown() {
    let redis = Redis::with(&["--requirepass", "another"]).await;
    let store = format!("{{ url: {redis}, password_file: password }}");
    let proxy = proxy_with_password(&store, PASSWORD).await;
    let line = proxy.errors().await_line("does not let us in").await;
    assert!(line.contains("the user or the password is wrong"), "{line}");
    assert_eq!(statuses(&proxy, 3).await, [200, 200, 429]);
    assert_eq!(proxy.metric(UP, &[]).await, Some(0));
    assert!(!proxy.errors().has("sesame"));

    // The right one comes with a reload.
    fs::write(proxy.directory().join("password"), "another").unwrap();
    proxy.reload().await;
    proxy.await_metric(UP, &[], 1).await;
    assert!(!proxy.errors().has("another\""));
}

#[tokio::test]
async fn no_password_at_all_is_told_too() {
    let redis = Redis::with(&["--requirepass", "another"]).await;
    let proxy = edge_with(&redis, "timeout: 1s", "{ rate: 2/1d }").await;
    let line = proxy.errors().await_line("does not let us in").await;
    assert!(line.contains("it wants a password"), "{line}");
    assert_eq!(statuses(&proxy, 3).await, [200, 200, 429]);
}

#[tokio::test]
async fn a_server_that_repeats_the_password_does_not_get_it_into_the_log() {
    // Redis repeats the arguments of a command that it does not know.
    let redis = Redis::with(&["--rename-command", "AUTH", "''"]).await;
    let store = format!("{{ url: {redis}, password_file: password }}");
    let proxy = proxy_with_password(&store, "sesame").await;
    proxy.errors().await_line("cannot be used").await;
    assert!(!proxy.errors().has("sesame"));
}

#[tokio::test]
async fn a_password_that_cannot_be_read_is_a_problem_with_its_place() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 2/1d }").await;
    let store = format!("{{ url: {redis}, password_file: missing }}");
    proxy.rewrite(&site(&store, "{ rate: 2/1d }"));
    proxy.reload_in_vain().await;
    proxy.errors().await_line("cannot read the password").await;
    is_shared(&proxy).await;
}

#[tokio::test]
async fn a_password_in_a_url_gets_into_no_log() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 2/1d }").await;
    proxy.rewrite(&site("redis://edge:sesame@10.0.0.5", "{ rate: 2/1d }"));
    proxy.reload_in_vain().await;
    proxy.errors().await_line("holds a password").await;
    proxy.errors().await_line("password_file").await;
    assert!(!proxy.errors().has("sesame"));
}

#[tokio::test]
async fn a_store_is_reached_by_tls_if_it_is_who_it_should_be() {
    let authority = Certificates::new();
    let directory = tempfile::tempdir().unwrap();
    authority.write(directory.path(), "redis", &["localhost"]);
    authority.write_authority(&directory.path().join("ca.pem"));
    let port = crate::harness::free_port();
    let tls_port = port.to_string();
    let redis = Redis::in_directory(
        directory,
        &[
            "--tls-port",
            &tls_port,
            "--tls-cert-file",
            "$dir/redis.pem",
            "--tls-key-file",
            "$dir/redis.key",
            "--tls-ca-cert-file",
            "$dir/ca.pem",
            "--tls-auth-clients",
            "no",
        ],
    )
    .await;
    let ca = redis.directory().join("ca.pem");
    let ca = ca.display();
    let url = format!("rediss://127.0.0.1:{port}");
    let known =
        format!("{{ url: '{url}', timeout: 5s, tls: {{ ca: {ca}, server_name: localhost }} }}");
    is_shared(&Proxy::with(&site(&known, "{ rate: 2/1d }"), &[]).await).await;

    let other = format!("{{ url: '{url}', tls: {{ ca: {ca}, server_name: other.lan }} }}");
    let proxy = Proxy::with(&site(&other, "{ rate: 5/1d }"), &[]).await;
    proxy.errors().await_line("cannot be used").await;
    assert_eq!(proxy.metric(UP, &[]).await, Some(0));
}

#[tokio::test]
async fn a_store_is_reached_by_its_name_by_a_socket_and_in_any_database() {
    let redis = Redis::with(&["--unixsocket", "$dir/redis.sock"]).await;
    let socket = redis.directory().join("redis.sock");
    for (url, database) in [
        (format!("redis://localhost:{}/3", redis.port()), 3),
        (format!("redis+unix://{}?db=2", socket.display()), 2),
    ] {
        let store = format!("{{ url: '{url}', timeout: 5s }}");
        is_shared(&Proxy::with(&site(&store, "{ rate: 2/1d }"), &[]).await).await;
        let keys = redis.info("keyspace", &format!("db{database}:keys")).await;
        assert!(keys >= 1, "{url}");
    }
    assert_eq!(redis.info("keyspace", "db0:keys").await, 0);
}
