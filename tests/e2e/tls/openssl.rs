//! What another client than our own library's sees: `openssl s_client`.

use std::process::Stdio;

use tokio::process::Command;

use super::SELF_SIGNED;
use crate::harness::{Proxy, in_time};

/// All that it says of one handshake, after which it leaves once one request is answered.
async fn s_client(proxy: &Proxy, name: &str, arguments: &[&str]) -> String {
    let mut child = Command::new("openssl")
        .args(["s_client", "-ign_eof", "-servername", name, "-CAfile"])
        .arg(proxy.state().join("dev-ca.pem"))
        .args(["-connect", &format!("127.0.0.1:{}", proxy.https())])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("openssl is installed");
    let mut stdin = child.stdin.take().unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: {name}\r\nconnection: close\r\n\r\n");
    // It may have ended with the handshake.
    let _ = tokio::io::AsyncWriteExt::write_all(&mut stdin, request.as_bytes()).await;
    let output = in_time("openssl ends", child.wait_with_output()).await;
    drop(stdin);
    let output = output.unwrap();
    [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat()
}

#[tokio::test]
async fn openssl_is_told_of_an_unknown_name() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let said = s_client(&proxy, "unknown.test", &[]).await;
    assert!(said.contains("SSL alert number 112"), "{said}");
}

#[tokio::test]
async fn openssl_resumes_its_sessions_after_a_reload() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let file = proxy.directory().join(version);
        let file = file.to_str().unwrap();
        let first = s_client(&proxy, "localhost", &[version, "-sess_out", file]).await;
        assert!(first.contains("New, TLSv1"), "{first}");
        assert!(first.contains("Verify return code: 0 (ok)"), "{first}");
        assert!(first.contains("secure"), "{first}");
        proxy.reload().await;
        let second = s_client(&proxy, "localhost", &[version, "-sess_in", file]).await;
        assert!(second.contains("Reused, TLSv1"), "{second}");
        assert!(second.contains("secure"), "{second}");
    }
}

/// Early data can be replayed by whoever saw it (RFC 8470), so no ticket allows any.
#[tokio::test]
async fn no_early_data_is_taken() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let session = proxy.directory().join("session");
    let early = proxy.directory().join("early");
    let request = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    std::fs::write(&early, request).unwrap();
    let [session, early] = [&session, &early].map(|path| path.to_str().unwrap());
    let first = s_client(&proxy, "localhost", &["-tls1_3", "-sess_out", session]).await;
    assert!(first.contains("Max Early Data: 0"), "{first}");
    let arguments = ["-tls1_3", "-sess_in", session, "-early_data", early];
    let second = s_client(&proxy, "localhost", &arguments).await;
    assert!(second.contains("Reused, TLSv1.3"), "{second}");
    assert!(!second.contains("Early data was accepted"), "{second}");
    assert!(second.contains("secure"), "{second}");
}

#[tokio::test]
async fn openssl_finds_nothing_that_the_profile_leaves_out() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    for arguments in [
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
        &["-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
    ] {
        let said = s_client(&proxy, "localhost", arguments).await;
        assert!(said.contains("alert"), "{arguments:?}: {said}");
        assert!(!said.contains("secure"), "{arguments:?}: {said}");
    }
}
