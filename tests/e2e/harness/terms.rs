//! What Pebble asks of its clients and gives them, and the file that tells it.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use super::{Pebble, Ports};

/// The rest is strict and quick.
pub(crate) struct Terms {
    /// Profiles by name, with how long their certificates are valid. One must be `default`.
    pub(crate) profiles: Vec<(&'static str, Duration)>,
    /// Names it never certifies.
    pub(crate) blocked: Vec<&'static str>,
    /// Wants accounts bound to [`Pebble::KEY_ID`] by [`Pebble::HMAC_KEY`].
    pub(crate) external_account: bool,
    /// How many valid authorizations out of a hundred serve a second order.
    pub(crate) reuse: u8,
    /// How many good nonces out of a hundred are rejected. A client must live with that; one that
    /// gives up after three in a row (0.3 % of requests, at 15) needs another try above it.
    pub(crate) nonces_rejected: u8,
    /// What `Retry-After` says of orders and authorizations, in seconds.
    pub(crate) retry_after_s: u8,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Default for Terms {
    fn default() -> Self {
        Self {
            profiles: vec![("default", 90 * DAY)],
            blocked: Vec::new(),
            external_account: false,
            reuse: 0,
            nonces_rejected: 15,
            retry_after_s: 1,
        }
    }
}

impl Terms {
    /// Pebble's configuration, with the ports it validates at and those it listens on.
    pub(super) fn written(
        &self,
        edge: Ports,
        api: u16,
        management: u16,
        directory: &Path,
    ) -> Value {
        let profiles: Value = self
            .profiles
            .iter()
            .map(|&(name, period)| {
                let profile = json!({ "description": name, "validityPeriod": period.as_secs() });
                (name.to_owned(), profile)
            })
            .collect();
        let first = self.profiles.first().map(|(_, period)| period);
        let wait = self.retry_after_s;
        json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{api}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": directory.join("api.pem"),
            "privateKey": directory.join("api.key"),
            "httpPort": edge.http,
            "tlsPort": edge.https,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": self.external_account,
            "externalAccountMACKeys": { Pebble::KEY_ID: Pebble::HMAC_KEY },
            "domainBlocklist": self.blocked,
            "retryAfter": { "authz": wait, "order": wait },
            "keyAlgorithm": "ecdsa",
            "profiles": profiles,
            // For versions that know no profiles.
            "certificateValidityPeriod": first.map(Duration::as_secs),
        }})
    }
}
