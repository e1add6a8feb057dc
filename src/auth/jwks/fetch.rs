//! Fetches the key set over HTTP, only from the configured URL, with limits on time and size.

use std::{io::Read as _, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::time::timeout;
use ureq::tls::{RootCerts, TlsConfig};

use crate::auth::root_certificates::RootCertificates;

/// Total timeout.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// Maximum size of a set, in bytes.
const MAX_JWKS_BYTES: u64 = 256 * 1024;

/// A function that fetches the set.
pub(super) type Fetch = Arc<dyn Fn() -> BoxFuture<'static, Result<Vec<u8>, FetchError>> + Send + Sync>;

/// Reason for a failed fetch.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The connection failed.
    #[error("fetching the key set failed: {0}")]
    Unreachable(String),
    /// The fetch timed out.
    #[error("fetching the key set took longer than {} s", FETCH_TIMEOUT.as_secs())]
    TimedOut,
    /// An unexpected status; redirects are not followed.
    #[error("the JWKS endpoint returned HTTP {0}")]
    Status(u16),
    /// The response is too large.
    #[error("key set has more than {MAX_JWKS_BYTES} bytes")]
    TooLong,
}

/// Returns a fetch from `url`, whose server is verified with `roots` or the public CAs.
pub(super) fn from(url: String, roots: Option<&RootCertificates>) -> Fetch {
    let roots = roots.map_or(RootCerts::WebPki, RootCertificates::for_client);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(FETCH_TIMEOUT))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_idle_connections(0)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .user_agent(concat!("chatgraph/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let url: Arc<str> = url.into();
    Arc::new(move || {
        let (agent, url) = (agent.clone(), Arc::clone(&url));
        // The client blocks a thread. Its own timeout ends it; this timeout does not rely on that.
        let fetching =
            async move { timeout(FETCH_TIMEOUT, tokio::task::spawn_blocking(move || read(&agent, &url))).await };
        let fetched = fetching.map(|fetched| match fetched {
            Ok(Ok(fetched)) => fetched,
            Ok(Err(join_error)) => Err(FetchError::Unreachable(join_error.to_string())),
            Err(_) => Err(FetchError::TimedOut),
        });
        fetched.boxed()
    })
}

fn read(agent: &ureq::Agent, url: &str) -> Result<Vec<u8>, FetchError> {
    let unreachable = |error: ureq::Error| FetchError::Unreachable(error.to_string());
    let mut response = agent.get(url).header("Accept", "application/json").call().map_err(unreachable)?;
    if response.status() != 200 {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let mut content = Vec::new();
    let read = response.body_mut().as_reader().take(MAX_JWKS_BYTES + 1).read_to_end(&mut content);
    read.map_err(|error| FetchError::Unreachable(error.to_string()))?;
    if content.len() as u64 > MAX_JWKS_BYTES { Err(FetchError::TooLong) } else { Ok(content) }
}
