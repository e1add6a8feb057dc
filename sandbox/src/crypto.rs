//! Keys and randomness.

use std::fmt::Write;

use getrandom::{SysRng, rand_core::UnwrapErr};
use sha2::{Digest, Sha256};
use whatsapp_rust::wacore::libsignal::protocol::{IdentityKey, IdentityKeyPair, KeyPair, PrivateKey};

use crate::Error;

/// The operating system's random numbers, in the form that the protocol library needs.
pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Returns random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(Error::Randomness)?;
    Ok(bytes)
}

/// Random bytes as upper-case hexadecimal digits, two for each byte.
pub(crate) fn random_hex<const N: usize>() -> Result<String, Error> {
    Ok(hex(&random::<N>()?))
}

/// Bytes as upper-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// Derives the key pair of the server with this `label`, the same for the same secret.
///
/// Clients trust the public key in advance, so it must survive a restart of the sandbox.
pub(crate) fn derived(label: &str, secret: &str) -> Result<KeyPair, Error> {
    let digest = Sha256::new().chain_update(format!("chatgraph sandbox {label}\0")).chain_update(secret).finalize();
    PrivateKey::deserialize(&digest)
        .and_then(KeyPair::try_from)
        .map_err(|error| Error::protocol("no key can be derived from the secret", error))
}

/// Generates an identity.
pub(crate) fn identity() -> IdentityKeyPair {
    IdentityKeyPair::generate(&mut rng())
}

/// Returns the 32 bytes of an identity's public key, as on the wire.
pub(crate) fn public(identity: &IdentityKey) -> [u8; 32] {
    raw(identity.public_key().public_key_bytes())
}

/// Returns the 32 bytes of a public key.
pub(crate) fn raw(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("a Curve25519 public key has 32 bytes")
}

/// Derives the user part of an account's LID, 15 digits, from the number, so that it survives a restart.
pub(crate) fn lid_user(number: &str) -> String {
    let digest = Sha256::new().chain_update("chatgraph sandbox lid\0").chain_update(number).finalize();
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    let low = 100_000_000_000_000;
    (low + u64::from_be_bytes(head) % (9 * low)).to_string()
}
