//! Our account at the CA: bound to one that exists there, with a contact that may change, and lost by a CA.

use std::path::PathBuf;

use super::{ONE, at_front, await_certified, await_told, by_dns, kept, one_through_front, plain};
use crate::harness::{AcmeFront, Pebble, Setup, Terms, When, simplon, until};

/// Bound to the external account of the tests by the key in `hmac`.
fn bound() -> String {
    let key_id = Pebble::KEY_ID;
    let account = format!("external_account: {{ key_id: {key_id}, hmac_file: $dir/hmac }}");
    ONE.replace("challenge:", &format!("{account}, challenge:"))
}

async fn with_external_accounts() -> Pebble {
    Pebble::start(Terms {
        external_account: true,
        ..plain()
    })
    .await
}

#[tokio::test]
async fn an_account_is_bound_to_one_that_the_ca_knows() {
    let pebble = with_external_accounts().await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("hmac"), Pebble::HMAC_KEY).unwrap();
    let edge = Setup::of(&bound())
        .certified_by(&pebble)
        .kept_in(directory)
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
}

#[tokio::test]
async fn of_a_wrong_key_the_ca_has_the_word() {
    let pebble = with_external_accounts().await;
    let directory = tempfile::tempdir().unwrap();
    let other = "YW5vdGhlciBrZXkgb2YgMzIgYnl0ZXMsIGFsYXMhISE";
    std::fs::write(directory.path().join("hmac"), other).unwrap();
    let edge = Setup::of(&bound())
        .certified_by(&pebble)
        .kept_in(directory)
        .start()
        .await;
    let line = edge.errors().await_line("registering an account: ").await;
    assert!(line.contains("external account binding"), "{line}");
    assert!(line.contains("urn:ietf:params:acme:error:"), "{line}");
    await_told(&edge, "external account binding").await;
    assert_eq!(pebble.orders(), 0);
}

#[tokio::test]
async fn another_contact_is_told_to_the_ca_without_another_account() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let writing_to = |name: &str| {
        let contact = format!("contact: {name}@example.test, challenge:");
        one_through_front().replace("challenge:", &contact)
    };
    let edge = Setup::of(&writing_to("first"))
        .through(&front)
        .certified_by(&pebble)
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
    let registered = front.asked("/sign-me-up");
    assert_eq!(registered.len(), 1);
    assert_eq!(registered[0]["contact"][0], "mailto:first@example.test");

    edge.rewrite(&front.name_in(&writing_to("second")));
    edge.reload().await;
    until("the CA is told", async || {
        let told = front.asked("/my-account/");
        told.iter()
            .any(|told| told["contact"][0] == "mailto:second@example.test")
    })
    .await;
    assert_eq!(front.asked("/sign-me-up").len(), 1);
    assert_eq!(pebble.orders(), 1);
}

#[tokio::test]
async fn an_account_that_the_ca_has_forgotten_is_put_aside_for_a_new_one() {
    let mut pebble = Pebble::start(plain()).await;
    let hook = pebble.dns().hook();
    hook.mood("slow 1");
    let text = by_dns(&pebble, &hook, "[a.test]");
    let edge = Setup::of(&text).certified_by(&pebble).start().await;
    until("the order is under way", async || !hook.calls().is_empty()).await;
    pebble.start_again().await;
    hook.mood("");
    await_certified(&edge, "a.test", &pebble).await;
    let accounts = std::fs::read_dir(edge.state().join("accounts")).unwrap();
    let accounts: Vec<_> = accounts.map(|entry| entry.unwrap().path()).collect();
    let aside = |path: &&PathBuf| path.to_string_lossy().contains(".unknown-to-the-ca-");
    let is_account = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let count = accounts.iter().filter(is_account).count();
    assert_eq!(
        (count, accounts.iter().filter(aside).count()),
        (2, 1),
        "{accounts:?}"
    );
}

#[tokio::test]
async fn whoever_is_killed_while_the_key_is_changed_has_another_account_soon() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let edge = at_front(&front, &pebble).start().await;
    await_certified(&edge, "a.test", &pebble).await;
    front.hold("/rollover-account-key", When::AfterPebble);
    let command = format!("cert rollover ca -c {}", edge.file().display());
    let rollover = tokio::spawn(async move { simplon(&command).await });
    front.await_held().await;
    std::fs::remove_file(kept(&edge, "a.test")).unwrap();
    let directory = edge.leave().await;
    assert_eq!(rollover.await.unwrap().code, Some(1));
    front.forget();

    let edge = at_front(&front, &pebble).kept_in(directory).start().await;
    await_certified(&edge, "a.test", &pebble).await;
    assert_eq!(front.asked("/sign-me-up").len(), 2);
}
