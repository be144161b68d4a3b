//! What keeps clients on servers, and what else upstreams do by choice.

use std::time::Duration;

use super::defaults::{LEAST, load};
use crate::config::model::{SameSite, Secure, Sticky, Upstream};

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
