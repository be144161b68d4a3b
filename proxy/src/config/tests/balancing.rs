//! What keeps clients on servers, and what else upstreams do by choice.

use std::time::Duration;

use super::defaults::{LEAST, load};
use crate::config::model::{Queue, SameSite, Secure, Sticky, Upstream};

fn upstream(keys: &str) -> Upstream {
    let text = LEAST.replace("[127.0.0.1:3000]", &format!("[127.0.0.1:3000], {keys}"));
    load(&text).upstreams[0].clone()
}

#[test]
fn a_sticky_cookie_has_the_documented_defaults() {
    let least = Sticky {
        cookie: "simplon".into(),
        max_age: None,
        path: "/".into(),
        secure: Secure::Auto,
        same_site: SameSite::Lax,
    };
    assert_eq!(upstream("sticky: { cookie: simplon }").sticky, Some(least));
    let most = Sticky {
        cookie: "SRV".into(),
        max_age: Some(Duration::from_secs(3600)),
        path: "/app".into(),
        secure: Secure::Always,
        same_site: SameSite::None,
    };
    let keys = "sticky: { cookie: SRV, max_age: 1h, path: /app, secure: always, same_site: none }";
    assert_eq!(upstream(keys).sticky, Some(most));
}

#[test]
fn a_queue_has_the_documented_defaults() {
    let queue = |keys: &str| {
        let text = LEAST.replace(
            "[127.0.0.1:3000]",
            &format!("[{{ address: 127.0.0.1:3000, max_connections: 1 }}], queue: {keys}"),
        );
        load(&text).upstreams[0].queue.clone().unwrap()
    };
    let size = |size: u32| size.try_into().unwrap();
    let timeout = Duration::from_secs(5);
    let least = Queue {
        size: size(1000),
        timeout,
    };
    assert_eq!(queue("{}"), least);
    let most = Queue {
        size: size(100_000),
        timeout: Duration::from_millis(200),
    };
    assert_eq!(queue("{ size: 100000, timeout: 200ms }"), most);
}

#[test]
fn a_slow_start_is_a_time() {
    let keys = "slow_start: 30s";
    assert_eq!(upstream(keys).slow_start, Some(Duration::from_secs(30)));
}
