//! Fixed answers: texts and files.

use super::{ask, site, whole};

const SITE: &str = "
routes:
  - { exact: /robots.txt, respond: { file: robots.txt } }
  - { exact: /page, respond: { file: page.html, status: 410 } }
  - { exact: /raw, respond: { file: page.html, content_type: text/plain } }
  - { exact: /text, respond: { body: '<b>', content_type: text/html } }
  - { exact: /plain, respond: { body: plain } }
";
const FILES: [(&str, &str); 2] = [("robots.txt", "User-agent: *\n"), ("page.html", "<p>gone")];

#[tokio::test]
async fn a_file_is_sent_as_what_it_is() {
    let proxy = site(SITE, &FILES, &[]).await;
    let html = "text/html; charset=utf-8";
    let text = "text/plain; charset=utf-8";
    for (path, status, media, body) in [
        ("/robots.txt", 200, text, "User-agent: *\n"),
        ("/page", 410, html, "<p>gone"),
        ("/raw", 200, "text/plain", "<p>gone"),
        ("/text", 200, "text/html", "<b>"),
        ("/plain", 200, text, "plain"),
    ] {
        let names = ["content-type", "content-length"];
        let seen = ask(&proxy, "GET", path, &[], &names).await;
        let length = Some(body.len().to_string());
        assert_eq!((seen.status, &*seen.body), (status, body), "{path}");
        assert_eq!(seen.fields, [Some(media.to_owned()), length], "{path}");
        let head = ask(&proxy, "HEAD", path, &[], &names).await;
        assert_eq!(
            (head.status, head.fields, &*head.body),
            (status, seen.fields, "")
        );
    }
}

#[tokio::test]
async fn who_has_a_file_is_told_so_until_it_changes() {
    let proxy = site(SITE, &FILES, &[]).await;
    let first = ask(&proxy, "GET", "/robots.txt", &[], &["etag"]).await;
    let tag = first.fields[0].clone().unwrap();
    let known = format!("if-none-match: W/{tag}, \"other\"");
    for method in ["GET", "HEAD"] {
        let again = ask(
            &proxy,
            method,
            "/robots.txt",
            &[&known],
            &["etag", "content-length"],
        )
        .await;
        assert_eq!((again.status, &*again.body), (304, ""));
        assert_eq!(again.fields, [Some(tag.clone()), None]);
    }
    let posted = ask(&proxy, "POST", "/robots.txt", &[&known], &[]).await;
    assert_eq!(posted.status, 200);
    std::fs::write(proxy.directory().join("robots.txt"), "User-agent: us\n").unwrap();
    assert_eq!(proxy.get("/robots.txt").await.text(), "User-agent: *\n");
    proxy.reload().await;
    let changed = ask(&proxy, "GET", "/robots.txt", &[&known], &["etag"]).await;
    assert_eq!((changed.status, &*changed.body), (200, "User-agent: us\n"));
    assert_ne!(changed.fields[0], Some(tag));
}

#[tokio::test]
async fn a_reload_with_a_file_that_is_missing_or_too_long_is_refused() {
    let proxy = site(SITE, &FILES, &[]).await;
    for (file, complaint) in [
        ("missing.html", "missing.html: No such file"),
        ("long.txt", "long.txt: it is longer than 1 MiB"),
        ("state", "state: it is not a regular file"),
    ] {
        let long = "x".repeat((1 << 20) + 1);
        std::fs::write(proxy.directory().join("long.txt"), long).unwrap();
        proxy.rewrite(&whole(&SITE.replace("robots.txt }", &format!("{file} }}"))));
        proxy.reload_in_vain().await;
        proxy.errors().await_line(complaint).await;
        assert_eq!(proxy.get("/robots.txt").await.text(), "User-agent: *\n");
    }
    let checked = proxy.command("check").await;
    assert!(checked.errors.contains("cannot read"), "{}", checked.errors);
}
