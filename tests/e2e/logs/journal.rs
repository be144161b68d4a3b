//! Messages under systemd: standard error leads to the journal.

use crate::harness::{Proxy, Setup};

const SITE: &str = "routes: [{ respond: { body: hi } }]";
/// As systemd sets it, but that the harness listens in place of the journal.
const AS_SYSTEMD: &str = "export JOURNAL_STREAM=$(stat -Lc %d:%i /dev/stderr)";

async fn refused_reload(proxy: &Proxy) -> Vec<String> {
    proxy.rewrite("routes: [{ respond: { boddy: hi } }]");
    proxy.reload_in_vain().await;
    proxy.errors().await_line("did you mean").await;
    proxy.errors().lines()
}

#[tokio::test]
async fn each_line_tells_the_journal_its_priority_and_no_time() {
    let proxy = Setup::of(SITE)
        .after(AS_SYSTEMD)
        .with(|command| {
            command.env("SIMPLON_LOG", "debug");
        })
        .start()
        .await;
    let lines = refused_reload(&proxy).await;
    for line in &lines {
        let text = line.strip_prefix('<').and_then(|rest| rest.get(1..));
        let text = text.and_then(|rest| rest.strip_prefix('>'));
        let text = text.unwrap_or_else(|| panic!("no priority: {line}"));
        assert!(
            !text.starts_with("20") && !text.contains('\u{1b}'),
            "{line}"
        );
    }
    let priority = |words: &str| {
        let line = lines.iter().find(|line| line.contains(words));
        line.unwrap_or_else(|| panic!("{words} in {lines:#?}"))[..3].to_owned()
    };
    assert_eq!(priority("generation 1 is in force"), "<6>");
    assert_eq!(priority("reload refused"), "<3>");
    // The report is part of the same message.
    assert_eq!(priority("boddy"), "<3>");
    assert_eq!(priority("did you mean"), "<3>");
}

#[tokio::test]
async fn a_standard_error_of_its_own_gets_what_people_read() {
    let proxy = Setup::of(SITE)
        .with(|command| {
            command.env("JOURNAL_STREAM", "1:1");
        })
        .start()
        .await;
    let lines = refused_reload(&proxy).await;
    assert!(
        !lines.iter().any(|line| line.starts_with('<')),
        "{lines:#?}"
    );
    assert!(lines[0].starts_with("20"), "{lines:#?}");
}
