//! Showing a CA that the hosts of an order are ours, by the challenges that it sets.

use std::sync::Arc;

use instant_acme::{
    AuthorizationHandle, AuthorizationStatus, ChallengeType, Error, Identifier, Order, OrderStatus,
};

use super::{
    Failure, Offer,
    dns::Record,
    failure::chain,
    order::{Job, POLL},
};
use crate::config::model::Challenge;

/// An answer or a record that stands while the CA looks.
enum Proof {
    Offer { _offer: Offer },
    Record(Record),
}

impl Job<'_> {
    /// Shows the CA that the hosts are ours, and waits until it agrees.
    pub(super) async fn prove(&self, order: &mut Order) -> Result<(), Failure> {
        // One for each host and its wildcard; for each a hook may run.
        if order.state().authorizations.len() > self.hosts.len() * 2 {
            return Err(Failure::refused(
                "the CA asks for more than was ordered, in its list of authorizations",
            ));
        }
        let mut proofs = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let authorization =
                authorization.map_err(|error| Failure::of("asking what to show", &error))?;
            let host = ordered(self.hosts, authorization.identifier().identifier)?;
            if authorization.status == AuthorizationStatus::Pending {
                proofs.push(self.present(authorization, host).await?);
            }
        }
        let records = proofs.iter().filter_map(|proof| match proof {
            Proof::Record(record) => Some(record),
            Proof::Offer { .. } => None,
        });
        Record::propagated(&records.collect::<Vec<_>>()).await?;
        let outcome = self.await_ready(order).await;
        for proof in proofs {
            if let Proof::Record(record) = proof {
                record.clean_up().await;
            }
        }
        outcome
    }

    async fn present(
        &self,
        mut authorization: AuthorizationHandle<'_>,
        host: &str,
    ) -> Result<Proof, Failure> {
        let way = self.way(authorization.wildcard)?;
        let kind = kind(way);
        let offered = authorization
            .challenges
            .iter()
            .map(|it| format!("{:?}", it.r#type));
        let offered = offered.collect::<Vec<_>>().join(", ");
        let Some(challenge) = authorization.challenge(kind.clone()) else {
            return Err(Failure::refused(format!(
                "the CA does not offer {kind:?} for {host}, but {offered}"
            )));
        };
        let authorization = challenge.key_authorization();
        let (answers, host) = (Arc::clone(self.answers), host.to_owned());
        let offer = match way {
            Challenge::Http01 => {
                let (token, authorization) =
                    (challenge.token.clone(), authorization.as_str().to_owned());
                let offer = move || answers.offer_http(&host, &token, &authorization);
                self.state.with(move |_| offer()).await
            }
            Challenge::TlsAlpn01 => {
                let digest = authorization.digest().as_ref().to_vec();
                let offer = move || answers.offer_alpn(&host, &digest);
                self.state.with(move |_| offer()).await
            }
            Challenge::Dns01(hook) => {
                let name = format!("_acme-challenge.{host}");
                let record = Record::present(hook, name, authorization.dns_value()).await?;
                return Ok(Proof::Record(record));
            }
        };
        let offer = offer
            .flatten()
            .map_err(|error| Failure::disk("the answer cannot be kept for the CA", &error))?;
        Ok(Proof::Offer { _offer: offer })
    }

    /// Tells the CA to look, and waits for what it says.
    async fn await_ready(&self, order: &mut Order) -> Result<(), Failure> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization =
                authorization.map_err(|error| Failure::of("asking what to show", &error))?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let kind = kind(self.way(authorization.wildcard)?);
            if let Some(mut challenge) = authorization.challenge(kind) {
                let told = challenge.set_ready().await;
                told.map_err(|error| Failure::of("telling the CA to look", &error))?;
            }
        }
        match order.poll_ready(&POLL).await {
            Ok(OrderStatus::Invalid) => Err(reasons(order).await),
            Ok(_) => Ok(()),
            Err(error) => Err(verdict(order, "waiting for the CA to look", &error).await),
        }
    }
}

/// The host of the order that the CA asks about, without the `*.` of a wildcard: the record of RFC 8555
/// section 8.4 is at the name below it. What was not ordered is not shown, whatever the CA asks for: it
/// becomes the name of a file, an argument, and a line that other nodes read.
fn ordered<'a>(hosts: &'a [String], asked: &Identifier) -> Result<&'a str, Failure> {
    let bare = |host: &'a String| host.strip_prefix("*.").unwrap_or(host);
    let found = match asked {
        Identifier::Dns(name) => hosts
            .iter()
            .map(bare)
            .find(|host| host.eq_ignore_ascii_case(name)),
        _ => None,
    };
    found.ok_or_else(|| {
        Failure::refused(format!(
            "the CA asks about {asked:?}, which was not ordered"
        ))
    })
}

fn kind(challenge: &Challenge) -> ChallengeType {
    match challenge {
        Challenge::Http01 => ChallengeType::Http01,
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
        Challenge::Dns01(_) => ChallengeType::Dns01,
    }
}

/// Why an order does not go on: the CA has said no if the order is invalid, else it may yet agree.
pub(super) async fn verdict(order: &mut Order, doing: &str, error: &Error) -> Failure {
    match order.state().status {
        OrderStatus::Invalid => reasons(order).await,
        _ => Failure::of(doing, error),
    }
}

/// What the CA found wrong with an order that is invalid, host by host.
async fn reasons(order: &mut Order) -> Failure {
    let problem = order.state().error.clone();
    let mut words = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Err(error) = authorization.refresh().await {
            words.push(chain(&error));
            continue;
        }
        let host = authorization.identifier().to_string();
        for challenge in &authorization.challenges {
            if let Some(problem) = &challenge.error {
                let problem = problem.to_string().replacen("API error: ", "", 1);
                words.push(format!("{host}: {problem}"));
            }
        }
    }
    match problem {
        _ if !words.is_empty() => Failure::refused(words.join("; ")),
        Some(problem) => Failure::of("the order", &Error::Api(problem)),
        None => Failure::refused("the CA says no, and not why"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown_that_was_not_ordered() {
        let hosts = ["*.a.test", "b.test"].map(str::to_owned);
        let dns = |name: &str| Identifier::Dns(name.to_owned());
        for (name, host) in [("a.test", "a.test"), ("B.Test", "b.test")] {
            assert_eq!(ordered(&hosts, &dns(name)), Ok(host));
        }
        for asked in [
            dns("c.test"),
            dns("x.b.test"),
            dns("x.a.test"),
            dns("*.a.test"),
            dns("b.test."),
            dns("b.test\nmore"),
            dns("../b.test"),
            dns("x/../../accounts/victim.json"),
            dns(""),
            Identifier::Ip([127, 0, 0, 1].into()),
        ] {
            let failure = ordered(&hosts, &asked).unwrap_err();
            assert_eq!(failure.fault, crate::acme::Fault::Refused, "{asked:?}");
            assert!(!failure.words.contains('\n'), "{}", failure.words);
        }
    }
}
