//! Clients that are known by their certificates.

use std::time::{Duration, SystemTime};

use rustls::version::{TLS12, TLS13};

use crate::harness::{
    Certificates, Hands, Identity, Origin, Proxy, Reply, make_pipe, simplon, until,
};

fn in_seconds(seconds: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(seconds)
}

fn in_an_hour() -> SystemTime {
    in_seconds(3600)
}

fn a_minute_ago() -> SystemTime {
    SystemTime::now() - Duration::from_secs(60)
}

/// A proxy that asks for certificates in this way, and those who sign them.
struct Club {
    proxy: Proxy,
    authority: Certificates,
}

fn text(tls: &str) -> String {
    format!(
        "
        listeners: {{ https: {{ bind: '127.0.0.1:$https', tls: {tls} }} }}
        certificates: [{{ hosts: [localhost], self_signed: true }}]
        routes: [{{ respond: {{ body: secure }} }}]
        "
    )
}

impl Club {
    /// `tls` is the mapping; `clients.pem` and `clients.crl`, which revokes serial 13, lie beside the file.
    async fn with(tls: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Certificates::named("the club");
        std::fs::write(directory.path().join("clients.pem"), authority.pem()).unwrap();
        let list = authority.revoke(&[13], in_an_hour());
        std::fs::write(directory.path().join("clients.crl"), list).unwrap();
        Self {
            proxy: Proxy::in_directory(directory, &text(tls), &[]).await,
            authority,
        }
    }

    fn member(&self, name: &str, serial: u64) -> Hands {
        self.hands(&self.authority.client(name, serial, in_an_hour()))
    }

    fn hands(&self, identity: &Identity) -> Hands {
        Hands::of(&self.proxy.trust(), identity)
    }

    fn nobody(&self) -> Hands {
        Hands::new(&self.proxy.trust())
    }

    async fn admits(&self, hands: &Hands) -> bool {
        let entered = hands.enter(self.proxy.https(), "localhost").await;
        entered.is_ok_and(|entered| entered.answer.text() == "secure")
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.proxy.directory().join(name), content).unwrap();
    }
}

const REQUIRED: &str = "{ client_certificates: { ca: clients.pem } }";
const REQUESTED: &str = "{ client_certificates: { ca: clients.pem, mode: request } }";
const LISTED: &str = "{ client_certificates: { ca: clients.pem, crl: [clients.crl] } }";

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_one_is_required() {
    let club = Club::with(REQUIRED).await;
    let stranger = Certificates::named("another club").client("stranger", 1, in_an_hour());
    let expired = club.authority.client("too late", 2, a_minute_ago());
    let trust = club.proxy.trust();
    for version in [&TLS12, &TLS13] {
        let hands = |identity| Hands::build(&trust, identity, &[version], None);
        assert!(!club.admits(&hands(None)).await, "{version:?}");
        assert!(!club.admits(&hands(Some(&stranger))).await, "{version:?}");
        assert!(!club.admits(&hands(Some(&expired))).await, "{version:?}");
        let member = club.authority.client("Grüezi", 3, in_an_hour());
        assert!(club.admits(&hands(Some(&member))).await, "{version:?}");
    }
    let line = club.proxy.logged(|line| line["status"] == 200).await;
    assert_eq!(line["tls"]["client"], "CN=Grüezi");
    let labels = [("listener", "https")];
    club.proxy
        .await_metric("simplon_tls_handshake_failures_total", &labels, 6)
        .await;
}

#[tokio::test]
async fn a_client_may_show_no_certificate_where_one_is_requested_but_not_a_bad_one() {
    let club = Club::with(REQUESTED).await;
    assert!(club.admits(&club.nobody()).await);
    let line = club.proxy.logged(|line| line["status"] == 200).await;
    assert!(line["tls"]["client"].is_null());
    assert!(club.admits(&club.member("someone", 1)).await);
    club.proxy
        .logged(|line| line["tls"]["client"] == "CN=someone")
        .await;
    let stranger = Certificates::named("another club").client("stranger", 1, in_an_hour());
    assert!(!club.admits(&club.hands(&stranger)).await);
    // Signed by a namesake.
    let forged = Certificates::named("the club").client("someone", 1, in_an_hour());
    assert!(!club.admits(&club.hands(&forged)).await);
}

#[tokio::test]
async fn a_name_without_end_is_cut_in_the_log() {
    let club = Club::with(REQUIRED).await;
    assert!(club.admits(&club.member(&"é".repeat(1000), 1)).await);
    let line = club.proxy.logged(|line| line["status"] == 200).await;
    let shown = line["tls"]["client"].as_str().unwrap();
    assert!((250..=256).contains(&shown.len()), "{shown}");
}

#[tokio::test]
async fn a_revoked_client_is_refused() {
    let club = Club::with(LISTED).await;
    assert!(club.admits(&club.member("good", 12)).await);
    assert!(!club.admits(&club.member("revoked", 13)).await);
}

