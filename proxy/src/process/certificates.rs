//! The certificates of the running edge, and the wish that one is renewed now.

use std::sync::Arc;

use super::{Edge, signals::Wish};
use crate::{
    admin::{CertificateStatus, Origin},
    balance::Operator,
    snapshot::Snapshot,
};

impl Edge {
    /// In the order of the configuration.
    pub(super) fn certificates(&self) -> Vec<CertificateStatus> {
        statuses(&self.snapshot.load())
    }

    /// Renews the certificate that clients of `host` get, whatever its age, and says what came of it.
    pub async fn renew(&self, host: &str) -> Result<String, String> {
        let first_host = renewable(&self.certificates(), host)?.to_owned();
        self.keeper.renew(&first_host).await
    }

    /// Gives the account at the CA of this name another key.
    async fn roll_over(&self, issuer: &str) -> Result<String, String> {
        let means = self.means(&self.snapshot.load());
        self.keeper.roll_over(issuer, means.as_ref()).await
    }

    /// Does what can be done beside everything else. A reload is for the main task.
    pub(super) fn grant(self: &Arc<Self>, wish: Wish) {
        match wish {
            Wish::Reload(_) => {}
            // Whoever asked may have left.
            Wish::Certificates(answer) => drop(answer.send(self.certificates())),
            Wish::Renew(host, answer) => {
                let edge = Arc::clone(self);
                tokio::spawn(async move { drop(answer.send(edge.renew(&host).await)) });
            }
            Wish::RollOver(issuer, answer) => {
                let edge = Arc::clone(self);
                tokio::spawn(async move { drop(answer.send(edge.roll_over(&issuer).await)) });
            }
            Wish::Servers(names, answer) => drop(answer.send(self.servers(&names))),
            Wish::Status(upstreams, answer) => {
                let edge = Arc::clone(self);
                // Thousands of servers take their milliseconds.
                tokio::task::spawn_blocking(move || drop(answer.send(edge.status(&upstreams))));
            }
            Wish::Operate(names, operation, answer) => {
                let edge = Arc::clone(self);
                tokio::task::spawn_blocking(move || {
                    let by = Operator::ControlSocket;
                    drop(answer.send(edge.operate(&names, operation, &by)));
                });
            }
        }
    }
}

pub(super) fn statuses(snapshot: &Snapshot) -> Vec<CertificateStatus> {
    let config = &snapshot.config;
    let slots = snapshot.certificates.slots();
    let both = config.certificates.iter().zip(slots);
    both.map(|(certificate, slot)| CertificateStatus::of(certificate, slot, &config.state))
        .collect()
}

/// The first host of the certificate by ACME for `host`, or who else renews it.
fn renewable<'a>(certificates: &'a [CertificateStatus], host: &str) -> Result<&'a str, String> {
    let found = CertificateStatus::for_host(certificates, host);
    let by_acme = found.iter().find_map(|status| match &status.from {
        Origin::Acme { .. } => status.hosts.first(),
        _ => None,
    });
    by_acme.map(String::as_str).ok_or_else(|| match found.first().map(|status| &status.from) {
        Some(Origin::Files { chain, .. }) => format!(
            "the certificate for {host} comes from files: whoever writes {} renews it\n  hint: a new one is shown as soon as the files change",
            chain.display()
        ),
        Some(_) => format!(
            "the certificate for {host} is self-signed\n  hint: it is signed anew when two thirds of its life are over, and whenever simplon starts"
        ),
        None => format!(
            "no certificate is for {host}\n  hint: `simplon cert list` shows what there is"
        ),
    })
}
