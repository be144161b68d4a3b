//! What happens shows on pages that are open, without a reload.

use super::stage::{CONFIG, Stage};

/// As long as it is there, the page has not been loaded again.
const MARK: &str = "window.mark = 'not reloaded'";

/// The row of the only server of `api`.
const API: &str = "[...document.querySelectorAll('.upstream')].find(it => it.querySelector('h3').textContent === 'api')";

#[tokio::test]
async fn a_killed_server_turns_red_bends_the_plot_and_is_told_on_an_open_page() {
    let mut stage = Stage::set().await;
    let mut browser = stage.opened().await;
    browser.eval(MARK).await;
    // Somebody reads: their place must not be taken from them.
    browser
        .eval(&format!(
            "window.focused = {API}.querySelector('tbody abbr'); focused.focus({{ preventScroll: true }}); scrollTo(0, 300); window.place = scrollY"
        ))
        .await;
    let height = "document.querySelector('#plots path.errors').getBBox().height";
    assert_eq!(browser.eval(&format!("{height} < 1")).await, true);

    stage.api.stop().await;
    browser
        .wait_for(&format!(
            "{API}.querySelector('tbody tr').className === 'down'"
        ))
        .await;
    let colour = format!("getComputedStyle({API}.querySelector('tbody tr th')).backgroundColor");
    assert_eq!(browser.eval(&colour).await, "rgb(255, 144, 144)");
    let words = format!("{API}.querySelector('.status').textContent.includes('DOWN')");
    assert_eq!(browser.eval(&words).await, true);
    let backend = format!("{API}.querySelector('.total .status').textContent.endsWith('DOWN')");
    browser.wait_for(&backend).await;
    browser
        .wait_for("document.title.includes('2 of 3 servers up')")
        .await;
    browser.wait_for(&format!("{height} > 20")).await;
    let upstream = format!("{API}.querySelector('path.errors').getBBox().height > 20");
    browser.wait_for(&upstream).await;
    browser
        .wait_for("document.getElementById('events').textContent.includes('server is down')")
        .await;
    // Who cannot see it hears of it.
    browser
        .wait_for("document.getElementById('news').textContent.includes('server is down')")
        .await;
    let kept = "mark === 'not reloaded' && focused.isConnected && document.activeElement === focused && scrollY === place";
    assert_eq!(browser.eval(kept).await, true);
    browser.resize(1440, 1500).await;
    browser.screenshot("killed").await;
    stage.api.start_again().await;
    browser
        .wait_for(&format!(
            "{API}.querySelector('tbody tr').className === 'up'"
        ))
        .await;
    assert_eq!(browser.complaints(), [""; 0]);
    let home = stage.url("/stats");
    let elsewhere: Vec<_> = browser
        .requests()
        .iter()
        .filter(|url| !url.starts_with(&home) && *url != "data:,")
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}

#[tokio::test]
async fn a_reload_that_changes_what_there_is_shows_on_an_open_page() {
    let stage = Stage::set().await;
    let mut browser = stage.opened().await;
    browser.eval(MARK).await;
    let more = CONFIG.replace(
        "upstreams:\n",
        "upstreams:\n      more: { servers: [$1] }\n",
    );
    stage.proxy.rewrite(&more);
    stage.proxy.reload().await;
    browser
        .wait_for("[...document.querySelectorAll('h3')].some(it => it.textContent === 'more')")
        .await;
    browser
        .wait_for("document.getElementById('state').textContent === 'live'")
        .await;
    assert_eq!(browser.eval("mark").await, "not reloaded");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[tokio::test]
async fn a_page_says_that_its_figures_are_old_when_the_edge_is_gone() {
    let stage = Stage::set().await;
    let mut browser = stage.opened().await;
    stage.proxy.signal(rustix::process::Signal::KILL);
    browser
        .wait_for("document.getElementById('state').className === 'state stale'")
        .await;
}

#[tokio::test]
async fn a_page_that_is_to_stand_still_does() {
    let mut stage = Stage::set().await;
    let browser = &mut stage.opened().await;
    browser.open(&stage.url("/stats;norefresh?scope=api")).await;
    let names = "[...document.querySelectorAll('h3')].map(it => it.textContent).includes('web')";
    assert_eq!(browser.eval(names).await, false);
    let asked = browser.requests().len();
    stage.api.stop().await;
    stage
        .proxy
        .await_metric("simplon_server_up", &[("upstream", "api")], 0)
        .await;
    assert_eq!(
        browser
            .eval("document.body.dataset.live === undefined")
            .await,
        true
    );
    assert_eq!(
        browser
            .eval("document.querySelector('tr.down') === null")
            .await,
        true
    );
    assert_eq!(browser.requests().len(), asked);
}
