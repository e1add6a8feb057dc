//! Login tokens: JWTs that the operator's frontend signs for its users, verified against its public keys. No URL or key
//! in a token is used. All failures look the same to the client; the reason is logged.

mod claims;
mod jwt_error;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Map, Value};
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::{
    config::JwtConfig,
    jwks::{Jwks, Unverified},
    viewer::Viewer,
};
use crate::domain::clock::Clock;
use jwt_error::{JwtError, MAX_JWT_LEN};

/// Maximum length of a `kid`, in bytes.
const MAX_KEY_ID_LEN: usize = 256;

/// Verifies login tokens. Clones share the public keys.
#[derive(Clone)]
pub struct JwtVerifier {
    config: Arc<JwtConfig>,
    jwks: Jwks,
    clock: Arc<dyn Clock>,
}

impl JwtVerifier {
    /// Returns the age of the key set, in milliseconds; `None` without one.
    #[must_use]
    pub fn keys_age_ms(&self) -> Option<i64> {
        self.jwks.age_ms()
    }

    /// Accepts the tokens that `config` describes. Fetches no keys yet; fetches run on `tasks`.
    ///
    /// # Panics
    /// If the cryptography library of this build does not work.
    #[must_use]
    pub fn new(config: JwtConfig, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        self_test();
        let jwks = Jwks::new(config.jwks_url.clone(), config.jwks_roots.as_ref(), Arc::clone(&clock), tasks);
        Self { config: Arc::new(config), jwks, clock }
    }

    /// Returns the viewer of a token; `None` if it is invalid for any reason.
    pub(super) async fn verify(&self, token: &str) -> Option<Viewer> {
        let viewer = self.viewer(token).await;
        viewer.inspect_err(|refusal| debug!(reason = %refusal, "Login token rejected")).ok()
    }

    async fn viewer(&self, token: &str) -> Result<Viewer, JwtError> {
        if token.len() > MAX_JWT_LEN {
            return Err(JwtError::TooLong);
        }
        let header = header(token)?;
        let verified = self.jwks.verify(key_id(&header)?, |key| key.claims(token)).await;
        let claims = verified.map_err(|unverified| match unverified {
            Unverified::UnknownKey => JwtError::Key,
            Unverified::Signature => JwtError::Signature,
        })?;
        claims::viewer(&claims, &self.config, self.clock.now())
    }
}

/// Decodes the header of a token. Rejects types and extensions that are not supported.
fn header(token: &str) -> Result<Map<String, Value>, JwtError> {
    let encoded = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| JwtError::Header)?;
    let header: Map<String, Value> = serde_json::from_slice(&header).map_err(|_| JwtError::Header)?;
    let is_jwt = |value: &Value| value.as_str().is_some_and(|name| name.eq_ignore_ascii_case("JWT"));
    if !header.get("typ").is_none_or(is_jwt) {
        return Err(JwtError::Type);
    }
    if header.contains_key("crit") {
        return Err(JwtError::Critical);
    }
    Ok(header)
}

fn key_id(header: &Map<String, Value>) -> Result<Option<&str>, JwtError> {
    let Some(id) = header.get("kid") else { return Ok(None) };
    id.as_str().filter(|id| id.len() <= MAX_KEY_ID_LEN).map(Some).ok_or(JwtError::Header)
}

/// Installs the cryptography provider and verifies a known signature. Otherwise a build with no provider, or several,
/// would fail only at the first token.
fn self_test() {
    // Another component may have installed the same provider before.
    let _ = crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let key = DecodingKey::from_ed_components(proof::KEY).expect("a constant");
    let verified = crypto::verify(proof::SIGNATURE, proof::SIGNED.as_bytes(), &key, Algorithm::EdDSA);
    assert!(matches!(verified, Ok(true)), "the cryptography provider does not verify a valid signature");
}

/// A valid signature by a discarded key.
mod proof {
    pub(super) const KEY: &str = "59fpeHQTKB9g1KYrzQA_gfQyrFMWgmGwszs-YgpzvvI";
    pub(super) const SIGNED: &str = "chatgraph verifies signatures";
    pub(super) const SIGNATURE: &str =
        "jEBgamrIpcSGSjzPGtTPVr5XT8sFcqc_ZgqjXm0AfJYG-kVobbLd8xfolczUFogN8pDwmoWRkX_IRoDn5YqZDg";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_s_name_is_a_text_and_not_a_long_one() {
        let named = |id: Value| key_id(&Map::from_iter([("kid".to_owned(), id)])).map(|id| id.is_some());
        assert_eq!(named("a".repeat(MAX_KEY_ID_LEN).into()), Ok(true));
        for wrong in ["a".repeat(MAX_KEY_ID_LEN + 1).into(), 1.into(), Value::Null] {
            assert_eq!(named(wrong), Err(JwtError::Header));
        }
        assert_eq!(key_id(&Map::new()), Ok(None));
    }

    #[test]
    fn the_cryptography_is_proven_with_a_signature_that_is_good() {
        super::self_test();
    }
}
