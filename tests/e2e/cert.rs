//! Certificates as operators meet them: `simplon cert`, and the stats page.

use serde_json::Value;

use crate::harness::{Certificates, Pebble, Proxy, Setup, Terms, command::Ended, simplon, until};

const TEXT: &str = "
    listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate } }
    certificates:
      - { hosts: [one.test, www.one.test], chain: one.pem, key: one.key }
      - { hosts: [localhost, '*.lan.test'], self_signed: true, default: true }
      - { hosts: [soon.test], acme: office }
    acme: { office: { directory: 'https://127.0.0.1:9/directory', challenge: tls-alpn-01 } }
    routes: [{ respond: { body: secure } }]
    ";

async fn running() -> Proxy {
    let directory = tempfile::tempdir().unwrap();
    Certificates::new().write(directory.path(), "one", &["one.test", "www.one.test"]);
    Proxy::in_directory(directory, TEXT, &[]).await
}

/// `simplon cert …` for this proxy.
async fn cert(proxy: &Proxy, arguments: &str) -> Ended {
    simplon(&format!("cert {arguments} -c {}", proxy.file().display())).await
}

/// The line of a table that begins with these words.
fn line<'a>(ended: &'a Ended, begins: &str) -> &'a str {
    let mut lines = ended.output.lines();
    lines
        .find(|line| line.starts_with(begins))
        .unwrap_or_else(|| panic!("{begins} in {ended:?}"))
}

#[tokio::test]
async fn the_list_says_where_each_certificate_comes_from_and_how_long_it_lasts() {
    let proxy = running().await;
    let ended = cert(&proxy, "list").await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(ended.output.starts_with("HOSTS "), "{}", ended.output);
    let from_files = line(&ended, "one.test, www.one.test ");
    assert!(
        from_files.contains(" files ") && from_files.ends_with("  -"),
        "{from_files}"
    );
    let self_signed = line(&ended, "localhost, *.lan.test (default) ");
    for words in [" self-signed ", " Simplon development CA ", " ECDSA P-256 "] {
        assert!(self_signed.contains(words), "{words}: {self_signed}");
    }
    let by_acme = line(&ended, "soon.test ");
    assert!(
        by_acme.contains(" acme office ") && by_acme.contains(" nobody yet "),
        "{by_acme}"
    );
    line(&ended, "  clients get a temporary certificate");
    // There is no terminal, so nothing is cut, and nothing is coloured.
    assert!(!ended.output.contains(['…', '\u{1b}']), "{}", ended.output);
}

#[tokio::test]
async fn the_list_is_there_for_programs_too() {
    let proxy = running().await;
    let ended = cert(&proxy, "list --json").await;
    let all: Value = serde_json::from_str(&ended.output).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 3);
    let [files, own, acme] = [&all[0], &all[1], &all[2]];
    assert_eq!(
        files["hosts"],
        serde_json::json!(["one.test", "www.one.test"])
    );
    assert_eq!(files["from"]["kind"], "files");
    assert!(
        files["from"]["chain"]
            .as_str()
            .unwrap()
            .ends_with("/one.pem")
    );
    assert_eq!(
        (&files["next"]["step"], &files["default"]),
        (&"nothing".into(), &false.into())
    );
    assert_eq!(
        (&own["from"]["kind"], &own["default"]),
        (&"self_signed".into(), &true.into())
    );
    let not_after = own["shown"]["not_after"].as_u64().unwrap();
    let not_before = own["shown"]["not_before"].as_u64().unwrap();
    assert_eq!((not_after - not_before) / 86_400, 91);
    let labels = [("host", "localhost")];
    let metric = proxy
        .metric("simplon_certificate_not_after_seconds", &labels)
        .await;
    assert_eq!(metric, Some(not_after));
    assert_eq!(acme["from"]["issuer"], "office");
    assert_eq!(
        (&acme["shown"], &acme["temporary"]),
        (&Value::Null, &serde_json::json!(["soon.test"]))
    );
}

