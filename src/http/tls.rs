//! TLS, where a certificate is configured: versions 1.2 and 1.3, HTTP/1.1 and HTTP/2 by ALPN. The files are read anew when
//! the operator says so; connections that are open keep what they began with.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject as _;
use tokio_rustls::TlsAcceptor;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

/// The files of a certificate, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate, and behind it those up to one that callers know.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why there is no TLS, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate cannot be read.
    #[error("--tls-certificate: {} holds no certificate in PEM that can be read", file.display())]
    Certificate {
        /// Where it was looked for.
        file: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// The file has no certificate.
    #[error("--tls-certificate: {} holds no certificate in PEM", file.display())]
    NoCertificate {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// The key cannot be read.
    #[error("--tls-key: {} holds no private key in PEM that can be read", file.display())]
    Key {
        /// Where it was looked for.
        file: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// The two are not for each other, or of no use.
    #[error("--tls-certificate and --tls-key: the two files do not make a certificate that can be served")]
    Unfit(#[source] rustls::Error),
}

/// The certificate that is served. Clones serve the same.
#[derive(Clone)]
pub struct Tls {
    files: Files,
    current: Arc<RwLock<Served>>,
}

/// What is served at present.
struct Served {
    config: Arc<ServerConfig>,
    /// When the first certificate of the chain expires, in milliseconds; `None` if it does not say so legibly.
    expires_at: Option<i64>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn read(files: Files) -> Result<Self, TlsError> {
        let served = served(&files)?;
        Ok(Self { files, current: Arc::new(RwLock::new(served)) })
    }

    /// Reads the files anew, for connections from now on. What was served is kept when they are of no use.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn renew(&self) -> Result<(), TlsError> {
        let served = served(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = served;
        Ok(())
    }

    /// When the certificate that is served expires, in milliseconds: the earliest of its chain.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).expires_at
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config).into()
    }
}

fn served(files: &Files) -> Result<Served, TlsError> {
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
    let builder = builder.map_err(TlsError::Unfit)?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Unfit)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Served { config: Arc::new(config), expires_at })
}

fn expires_at(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp().saturating_mul(1_000))
}
