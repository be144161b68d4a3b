//! SSLKEYLOGFILE does nothing by itself.

use std::os::unix::fs::PermissionsExt;

use super::SELF_SIGNED;
use tokio::process::Command;

use crate::harness::{Setup, simplon};

#[tokio::test]
async fn secrets_are_written_for_who_asks_twice() {
    for flag in [false, true] {
        let keys = tempfile::tempdir().unwrap();
        let file = keys.path().join("keys.log");
        let start = |command: &mut Command| {
            command.env("SSLKEYLOGFILE", &file);
            if flag {
                command.arg("--tls-key-log");
            }
        };
        let setup = Setup::of(SELF_SIGNED).with(start);
        let proxy = setup.start().await;
        let mut client = proxy.tls_client("localhost").await;
        let answer = client.ask("GET", "/", &["host: localhost"], b"").await;
        assert_eq!(answer.text(), "secure");
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(written.contains("CLIENT_TRAFFIC_SECRET_0 "), flag);
        assert_eq!(proxy.errors().has("can read all traffic"), flag);
        if flag {
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}

#[tokio::test]
async fn the_flag_without_the_variable_is_a_mistake() {
    let ended = simplon("run --from 127.0.0.1:1 --to 127.0.0.1:2 --tls-key-log").await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.errors.contains("SSLKEYLOGFILE"), "{}", ended.errors);
}
