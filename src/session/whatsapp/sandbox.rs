//! The one place that makes a session trust something else than WhatsApp's certificates.
//!
//! The library has no switch for that. It does trust the server key that an earlier connection left in its memory, so
//! that key is put there before the first one. A [`Sandbox`] comes out of [`Endpoint::Sandbox`] alone and on loopback
//! alone: a session that connects with WhatsApp has no key that could be put anywhere. What a sandbox left behind, on a
//! database that then serves WhatsApp, is taken out by [`withdraw`].

use std::net::SocketAddr;

use whatsapp_rust::store::error::StoreError;
use whatsapp_rust::store::traits::Backend;
use whatsapp_rust::wacore::store::CachedNoiseCert;
use whatsapp_rust::wacore::store::CachedServerCertChain;
use whatsapp_rust::wacore::store::Device;

use super::super::Endpoint;
use super::socket::Socket;

/// The version the sandbox is told; a fixed one, since the library asks the internet for the latest otherwise.
pub(super) const VERSION: (u32, u32, u32) = (2, 3000, 0);

/// The library uses a remembered server key for a registered device only, and a device counts as registered once it has
/// a number. Pairing replaces it.
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
    /// The sandbox of an endpoint; none for WhatsApp itself.
    pub(super) fn of(endpoint: &'a Endpoint) -> Result<Option<Self>, NotLoopback> {
        let Endpoint::Sandbox { url, key } = endpoint else { return Ok(None) };
        let address = url.strip_prefix("http://").ok_or(NotLoopback)?.trim_end_matches('/');
        let parsed: SocketAddr = address.parse().map_err(|_| NotLoopback)?;
        if parsed.ip().is_loopback() { Ok(Some(Self { address, key: *key })) } else { Err(NotLoopback) }
    }

    /// Puts the sandbox's key where the library looks for it. To be done before each client is built: a handshake that
    /// failed takes it out.
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

    /// Opens its websocket.
    pub(super) fn socket(&self) -> Socket {
        Socket::to_sandbox(self.address)
    }

    /// Where its encrypted files are.
    pub(super) fn media(&self) -> String {
        format!("http://{}/media", self.address)
    }
}

/// A sandbox's key as the library remembers a server's. WhatsApp's own never looks like this: its two certificates have
/// a key each, and both end.
fn chain(key: [u8; 32]) -> CachedServerCertChain {
    let trusted = CachedNoiseCert { key, not_before: 0, not_after: i64::MAX };
    CachedServerCertChain { intermediate: trusted.clone(), leaf: trusted }
}

/// Takes out whatever key a sandbox left, so that a connection with WhatsApp checks the certificates.
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
    use whatsapp_rust::wacore::store::InMemoryBackend;
    use whatsapp_rust::wacore::store::traits::DeviceStore;

    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::Sandbox { url: url.into(), key: [7; 32] }
    }

    #[test]
    fn only_a_loopback_address_is_a_sandbox() {
        for url in ["http://127.0.0.1:7000", "http://127.0.0.1:7000/", "http://[::1]:7000"] {
            assert!(matches!(Sandbox::of(&endpoint(url)), Ok(Some(_))), "{url}");
        }
        for url in ["http://192.0.2.1:7000", "https://127.0.0.1:7000", "http://127.0.0.1.example.org:7000", ""] {
            assert!(Sandbox::of(&endpoint(url)).is_err(), "{url}");
        }
        assert!(matches!(Sandbox::of(&Endpoint::WhatsApp), Ok(None)));
    }

    #[tokio::test]
    async fn the_key_comes_back_after_a_failed_handshake_took_it_out() {
        let endpoint = endpoint("http://127.0.0.1:7000");
        let sandbox = Sandbox::of(&endpoint).unwrap().unwrap();
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
        assert_eq!(device.pn.unwrap().user, "15550100001", "what pairing gave stays");
        assert_eq!(device.noise_key.public_key, identity);
    }

    #[tokio::test]
    async fn nothing_of_a_sandbox_is_left_for_whatsapp() {
        let endpoint = endpoint("http://127.0.0.1:7000");
        let backend = InMemoryBackend::new();
        Sandbox::of(&endpoint).unwrap().unwrap().seed(&backend).await.unwrap();

        withdraw(&backend).await.unwrap();

        let device = backend.load().await.unwrap().unwrap();
        assert_eq!((device.server_cert_chain, device.pn), (None, None));
    }

    #[tokio::test]
    async fn what_whatsapp_gave_stays() {
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
