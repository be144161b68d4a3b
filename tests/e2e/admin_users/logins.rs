//! Who gets to see the page.

use super::{BOB, CONFIG, FORM, OPS, USERS, ask, basic, led_to, origin, shares, stage};
use crate::harness::{Origin, Proxy};

const OF_THE_PAGE: [&str; 8] = [
    "/",
    "/stats",
    "/stats;csv",
    "/stats?;json",
    "/stats.css",
    "/stats.js",
    "/stats/events",
    "/nowhere",
];

#[tokio::test]
async fn without_a_login_nothing_of_the_page_is_seen_and_machines_need_none() {
    let (proxy, a, _b) = stage().await;
    let unknown = basic(("root", "open sesame"));
    let wrong = basic(("ops", "Open sesame"));
    for path in OF_THE_PAGE {
        let answer = ask(&proxy, "GET", path, &[], "").await;
        assert_eq!(answer.status(), 401, "{path}");
        let challenge = answer.field("www-authenticate");
        assert_eq!(
            challenge,
            Some("Basic realm=\"Simplon\", charset=\"UTF-8\"")
        );
        assert!(!answer.text().contains("web") && !answer.text().contains(&a.to_string()));
        let guard = answer.field("x-frame-options");
        assert_eq!(guard, Some("DENY"), "{path}");
    }
    for lines in [
        &[&*unknown][..],
        &[&*wrong],
        &["authorization: Bearer x"],
        &["authorization: Basic ops"],
        &[&*basic(OPS), &*basic(OPS)],
    ] {
        let answer = ask(&proxy, "GET", "/stats", lines, "").await;
        assert_eq!(answer.status(), 401, "{lines:?}");
    }
    let lines = [FORM, &*origin(&proxy)];
    let form = format!("b=web&s={a}&action=drain");
    let answer = ask(&proxy, "POST", "/stats", &lines, &form).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(shares(&proxy).await, (3, 3));
    for path in ["/metrics", "/live", "/ready"] {
        assert_eq!(
            ask(&proxy, "GET", path, &[], "").await.status(),
            200,
            "{path}"
        );
    }
    for user in [OPS, BOB] {
        let answer = ask(&proxy, "GET", "/stats", &[&basic(user)], "").await;
        assert_eq!(answer.status(), 200);
        let words = [
            &a.to_string(),
            "name=\"action\"",
            "Reload the configuration",
        ];
        for words in words {
            assert!(answer.text().contains(words), "{words}");
        }
    }
}

#[tokio::test]
async fn whoever_is_wrong_too_often_is_not_looked_at_for_a_while() {
    let (proxy, _a, _b) = stage().await;
    for nth in 0..10 {
        let wrong = basic(("ops", &format!("guess {nth}")));
        let answer = ask(&proxy, "GET", "/stats", &[&wrong], "").await;
        assert_eq!(answer.status(), 401, "{nth}");
    }
    for password in ["guess 10", "open sesame"] {
        let answer = ask(&proxy, "GET", "/stats", &[&basic(("ops", password))], "").await;
        assert_eq!(answer.status(), 429, "{password}");
        let wait: u64 = answer.field("retry-after").unwrap().parse().unwrap();
        assert!((1..=6).contains(&wait), "{wait}");
    }
    assert!(proxy.is_ready().await, "machines are not kept out");
}

#[tokio::test]
async fn without_users_whoever_is_here_may_look_and_nobody_may_act() {
    let (a, b) = (Origin::saying("a").await, Origin::saying("b").await);
    let proxy = Proxy::in_front_of(&[&a, &b]).await;
    for lines in [&[][..], &[&*basic(OPS)]] {
        let seen = ask(&proxy, "GET", "/stats", lines, "").await;
        assert_eq!(seen.status(), 200);
        assert!(!seen.text().contains("name=\"action\""), "no controls");
        let page = origin(&proxy);
        let lines: Vec<_> = [FORM, &*page]
            .into_iter()
            .chain(lines.iter().copied())
            .collect();
        for form in [&*format!("b=web&s={a}&action=maint"), "action=reload"] {
            let answer = ask(&proxy, "POST", "/stats", &lines, form).await;
            assert_eq!(led_to(&answer), "DENY");
        }
    }
    assert_eq!(shares(&proxy).await, (3, 3));
    assert_eq!(
        proxy.metric("simplon_config_generation", &[]).await,
        Some(1)
    );
    proxy.errors().await_line("`admin` names no users").await;
}

#[tokio::test]
async fn users_are_read_again_and_a_file_that_cannot_be_used_changes_nothing() {
    let (proxy, a, b) = stage().await;
    let file = proxy.directory().join("users");
    let status = async |user| {
        ask(&proxy, "GET", "/stats", &[&basic(user)], "")
            .await
            .status()
    };
    assert_eq!(status(OPS).await, 200);
    let bob = USERS.lines().nth(1).unwrap();
    std::fs::write(&file, format!("# ops has left\n{bob}\n")).unwrap();
    proxy.reload().await;
    assert_eq!((status(OPS).await, status(BOB).await), (401, 200));

    std::fs::write(&file, format!("{bob}\nops:secret\n")).unwrap();
    proxy.reload_in_vain().await;
    proxy.errors().await_line("users:2:1: ").await;
    assert!(!proxy.errors().has("secret"));
    let checked = proxy.command("check").await;
    assert_eq!(checked.code, Some(2));
    assert!(checked.errors.contains("users:2:1: "), "{}", checked.errors);
    assert_eq!((status(OPS).await, status(BOB).await), (401, 200));

    std::fs::remove_file(&file).unwrap();
    proxy.reload_in_vain().await;
    let told = proxy.errors().await_line("cannot read the users of").await;
    assert!(told.contains("simplon.yaml:"), "{told}");
    assert_eq!(status(BOB).await, 200);

    // Without the key it is read-only, as it always was; with it again, it is theirs.
    proxy.rewrite(&CONFIG.replace(", users: users", ""));
    proxy.reload().await;
    let page = ask(&proxy, "GET", "/stats", &[], "").await;
    assert_eq!(page.status(), 200);
    assert!(!page.text().contains("name=\"action\""));
    std::fs::write(&file, USERS).unwrap();
    proxy.rewrite(CONFIG);
    proxy.reload().await;
    assert_eq!(ask(&proxy, "GET", "/stats", &[], "").await.status(), 401);
    assert_eq!(status(OPS).await, 200);
    drop((a, b));
}
