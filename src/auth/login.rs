//! Login tokens: JWTs that the operator's frontend signs for its people, verified against its public keys. Nothing that a
//! token names is fetched, and every failure looks the same to the caller; why it is one goes to the log.

mod claims;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto;
use serde_json::Map;
use serde_json::Value;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::domain::clock::Clock;

use super::jwks::Jwks;
use super::jwks::Unverified;
use super::roots::Roots;
use super::viewer::Viewer;

/// How long a token may be, in bytes.
const LONGEST: usize = 8 * 1024;
/// How long a key's name may be, in bytes.
const LONGEST_KEY_ID: usize = 256;

/// Whose tokens count, and how their claims are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the public keys are: a JSON Web Key Set.
    pub jwks_url: String,
    /// The CAs that its server is verified with; the public ones if `None`.
    pub jwks_roots: Option<Roots>,
    /// Who signs: the claim `iss`.
    pub issuer: String,
    /// For whom: one of these stands in the claim `aud`.
    pub audiences: Vec<String>,
    /// The claim that names the person's organization.
    pub organization_claim: String,
    /// The claim with the person's role in it.
    pub organization_role_claim: String,
    /// The claim with the person's role above all organizations.
    pub platform_role_claim: String,
    /// The roles in an organization that may everything in it.
    pub admin_roles: Vec<String>,
    /// The roles in an organization that may all but manage.
    pub member_roles: Vec<String>,
    /// The roles above all organizations that may everything in the one that the token names.
    pub platform_admin_roles: Vec<String>,
}

/// Why a token is refused: for the log, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("it has over {LONGEST} bytes")]
    TooLong,
    #[error("its header is malformed")]
    Header,
    #[error("it is of another type than JWT")]
    Type,
    #[error("it demands an extension")]
    Critical,
    #[error("its key is not in the set")]
    Key,
    #[error("its key, or any key if it names none, did not sign it, by the key's algorithm")]
    Signature,
    #[error("its issuer is another one")]
    Issuer,
    #[error("it is for another audience")]
    Audience,
    #[error("it says not when it expires")]
    Expiry,
    #[error("it expired")]
    Expired,
    #[error("it does not count yet")]
    NotBefore,
    #[error("it names no subject")]
    Subject,
    #[error("its organization is no organization's id")]
    Organization,
}

/// Turns login tokens into viewers. Clones share the public keys.
#[derive(Clone)]
pub struct Logins {
    config: Arc<Config>,
    jwks: Jwks,
    clock: Arc<dyn Clock>,
}

impl Logins {
    /// How long ago the set of public keys was fetched, in milliseconds; `None` without one.
    #[must_use]
    pub fn keys_age_ms(&self) -> Option<i64> {
        self.jwks.age_ms()
    }

    /// Takes the tokens that `config` describes; fetches nothing yet. Fetches run on `tasks`.
    ///
    /// # Panics
    /// When the cryptography that the program was built with does not work.
    #[must_use]
    pub fn new(config: Config, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        prove_cryptography();
        let jwks = Jwks::at(config.jwks_url.clone(), config.jwks_roots.as_ref(), Arc::clone(&clock), tasks);
        Self { config: Arc::new(config), jwks, clock }
    }

    /// Whose token this is; none when it does not count, for whatever reason.
    pub(super) async fn verify(&self, token: &str) -> Option<Viewer> {
        let viewer = self.viewer(token).await;
        viewer.inspect_err(|refusal| debug!(reason = %refusal, "A login token was refused")).ok()
    }

    async fn viewer(&self, token: &str) -> Result<Viewer, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::TooLong);
        }
        let header = header(token)?;
        let verified = self.jwks.verify(key_id(&header)?, |key| key.claims(token)).await;
        let claims = verified.map_err(|unverified| match unverified {
            Unverified::UnknownKey => Refusal::Key,
            Unverified::Signature => Refusal::Signature,
        })?;
        claims::viewer(&claims, &self.config, self.clock.now())
    }
}

/// The header of a token, once nothing in it asks for what is not done here.
fn header(token: &str) -> Result<Map<String, Value>, Refusal> {
    let encoded = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Refusal::Header)?;
    let header: Map<String, Value> = serde_json::from_slice(&header).map_err(|_| Refusal::Header)?;
    let is_jwt = |value: &Value| value.as_str().is_some_and(|name| name.eq_ignore_ascii_case("JWT"));
    if !header.get("typ").is_none_or(is_jwt) {
        return Err(Refusal::Type);
    }
    if header.contains_key("crit") {
        return Err(Refusal::Critical);
    }
    Ok(header)
}

fn key_id(header: &Map<String, Value>) -> Result<Option<&str>, Refusal> {
    let Some(id) = header.get("kid") else { return Ok(None) };
    id.as_str().filter(|id| id.len() <= LONGEST_KEY_ID).map(Some).ok_or(Refusal::Header)
}

/// Chooses the cryptography and verifies a signature with it: without this, a build with several of them, or none, would
/// serve until the first token comes and fail then.
fn prove_cryptography() {
    // Another part of the process may have chosen the same before.
    let _ = crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let key = DecodingKey::from_ed_components(proof::KEY).expect("a constant");
    let verified = crypto::verify(proof::SIGNATURE, proof::SIGNED.as_bytes(), &key, Algorithm::EdDSA);
    assert!(matches!(verified, Ok(true)), "the program's cryptography does not verify signatures");
}

/// A signature that is good: of a key that signed this once and was thrown away.
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
        assert_eq!(named("a".repeat(LONGEST_KEY_ID).into()), Ok(true));
        for wrong in ["a".repeat(LONGEST_KEY_ID + 1).into(), 1.into(), Value::Null] {
            assert_eq!(named(wrong), Err(Refusal::Header));
        }
        assert_eq!(key_id(&Map::new()), Ok(None));
    }

    #[test]
    fn the_cryptography_is_proven_with_a_signature_that_is_good() {
        super::prove_cryptography();
    }
}
