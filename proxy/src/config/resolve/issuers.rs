//! Issuers of the whole configuration: those that are only named, their fallbacks, and whether a CA can reach us.

use std::collections::{BTreeSet, HashMap};

use crate::config::{
    model::{Challenge, Issuer, Name},
    nearest::did_you_mean,
    problem::{Located, Problem, Problems, quoted},
    read::{Draft, IssuerDraft, ListenerDraft, SourceDraft, acme::KNOWN, challenge::word},
};

/// Every issuer that something names, with its challenges. Fallbacks are indices now.
pub(super) struct Issuers {
    drafts: Vec<IssuerDraft>,
    fallbacks: Vec<Option<usize>>,
    indices: HashMap<Name, usize>,
    ports: Ports,
}

impl Issuers {
    /// Takes the issuers of the draft, and reports every name that leads nowhere.
    pub(super) fn of(draft: &mut Draft, problems: &Problems) -> Self {
        let mut drafts = std::mem::take(&mut draft.issuers);
        let by_certificates = draft.certificates.iter().filter_map(|it| match &it.source {
            SourceDraft::Acme(name) => Some(name.clone()),
            SourceDraft::Ready(_) => None,
        });
        let by_fallbacks = drafts.iter().filter_map(|it| it.fallback.clone());
        for name in by_certificates.chain(by_fallbacks).collect::<Vec<_>>() {
            let is_there = drafts.iter().any(|it| *it.issuer.name == *name.value);
            if is_there || draft.issuer_names.has(&name.value) {
                continue;
            }
            let known = name.span.as_ref();
            match known.and_then(|at| IssuerDraft::known(&name.value, at)) {
                Some(known) => drafts.push(known),
                None if draft.is_partial => {}
                None => problems.push(unknown(&name, draft)),
            }
        }
        let ports = Ports::of(&draft.listeners);
        for issuer in &mut drafts {
            if issuer.challenges.is_empty() {
                issuer.challenges = ports.default_challenges(issuer);
            }
        }
        let indices: HashMap<_, _> = drafts
            .iter()
            .enumerate()
            .map(|(index, it)| (Name::clone(&it.issuer.name), index))
            .collect();
        let fallbacks = drafts
            .iter()
            .map(|it| indices.get(it.fallback.as_ref()?.value.as_str()).copied())
            .collect();
        Self {
            drafts,
            fallbacks,
            indices,
            ports,
        }
    }

    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.indices.get(name).copied()
    }

    /// The issuer, its fallback, the fallback of that, and so on.
    pub(super) fn chain(&self, first: usize) -> impl Iterator<Item = (usize, &IssuerDraft)> {
        let next = |index: &usize| *self.fallbacks.get(*index)?;
        std::iter::successors(Some(first), next)
            .take(self.drafts.len())
            .filter_map(|index| Some((index, self.drafts.get(index)?)))
    }

    /// Each circle of fallbacks is reported once, at its first issuer.
    pub(super) fn refuse_circles(&self, problems: &Problems) {
        for first in 0..self.drafts.len() {
            let chain: Vec<_> = self.chain(first).collect();
            let end = chain.iter().position(|(index, _)| {
                self.fallbacks.get(*index).copied().flatten() == Some(first)
            });
            let Some(circle) = end.and_then(|end| chain.get(..=end)) else {
                continue;
            };
            let is_first = circle.iter().all(|(index, _)| *index >= first);
            let Some((_, issuer)) = circle.first().filter(|_| is_first) else {
                continue;
            };
            let name = quoted(&issuer.issuer.name);
            let message = if circle.len() == 1 {
                format!("{name} falls back to itself")
            } else {
                let names: Vec<_> = circle.iter().map(|(_, it)| &*it.issuer.name).collect();
                format!("the fallbacks of {} lead back to {name}", names.join(", "))
            };
            let mut problem =
                Problem::error(message).hint("remove one `fallback`: the last issuer has none");
            if let Some(fallback) = &issuer.fallback {
                problem = problem.at_value(fallback);
            }
            problems.push(problem);
        }
    }

    /// A CA that comes to check a host must find a listener that answers.
    pub(super) fn refuse_unanswered(&self, used: &BTreeSet<usize>, problems: &Problems) {
        for issuer in self.used(used) {
            let is_answered = issuer
                .challenges
                .iter()
                .any(|it| self.ports.answers(&it.value));
            let Some(challenge) = issuer.challenges.first().filter(|_| !is_answered) else {
                continue;
            };
            let (needs, hint) = match &challenge.value {
                Challenge::TlsAlpn01 => (
                    "a listener with TLS",
                    "add `https: { bind: \":443\", tls: intermediate }` under `listeners`",
                ),
                _ => (
                    "a listener without TLS",
                    "add `http: { bind: \":80\", redirect: https }` under `listeners`, or write `challenge: tls-alpn-01`",
                ),
            };
            problems.push(
                Problem::error(format!(
                    "{} needs {needs}, and there is none",
                    quoted(word(&challenge.value))
                ))
                .at_value(challenge)
                .hint(hint),
            );
        }
    }

    /// CAs connect to the ports 80 and 443 alone (RFC 8555 section 8.3, RFC 8737 section 3).
    pub(super) fn warn_of_ports(&self, used: &BTreeSet<usize>, problems: &Problems) {
        for issuer in self.used(used) {
            let is_alone = issuer.challenges.len() == 1;
            // Those behind one that the CA reaches are hardly ever tried.
            for challenge in issuer
                .challenges
                .iter()
                .take_while(|it| !self.ports.is_reached(&it.value))
            {
                let (port, listener) = match &challenge.value {
                    Challenge::Http01 => (80, "a listener without TLS"),
                    Challenge::TlsAlpn01 if is_alone => (443, "a listener with TLS"),
                    _ => continue,
                };
                problems.push(
                    Problem::warning(format!(
                        "for {} the CA connects to port {port}, where no listener answers it",
                        word(&challenge.value)
                    ))
                    .at_value(challenge)
                    .hint(format!("give {listener} port {port}, unless something before it forwards port {port}")),
                );
            }
        }
    }

    pub(super) fn warn_of_idle(&self, used: &BTreeSet<usize>, problems: &Problems) {
        for (index, issuer) in self.drafts.iter().enumerate() {
            if !used.contains(&index) {
                let name = quoted(&issuer.issuer.name);
                problems.push(
                    Problem::warning(format!("no certificate comes from the issuer {name}"))
                        .at(&issuer.at)
                        .hint("name it under `certificates`, as `acme` of one, or remove it"),
                );
            }
        }
    }

    fn used<'a>(&'a self, used: &'a BTreeSet<usize>) -> impl Iterator<Item = &'a IssuerDraft> {
        used.iter().filter_map(|index| self.drafts.get(*index))
    }

    pub(super) fn into_model(self) -> Vec<Issuer> {
        self.drafts
            .into_iter()
            .zip(self.fallbacks)
            .map(|(draft, fallback)| Issuer {
                challenges: draft.challenges.into_iter().map(|it| it.value).collect(),
                fallback,
                ..draft.issuer
            })
            .collect()
    }
}

