//! A state directory that cannot be written, or is read by others.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{ONE, TEMPORARY, await_certified, kept, plain, shown, signer};
use crate::harness::{Pebble, Setup, until};

#[tokio::test]
async fn what_cannot_be_written_is_shown_and_written_once_it_can() {
    let pebble = Pebble::start(plain()).await;
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("state/certificates");
    fs::create_dir(directory.path().join("state")).unwrap();
    fs::write(&folder, "in the way").unwrap();
    let edge = Setup::of(ONE)
        .certified_by(&pebble)
        .kept_in(directory)
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
    edge.errors()
        .await_line("the certificate is shown but cannot be written: ")
        .await;
    fs::remove_file(&folder).unwrap();
    until("it is written", async || kept(&edge, "a.test").exists()).await;
    let before = shown(&edge, "a.test").await;
    assert_eq!(pebble.orders(), 1);

    let edge = Setup::of(ONE)
        .certified_by(&pebble)
        .kept_in(edge.leave().await)
        .start()
        .await;
    assert_eq!(shown(&edge, "a.test").await, before);
}

#[tokio::test]
async fn a_full_disk_is_told_of_and_nothing_is_asked_of_the_ca_until_there_is_room() {
    let pebble = Pebble::start(plain()).await;
    // No file can have even a byte.
    let edge = Setup::of(ONE)
        .certified_by(&pebble)
        .after("trap '' XFSZ; ulimit -S -f 0")
        .start()
        .await;
    let line = edge.errors().await_line("no certificate: ").await;
    assert!(line.contains("File too large"), "{line}");
    assert_eq!(signer(&shown(&edge, "a.test").await), TEMPORARY);
    assert_eq!((pebble.orders(), pebble.validations()), (0, 0));

    edge.limit_files(None);
    await_certified(&edge, "a.test", &pebble).await;
    assert!(kept(&edge, "a.test").exists());
}

#[tokio::test]
async fn what_is_served_stays_served_while_the_disk_is_full() {
    let pebble = Pebble::start(plain()).await;
    let edge = Setup::of(ONE)
        .certified_by(&pebble)
        .after("trap '' XFSZ")
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
    let before = shown(&edge, "a.test").await;
    edge.limit_files(Some(0));
    edge.rewrite(&pebble.name_in(&ONE.replace("[a.test]", "[a.test, b.test]")));
    edge.reload().await;
    edge.errors().await_line("no certificate: ").await;
    assert_eq!(shown(&edge, "a.test").await, before);

    edge.limit_files(None);
    await_certified(&edge, "b.test", &pebble).await;
    assert_eq!(pebble.orders(), 2);
}

#[tokio::test]
async fn files_and_directories_are_private_whatever_the_umask() {
    let pebble = Pebble::start(plain()).await;
    for umask in ["umask 000", "umask 777"] {
        let edge = Setup::of(ONE)
            .certified_by(&pebble)
            .after(umask)
            .start()
            .await;
        await_certified(&edge, "a.test", &pebble).await;
        let mut seen = Vec::new();
        look_into(&edge.state(), &mut seen);
        for of_ours in ["accounts", "certificates", "locks", "orders"] {
            let folder = edge.state().join(of_ours);
            assert!(seen.contains(&folder), "{}", folder.display());
        }
        assert!(seen.contains(&kept(&edge, "a.test")), "{seen:?}");
    }
}

/// Every file and directory, each of which must be ours alone.
fn look_into(directory: &Path, seen: &mut Vec<PathBuf>) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory), 0o700, "{}", directory.display());
    seen.push(directory.to_owned());
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look_into(&path, seen);
        } else {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            seen.push(path);
        }
    }
}
