//! Forms that the page has not sent, in the name of somebody who has logged in.

use super::{FORM, OPS, act, ask, basic, led_to, origin, shares, stage};

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let (proxy, a, _b) = stage().await;
    let (port, user, page) = (proxy.admin_port(), basic(OPS), origin(&proxy));
    let form = format!("b=web&s={a}&action=maint");
    let own = format!("referer: http://127.0.0.1:{port}/stats");
    let neighbour = format!("origin: http://127.0.0.1:{}", proxy.http());
    let encrypted = format!("origin: https://127.0.0.1:{port}");
    let named = format!("origin: http://localhost:{port}");
    let behind = format!("origin: http://127.0.0.1:{port}.evil.example");
    let below = format!("referer: http://evil.example/http://127.0.0.1:{port}/stats");
    let passed_on = ["x-forwarded-host: ops.example", "x-forwarded-proto: https"];
    let table: [&[&str]; 14] = [
        &[],
        &["origin: null"],
        &["origin: null", &own],
        &["origin: http://evil.example"],
        &["origin: http://evil.example", &own],
        &["referer: http://evil.example/"],
        &[&below],
        &[&neighbour],
        &[&encrypted],
        &[&named],
        &[&behind],
        &[&page, "sec-fetch-site: cross-site"],
        &[&page, "sec-fetch-site: same-site"],
        &[&page, passed_on[0], passed_on[1]],
    ];
    for lines in table {
        for form in [&*form, "action=reload"] {
            let lines: Vec<_> = [&*user, FORM].iter().chain(lines).copied().collect();
            let answer = ask(&proxy, "POST", "/stats;up", &lines, form).await;
            assert_eq!(led_to(&answer), "DENY", "{lines:?}");
        }
        assert_eq!(shares(&proxy).await, (3, 3), "{lines:?}");
    }
    assert_eq!(
        proxy.metric("simplon_config_generation", &[]).await,
        Some(1)
    );
    let line = format!(
        "an action at the page is denied: it is from http://evil.example, not from http://127.0.0.1:{port} (by ops from 127.0.0.1 at the page)"
    );
    proxy.errors().await_line(&line).await;

    for lines in [
        &[&*page][..],
        &[&*own],
        &[&*page, "sec-fetch-site: same-origin"],
    ] {
        let lines: Vec<_> = [&*user, FORM].iter().chain(lines).copied().collect();
        let nothing = format!("b=web&s={a}&action=ready");
        let answer = ask(&proxy, "POST", "/stats", &lines, &nothing).await;
        assert_eq!(led_to(&answer), "NONE", "{lines:?}");
    }
}

/// A site somewhere whose name leads to this machine has its own name in `Host` and in `Origin`.
#[tokio::test]
async fn a_site_whose_name_leads_here_neither_sees_nor_does_anything() {
    let (proxy, a, _b) = stage().await;
    let (port, user) = (proxy.admin_port(), basic(OPS));
    let mut client = crate::harness::Client::connect(port).await;
    let lines = [
        &*format!("host: evil.example:{port}"),
        &*user,
        &*format!("origin: http://evil.example:{port}"),
        FORM,
    ];
    let form = format!("b=web&s={a}&action=maint");
    for (method, body) in [("GET", ""), ("POST", &*form)] {
        let answer = client.ask(method, "/stats", &lines, body.as_bytes()).await;
        assert_eq!(answer.status(), 421, "{method}");
        assert!(
            !answer.has("www-authenticate"),
            "nor is a password asked for"
        );
    }
    assert_eq!(shares(&proxy).await, (3, 3));
    assert_eq!(act(&proxy, &form).await, "DONE");
}