fn unknown(name: &Located<String>, draft: &Draft) -> Problem {
    const MOST_NAMED: usize = 8;
    let known = KNOWN.iter().map(|(known, _)| *known);
    let names: BTreeSet<&str> = draft.issuer_names.all().chain(known).collect();
    let meant = did_you_mean(&name.value, names.iter().copied());
    let list = (names.len() <= MOST_NAMED).then(|| {
        let names: Vec<_> = names.into_iter().collect();
        format!("the issuers are {}", names.join(", "))
    });
    let hints: Vec<_> = meant.into_iter().chain(list).collect();
    let message = format!("no issuer is named {}", quoted(&name.value));
    let problem = Problem::error(message).at_value(name);
    if hints.is_empty() {
        return problem.hint("add it under `acme`");
    }
    problem.hint(hints.join(" "))
}

/// The ports of the listeners, without TLS and with it.
struct Ports {
    plain: BTreeSet<u16>,
    tls: BTreeSet<u16>,
}

impl Ports {
    fn of(listeners: &[ListenerDraft]) -> Self {
        let ports = |has_tls: bool| {
            listeners
                .iter()
                .filter(|it| it.tls_at.is_some() == has_tls)
                .flat_map(|it| it.listener.bind.iter().map(std::net::SocketAddr::port))
                .collect()
        };
        Self {
            plain: ports(false),
            tls: ports(true),
        }
    }

    /// Whether some listener answers it, or none has to.
    fn answers(&self, challenge: &Challenge) -> bool {
        match challenge {
            Challenge::Http01 => !self.plain.is_empty(),
            Challenge::TlsAlpn01 => !self.tls.is_empty(),
            Challenge::Dns01(_) => true,
        }
    }

    /// Whether one answers it on the port that CAs connect to.
    fn is_reached(&self, challenge: &Challenge) -> bool {
        match challenge {
            Challenge::Http01 => self.plain.contains(&80),
            Challenge::TlsAlpn01 => self.tls.contains(&443),
            Challenge::Dns01(_) => true,
        }
    }

    /// http-01, then tls-alpn-01; without those that no listener answers, and first those that a CA reaches.
    fn default_challenges(&self, issuer: &IssuerDraft) -> Vec<Located<Challenge>> {
        let mut challenges = vec![Challenge::Http01, Challenge::TlsAlpn01];
        if challenges.iter().any(|it| self.answers(it)) {
            challenges.retain(|it| self.answers(it));
        }
        challenges.sort_by_key(|it| !self.is_reached(it));
        challenges
            .into_iter()
            .map(|challenge| Located::new(challenge, &issuer.at))
            .collect()
    }
}
