//! What the CA suggests for the renewal of a certificate: ACME Renewal Information, RFC 9773.

use std::time::{Duration, SystemTime};

use instant_acme::{CertificateIdentifier, Error};
use rustls::pki_types::CertificateDer;

use super::{Issuer, failure, schedule::Window};
use crate::{state::State, tls::Facts};

/// RFC 9773 section 4.3.2: what the CA says, within reason.
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(24 * 3600);
/// After a question that was not answered.
const AGAIN: Duration = Duration::from_secs(3600);

/// The window of the certificate that is shown, and when to ask for it again.
#[derive(Debug, Default)]
pub(super) struct Advice {
    window: Option<Window>,
    /// `None` before the first question.
    ask_at: Option<SystemTime>,
    /// Whether the CA gives no advice at all.
    is_none: bool,
    /// An eighth of the certificate's life: advice that comes later is of no use.
    pace: Duration,
}

impl Advice {
    /// Another certificate is shown: what was said of the one before is void.
    pub(super) fn begin(&mut self, facts: &Facts) {
        *self = Self {
            pace: facts.lifetime() / 8,
            ..Self::default()
        };
    }

    pub(super) fn window(&self) -> Option<Window> {
        self.window
    }

    pub(super) fn is_due(&self, now: SystemTime) -> bool {
        !self.is_none && self.ask_at.is_none_or(|at| at <= now)
    }

    /// Asks the CA. One that does not answer leaves what was known.
    pub(super) async fn ask(
        &mut self,
        issuer: &Issuer,
        state: &State,
        leaf: &CertificateDer<'_>,
        now: SystemTime,
    ) {
        self.ask_at = Some(now + AGAIN.min(self.pace));
        let Ok(certificate) = CertificateIdentifier::try_from(leaf) else {
            self.is_none = true;
            return;
        };
        let Ok(account) = issuer.account(state).await else {
            return; // the CA is not there; an order will say why
        };
        match account.renewal_info(&certificate).await {
            Ok((info, again)) => {
                let window = (
                    info.suggested_window.start.into(),
                    info.suggested_window.end.into(),
                );
                if self.window != Some(window) {
                    tracing::debug!(issuer = %issuer.settings.name, ?window, why = info.explanation_url, "the CA suggests when to renew");
                }
                self.window = Some(window);
                self.ask_at = Some(now + again.clamp(SOONEST, LATEST).min(self.pace));
            }
            Err(Error::Unsupported(_)) => self.is_none = true,
            Err(error) => {
                tracing::debug!(issuer = %issuer.settings.name, "no advice on the renewal: {}", failure::chain(&error));
            }
        }
    }
}