#[tokio::test]
async fn a_client_of_whom_no_list_tells_is_refused() {
    let club = Club::with(LISTED).await;
    let other = Certificates::named("another club");
    let both = [club.authority.pem(), other.pem()].concat();
    club.write("clients.pem", &both);
    club.proxy.reload().await;
    let guest = club.hands(&other.client("guest", 12, in_an_hour()));
    assert!(!club.admits(&guest).await);
    assert!(club.admits(&club.member("good", 12)).await);
    let lists = club.authority.revoke(&[], in_an_hour()) + &other.revoke(&[], in_an_hour());
    club.write("clients.crl", &lists);
    club.proxy.reload().await;
    assert!(club.admits(&guest).await);
}

#[tokio::test]
async fn under_a_list_that_has_expired_everybody_is_refused() {
    let club = Club::with(LISTED).await;
    let member = club.member("good", 12);
    assert!(club.admits(&member).await);
    club.write("clients.crl", &club.authority.revoke(&[], a_minute_ago()));
    club.proxy.reload().await;
    assert!(!club.admits(&member).await);
    assert!(club.proxy.errors().has("has expired"));
}

#[tokio::test]
async fn whom_a_new_list_revokes_is_refused_and_goes_with_the_connections_that_stood() {
    let club = Club::with(LISTED).await;
    let member = club.member("good", 12);
    let mut before = member.enter(club.proxy.https(), "localhost").await.unwrap();
    let list = club.authority.revoke(&[12], in_an_hour());
    club.write("clients.crl", &list);
    club.proxy.reload().await;
    // With its ticket, and without.
    assert!(!club.admits(&member).await);
    assert!(!club.admits(&member.without_memory()).await);
    before.client.expect_end().await;
}

#[tokio::test]
async fn connections_end_when_something_else_is_asked_of_clients() {
    let club = Club::with("intermediate").await;
    let (member, port) = (club.member("someone", 1), club.proxy.https());
    club.write("same.pem", club.authority.pem());
    let modern = REQUIRED.replace("{ client", "{ min_version: '1.3', client");
    let same = modern.replace("clients.pem", "same.pem");
    let changes = [
        (REQUESTED, "added", true),
        (REQUIRED, "stricter", true),
        (&modern, "versions alone", false),
        (&same, "a copy of the file", false),
        (&same, "nothing", false),
        (LISTED, "a list", true),
        (REQUIRED, "no list", true),
        ("intermediate", "taken away", true),
    ];
    for (tls, change, ends) in changes {
        let mut before = member.enter(port, "localhost").await.unwrap();
        club.proxy.rewrite(&text(tls));
        club.proxy.reload().await;
        if ends {
            before.client.expect_end().await;
        } else {
            let again = before
                .client
                .ask("GET", "/", &["host: localhost"], b"")
                .await;
            assert_eq!(again.status(), 200, "{change}");
            assert_ne!(again.field("connection"), Some("close"), "{change}");
        }
    }
}

