//! Upstreams for tests.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use http::StatusCode;

use crate::config::{
    model::{
        Address, HealthCheck, Probe, Retries, RetryOn, SameSite, Secure, Server, Sticky, Upstream,
    },
    units::Percent,
};

/// Servers as `10.0.0.1:80`, `10.0.0.2:80` and so on, with these weights.
pub(super) fn upstream(weights: &[u32]) -> Upstream {
    let address = |last: usize| format!("10.0.0.{last}:80").parse().unwrap();
    let server = |(index, weight): (usize, &u32)| Server {
        address: Address::Socket(address(index + 1)),
        weight: *weight,
        max_connections: None,
        backup: false,
    };
    Upstream {
        health: Some(check(2, 3)),
        ..Upstream::of("api", weights.iter().enumerate().map(server).collect())
    }
}

/// The last `backups` of `total` equal servers are backups.
pub(super) fn with_backups(total: usize, backups: usize) -> Upstream {
    let mut spec = upstream(&vec![1; total]);
    for server in &mut spec.servers[total - backups..] {
        server.backup = true;
    }
    spec
}

pub(super) fn sticky() -> Sticky {
    Sticky {
        cookie: "simplon".into(),
        max_age: None,
        path: "/".into(),
        secure: Secure::Auto,
        same_site: SameSite::Lax,
    }
}

pub(super) fn check(rise: u32, fall: u32) -> HealthCheck {
    HealthCheck {
        probe: Probe::Tcp,
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(1),
        rise: NonZeroU32::new(rise).unwrap(),
        fall: NonZeroU32::new(fall).unwrap(),
    }
}

pub(super) fn retries(attempts: u32, budget: u8, statuses: &[u16]) -> Retries {
    let status = |code: &u16| StatusCode::from_u16(*code).unwrap();
    Retries {
        attempts,
        budget: Percent::new(budget),
        on: RetryOn {
            connect: true,
            reset: true,
            statuses: statuses.iter().map(status).collect(),
        },
    }
}

/// As many failed checks as take the server down.
pub(super) fn take_down(server: &super::Server, now: Instant) {
    (0..3).for_each(|_| checked(server, false, now));
}

/// As many good checks as bring it up again.
pub(super) fn bring_up(server: &super::Server, now: Instant) {
    (0..2).for_each(|_| checked(server, true, now));
}

fn checked(server: &super::Server, good: bool, now: Instant) {
    let (reached, text) = if good {
        (super::Reached::Connected, "connected")
    } else {
        (super::Reached::Unconnected, "connection refused")
    };
    let result = super::vitals::CheckResult {
        good,
        reached,
        status: None,
        text: text.to_owned(),
        took: Duration::from_millis(1),
        at: now,
    };
    server.vitals.checked(result, &check(2, 3));
}
