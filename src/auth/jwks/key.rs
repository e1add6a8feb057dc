//! A key of a set (RFC 7517), and the algorithm that it verifies. The algorithm is determined by the key, never by a
//! token.
//!
//! The types of `jsonwebtoken::jwk` are less strict, and therefore not used. They treat null as a missing `use`,
//! `key_ops` or `alg`, lose the name of an unknown algorithm (`Ed25519` for example), and check no lengths.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

/// Supported sizes of an RSA modulus, in bits; the library supports no longer one.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A public key and its algorithm.
pub(in crate::auth) struct VerificationKey {
    /// The key id (`kid`).
    pub(super) id: Option<String>,
    key: DecodingKey,
    validation: Validation,
}

/// Reason for ignoring a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnusableKey {
    /// Not a public key of a supported type, for example a symmetric key or another curve.
    #[error("unsupported key type or curve")]
    Kind,
    /// Not for signatures.
    #[error("key is not for verifying signatures")]
    Use,
    /// The algorithm does not match the key type, or is not supported.
    #[error("unsupported algorithm")]
    Algorithm,
    /// Too weak, or too long to process.
    #[error("RSA modulus must have 2048 to 8192 bits")]
    Bits,
    /// A parameter is missing or invalid.
    #[error("malformed key")]
    Malformed,
}

impl VerificationKey {
    /// Parses a key of a set.
    pub(super) fn read(jwk: &Value) -> Result<Self, UnusableKey> {
        let jwk = jwk.as_object().ok_or(UnusableKey::Malformed)?;
        let for_signatures = jwk.get("use").is_none_or(|purpose| purpose == "sig");
        let may_verify = jwk
            .get("key_ops")
            .is_none_or(|operations| operations.as_array().is_some_and(|all| all.contains(&"verify".into())));
        if !for_signatures || !may_verify {
            return Err(UnusableKey::Use);
        }
        let (algorithm, key) = match (text(jwk, "kty"), text(jwk, "crv")) {
            (Some("OKP"), Some("Ed25519")) => (Algorithm::EdDSA, DecodingKey::from_ed_der(&number(jwk, "x", 32)?)),
            (Some("EC"), Some("P-256")) => (Algorithm::ES256, point(jwk, 32)?),
            (Some("EC"), Some("P-384")) => (Algorithm::ES384, point(jwk, 48)?),
            (Some("RSA"), None) => (rsa_algorithm(jwk)?, rsa(jwk)?),
            _ => return Err(UnusableKey::Kind),
        };
        if !is_named(jwk, algorithm) {
            return Err(UnusableKey::Algorithm);
        }
        let mut validation = Validation::new(algorithm);
        // The claims are validated in `login`, with this program's clock and more strictly.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Ok(Self { id: text(jwk, "kid").map(str::to_owned), key, validation })
    }

    /// Returns the token's claims if this key verifies its signature.
    pub(in crate::auth) fn claims(&self, token: &str) -> Option<Map<String, Value>> {
        jsonwebtoken::decode(token, &self.key, &self.validation).ok().map(|decoded| decoded.claims)
    }
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    jwk.get(name).and_then(Value::as_str)
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, UnusableKey> {
    let text = text(jwk, name).ok_or(UnusableKey::Malformed)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| UnusableKey::Malformed)
}

fn number(jwk: &Map<String, Value>, name: &str, length: usize) -> Result<Vec<u8>, UnusableKey> {
    bytes(jwk, name).and_then(|bytes| if bytes.len() == length { Ok(bytes) } else { Err(UnusableKey::Malformed) })
}

/// Parses a curve point, in uncompressed form.
fn point(jwk: &Map<String, Value>, length: usize) -> Result<DecodingKey, UnusableKey> {
    let point = [vec![4], number(jwk, "x", length)?, number(jwk, "y", length)?].concat();
    Ok(DecodingKey::from_ec_der(&point))
}

fn rsa(jwk: &Map<String, Value>) -> Result<DecodingKey, UnusableKey> {
    let (modulus, exponent) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let without_zeros = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
    let (modulus, exponent) = (without_zeros(&modulus), without_zeros(&exponent));
    let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(UnusableKey::Bits);
    }
    Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

/// Returns the algorithm of an RSA key. Without `alg` it is RS256, which most sets mean.
fn rsa_algorithm(jwk: &Map<String, Value>) -> Result<Algorithm, UnusableKey> {
    match jwk.get("alg").map_or(Some("RS256"), Value::as_str) {
        Some("RS256") => Ok(Algorithm::RS256),
        Some("RS384") => Ok(Algorithm::RS384),
        Some("RS512") => Ok(Algorithm::RS512),
        Some("PS256") => Ok(Algorithm::PS256),
        Some("PS384") => Ok(Algorithm::PS384),
        Some("PS512") => Ok(Algorithm::PS512),
        _ => Err(UnusableKey::Algorithm),
    }
}

