//! The CAs of a snapshot, and the certificates that are obtained from them.

use std::sync::Arc;

use super::Snapshot;
use crate::{
    acme::{Answers, Issuer, Managed},
    config::{Config, model, model::CertificateSource, problem::Problem},
    state::State,
};

/// In the order of the configuration; those of `previous` where they are the same, with their accounts.
pub(super) fn build(
    config: &Config,
    previous: &Snapshot,
    problems: &mut Vec<Problem>,
) -> Vec<Arc<Issuer>> {
    let mut built = vec![None; config.issuers.len()];
    for index in 0..config.issuers.len() {
        issuer(index, &config.issuers, previous, &mut built, problems);
    }
    built.into_iter().flatten().collect()
}

/// Builds one after those it falls back to. The configuration was checked to hold no circle.
fn issuer(
    index: usize,
    settings: &[model::Issuer],
    previous: &Snapshot,
    built: &mut [Option<Arc<Issuer>>],
    problems: &mut Vec<Problem>,
) -> Option<Arc<Issuer>> {
    if let Some(built) = built.get(index)? {
        return Some(Arc::clone(built));
    }
    let of_one = settings.get(index)?;
    let fallback = of_one
        .fallback
        .and_then(|index| issuer(index, settings, previous, built, problems));
    let issuer = match Issuer::read(of_one, fallback) {
        Ok(issuer) => issuer,
        Err(problem) => {
            problems.push(*problem);
            return None;
        }
    };
    let mut before = previous.issuers.iter();
    let issuer = match before.find(|before| before.is_same(&issuer)) {
        Some(same) => Arc::clone(same),
        None => Arc::new(issuer),
    };
    *built.get_mut(index)? = Some(Arc::clone(&issuer));
    Some(issuer)
}

/// Where challenges are answered, if any certificate is obtained by ACME.
pub(super) fn answers(
    config: &Config,
    previous: &Snapshot,
    state: Option<&State>,
) -> Option<Arc<Answers>> {
    let is_obtained =
        |certificate: &model::Certificate| matches!(certificate.source, CertificateSource::Acme(_));
    if !config.certificates.iter().any(is_obtained) {
        return None;
    }
    let kept = previous.answers.as_ref().map(Arc::clone);
    kept.or_else(|| Some(Arc::new(Answers::new(state?.clone()))))
}

impl Snapshot {
    /// The certificates that are obtained by ACME, each with its CA.
    pub fn managed(&self) -> Vec<Managed> {
        let slots = self.certificates.slots().iter();
        let certificates = self.config.certificates.iter();
        certificates
            .zip(slots)
            .filter_map(|(certificate, slot)| match certificate.source {
                CertificateSource::Acme(index) => Some(Managed {
                    slot: Arc::clone(slot),
                    issuer: Arc::clone(self.issuers.get(index)?),
                }),
                _ => None,
            })
            .collect()
    }
}
