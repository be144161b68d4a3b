//! The life of a certificate, from nothing but a configuration on.

use std::{path::Path, time::SystemTime};

use std::time::Duration;

use super::{await_certified, chain, kept, one_through_front, plain, shown};
use crate::harness::{
    AcmeFront, Certificates, Load, Pebble, Setup, Terms, When, shake_hands, until,
};

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
    let setup = || {
        Setup::of(&one_through_front())
            .through(&front)
            .certified_by(&pebble)
    };

    let edge = setup().start().await;
    await_certified(&edge, "a.test", &pebble).await;
    let trust = pebble.issued_by().await;

    // Pebble says that it is time.
    let first = shown(&edge, "a.test").await;
    let load = Load::over_tls(&edge, "a.test", &trust, 4);
    load.await_more(20).await;
    if pebble.has_ari().await {
        let issued = chain(&edge, "a.test");
        let hour = Duration::from_secs(3600);
        let now = SystemTime::now();
        pebble
            .set_renewal_info(&issued, now - 2 * hour, now - hour)
            .await;
    }
    until("the certificate is renewed", async || {
        shown(&edge, "a.test").await != first
    })
    .await;
    load.await_more(200).await;
    println!("requests under renewal: {}", load.answered());
    assert_eq!(load.failures().await, Vec::<String>::new());
    let renewals = edge
        .metric("simplon_certificate_renewals_total", &[("host", "a.test")])
        .await;
    assert!(renewals >= Some(1), "{renewals:?}");

    // Another process, and nobody there to ask.
    let directory = edge.leave().await;
    pebble.stop().await;
    let setup = || {
        Setup::of(&one_through_front())
            .through(&front)
            .certified_by(&pebble)
    };
    let edge = setup().kept_in(directory).start().await;
    shake_hands(edge.https(), "a.test", &[], &trust)
        .await
        .unwrap();
    let host = [("host", "a.test")];
    let temporary = edge.metric("simplon_certificate_temporary", &host).await;
    assert_eq!(temporary, Some(0));

    // A third one that has lost its certificate orders another; meanwhile a newer one comes from elsewhere.
    std::fs::remove_file(kept(&edge, "a.test")).unwrap();
    let directory = edge.leave().await;
    pebble.start_again().await;
    front.hold("/certZ/", When::AfterPebble);
    let setup = || {
        Setup::of(&one_through_front())
            .through(&front)
            .certified_by(&pebble)
    };
    let edge = setup().kept_in(directory).start().await;
    front.await_held().await;
    // The next second: times in certificates know no parts of one.
    let issued = SystemTime::now();
    let next = issued + Duration::from_secs(1);
    until("the next second", async || SystemTime::now() > next).await;
    let (newer, certificates) = plant(edge.directory(), &front.directory());
    std::fs::write(kept(&edge, "a.test"), &newer).unwrap();
    front.release();
    edge.errors()
        .await_line("a newer certificate is there already")
        .await;
    assert_eq!(std::fs::read(kept(&edge, "a.test")).unwrap(), newer);
    let trust = certificates.trust(edge.directory());
    shake_hands(edge.https(), "a.test", &[], &trust)
        .await
        .unwrap();
}

/// A certificate of somebody else, newer than any of this day, as the state directory keeps it.
fn plant(directory: &Path, ca: &str) -> (Vec<u8>, Certificates) {
    let certificates = Certificates::new();
    certificates.write_begun(0, directory, "newer", &["a.test"]);
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    let (key, chain) = (read("newer.key"), read("newer.pem"));
    (
        format!("a.test\ndirectory: {ca}\n{key}\n{chain}").into_bytes(),
        certificates,
    )
}
