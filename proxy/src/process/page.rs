//! What operators may do at the page, and what they do there.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, header::FORWARDED};
use tokio::{sync::oneshot, task::spawn_blocking};

use super::{Edge, signals::Wish};
use crate::{
    admin::{Action, ActionStatus, Entry},
    admit::{ClientKey, X_FORWARDED_FOR, client_of},
    balance::{Changed, Operation, Operator},
    policy::Credentials,
};

impl Edge {
    /// Who it is that asks for the page by this peer. Passwords are checked as those of routes, and apart from them.
    pub(super) async fn admit(&self, peer: IpAddr, sent: &HeaderMap) -> Entry {
        let snapshot = self.snapshot.load();
        let forwarded_for = sent.get_all(X_FORWARDED_FOR).iter();
        let forwarded_for: Vec<_> = forwarded_for.map(http::HeaderValue::as_bytes).collect();
        let from = client_of(peer, forwarded_for.into_iter(), &snapshot.trusted_proxies);
        let Some(users) = snapshot.admin_users.clone() else {
            // Whom a proxy on this machine speaks for is known only of one that is trusted.
            let is_passed_on = sent.contains_key(X_FORWARDED_FOR) || sent.contains_key(FORWARDED);
            if is_passed_on && !snapshot.trusted_proxies.contains(peer) {
                return Entry::not_here();
            }
            return Entry::without_users(peer, from);
        };
        drop(snapshot);
        let (client, credentials) = (ClientKey::from(from), Credentials::of(sent.into()));
        let login = self.logins.check(&users, client, credentials).await;
        match users.settle(login) {
            Ok(name) => Entry::User(Operator::Page { name, from }),
            Err((refusal, field)) => Entry::Refused {
                status: refusal.status(),
                field,
                words: refusal.for_client(),
            },
        }
    }

    /// Does it, and says so in the log.
    pub(super) async fn obey(self: Arc<Self>, action: Action, by: Operator) -> ActionStatus {
        match action {
            Action::Reload => self.reload_for(&by).await,
            Action::Operate {
                upstream,
                servers,
                operation,
            } => {
                // An order is written to the disk before it is answered.
                let done =
                    spawn_blocking(move || self.order(&upstream, &servers, operation, &by)).await;
                done.unwrap_or(ActionStatus::Unknown)
            }
        }
    }

    /// By the main task, as for all who want it: one reload at a time.
    async fn reload_for(&self, by: &Operator) -> ActionStatus {
        tracing::info!("a reload is asked for {by}");
        let (answer, answered) = oneshot::channel();
        if self.wishes.send(Wish::Reload(answer)).await.is_err() {
            return ActionStatus::Unknown;
        }
        match answered.await {
            Ok(Ok(_)) => ActionStatus::Done,
            Ok(Err(_)) => ActionStatus::Refused,
            Err(_) => ActionStatus::Unknown,
        }
    }

    /// As `HAProxy` does, those servers that are there are changed even if others are not.
    fn order(
        &self,
        upstream: &str,
        servers: &[String],
        operation: Operation,
        by: &Operator,
    ) -> ActionStatus {
        let snapshot = self.snapshot.load();
        let mut upstreams = snapshot.upstreams.iter();
        let Some(known) = upstreams.find(|known| **known.name() == *upstream) else {
            return ActionStatus::BadParameters;
        };
        if servers.is_empty() {
            return ActionStatus::None;
        }
        let is_known = |label: &&String| {
            let mut servers = known.servers().iter();
            servers.any(|server| *server.label == **label)
        };
        let names: Vec<String> = servers
            .iter()
            .filter(is_known)
            .map(|label| format!("{upstream}/{label}"))
            .collect();
        if names.is_empty() {
            return ActionStatus::BadParameters;
        }
        let operated = match self.operate(&names, operation, by) {
            Ok(operated) => operated,
            Err(why) => {
                tracing::warn!("an action at the page is refused ({by})\n{why}");
                return ActionStatus::Refused;
            }
        };
        let is_changed = operated.servers.iter().any(Changed::is_change);
        if let Some(why) = operated.fleeting {
            tracing::warn!("what was ordered at the page will not outlive a restart: {why}");
            if is_changed {
                return ActionStatus::Fleeting;
            }
        }
        match (names.len() == servers.len(), is_changed) {
            (false, _) => ActionStatus::Partly,
            (true, true) => ActionStatus::Done,
            (true, false) => ActionStatus::None,
        }
    }
}
