//! The authority of the tests does what tests rely on: it validates, counts, forgets and suggests.

mod acme;

use std::time::{Duration, SystemTime};

use instant_acme::{
    CertificateIdentifier,
    ChallengeType::{Dns01, Http01},
    RetryPolicy,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use self::acme::{account, account_at_front, challenge, finish, order, set_ready, validate};
use crate::harness::{AcmeFront, Clock, Pebble, Setup, Terms, shake_hands, until};

#[tokio::test]
async fn an_order_is_validated_over_http_at_the_ports_of_the_edge() {
    let pebble = Pebble::start(plain()).await;
    let account = account(&pebble).await;
    let mut order = order(&account, "a.test", "default").await.unwrap();
    let (token, answer) = challenge(&mut order, Http01).await;
    let text = format!(
        "routes: [{{ path: /.well-known/acme-challenge/{token}, respond: {{ body: {answer} }} }}]"
    );
    let edge = Setup::of(&text).certified_by(&pebble).start().await;
    validate(&mut order, Http01).await;
    let issued = finish(&mut order, "a.test").await;

    // A second edge at the same ports serves what was issued.
    let directory = edge.leave().await;
    std::fs::write(directory.path().join("a.pem"), &issued.chain).unwrap();
    std::fs::write(directory.path().join("a.key"), &issued.key).unwrap();
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: modern } }
        certificates: [{ hosts: [a.test], chain: a.pem, key: a.key }]
        routes: [{ respond: { body: secure } }]
        ";
    let edge = Setup::of(text)
        .certified_by(&pebble)
        .kept_in(directory)
        .start()
        .await;
    let issued_by = pebble.issued_by().await;
    shake_hands(edge.https(), "a.test", &[], &issued_by)
        .await
        .unwrap();
    assert_eq!((pebble.orders(), pebble.certificates()), (1, 1));
    assert_eq!((pebble.validations(), pebble.requests("a.test")), (1, 3));
    assert_eq!(pebble.dns().asked("_acme-challenge.a.test").await, 0);
}

#[tokio::test]
async fn an_order_is_validated_by_dns_through_the_hook() {
    let pebble = Pebble::start(plain()).await;
    let hook = pebble.dns().hook();
    let account = account(&pebble).await;
    for (host, name) in [
        ("*.wild.test", "_acme-challenge.wild.test"),
        ("b.test", "_acme-challenge.b.test."),
    ] {
        let mut order = order(&account, host, "default").await.unwrap();
        let (_, value) = challenge(&mut order, Dns01).await;
        assert_eq!(hook.run("present", name, &value).await, Some(0));
        validate(&mut order, Dns01).await;
        finish(&mut order, host).await;
        assert_eq!(hook.run("cleanup", name, &value).await, Some(0));
    }
    assert_eq!((pebble.validations(), pebble.requests("b.test")), (2, 0));
    assert_ne!(pebble.dns().asked("_acme-challenge.b.test").await, 0);

    hook.mood("fail");
    assert_eq!(hook.run("present", "c.test", "x").await, Some(3));
    let calls = hook.calls();
    assert_eq!(calls.len(), 5);
    assert!(calls[1].starts_with("cleanup _acme-challenge.wild.test "));
    assert_eq!(calls[4], "present c.test x");
}

#[tokio::test]
async fn a_text_that_cannot_be_asked_for_validates_nothing() {
    let pebble = Pebble::start(plain()).await;
    let name = "_acme-challenge.d.test";
    let account = account(&pebble).await;
    let mut order = order(&account, "d.test", "default").await.unwrap();
    let (_, value) = challenge(&mut order, Dns01).await;
    pebble.dns().set_txt(name, &value).await;
    pebble.dns().set_servfail(name).await;
    set_ready(&mut order, Dns01).await;
    let error = order.poll_ready(&RetryPolicy::default()).await.unwrap_err();
    assert!(error.to_string().contains("TXT records"), "{error}");

    pebble.dns().clear_servfail(name).await;
    let mut order = self::order(&account, "d.test", "default").await.unwrap();
    let (_, value) = challenge(&mut order, Dns01).await;
    pebble.dns().clear_txt(name).await;
    pebble.dns().set_txt(name, &value).await;
    validate(&mut order, Dns01).await;
}

#[tokio::test]
async fn the_terms_are_kept() {
    let pebble = Pebble::start(Terms {
        profiles: vec![
            ("default", Duration::from_secs(86_400)),
            ("brief", Duration::from_secs(5)),
        ],
        blocked: vec!["blocked.test"],
        external_account: true,
        ..plain()
    })
    .await;
    let front = AcmeFront::of(&pebble).await;
    let account = account_at_front(&front).await;
    let refused = order(&account, "www.blocked.test", "default").await;
    assert!(refused.is_err());
    let profiles: Vec<_> = account.profiles().map(|profile| profile.name).collect();
    assert_eq!(profiles.len(), 2, "{profiles:?}");
    let error = order(&account, "a.test", "lasting").await.err().unwrap();
    assert!(error.to_string().contains("invalidProfile"), "{error}");
    // Refused orders are none.
    order(&account, "a.test", "brief").await.unwrap();
    assert_eq!(pebble.orders(), 1);
}

#[tokio::test]
async fn a_certificate_is_to_be_renewed_when_the_test_says_so() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let account = account_at_front(&front).await;
    let mut order = order(&account, "a.test", "default").await.unwrap();
    let (_, value) = challenge(&mut order, Dns01).await;
    pebble.dns().set_txt("_acme-challenge.a.test", &value).await;
    validate(&mut order, Dns01).await;
    let issued = finish(&mut order, "a.test").await;
    let leaf = CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap();
    let start = SystemTime::now() - Duration::from_secs(7200);
    let end = start + Duration::from_secs(60);
    front.set_renewal_info(&issued.chain, start, end).await;
    let id = CertificateIdentifier::try_from(&leaf).unwrap();
    let (info, _) = account.renewal_info(&id).await.unwrap();
    let suggested = SystemTime::from(info.suggested_window.end);
    assert!(end.duration_since(suggested).unwrap() < Duration::from_secs(1));
}

#[tokio::test]
async fn after_a_restart_it_knows_nobody() {
    let mut pebble = Pebble::start(plain()).await;
    let account = account(&pebble).await;
    pebble.stop().await;
    assert!(order(&account, "a.test", "default").await.is_err());
    pebble.start_again().await;
    let error = order(&account, "a.test", "default").await.err().unwrap();
    assert!(error.to_string().contains("accountDoesNotExist"), "{error}");
}

#[tokio::test]
async fn an_edge_can_live_by_another_clock() {
    let clock = Clock::off_by("+400d");
    let text = "routes: [{ respond: { body: hello } }]";
    let edge = Setup::of(text).by(&clock).start().await;
    let ahead = async || {
        let answer = edge.get("/").await;
        let date = httpdate::parse_http_date(answer.field("date").unwrap()).unwrap();
        let ahead = date.duration_since(SystemTime::now()).unwrap_or_default();
        ahead.as_secs() / (24 * 3600)
    };
    assert!((399..=400).contains(&ahead().await));
    clock.set("+10d");
    until("the clock is set back", async || ahead().await <= 10).await;
}

/// The client here does not try again what an authority with a whim has refused.
fn plain() -> Terms {
    Terms {
        nonces_rejected: 0,
        ..Terms::default()
    }
}
