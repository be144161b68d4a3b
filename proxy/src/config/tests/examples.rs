//! Every example under `conf/` is good.

use std::path::Path;

use crate::config;

#[test]
fn every_example_loads_without_a_warning() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf");
    let mut examples = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let loaded = config::load_with(&path, &|_| None).unwrap_or_else(|e| panic!("\n{e}"));
            assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
            examples += 1;
        }
    }
    assert!(examples >= 7);
}

/// An order at a CA is nothing an example does by itself, so these lines are comments.
#[test]
fn what_the_annotated_example_says_of_acme_is_good() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf");
    let text = std::fs::read_to_string(directory.join("simplon.yaml")).unwrap();
    let (before, after) = text.split_once("\n# acme:\n").unwrap();
    let (section, rest) = after.split_once("\n\n").unwrap();
    let section = format!("\n{section}").replace("\n# ", "\n");
    assert!(section.contains("\n  office:\n"), "{section}");
    let certificate = "- { hosts: [example.ch, www.example.ch], acme: letsencrypt }";
    let before = before.replace(&format!("# {certificate}"), certificate);
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("simplon.yaml");
    std::fs::write(&path, format!("{before}\nacme:{section}\n\n{rest}")).unwrap();
    let loaded = config::load_with(&path, &|_| None).unwrap_or_else(|e| panic!("\n{e}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    assert_eq!(loaded.config.issuers.len(), 2);
    assert_eq!(loaded.config.certificates.len(), 2);
}

/// Comments too, as no example has a store.
#[test]
fn what_the_annotated_example_says_of_a_shared_store_is_good() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf");
    let text = std::fs::read_to_string(directory.join("simplon.yaml")).unwrap();
    let (before, after) = text.split_once("\n# limits_store:\n").unwrap();
    let (section, rest) = after.split_once("\n\n").unwrap();
    let mapping = format!("limits_store:\n{section}").replace("\n# ", "\n");
    assert!(mapping.contains("\n  on_failure: local"), "{mapping}");
    let (_, line) = before.split_once("\n# limits_store: ").unwrap();
    let alone = format!("limits_store: {}", line.split(' ').next().unwrap());
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("simplon.yaml");
    for store in [mapping, alone] {
        std::fs::write(&path, format!("{before}\n{store}\n\n{rest}")).unwrap();
        let loaded = config::load_with(&path, &|_| None).unwrap_or_else(|e| panic!("\n{e}"));
        assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
        let store = loaded.config.limits_store.unwrap();
        assert_eq!(store.timeout.as_millis(), 20);
        assert_eq!(store.on_failure, config::model::OnFailure::Local);
    }
}

/// Comments too, as no example has a collector.
#[test]
fn what_the_annotated_example_says_of_traces_is_good() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf");
    let text = std::fs::read_to_string(directory.join("simplon.yaml")).unwrap();
    let (before, after) = text.split_once("\n# tracing:").unwrap();
    let (section, rest) = after.split_once("\n\n").unwrap();
    let section = section.replace("\n# ", "\n");
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("simplon.yaml");
    std::fs::write(&path, format!("{before}\ntracing:{section}\n\n{rest}")).unwrap();
    let loaded = config::load_with(&path, &|_| None).unwrap_or_else(|e| panic!("\n{e}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    let tracing = loaded.config.tracing.unwrap();
    let ca = tracing.tls.unwrap().ca.unwrap().value;
    assert!(ca.ends_with("certs/lan-ca.pem"));
    assert_eq!(tracing.otlp, "https://otel.lan:4318/v1/traces");
    assert_eq!((&*tracing.service, tracing.queue), ("simplon", 2048));
    assert_eq!(tracing.timeout.as_secs(), 5);
}

/// Comments too: an example should not need files beside it.
#[test]
fn what_the_annotated_example_says_of_answers_is_good() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf");
    let text = std::fs::read_to_string(directory.join("simplon.yaml")).unwrap();
    let (before, defaults) = text.split_once("\n  maintenance: false ").unwrap();
    let (defaults, after) = defaults.split_once("\n\nlog:").unwrap();
    let defaults = format!("\n  # {defaults}")
        .replace("  error_pages: false", "  #")
        .replace("\n  # ", "\n  ");
    let (_, defaults) = defaults.split_once("\n  maintenance:\n").unwrap();
    let (before, of_route) = before.split_once("\n    # rewrite:").unwrap();
    let (of_route, after_route) = of_route.split_once("\n    # rewrite: {").unwrap();
    let (_, after_route) = after_route.split_once('\n').unwrap();
    let of_route = of_route.replace("\n    # ", "\n    ");
    let text = format!(
        "{before}\n    rewrite:{of_route}\n{after_route}\n  maintenance:\n{defaults}\n\nlog:{after}"
    );
    let text = text.replace("      body: \"Contact", "      # body: \"Contact");
    let text = text.replace("      # file: security.txt", "      file: security.txt");
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("simplon.yaml");
    std::fs::write(&path, text).unwrap();
    let loaded = config::load_with(&path, &|_| None).unwrap_or_else(|e| panic!("\n{e}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    let defaults = loaded.config.defaults;
    assert_eq!(defaults.maintenance.unwrap().allow.len(), 2);
    assert_eq!(defaults.error_pages.unwrap().pages.len(), 2);
    assert!(loaded.config.routes[0].policies.rewrite.is_some());
}

/// Comments too, as no example stands behind a proxy.
#[test]
fn what_the_annotated_example_says_of_the_proxy_protocol_is_good() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf");
    let mut text = std::fs::read_to_string(directory.join("simplon.yaml")).unwrap();
    for (comment, line) in [
        ("    # proxy_protocol:   ", "    proxy_protocol:   "),
        ("    #   from: [10.0.0.0/8]", "      from: [10.0.0.0/8]"),
        ("    # proxy_protocol: v2", "    proxy_protocol: v2"),
    ] {
        assert_eq!(text.matches(comment).count(), 1, "{comment}");
        text = text.replace(comment, line);
    }
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("simplon.yaml");
    std::fs::write(&path, text).unwrap();
    let loaded = config::load_with(&path, &|_| None).unwrap_or_else(|e| panic!("\n{e}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    assert!(loaded.config.listeners[1].proxy_protocol.is_some());
    assert!(loaded.config.upstreams[0].proxy_protocol.is_some());
}