#[tokio::test]
async fn everything_known_of_one_certificate_is_shown() {
    let proxy = running().await;
    let ended = cert(&proxy, "show WWW.one.test").await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    for words in [
        "one.test, www.one.test\n",
        "/one.pem and ",
        "\n  names        one.test, www.one.test\n",
        "\n  serial       ",
        "\n  key          ECDSA P-256\n",
        "\n  valid until  4096-01-01 00:00 UTC, in ",
        "\n  next         -",
    ] {
        assert!(ended.output.contains(words), "{words}: {}", ended.output);
    }
    let by_wildcard = cert(&proxy, "show printer.lan.test").await;
    assert!(
        by_wildcard.output.starts_with("localhost, *.lan.test\n"),
        "{by_wildcard:?}"
    );
    let by_acme = cert(&proxy, "show soon.test").await;
    let kept = proxy.state().join("certificates/soon.test.pem");
    for words in [
        "office, by ACME",
        kept.to_str().unwrap(),
        "clients get a temporary certificate",
    ] {
        assert!(
            by_acme.output.contains(words),
            "{words}: {}",
            by_acme.output
        );
    }
}

#[tokio::test]
async fn a_host_without_a_certificate_gets_the_default_or_is_refused() {
    let proxy = running().await;
    let by_default = cert(&proxy, "show unknown.test").await;
    assert_eq!(by_default.code, Some(0));
    assert!(
        by_default.errors.contains("clients get the default"),
        "{by_default:?}"
    );
    assert!(
        by_default.output.starts_with("localhost, "),
        "{by_default:?}"
    );
    proxy.rewrite(&TEXT.replace(", default: true", ""));
    proxy.reload().await;
    let refused = cert(&proxy, "show unknown.test --json").await;
    assert_eq!((refused.code, refused.output.as_str()), (Some(1), ""));
    assert!(
        refused
            .errors
            .contains("no certificate is for unknown.test"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_no_ca_renews_is_not_renewed_and_it_is_said_who_does() {
    let proxy = running().await;
    for (host, words) in [
        ("www.one.test", "/one.pem renews it"),
        ("x.lan.test", "is self-signed"),
        ("unknown.test", "no certificate is for unknown.test"),
    ] {
        let ended = cert(&proxy, &format!("renew {host}")).await;
        assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""), "{host}");
        assert!(ended.errors.contains(words), "{words}: {}", ended.errors);
        assert!(ended.errors.contains("hint:"), "{}", ended.errors);
        // Nobody watches, so nothing tells of the waiting.
        assert!(!ended.errors.contains('\r'), "{}", ended.errors);
    }
}

#[tokio::test]
async fn without_a_running_process_each_command_says_so() {
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("control.sock");
    for command in ["list", "list --json", "show a.test", "renew a.test"] {
        let ended = simplon(&format!("cert {command} --control {}", socket.display())).await;
        assert_eq!(
            (ended.code, ended.output.as_str()),
            (Some(1), ""),
            "{command}"
        );
        assert!(ended.errors.contains("no simplon runs"), "{}", ended.errors);
    }
}

#[tokio::test]
async fn a_proxy_without_certificates_says_where_they_would_stand() {
    let proxy = Proxy::with("routes: [{ respond: { body: hi } }]", &[]).await;
    let ended = cert(&proxy, "list").await;
    assert_eq!(ended.code, Some(0));
    assert!(
        ended.output.contains("there are no certificates"),
        "{}",
        ended.output
    );
    let page = proxy.admin("/stats").await.unwrap();
    let words = "None: no listener speaks TLS.";
    assert!(page.text().contains(words), "{}", page.text());
}

#[tokio::test]
async fn the_page_shows_each_certificate_and_what_is_wrong_with_it() {
    let proxy = running().await;
    let page = proxy.admin("/stats").await.unwrap();
    let page = page.text();
    for words in [
        ">Certificates</h3>",
        "one.test, www.one.test<small>files · ",
        " · Simplon development CA · ECDSA P-256</small></th><td class=\"good\">",
        "localhost, *.lan.test<span class=\"badge\">default</span><small>self-signed · ",
        "soon.test<small>acme office · nobody yet · -</small></th><td class=\"bad\">",
        "class=\"note bad\">clients get a temporary certificate",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

const BY_ACME: &str = "
    listeners: { http: { bind: 127.0.0.1:$http }, https: { bind: 127.0.0.1:$https, tls: intermediate } }
    certificates: [{ hosts: [a.test, www.a.test], acme: pebble }]
    acme: { pebble: { directory: '$acme', root: '$root' } }
    routes: [{ respond: { body: secure } }]
    ";

/// What the first certificate of the list says.
async fn first(proxy: &Proxy) -> Value {
    let ended = cert(proxy, "list --json").await;
    let all: Value = serde_json::from_str(&ended.output).unwrap();
    all[0].clone()
}

#[tokio::test]
async fn a_certificate_by_acme_is_renewed_by_command_and_its_life_is_told() {
    let pebble = Pebble::start(Terms::default()).await;
    let proxy = Setup::of(BY_ACME).certified_by(&pebble).start().await;
    until("the first certificate is there", async || {
        first(&proxy).await["shown"].is_object()
    })
    .await;
    let before = first(&proxy).await;
    assert_eq!(
        (&before["temporary"], &before["next"]["step"]),
        (&serde_json::json!([]), &"renew".into())
    );
    let renewed = cert(&proxy, "renew WWW.a.test").await;
    assert_eq!(renewed.code, Some(0), "{}", renewed.errors);
    assert!(!renewed.output.trim().is_empty());
    let after = first(&proxy).await;
    assert_ne!(after["shown"]["serial"], before["shown"]["serial"]);
    let shown = cert(&proxy, "show a.test").await;
    for words in [
        "\n  kept in      ",
        "\n  issued by    CN=Pebble Intermediate CA",
        "\n  next         renews in ",
    ] {
        assert!(shown.output.contains(words), "{words}: {}", shown.output);
    }
    let kept = after["from"]["file"].as_str().unwrap();
    assert!(std::path::Path::new(kept).is_file(), "{kept}");
}

#[tokio::test]
async fn a_refused_renewal_is_status_1_with_the_words_of_the_ca_here_and_on_the_page() {
    let terms = Terms {
        blocked: vec!["a.test"],
        ..Terms::default()
    };
    let pebble = Pebble::start(terms).await;
    let proxy = Setup::of(BY_ACME).certified_by(&pebble).start().await;
    until("the first order has failed", async || {
        first(&proxy).await["problem"].is_string()
    })
    .await;
    let refused = cert(&proxy, "renew a.test").await;
    assert_eq!((refused.code, refused.output.as_str()), (Some(1), ""));
    assert!(
        refused.errors.ends_with("not renewed\n"),
        "{}",
        refused.errors
    );
    let status = first(&proxy).await;
    let problem = status["problem"].as_str().unwrap();
    let list = cert(&proxy, "list").await;
    assert!(list.output.contains(problem), "{problem}: {}", list.output);
    assert!(
        line(&list, "a.test, www.a.test ").contains(" retries "),
        "{}",
        list.output
    );
    let page = proxy.admin("/stats").await.unwrap();
    let words = problem.split(['\'', '"', '<', '&']).next().unwrap();
    assert!(
        !words.is_empty() && page.text().contains(words),
        "{words}: {}",
        page.text()
    );
}

#[tokio::test]
async fn an_account_has_another_key_by_command_and_goes_on() {
    let pebble = Pebble::start(Terms::default()).await;
    let proxy = Setup::of(BY_ACME).certified_by(&pebble).start().await;
    until("the first certificate is there", async || {
        first(&proxy).await["shown"].is_object()
    })
    .await;
    let accounts = proxy.directory().join("state/accounts");
    let key = || {
        let mut files = std::fs::read_dir(&accounts).unwrap().flatten();
        let file = files.find(|file| file.path().extension().is_some_and(|end| end == "json"));
        std::fs::read_to_string(file.unwrap().path()).unwrap()
    };
    let before = key();
    let changed = cert(&proxy, "rollover pebble").await;
    assert_eq!(changed.code, Some(0), "{}", changed.errors);
    assert_ne!(key(), before);
    assert!(pebble.logged("POST /rollover-account-key") >= 1);
    let renewed = cert(&proxy, "renew a.test").await;
    assert_eq!(renewed.code, Some(0), "{}", renewed.errors);
    assert_eq!(pebble.logged("There are now 1 accounts in memory"), 1);
    let unknown = cert(&proxy, "rollover nowhere").await;
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.errors.contains("nowhere"), "{}", unknown.errors);
}
