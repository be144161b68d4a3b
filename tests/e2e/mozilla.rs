//! TLS as Mozilla's profiles want it, in the judgement of sslyze.

use std::{process::Stdio, time::Duration};

use tokio::process::Command;

use crate::harness::{Certificates, Proxy, tool};

/// A scan opens hundreds of connections, some of them slowly.
const SCAN: Duration = Duration::from_secs(120);

#[tokio::test]
async fn the_intermediate_profile_is_what_mozilla_asks_for() {
    let verdict = scan("intermediate", "intermediate").await;
    assert!(verdict.contains("OK - Compliant."), "{verdict}");
}

#[tokio::test]
async fn the_modern_profile_is_what_mozilla_asks_for() {
    let verdict = scan("modern", "modern").await;
    assert!(verdict.contains("OK - Compliant."), "{verdict}");
}

/// So that a scan which approves of everything is noticed.
#[tokio::test]
async fn the_intermediate_profile_is_not_the_modern_one() {
    let verdict = scan("intermediate", "modern").await;
    assert!(verdict.contains("* tls_versions:"), "{verdict}");
    assert!(!verdict.contains("* certificate"), "{verdict}");
}

/// What sslyze says of a listener with one profile when asked about another.
async fn scan(served: &str, asked: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let certificates = Certificates::new();
    // Mozilla allows 366 days, and 90 in the modern profile.
    certificates.write_valid_for(90, directory.path(), "local", &["localhost"]);
    certificates.trust(directory.path());
    let text = format!(
        "
        listeners: {{ https: {{ bind: 127.0.0.1:$https, tls: {served} }} }}
        certificates: [{{ hosts: [localhost], chain: local.pem, key: local.key }}]
        routes: [{{ respond: {{ body: secure }} }}]
        "
    );
    let proxy = Proxy::in_directory(directory, &text, &[]).await;
    let scan = Command::new(tool("sslyze/bin/sslyze"))
        .arg(format!("--mozilla_config={asked}"))
        .arg("--certinfo_ca_file")
        .arg(proxy.directory().join("authority.pem"))
        .arg(format!("localhost:{}", proxy.https()))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let scan = tokio::time::timeout(SCAN, scan).await.unwrap().unwrap();
    let output = String::from_utf8(scan.stdout).unwrap();
    let verdict = output.split("COMPLIANCE AGAINST").nth(1);
    let errors = String::from_utf8_lossy(&scan.stderr);
    verdict
        .unwrap_or_else(|| panic!("no verdict: {output}{errors}"))
        .to_owned()
}
