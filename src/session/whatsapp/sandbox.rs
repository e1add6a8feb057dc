//! The only place that makes a session trust anything other than WhatsApp's certificates.
//!
//! The library has no option for that, but it trusts the server key that an earlier connection left in its memory. So
//! the sandbox's key is stored there before the first connection. A [`Sandbox`] is only created from
//! [`Endpoint::Sandbox`] and a loopback address: a session that connects to WhatsApp has no key to store. [`withdraw`]
//! removes a sandbox's key from a database that then serves WhatsApp.

use std::net::SocketAddr;

use whatsapp_rust::{
    store::{error::StoreError, traits::Backend},
    wacore::store::{CachedNoiseCert, CachedServerCertChain, Device},
};

use super::{super::Endpoint, socket::Socket};

/// Client version reported to the sandbox; a fixed one, because the library otherwise fetches the latest from the
/// internet.
pub(super) const VERSION: (u32, u32, u32) = (2, 3000, 0);

/// The library uses a stored server key only for a registered device, and a device counts as registered once it has a
/// number. Pairing replaces it.
const PLACEHOLDER: &str = "10000000000";

/// A sandbox on this machine.
pub(super) struct Sandbox<'a> {
    address: &'a str,
    key: [u8; 32],
}

/// The sandbox is not on this machine, so its key must not be trusted.
#[derive(Debug, thiserror::Error)]
#[error("must be http://127.0.0.1:PORT or another loopback address")]
pub(super) struct NotLoopback;

impl<'a> Sandbox<'a> {
    /// Returns the sandbox of an endpoint; `None` for WhatsApp itself.
    pub(super) fn detect(endpoint: &'a Endpoint) -> Result<Option<Self>, NotLoopback> {
        let Endpoint::Sandbox { url, key } = endpoint else { return Ok(None) };
        let address = url.strip_prefix("http://").ok_or(NotLoopback)?.trim_end_matches('/');
        let parsed: SocketAddr = address.parse().map_err(|_| NotLoopback)?;
        if parsed.ip().is_loopback() { Ok(Some(Self { address, key: *key })) } else { Err(NotLoopback) }
    }

    /// Stores the sandbox's key in the library's memory. Must be called before each client is built: a failed handshake
    /// removes it.
    pub(super) async fn seed(&self, backend: &dyn Backend) -> Result<(), StoreError> {
        let mut device = backend.load().await?.unwrap_or_else(Device::new);
        let chain = chain(self.key);
        if device.pn.is_some() && device.server_cert_chain.as_ref() == Some(&chain) {
            return Ok(());
        }
        device.pn.get_or_insert_with(|| whatsapp_rust::Jid::pn(PLACEHOLDER));
        device.server_cert_chain = Some(chain);
        backend.save(&device).await
    }

    /// Opens its WebSocket.
    pub(super) fn socket(&self) -> Socket {
        Socket::to_sandbox(self.address)
    }

    /// Returns the URL of its encrypted files.
    pub(super) fn media(&self) -> String {
        format!("http://{}/media", self.address)
    }
}

/// Represents a sandbox's key as a stored server certificate chain. WhatsApp's own chain never looks like this: its two
/// certificates have different keys, and both expire.
fn chain(key: [u8; 32]) -> CachedServerCertChain {
    let trusted = CachedNoiseCert { key, not_before: 0, not_after: i64::MAX };
    CachedServerCertChain { intermediate: trusted.clone(), leaf: trusted }
}

/// Removes any sandbox key, so that a connection to WhatsApp validates the certificates.
pub(super) async fn withdraw(backend: &dyn Backend) -> Result<(), StoreError> {
    let Some(mut device) = backend.load().await? else { return Ok(()) };
    let left = device.server_cert_chain.as_ref().is_some_and(|known| *known == chain(known.leaf.key));
    let placeholder = device.pn.as_ref().is_some_and(|pn| pn.user == PLACEHOLDER);
    if !left && !placeholder {
        return Ok(());
    }
    if left {
        device.server_cert_chain = None;
    }
    if placeholder {
        device.pn = None;
    }
    backend.save(&device).await
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore::store::{InMemoryBackend, traits::DeviceStore};

    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::Sandbox { url: url.into(), key: [7; 32] }
    }

    #[test]
    fn only_a_loopback_address_is_a_sandbox() {
        for url in ["http://127.0.0.1:7000", "http://127.0.0.1:7000/", "http://[::1]:7000"] {
            assert!(matches!(Sandbox::detect(&endpoint(url)), Ok(Some(_))), "{url}");
        }
        for url in ["http://192.0.2.1:7000", "https://127.0.0.1:7000", "http://127.0.0.1.example.org:7000", ""] {
            assert!(Sandbox::detect(&endpoint(url)).is_err(), "{url}");
        }
        assert!(matches!(Sandbox::detect(&Endpoint::WhatsApp), Ok(None)));
    }

    #[tokio::test]
    async fn a_server_key_removed_by_a_failed_handshake_is_stored_again() {
        let endpoint = endpoint("http://127.0.0.1:7000");
        let sandbox = Sandbox::detect(&endpoint).unwrap().unwrap();
        let backend = InMemoryBackend::new();
        sandbox.seed(&backend).await.unwrap();
        let mut device = backend.load().await.unwrap().unwrap();
        assert_eq!(device.server_cert_chain.as_ref().unwrap().leaf.key, [7; 32]);
        let identity = device.noise_key.public_key;

        device.pn = Some(whatsapp_rust::Jid::pn("15550100001"));
        device.server_cert_chain = None;
        backend.save(&device).await.unwrap();
        sandbox.seed(&backend).await.unwrap();

        let device = backend.load().await.unwrap().unwrap();
        assert_eq!(device.server_cert_chain.unwrap().leaf.key, [7; 32]);
        assert_eq!(device.pn.unwrap().user, "15550100001", "the data from the pairing is kept");
        assert_eq!(device.noise_key.public_key, identity);
    }

    #[tokio::test]
    async fn sandbox_state_is_removed_before_connecting_to_whatsapp() {
        let endpoint = endpoint("http://127.0.0.1:7000");
        let backend = InMemoryBackend::new();
        Sandbox::detect(&endpoint).unwrap().unwrap().seed(&backend).await.unwrap();

        withdraw(&backend).await.unwrap();

        let device = backend.load().await.unwrap().unwrap();
        assert_eq!((device.server_cert_chain, device.pn), (None, None));
    }

    #[tokio::test]
    async fn state_of_whatsapp_is_kept() {
        let certificate = |key| CachedNoiseCert { key, not_before: 1_600_000_000, not_after: 2_000_000_000 };
        let chain = CachedServerCertChain { intermediate: certificate([1; 32]), leaf: certificate([2; 32]) };
        let mut device = Device::new();
        device.pn = Some(whatsapp_rust::Jid::pn("15550100001"));
        device.server_cert_chain = Some(chain.clone());
        let backend = InMemoryBackend::new();
        backend.save(&device).await.unwrap();

        withdraw(&backend).await.unwrap();

        let device = backend.load().await.unwrap().unwrap();
        assert_eq!(device.server_cert_chain, Some(chain));
        assert_eq!(device.pn.unwrap().user, "15550100001");
    }
}