/// Returns whether the key's `alg` is missing or names this algorithm.
fn is_named(jwk: &Map<String, Value>, algorithm: Algorithm) -> bool {
    let Some(named) = jwk.get("alg") else { return true };
    match algorithm {
        Algorithm::EdDSA => named == "EdDSA" || named == "Ed25519",
        Algorithm::ES256 => named == "ES256",
        Algorithm::ES384 => named == "ES384",
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(jwk: &Value) -> Result<Algorithm, UnusableKey> {
        VerificationKey::read(jwk).map(|key| key.validation.algorithms[0])
    }

    fn zeros(length: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0; length])
    }

    fn modulus(bits: usize) -> String {
        let mut modulus = vec![0; bits.div_ceil(8)];
        modulus[0] = 1 << ((bits - 1) % 8);
        URL_SAFE_NO_PAD.encode(modulus)
    }

    #[test]
    fn the_algorithm_follows_from_the_key() {
        let point = |curve: &str, length| json!({"kty": "EC", "crv": curve, "x": zeros(length), "y": zeros(length)});
        assert_eq!(read(&json!({"kty": "OKP", "crv": "Ed25519", "x": zeros(32)})), Ok(Algorithm::EdDSA));
        assert_eq!(read(&point("P-256", 32)), Ok(Algorithm::ES256));
        assert_eq!(read(&point("P-384", 48)), Ok(Algorithm::ES384));
        assert_eq!(read(&json!({"kty": "RSA", "n": modulus(2048), "e": "AQAB"})), Ok(Algorithm::RS256));
        for (name, algorithm) in [("RS512", Algorithm::RS512), ("PS256", Algorithm::PS256)] {
            let key = json!({"kty": "RSA", "n": modulus(3072), "e": "AQAB", "alg": name});
            assert_eq!(read(&key), Ok(algorithm));
        }
    }

    #[test]
    fn weak_secret_and_unrelated_keys_are_ignored() {
        let ed = |more: Value| {
            let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": zeros(32)});
            key.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            key
        };
        for (key, unusable) in [
            (json!({"kty": "oct", "k": zeros(32)}), UnusableKey::Kind),
            (json!({"kty": "oct", "k": zeros(32), "alg": "HS256"}), UnusableKey::Kind),
            (json!({"kty": "EC", "crv": "P-521", "x": zeros(66), "y": zeros(66)}), UnusableKey::Kind),
            (json!({"kty": "EC", "crv": "secp256k1", "x": zeros(32), "y": zeros(32)}), UnusableKey::Kind),
            (json!({"kty": "OKP", "crv": "X25519", "x": zeros(32)}), UnusableKey::Kind),
            (json!({"kty": "EC", "crv": "P-256", "x": zeros(32), "y": zeros(31)}), UnusableKey::Malformed),
            (json!({"kty": "RSA", "n": modulus(1024), "e": "AQAB"}), UnusableKey::Bits),
            (json!({"kty": "RSA", "n": modulus(2047), "e": "AQAB"}), UnusableKey::Bits),
            (json!({"kty": "RSA", "n": zeros(256), "e": "AQAB"}), UnusableKey::Bits),
            (json!({"kty": "RSA", "n": zeros(258) + &modulus(1032), "e": "AQAB"}), UnusableKey::Bits),
            (json!({"kty": "RSA", "n": modulus(8200), "e": "AQAB"}), UnusableKey::Bits),
            (json!({"kty": "RSA", "n": modulus(2048), "e": "AQAB", "alg": "HS256"}), UnusableKey::Algorithm),
            (json!({"kty": "RSA", "n": modulus(2048), "e": "AQAB", "alg": "RSA-OAEP"}), UnusableKey::Algorithm),
            (json!({"kty": "RSA", "n": modulus(2048)}), UnusableKey::Malformed),
            (ed(json!({"use": "enc"})), UnusableKey::Use),
            (ed(json!({"key_ops": ["sign"]})), UnusableKey::Use),
            (ed(json!({"alg": "ES256"})), UnusableKey::Algorithm),
            (ed(json!({"x": "?"})), UnusableKey::Malformed),
            (json!("a"), UnusableKey::Malformed),
        ] {
            assert_eq!(read(&key), Err(unusable), "{key}");
        }
        assert_eq!(read(&ed(json!({"use": "sig", "key_ops": ["verify"], "alg": "EdDSA"}))), Ok(Algorithm::EdDSA));
    }
}
