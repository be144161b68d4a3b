//! The page for everyone: on a phone, in the dark, by keyboard, by ear, without scripts.

use super::stage::Stage;
use crate::harness::Browser;

#[tokio::test]
async fn without_scripts_everything_is_there() {
    let stage = Stage::set().await;
    let mut browser = stage.opened().await;
    browser.without_scripts().await;
    browser.open(&stage.url("/stats")).await;
    let text = browser.eval("document.body.innerText").await;
    for words in [
        "BACKEND",
        "L7OK/200",
        "Requests per second",
        "Recent events",
        "UP",
        "Routes",
    ] {
        assert!(text.as_str().unwrap().contains(words), "{words} in {text}");
    }
    // It asks for itself again after five seconds, and then has more to plot.
    browser.eval("document.body.id = 'old'").await;
    browser
        .wait_for("document.body?.id === '' && document.readyState === 'complete'")
        .await;
    let path = "document.querySelector('path.requests').getAttribute('d').length > 20";
    assert_eq!(browser.eval(path).await, true);
}

#[tokio::test]
async fn a_phone_shows_it_without_scrolling_sideways() {
    let stage = Stage::set().await;
    let mut browser = stage.opened().await;
    for width in [320, 390, 768] {
        browser.resize(width, 800).await;
        let fits = "document.documentElement.scrollWidth <= innerWidth && document.body.scrollWidth <= innerWidth";
        assert_eq!(browser.eval(fits).await, true, "{width}");
    }
    browser.resize(390, 844).await;
    browser.screenshot("phone").await;
    // A table scrolls in its box, and its first column stays.
    let scrolled = "(() => {
        const box = document.querySelector('.upstream .scroll');
        const name = box.querySelector('tbody th');
        box.scrollLeft = 400;
        return box.scrollLeft > 300 && Math.abs(name.getBoundingClientRect().left - box.getBoundingClientRect().left) < 3;
    })()";
    assert_eq!(browser.eval(scrolled).await, true);
    browser
        .eval("document.getElementById('upstreams').scrollIntoView()")
        .await;
    browser.screenshot("phone-tables").await;
}

#[tokio::test]
async fn it_is_dark_for_those_who_like_it_dark_and_text_is_told_from_its_ground() {
    let stage = Stage::set().await;
    let mut browser = stage.opened().await;
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.eval(ground).await;
    assert_contrast(&mut browser, "light").await;
    browser.prefer("dark").await;
    assert_ne!(browser.eval(ground).await, light);
    assert_contrast(&mut browser, "dark").await;
}

/// WCAG 2.2, success criterion 1.4.3: 4.5 to 1 for each text that is seen.
async fn assert_contrast(browser: &mut Browser, scheme: &str) {
    let poor = browser.eval(CONTRAST).await;
    assert_eq!(poor, serde_json::json!([]), "{scheme}");
    let picture = browser.screenshot(scheme).await;
    assert!(picture.starts_with(b"\x89PNG"));
    browser
        .eval("document.getElementById('upstreams').scrollIntoView()")
        .await;
    browser.screenshot(&format!("{scheme}-tables")).await;
    browser
        .eval("scrollTo(0, document.body.scrollHeight)")
        .await;
    browser.screenshot(&format!("{scheme}-end")).await;
    browser.eval("scrollTo(0, 0)").await;
}

const CONTRAST: &str = r"(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const over = (ground, colour) => {
        canvas.fillStyle = ground;
        canvas.fillRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
        return [`rgb(${r}, ${g}, ${b})`, [r, g, b]];
    };
    const light = (parts) => {
        const [r, g, b] = parts.map(part => part / 255).map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const groundOf = (element) => {
        const colours = [];
        for (let at = element; at; at = at.parentElement) colours.unshift(getComputedStyle(at).backgroundColor);
        return colours.reduce((ground, colour) => over(ground, colour)[0], 'white');
    };
    const poor = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
        const ground = groundOf(element);
        const [a, b] = [light(over(ground, ground)[1]), light(over(ground, getComputedStyle(element).color)[1])];
        const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (contrast < 4.5) poor.add(`${element.closest('[class]').className}: ${texts.currentNode.data.trim().slice(0, 30)} ${contrast.toFixed(2)}`);
    }
    return [...poor];
})()";

#[tokio::test]
async fn every_control_and_landmark_has_a_name() {
    let stage = Stage::set().await;
    let mut browser = stage.opened().await;
    let nodes = browser.nodes().await;
    for role in [
        "button",
        "link",
        "searchbox",
        "region",
        "group",
        "table",
        "image",
        "navigation",
        "columnheader",
        "rowheader",
    ] {
        let names: Vec<_> = nodes
            .iter()
            .filter(|(of, _)| of == role)
            .map(|(_, name)| name)
            .collect();
        assert!(!names.is_empty(), "no {role}");
        assert!(
            names.iter().all(|name| !name.is_empty()),
            "a {role} without a name: {names:?}"
        );
    }
    for role in ["banner", "main", "log", "status"] {
        assert!(nodes.iter().any(|(of, _)| of == role), "no {role}");
    }
    let ids = "(() => { const ids = [...document.querySelectorAll('[id]')].map(it => it.id); return ids.length === new Set(ids).size; })()";
    assert_eq!(browser.eval(ids).await, true, "an id is there twice");
    let headings = "[...document.querySelectorAll('h1, h2, h3')].map(it => Number(it.tagName[1]))";
    let levels: Vec<i64> = serde_json::from_value(browser.eval(headings).await).unwrap();
    assert_eq!(levels[0], 1);
    assert!(
        levels.windows(2).all(|pair| pair[1] <= pair[0] + 1),
        "{levels:?}"
    );
}

#[tokio::test]
async fn what_a_cell_has_to_say_is_found_by_keyboard_and_goes_with_escape() {
    let stage = Stage::set().await;
    let mut browser = stage.opened().await;
    browser
        .eval("document.querySelector('.upstream tbody abbr').focus()")
        .await;
    let told = "document.getElementById('tip')?.textContent.includes('Requests:') && document.activeElement.getAttribute('aria-describedby') === 'tip'";
    browser.wait_for(told).await;
    browser.screenshot("tip").await;
    let place = "(() => { const { left, right, top, bottom } = document.getElementById('tip').getBoundingClientRect(); return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight; })()";
    assert_eq!(browser.eval(place).await, true);
    browser.press("Escape").await;
    browser
        .wait_for("document.getElementById('tip') === null")
        .await;
    assert_eq!(
        browser
            .eval("document.activeElement.title.includes('Requests:')")
            .await,
        true
    );
}
