//! CA certificates for the server of the key set, which replace the public CAs.

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject as _},
    },
};
use ureq::tls::{Certificate, RootCerts};

/// CA certificates, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCertificates(Vec<CertificateDer<'static>>);

/// Reason for rejecting a file of CA certificates.
#[derive(Debug, thiserror::Error)]
pub enum RootCertificatesError {
    /// The file cannot be read, or is not PEM.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] pem::Error),
    /// The file has no certificate.
    #[error("has no certificate in PEM format")]
    Empty,
    /// A certificate is not valid for a CA.
    #[error("has a certificate that cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl RootCertificates {
    /// Reads all certificates of a PEM file.
    ///
    /// # Errors
    /// [`RootCertificatesError`].
    pub fn read(file: &Path) -> Result<Self, RootCertificatesError> {
        let certificates = CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>()?;
        if certificates.is_empty() {
            return Err(RootCertificatesError::Empty);
        }
        let mut store = RootCertStore::empty();
        certificates.iter().try_for_each(|certificate| store.add(certificate.clone()))?;
        Ok(Self(certificates))
    }

    /// Converts the certificates to the type of the HTTP client.
    pub(super) fn for_client(&self) -> RootCerts {
        let certificates = self.0.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
        RootCerts::Specific(Arc::new(certificates.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_rejected_with_a_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        assert!(matches!(RootCertificates::read(&file), Err(RootCertificatesError::Unreadable(_))));
        for (content, reason) in [
            ("", "has no certificate"),
            ("nothing", "has no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be used"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "cannot be read"),
        ] {
            std::fs::write(&file, content).expect("written");
            let error = RootCertificates::read(&file).expect_err("it was accepted").to_string();
            assert!(error.contains(reason), "{content:?}: {error}");
        }
        let made =
            |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate").cert.pem();
        std::fs::write(&file, [made("a.example"), made("b.example")].concat()).expect("written");
        assert_eq!(RootCertificates::read(&file).expect("two certificates").0.len(), 2);
    }
}