#[tokio::test]
async fn who_came_without_a_certificate_is_served_no_more_once_one_is_required() {
    let origin = Origin::answering(|_| Reply::ok("slow").after(Duration::from_secs(1))).await;
    let served = |tls| {
        text(tls).replace("respond: { body: secure }", "upstream: web")
            + "upstreams: { web: { servers: [$1] } }"
    };
    let directory = tempfile::tempdir().unwrap();
    let authority = Certificates::named("the club");
    std::fs::write(directory.path().join("clients.pem"), authority.pem()).unwrap();
    let proxy = Proxy::in_directory(directory, &served("intermediate"), &[&origin]).await;
    let mut idle = proxy.tls_client("localhost").await;
    let answer = idle.ask("GET", "/idle", &["host: localhost"], b"").await;
    assert_eq!(answer.status(), 200);
    let mut busy = proxy.tls_client("localhost").await;
    busy.send("GET /first HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    origin.await_count("/first", 1).await;
    proxy.rewrite(&served(REQUIRED));
    proxy.reload().await;
    // What was under way is done. Then it is over.
    busy.send("GET /second HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    let answer = busy.response().await;
    assert_eq!(answer.text(), "slow");
    assert_eq!(answer.field("connection"), Some("close"));
    busy.expect_end().await;
    idle.expect_end().await;
    assert_eq!(origin.count("/second"), 0);
}

#[tokio::test]
async fn a_change_of_versions_touches_no_connection_that_stands() {
    let club = Club::with("intermediate").await;
    let mut before = club
        .nobody()
        .enter(club.proxy.https(), "localhost")
        .await
        .unwrap();
    for tls in ["modern", "intermediate", "{ min_version: '1.3' }"] {
        club.proxy.rewrite(&text(tls));
        club.proxy.reload().await;
        assert!(club.admits(&club.nobody()).await, "{tls}");
        let host = ["host: localhost"];
        let again = before.client.ask("GET", "/", &host, b"").await;
        assert_eq!(again.status(), 200);
        assert_ne!(again.field("connection"), Some("close"));
    }
    let labels = [("listener", "https")];
    club.proxy
        .await_metric("simplon_connections", &labels, 1)
        .await;
    // It is still one of the listener's, and ends with it.
    let gone = "
        listeners: { http: { bind: '127.0.0.1:$http' } }
        drain_timeout: 1s
        routes: [{ respond: { body: plain } }]
        ";
    club.proxy.rewrite(gone);
    club.proxy.reload().await;
    before.client.expect_end().await;
}

#[tokio::test]
async fn a_ticket_of_one_policy_is_no_good_to_another() {
    let club = Club::with(REQUESTED).await;
    let hands = club.nobody();
    let port = club.proxy.https();
    assert!(!hands.enter(port, "localhost").await.unwrap().resumed);
    assert!(hands.enter(port, "localhost").await.unwrap().resumed);
    let lax = "{ client_certificates: { ca: [clients.pem, clients.pem.new], mode: request } }";
    club.write("clients.pem.new", Certificates::named("new").pem());
    for other in [lax, "{ min_version: '1.3' }", "intermediate"] {
        club.proxy.rewrite(&text(other));
        club.proxy.reload().await;
        let first = hands.enter(port, "localhost").await.unwrap();
        let second = hands.enter(port, "localhost").await.unwrap();
        assert_eq!((first.resumed, second.resumed), (false, true), "{other}");
    }
    // Least of all where it would spare the client its certificate.
    club.proxy.rewrite(&text(REQUIRED));
    club.proxy.reload().await;
    assert!(hands.enter(port, "localhost").await.is_err());
}

#[tokio::test]
async fn a_ticket_does_not_outlive_the_certificate_of_its_client() {
    let club = Club::with(REQUIRED).await;
    let brief = club.authority.client("brief", 1, in_seconds(3));
    let hands = club.hands(&brief);
    let port = club.proxy.https();
    assert!(!hands.enter(port, "localhost").await.unwrap().resumed);
    let again = hands.enter(port, "localhost").await.unwrap();
    assert!(again.resumed);
    club.proxy
        .logged(|line| line["tls"]["resumed"] == true && line["tls"]["client"] == "CN=brief")
        .await;
    until("the certificate has expired", async || {
        hands.enter(port, "localhost").await.is_err()
    })
    .await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_of_with_their_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let authority = Certificates::named("the club");
    std::fs::write(path("good.pem"), authority.pem()).unwrap();
    std::fs::write(path("empty.pem"), "").unwrap();
    std::fs::write(path("noise.pem"), [0xff, 0, 0x2d, 0x2d]).unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(path("broken.pem"), broken).unwrap();
    let broken = broken.replace("CERTIFICATE", "X509 CRL");
    std::fs::write(path("broken.crl"), broken).unwrap();
    make_pipe(&path("pipe"));
    for (keys, message, column) in [
        ("ca: pipe", "it is not a regular file", 61),
        ("ca: good.pem, crl: pipe", "it is not a regular file", 76),
        ("ca: missing.pem", "cannot read", 61),
        ("ca: empty.pem", "holds no certificate", 61),
        ("ca: noise.pem", "holds no certificate", 61),
        ("ca: broken.pem", "holds no usable certificate of a CA", 61),
        ("ca: good.pem, crl: missing.crl", "cannot read", 76),
        (
            "ca: good.pem, crl: good.pem",
            "holds no revocation list",
            76,
        ),
        (
            "ca: good.pem, crl: [broken.crl]",
            "holds no usable revocation list",
            77,
        ),
    ] {
        let file = path("simplon.yaml");
        let text = format!(
            "listeners:\n  a: {{ bind: 127.0.0.1:1, tls: {{ client_certificates: {{ {keys} }} }} }}\n\
             certificates: [{{ hosts: localhost, self_signed: true }}]\nroutes: [{{ respond: {{ status: 204 }} }}]\n",
        );
        std::fs::write(&file, text).unwrap();
        let ended = simplon(&format!("check -c {}", file.display())).await;
        assert_eq!(ended.code, Some(2), "{keys}: {}", ended.errors);
        assert!(ended.errors.contains(message), "{keys}: {}", ended.errors);
        let place = format!("simplon.yaml:2:{column}:");
        assert!(ended.errors.contains(&place), "{keys}: {}", ended.errors);
    }
    assert!(!path("state").exists());
}

#[tokio::test]
async fn a_reload_with_a_file_that_cannot_be_used_changes_nothing() {
    let club = Club::with(LISTED).await;
    club.write("clients.crl", "");
    club.proxy.reload_in_vain().await;
    assert!(club.admits(&club.member("good", 12)).await);
    assert!(!club.admits(&club.member("revoked", 13)).await);
}
