//! Who is let in, whose password is looked at, and how often.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;
use crate::{
    config::{
        model::{self, Quota},
        problem::Located,
    },
    observe::{CertificateView, Certificates},
    policy::Users,
};

/// Of `U*U`.
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

fn logins() -> Arc<Logins> {
    let metrics = Metrics::new(&[], &[], std::time::SystemTime::now()).unwrap();
    Arc::new(Logins::new(metrics))
}

fn basic_auth(file: &str, failures: u32) -> BasicAuth {
    let spec = model::BasicAuth {
        users: Located::nowhere("users".into()),
        realm: "restricted".into(),
        failures: Quota {
            count: failures.try_into().unwrap(),
            within: Duration::from_secs(3600),
        },
        pass_user: model::BasicAuth::PASS_USER,
        pass_authorization: false,
    };
    BasicAuth::new(&spec, Users::parse(file.as_bytes()).unwrap().into())
}

fn client(address: [u8; 4]) -> ClientKey {
    ClientKey::from(IpAddr::from(address))
}

const CLIENT: [u8; 4] = [192, 0, 2, 1];

fn credentials(name: &str, password: &str) -> Option<Credentials> {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    Credentials::parse(format!("Basic {encoded}").as_bytes())
}

struct Nobody;

impl Certificates for Nobody {
    fn each_host(&self, _: &mut dyn FnMut(CertificateView<'_>)) {}
}

impl Logins {
    fn count(&self, result: &str) -> usize {
        let text = self.metrics.text(&[], &Nobody);
        let series = format!("simplon_password_checks_total{{result=\"{result}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn a_good_password_is_checked_once_and_then_known() {
    let (logins, basic_auth) = (logins(), basic_auth(&format!("alice:{HASH}"), 10));
    for _ in 0..5 {
        let login = logins
            .check(&basic_auth, client(CLIENT), credentials("alice", "U*U"))
            .await;
        assert!(matches!(login, Login::Good(name) if &*name == "alice"));
    }
    assert_eq!((logins.count("right"), logins.count("remembered")), (1, 4));
}

#[tokio::test]
async fn whoever_asks_for_the_same_at_the_same_time_waits_for_one_check() {
    let (logins, basic_auth) = (logins(), basic_auth(&format!("alice:{HASH}"), 2));
    let ask = || logins.check(&basic_auth, client(CLIENT), credentials("alice", "U*U"));
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    for login in [one, two, three] {
        assert!(matches!(login, Login::Good(_)), "{login:?}");
    }
    assert_eq!(logins.count("right"), 1);
}

#[tokio::test]
async fn beyond_the_limit_not_even_a_good_password_is_looked_at() {
    let (logins, basic_auth) = (logins(), basic_auth(&format!("alice:{HASH}"), 3));
    let ask = async |address, name: &str, password: &str| {
        logins
            .check(&basic_auth, client(address), credentials(name, password))
            .await
    };
    assert!(matches!(ask(CLIENT, "alice", "U*U").await, Login::Good(_)));
    for (name, password) in [("alice", "a"), ("nobody", "U*U"), ("alice", "a")] {
        assert!(
            matches!(ask(CLIENT, name, password).await, Login::Bad),
            "{name}"
        );
    }
    assert_eq!(logins.count("wrong"), 3);
    for password in ["b", "U*U"] {
        assert!(matches!(
            ask(CLIENT, "alice", password).await,
            Login::TooOften(_)
        ));
    }
    assert_eq!((logins.count("wrong"), logins.count("limited")), (3, 2));
    assert!(matches!(
        ask([192, 0, 2, 2], "alice", "U*U").await,
        Login::Good(_)
    ));
}

#[tokio::test]
async fn many_tries_at_once_are_no_way_round_the_limit() {
    let (logins, basic_auth) = (logins(), Arc::new(basic_auth(&format!("alice:{HASH}"), 5)));
    let tries = (0..50).map(|nth| {
        let (logins, basic_auth) = (Arc::clone(&logins), Arc::clone(&basic_auth));
        let password = format!("guess {nth}");
        let credentials = credentials("alice", &password);
        tokio::spawn(async move { logins.check(&basic_auth, client(CLIENT), credentials).await })
    });
    let tries: Vec<_> = tries.collect();
    for guess in tries {
        assert!(!matches!(guess.await.unwrap(), Login::Good(_)));
    }
    assert_eq!(logins.count("wrong"), 5);
}

#[tokio::test]
async fn what_is_asked_without_a_sound_field_costs_nothing_and_counts_nothing() {
    let (logins, basic_auth) = (logins(), basic_auth(&format!("alice:{HASH}"), 1));
    for _ in 0..20 {
        let login = logins.check(&basic_auth, client(CLIENT), None).await;
        assert!(matches!(login, Login::Bad));
    }
    assert_eq!(logins.count("wrong"), 0);
    let login = logins
        .check(&basic_auth, client(CLIENT), credentials("alice", "U*U"))
        .await;
    assert!(matches!(login, Login::Good(_)));
}

#[tokio::test]
async fn another_hash_in_the_file_makes_who_was_known_a_stranger() {
    let logins = logins();
    let before = basic_auth(&format!("alice:{HASH}"), 10);
    let login = logins
        .check(&before, client(CLIENT), credentials("alice", "U*U"))
        .await;
    assert!(matches!(login, Login::Good(_)));
    let other = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"; // of U*U*
    for file in [format!("alice:{other}"), format!("bob:{HASH}")] {
        let after = basic_auth(&file, 10);
        let login = logins
            .check(&after, client(CLIENT), credentials("alice", "U*U"))
            .await;
        assert!(matches!(login, Login::Bad), "{file}");
    }
    let login = logins
        .check(&before, client(CLIENT), credentials("alice", "U*U"))
        .await;
    assert!(matches!(login, Login::Good(_)));
}

#[tokio::test]
async fn a_full_queue_refuses_and_one_client_has_but_a_part_of_it() {
    let (logins, basic_auth) = (
        logins(),
        Arc::new(basic_auth(&format!("alice:{HASH}"), 1000)),
    );
    // Nobody's turn comes.
    let turns = logins.turns.available_permits();
    let held = logins
        .turns
        .acquire_many(u32::try_from(turns).unwrap())
        .await
        .unwrap();
    let ask = |address, nth: usize| {
        let (logins, basic_auth) = (Arc::clone(&logins), Arc::clone(&basic_auth));
        let credentials = credentials("alice", &format!("guess {nth}"));
        tokio::spawn(async move {
            logins
                .check(&basic_auth, client(address), credentials)
                .await
        })
    };
    let of_one: Vec<_> = (0..MOST_OF_CLIENT + 3)
        .map(|nth| ask(CLIENT, nth))
        .collect();
    let others = (MOST_OF_CLIENT..MOST + 2)
        .map(|nth| ask([10, 0, 0, u8::try_from(nth).unwrap()], 100 + nth));
    let others: Vec<_> = others.collect();
    while logins.count("crowded") < 3 + 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(logins.under_way.lock().checks.len(), MOST);
    drop(held);
    for (logins, crowded) in [(of_one, 3), (others, 2)] {
        let mut found = 0;
        for login in logins {
            found += usize::from(matches!(login.await.unwrap(), Login::Crowded));
        }
        assert_eq!(found, crowded);
    }
    assert!(logins.under_way.lock().by_client.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whose_turn_does_not_come_in_time_has_lost_no_try() {
    let (logins, basic_auth) = (logins(), basic_auth(&format!("alice:{HASH}"), 1));
    let turns = u32::try_from(logins.turns.available_permits()).unwrap();
    let held = logins.turns.acquire_many(turns).await.unwrap();
    for _ in 0..3 {
        let login = logins
            .check(&basic_auth, client(CLIENT), credentials("alice", "U*U"))
            .await;
        assert!(matches!(login, Login::Crowded), "{login:?}");
    }
    drop(held);
    let login = logins
        .check(&basic_auth, client(CLIENT), credentials("alice", "U*U"))
        .await;
    assert!(matches!(login, Login::Good(_)), "{login:?}");
}
