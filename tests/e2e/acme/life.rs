//! The life of a certificate, from nothing but a configuration on.

use std::time::{Duration, SystemTime};

use super::{at_front, await_certified, chain, kept, plain, planted, shown};
use crate::harness::{AcmeFront, Load, Pebble, Proxy, Terms, Trust, When, shake_hands, until};

/// Of certificates here. Advice is asked for after an eighth of it.
const LIFE: Duration = Duration::from_secs(24);

#[tokio::test]
async fn a_certificate_is_obtained_renewed_under_load_kept_over_restarts_and_never_replaced_by_an_older_one()
 {
    let mut pebble = Pebble::start(Terms {
        profiles: vec![("default", LIFE)],
        ..plain()
    })
    .await;
    let front = AcmeFront::of(&pebble).await;
    let edge = at_front(&front, &pebble).start().await;
    await_certified(&edge, "a.test", &pebble).await;
    renew_under_load(&edge, &front, &pebble).await;

    // Another process, and nobody there to ask.
    let trust = pebble.issued_by().await;
    let directory = edge.leave().await;
    pebble.stop().await;
    let edge = at_front(&front, &pebble).kept_in(directory).start().await;
    assert_served(&edge, &trust).await;
    let host = [("host", "a.test")];
    let temporary = edge.metric("simplon_certificate_temporary", &host).await;
    assert_eq!(temporary, Some(0));

    // A third one has lost its certificate. While it waits for another, a newer one comes from elsewhere.
    std::fs::remove_file(kept(&edge, "a.test")).unwrap();
    let directory = edge.leave().await;
    pebble.start_again().await;
    front.hold("/certZ/", When::AfterPebble);
    let edge = at_front(&front, &pebble).kept_in(directory).start().await;
    refuse_the_older(&edge, &front).await;
}

async fn renew_under_load(edge: &Proxy, front: &AcmeFront, pebble: &Pebble) {
    let load = Load::over_tls(edge, "a.test", &pebble.issued_by().await, 4);
    load.await_more(20).await;
    let first = shown(edge, "a.test").await;
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
    let issued = chain(edge, "a.test");
    let (begin, end) = (now - 2 * hour, now - hour);
    front.set_renewal_info(&issued, begin, end).await;
    until("the certificate is renewed", async || {
        shown(edge, "a.test").await != first
    })
    .await;
    load.await_more(200).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
    let host = [("host", "a.test")];
    let renewals = edge.metric("simplon_certificate_renewals_total", &host);
    assert!(renewals.await >= Some(1));
}

async fn refuse_the_older(edge: &Proxy, front: &AcmeFront) {
    front.await_held().await;
    // Times in certificates know no parts of a second.
    let next = SystemTime::now() + Duration::from_secs(1);
    until("the next second", async || SystemTime::now() > next).await;
    let newer = planted(edge, &front.directory(), Duration::ZERO);
    front.release();
    let words = "a newer certificate is there already";
    edge.errors().await_line(words).await;
    assert_eq!(chain(edge, "a.test"), newer.chain);
    assert_served(edge, &newer.trust).await;
}

async fn assert_served(edge: &Proxy, trust: &Trust) {
    let served = shake_hands(edge.https(), "a.test", &[], trust).await;
    served.unwrap();
}
