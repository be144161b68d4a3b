//! What the CA wishes: when to renew (RFC 9773), and of which profile a certificate is.

use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{at_front, await_certified, chain, one_through_front, plain, shown};
use crate::harness::{AcmeFront, Pebble, Setup, Terms, until};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn a_window_that_has_come_renews_at_once_and_the_order_says_what_it_replaces() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let setup = || at_front(&front, &pebble);
    let edge = setup().start().await;
    await_certified(&edge, "a.test", &pebble).await;
    let before = shown(&edge, "a.test").await;
    let issued = chain(&edge, "a.test");
    let directory = edge.leave().await;

    let now = SystemTime::now();
    front
        .set_renewal_info(&issued, now - 2 * DAY, now - DAY)
        .await;
    let edge = setup().kept_in(directory).start().await;
    until("another certificate is shown", async || {
        shown(&edge, "a.test").await != before
    })
    .await;
    await_certified(&edge, "a.test", &pebble).await;
    let orders = front.asked("/order-plz");
    assert!(orders[0]["replaces"].is_null());
    // The key of who has signed it, a dot, the serial number.
    let replaces = orders[1]["replaces"].as_str().unwrap();
    assert!(replaces.contains('.'), "{replaces}");
    assert_eq!(pebble.orders(), 2);
}

#[tokio::test]
async fn nothing_is_renewed_before_the_window_of_the_ca() {
    const LIFE: Duration = Duration::from_secs(12);
    let pebble = Pebble::start(Terms {
        profiles: vec![("default", LIFE)],
        ..plain()
    })
    .await;
    let front = AcmeFront::of(&pebble).await;
    // Pebble suggests any moment within a day, so the first edge is kept from following that.
    let limited = |duplicates: &str| {
        let limits = format!("challenge: http-01, limits: {{ duplicates: {duplicates} }}");
        one_through_front().replace("challenge: http-01", &limits)
    };
    let setup = |text: &str| Setup::of(text).through(&front).certified_by(&pebble);
    let edge = setup(&limited("1/1h")).start().await;
    await_certified(&edge, "a.test", &pebble).await;
    // Not the time of day, which may be a good part of this life later.
    let begin = valid_from(&shown(&edge, "a.test").await);
    let issued = chain(&edge, "a.test");
    let start = begin + LIFE * 3 / 4;
    let end = start + Duration::from_millis(500);
    front.set_renewal_info(&issued, start, end).await;
    let directory = edge.leave().await;

    let edge = setup(&limited("9/1h")).kept_in(directory).start().await;
    until("two thirds of the life are over", async || {
        SystemTime::now() > begin + LIFE * 2 / 3
    })
    .await;
    assert_eq!(front.asked("/order-plz").len(), 1);
    until("it is renewed", async || {
        front.asked("/order-plz").len() > 1
    })
    .await;
    assert!(SystemTime::now() >= start);
    edge.await_metric("simplon_certificate_temporary", &[("host", "a.test")], 0)
        .await;
}

#[tokio::test]
async fn the_profile_that_is_asked_for_is_in_the_order_and_in_what_comes() {
    let pebble = Pebble::start(with_profiles()).await;
    let front = AcmeFront::of(&pebble).await;
    let text = one_through_front().replace("http-01", "http-01, profile: brief");
    let edge = Setup::of(&text)
        .through(&front)
        .certified_by(&pebble)
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
    assert_eq!(front.asked("/order-plz")[0]["profile"], "brief");
    let host = [("host", "a.test")];
    let ends = edge
        .metric("simplon_certificate_not_after_seconds", &host)
        .await;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let days = if front.profiles_have_lives() { 6 } else { 91 };
    assert!(ends.unwrap() < (now + days * DAY).as_secs(), "{ends:?}");
}

#[tokio::test]
async fn of_a_profile_that_is_unknown_the_log_tells_which_there_are() {
    let pebble = Pebble::start(with_profiles()).await;
    let front = AcmeFront::of(&pebble).await;
    let text = one_through_front().replace("http-01", "http-01, profile: lasting");
    let edge = Setup::of(&text)
        .through(&front)
        .certified_by(&pebble)
        .start()
        .await;
    let line = edge
        .errors()
        .await_line("the CA has no profile lasting, but ")
        .await;
    assert!(line.contains("brief") && line.contains("default"), "{line}");
    assert_eq!(pebble.orders(), 0);
}

fn valid_from(certificate: &CertificateDer<'_>) -> SystemTime {
    let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
    parsed.validity().not_before.to_datetime().into()
}

fn with_profiles() -> Terms {
    Terms {
        profiles: vec![("default", 90 * DAY), ("brief", 5 * DAY)],
        ..plain()
    }
}
