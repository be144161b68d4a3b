//! What is shown for a host whose own certificate is still on its way.

use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::{crypto::aws_lc_rs, pki_types::PrivateKeyDer, sign::CertifiedKey};

use super::{AuthorityError, Chain};

/// A self-signed certificate for 7 days, with a key (ECDSA P-256) that lives in memory alone. No client
/// trusts it, but who looks at it reads what is going on.
pub fn temporary(hosts: &[String]) -> Result<Chain, AuthorityError> {
    let wrong = |error: &dyn std::fmt::Display| AuthorityError::Hosts(error.to_string());
    let mut params = CertificateParams::new(hosts).map_err(|error| wrong(&error))?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Simplon temporary certificate");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = time::OffsetDateTime::now_utc();
    // From a little before, for clients whose clocks are behind.
    params.not_before = now - time::Duration::HOUR;
    params.not_after = now + time::Duration::days(7);
    let pair = KeyPair::generate().map_err(|error| wrong(&error))?;
    let certificate = params.self_signed(&pair).map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::try_from(pair.serialize_der()).map_err(|error| wrong(&error))?;
    let chain = vec![certificate.der().clone()];
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .map(Arc::new)
        .map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Facts;

    #[test]
    fn it_says_what_it_is_and_covers_its_hosts_for_a_week() {
        let hosts = ["a.test".to_owned(), "*.b.test".to_owned()];
        let chain = temporary(&hosts).unwrap();
        let facts = Facts::read(&chain.cert[0]).unwrap();
        assert_eq!(facts.subject, "CN=Simplon temporary certificate");
        assert_eq!(facts.names, hosts);
        assert_eq!(facts.key, "ECDSA P-256");
        let days = facts.lifetime().as_secs() / 86_400;
        assert_eq!(days, 7);
    }
}
