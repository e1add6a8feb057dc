//! TLS 1.2 and 1.3, with HTTP/1.1 and HTTP/2 by ALPN. The files can be reloaded; open connections keep the certificate
//! that they started with.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};
use tokio_rustls::TlsAcceptor;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

/// Files of a certificate and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate chain, the server's certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// An error of the TLS files, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate cannot be read.
    #[error("--tls-certificate: {} cannot be read as a certificate in PEM format", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// The cause.
        #[source]
        source: pem::Error,
    },
    /// The file has no certificate.
    #[error("--tls-certificate: {} contains no certificate in PEM format", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// The key cannot be read.
    #[error("--tls-key: {} cannot be read as a private key in PEM format", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// The cause.
        #[source]
        source: pem::Error,
    },
    /// The files do not match, or are not supported.
    #[error("--tls-certificate and --tls-key: the certificate and the key do not match, or are not supported")]
    Mismatch(#[source] rustls::Error),
}

/// The served certificate. Clones share it.
#[derive(Clone)]
pub struct Tls {
    files: CertificateFiles,
    current: Arc<RwLock<ServedCertificate>>,
}

/// The current TLS configuration.
struct ServedCertificate {
    config: Arc<ServerConfig>,
    /// Expiry of the chain's earliest certificate, in milliseconds; `None` if it cannot be parsed.
    expires_at: Option<i64>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn read(files: CertificateFiles) -> Result<Self, TlsError> {
        let served = served(&files)?;
        Ok(Self { files, current: Arc::new(RwLock::new(served)) })
    }

    /// Reloads the files for new connections. If they are invalid, the current certificate stays in use.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let served = served(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = served;
        Ok(())
    }

    /// Returns the expiry of the served chain in milliseconds: the earliest of its certificates.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).expires_at
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config).into()
    }
}

fn served(files: &CertificateFiles) -> Result<ServedCertificate, TlsError> {
    let unreadable = |source| TlsError::Certificate { file: files.certificate.clone(), source };
    let chain = CertificateDer::pem_file_iter(&files.certificate).map_err(unreadable)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { file: files.certificate.clone() });
    }
    let expires_at = chain.iter().filter_map(expires_at).min();
    let key = PrivateKeyDer::from_pem_file(&files.key);
    let key = key.map_err(|source| TlsError::Key { file: files.key.clone(), source })?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(TlsError::Mismatch)?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Mismatch)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(ServedCertificate { config: Arc::new(config), expires_at })
}

fn expires_at(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp().saturating_mul(1_000))
}
