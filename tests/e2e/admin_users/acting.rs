//! What users do by the page.

use tokio::process::Command;

use super::{BOB, CONFIG, FORM, OPS, act, ask, basic, led_to, origin, shares, stage, with_users};
use crate::harness::{Browser, Client, Origin, Proxy, request};

#[tokio::test]
async fn what_a_form_orders_holds_at_once_and_survives_reload_and_restart() {
    let (proxy, a, b) = stage().await;
    assert_eq!(
        act(&proxy, &format!("b=web&s={a}&action=drain")).await,
        "DONE"
    );
    assert_eq!(shares(&proxy).await, (0, 6));
    let line = format!("server is drained: web/{a} (by ops from 127.0.0.1 at the page)");
    proxy.errors().await_line(&line).await;
    proxy.rewrite(&CONFIG.replace("{ upstream: web }", "{ path: /, upstream: web }"));
    proxy.reload().await;
    assert_eq!(shares(&proxy).await, (0, 6));
    let directory = proxy.leave().await;
    let proxy = Proxy::in_directory(directory, CONFIG, &[&a, &b]).await;
    assert_eq!(shares(&proxy).await, (0, 6));

    let both = format!("s={a}&s={b}&b=web");
    let steps = [
        (format!("b=web&s={a}&action=drain"), "NONE", (0, 6)),
        (format!("b=web&s={a}&action=ready"), "DONE", (3, 3)),
        (
            format!("b=web&s={b}&action=weight&weight=2"),
            "DONE",
            (2, 4),
        ),
        (
            format!("b=web&s={b}&action=weight&weight=0"),
            "DONE",
            (6, 0),
        ),
        (format!("b=web&s={b}&action=weight&weight="), "DONE", (3, 3)),
        (format!("b=web&s={b}&action=maint"), "DONE", (6, 0)),
        (format!("{both}&action=ready"), "DONE", (3, 3)),
        (format!("{both}&action=ready"), "NONE", (3, 3)),
        // The words of old.
        (format!("b=web&s={a}&action=disable"), "DONE", (0, 6)),
        (format!("b=web&s={a}&action=enable"), "DONE", (3, 3)),
        (format!("b=web&s={a}&action=stop"), "DONE", (0, 6)),
        (format!("b=web&s={a}&action=start"), "DONE", (3, 3)),
    ];
    for (form, expected, split) in steps {
        assert_eq!(act(&proxy, &form).await, expected, "{form}");
        assert_eq!(shares(&proxy).await, split, "{form}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_said_by_haproxys_codes() {
    let (proxy, a, b) = stage().await;
    let all = format!("b=web&s={a}&s={b}&action=");
    for (form, expected) in [
        ("b=web&action=drain", "NONE"),
        ("b=web&s=nobody&action=drain", "ERRP"),
        ("b=web&s=*&action=drain", "ERRP"),
        (&format!("b=nothing&s={a}&action=drain"), "ERRP"),
        (&format!("s={a}&action=drain"), "ERRP"),
        (&format!("b=web&s={a}"), "ERRP"),
        (&format!("{all}dhlth"), "ERRP"),
        (&format!("{all}shutdown"), "ERRP"),
        (&format!("{all}weight"), "ERRP"),
        (&format!("{all}weight&weight=257"), "ERRP"),
        (&format!("{all}drain&x={}", "x".repeat(16 << 10)), "EXCD"),
        (&format!("{all}drain&x={}", "x".repeat(600 << 10)), "EXCD"),
        ("", "ERRP"),
    ] {
        let shown: String = form.chars().take(60).collect();
        assert_eq!(act(&proxy, form).await, expected, "{shown}");
        assert_eq!(shares(&proxy).await, (3, 3), "{shown}");
    }
    let (user, page) = (basic(OPS), origin(&proxy));
    for kind in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/json",
    ] {
        let kind = format!("content-type: {kind}");
        let lines = [&*user, &*page, &*kind];
        let answer = ask(&proxy, "POST", "/stats", &lines, &format!("{all}drain")).await;
        assert_eq!(led_to(&answer), "IVAL");
    }
    assert_eq!(shares(&proxy).await, (3, 3));
    // As far as it can be done, it is.
    let form = format!("b=web&s={a}&s=nobody&action=drain");
    assert_eq!(act(&proxy, &form).await, "PART");
    assert_eq!(shares(&proxy).await, (0, 6));
    for (method, path) in [
        ("PUT", "/stats"),
        ("DELETE", "/stats;up"),
        ("OPTIONS", "/stats"),
        ("POST", "/stats/events"),
        ("POST", "/stats.css"),
        ("POST", "/"),
        ("POST", "/metrics"),
    ] {
        let answer = ask(&proxy, method, path, &[&user, &page], "").await;
        assert_eq!(answer.status(), 405, "{method} {path}");
        assert!(!answer.has("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn the_page_looks_as_before_and_tells_what_came_of_it() {
    let (proxy, a, _b) = stage().await;
    let referer = format!(
        "referer: http://127.0.0.1:{}/stats;norefresh;st=NONE?scope=we",
        proxy.admin_port()
    );
    let lines = [&*basic(BOB), &*referer, FORM];
    let form = format!("b=web&s={a}&action=drain");
    let answer = ask(&proxy, "POST", "/stats;norefresh", &lines, &form).await;
    assert_eq!(led_to(&answer), "DONE;norefresh?scope=we");
    let location = answer.field("location").unwrap();
    let page = ask(&proxy, "GET", location, &[&basic(BOB)], "").await;
    assert!(
        page.text().contains("<span>Done.</span>"),
        "{}",
        page.text()
    );
    proxy
        .errors()
        .await_line("(by bob from 127.0.0.1 at the page)")
        .await;
}

#[tokio::test]
async fn a_form_in_pieces_and_one_that_never_ends_are_no_more_than_a_form() {
    let (proxy, a, _b) = stage().await;
    let host = format!("host: 127.0.0.1:{}", proxy.admin_port());
    let (user, page) = (basic(OPS), origin(&proxy));
    let chunked = [&*host, &*user, &*page, FORM, "transfer-encoding: chunked"];
    let mut client = Client::connect(proxy.admin_port()).await;
    client.send(request("POST", "/stats", &chunked, b"")).await;
    for piece in ["b=web&s=", &a.to_string(), "&action=drain"] {
        client
            .send(format!("{:x}\r\n{piece}\r\n", piece.len()))
            .await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(led_to(&client.response().await), "DONE");
    assert_eq!(shares(&proxy).await, (0, 6));

    // Half a form, and nobody there any more: nothing is done.
    let whole = request(
        "POST",
        "/stats",
        &[&*host, &*user, &*page, FORM, "content-length: 90"],
        b"b=web&action=ready&s=",
    );
    let mut client = Client::connect(proxy.admin_port()).await;
    client.send(whole).await;
    client.send(a.to_string()).await;
    drop(client);
    assert_eq!(act(&proxy, "b=web&action=ready").await, "NONE");
    assert_eq!(shares(&proxy).await, (0, 6));
}

#[tokio::test]
async fn a_reload_by_the_page_says_what_came_of_it() {
    let (proxy, a, b) = stage().await;
    assert_eq!(act(&proxy, "action=reload").await, "DONE");
    assert_eq!(
        proxy.metric("simplon_config_generation", &[]).await,
        Some(2)
    );
    let line = "a reload is asked for by ops from 127.0.0.1 at the page";
    proxy.errors().await_line(line).await;

    proxy.rewrite(&CONFIG.replace("upstream: web }]", "upstream: wep }]"));
    assert_eq!(act(&proxy, "action=reload").await, "FAIL");
    assert_eq!(
        proxy.metric("simplon_config_generation", &[]).await,
        Some(2)
    );
    let page = ask(&proxy, "GET", "/stats;st=FAIL", &[&basic(OPS)], "").await;
    for words in ["did you mean", "wep", "simplon.yaml"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    assert_eq!(shares(&proxy).await, (3, 3));
    drop((a, b));
}

#[tokio::test]
async fn curl_can_act_as_haproxys_scripts_do() {
    let (proxy, a, _b) = stage().await;
    let url = format!("http://127.0.0.1:{}/stats", proxy.admin_port());
    let curl = Command::new("curl")
        .args(["-s", "-i", "-u", "ops:open sesame", "-e", &url])
        .args(["-d", "b=web", "-d", "action=drain"])
        .args(["--data-urlencode", &format!("s={a}"), &url])
        .output();
    let answer = curl.await.expect("curl has to be installed");
    let answer = String::from_utf8(answer.stdout).unwrap();
    assert!(answer.contains("303 See Other"), "{answer}");
    assert!(answer.contains("location: /stats;st=DONE"), "{answer}");
    assert_eq!(shares(&proxy).await, (0, 6));
}

#[tokio::test]
async fn the_buttons_of_the_page_work_in_a_browser() {
    let (a, b) = (Origin::saying("a").await, Origin::saying("b").await);
    let proxy = with_users(CONFIG, &[&a, &b]).await;
    let mut browser = Browser::start().await;
    let port = proxy.admin_port();
    browser
        .open(&format!(
            "http://ops:open%20sesame@127.0.0.1:{port}/stats;up"
        ))
        .await;
    // Without the password in the address, as for somebody who has typed it in.
    browser
        .open(&format!("http://127.0.0.1:{port}/stats;up"))
        .await;
    browser
        .eval(&format!(
            "document.querySelector('input[name=s][value=\"{a}\"]').click()"
        ))
        .await;
    browser
        .eval("document.querySelector('select[name=action]').value = 'maint'")
        .await;
    browser
        .eval("document.querySelector('.bar button').click()")
        .await;
    browser
        .wait_for("location.pathname === '/stats;st=DONE;up' && document.readyState === 'complete'")
        .await;
    browser
        .wait_for("document.querySelector('.banner').textContent.includes('Done.')")
        .await;
    assert_eq!(shares(&proxy).await, (0, 6));
    assert_eq!(browser.complaints(), [""; 0]);
}
