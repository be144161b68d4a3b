//! What the CA suggests for the renewal of a certificate: ACME Renewal Information, RFC 9773.

use std::time::{Duration, Instant};

use instant_acme::{CertificateIdentifier, Error, RenewalInfo};
use rustls::pki_types::CertificateDer;
use tokio::time::timeout;

use super::{Issuer, failure, schedule::Window};
use crate::{state::State, tls::Facts};

/// RFC 9773 section 4.3.2: what the CA says, within reason.
const SOONEST: Duration = Duration::from_secs(60);
const LATEST: Duration = Duration::from_secs(24 * 3600);
/// After a question that was not answered.
const AGAIN: Duration = Duration::from_secs(3600);

/// Of one question.
const DEADLINE: Duration = Duration::from_secs(10);
/// While others ask.
const SOON: Duration = Duration::from_secs(2);

/// The window of the certificate that is shown, and when to ask for it again.
#[derive(Debug, Default)]
pub(super) struct Advice {
    window: Option<Window>,
    /// `None` before the first question.
    ask_at: Option<Instant>,
    /// Whether the CA gives no advice at all.
    is_none: bool,
    /// An eighth of the certificate's life: advice that comes later is of no use.
    pace: Duration,
    serial: String,
}

impl Advice {
    /// Another certificate is shown: what was said of the one before is void.
    pub(super) fn begin(&mut self, facts: &Facts) {
        *self = Self {
            pace: (facts.lifetime() / 8).max(SOON),
            serial: facts.serial.clone(),
            ..Self::default()
        };
    }

    /// Whether it is about this certificate.
    pub(super) fn is_of(&self, facts: &Facts) -> bool {
        self.serial == facts.serial
    }

    pub(super) fn window(&self) -> Option<Window> {
        self.window
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        !self.is_none && self.ask_at.is_none_or(|at| at <= now)
    }

    /// Asks the CA, unless too many others do. One that does not answer leaves what was known.
    pub(super) async fn ask(&mut self, issuer: &Issuer, state: &State, leaf: &CertificateDer<'_>) {
        let Ok(_turn) = issuer.questions.try_acquire() else {
            self.ask_at = Some(Instant::now() + SOON);
            return;
        };
        self.ask_at = Some(Instant::now() + AGAIN.min(self.pace));
        let Ok(certificate) = CertificateIdentifier::try_from(leaf) else {
            self.is_none = true;
            return;
        };
        let asked = async {
            // If the CA is not there, an order will say why.
            let account = issuer.account(state).await.ok()?;
            Some(account.renewal_info(&certificate).await)
        };
        match timeout(DEADLINE, asked).await {
            Ok(Some(Ok((info, again)))) => self.hear(issuer, &info, again),
            Ok(Some(Err(Error::Unsupported(_)))) => self.is_none = true,
            Ok(Some(Err(error))) => {
                tracing::debug!(issuer = %issuer.settings.name, "no advice on the renewal: {}", failure::chain(&error));
            }
            Ok(None) | Err(_) => {}
        }
    }

    fn hear(&mut self, issuer: &Issuer, info: &RenewalInfo, again: Duration) {
        let window = (
            info.suggested_window.start.into(),
            info.suggested_window.end.into(),
        );
        if self.window != Some(window) {
            let why = info.explanation_url.as_deref();
            tracing::debug!(issuer = %issuer.settings.name, ?window, why, "the CA suggests when to renew");
        }
        self.window = Some(window);
        self.ask_at = Some(Instant::now() + again.clamp(SOONEST, LATEST).min(self.pace));
    }
}
