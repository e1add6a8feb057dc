//! Pairing by a code that the owner types on the phone.
//!
//! The server forwards two messages between both sides and cannot read them: each side encrypts a fresh key with the
//! code.

use std::time::Duration;

use tokio::{sync::oneshot, task::spawn_blocking, time::timeout};
use whatsapp_rust::wacore::{
    crypto::hkdf_sha256_into,
    libsignal::{
        crypto::aes_256_gcm_decrypt,
        protocol::{IdentityKeyPair, KeyPair, PublicKey},
    },
    pair_code::PairCodeUtils,
};

use crate::{
    Error, Phone, clock, crypto,
    pairing::registry::{CodeRequest, Finish},
    wire::node::{Node, SERVER, node},
};

/// Time limit for the client's answer; both sides derive a key from the code, which is slow.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(100);
const BUNDLE_KEY: &[u8] = b"link_code_pairing_key_bundle_encryption_key";
const SECRET: &[u8] = b"adv_secret";

impl Phone {
    /// Enters the code that a client shows for this phone: pairs the client, and waits until both sides agree.
    ///
    /// Small letters and a dash in the middle are accepted, as on a phone. If several clients wait for a code on this
    /// phone, the last one is paired, because the server does not know their codes.
    ///
    /// # Errors
    /// [`Error::InvalidCode`], [`Error::UnknownCode`] if no client waits for this phone, [`Error::WrongCode`] if it
    /// shows another code, [`Error::PairingFailed`] or [`Error::Timeout`].
    pub async fn enter(&self, code: &str) -> Result<(), Error> {
        let code: String = code.trim().chars().filter(|letter| *letter != '-').collect();
        let code = code.to_uppercase();
        if !PairCodeUtils::validate_code(&code) {
            return Err(Error::InvalidCode);
        }
        let (answers, answered) = oneshot::channel();
        let requested = self.services.pairings.entered(self.number(), answers).ok_or(Error::UnknownCode)?;
        let own = KeyPair::generate(&mut crypto::rng());
        let (companion, wrapped) = exchange_keys(&requested, own.clone(), code).await?;
        requested.offer.outlet.send(self.primary_hello(&requested, wrapped));

        let finish = timeout(ANSWER_TIMEOUT, answered)
            .await
            .map_err(|_| Error::Timeout("the companion does not answer"))?
            .map_err(|_| Error::PairingFailed("the connection ended".to_owned()))?;
        let shared = agree(&own, &companion)?;
        let secret = secret(&self.account.identity, &shared, &finish).ok_or(Error::WrongCode)?;
        self.complete_pairing(&requested.offer, finish.identity, &secret).await
    }

    fn primary_hello(&self, requested: &CodeRequest, wrapped: [u8; 80]) -> Node {
        let identity = crypto::public(self.account.identity.identity_key());
        let hello = node("link_code_companion_reg").attr("stage", "primary_hello").children([
            node("link_code_pairing_wrapped_primary_ephemeral_pub").bytes(wrapped.to_vec()).build(),
            node("primary_identity_pub").bytes(identity.to_vec()).build(),
            node("link_code_pairing_ref").bytes(requested.reference.clone().into_bytes()).build(),
        ]);
        node("notification")
            .attr("from", SERVER)
            .attr("type", "link_code_companion_reg")
            .attr("id", self.account.stanza_id())
            .attr("t", clock::seconds(clock::now_ms()).to_string())
            .children([hello.build()])
            .build()
    }
}

/// Decrypts the client's key with the code, and encrypts the phone's own. A wrong code produces a wrong key, not an
/// error.
async fn exchange_keys(requested: &CodeRequest, own: KeyPair, code: String) -> Result<([u8; 32], [u8; 80]), Error> {
    let wrapped = requested.wrapped.clone();
    let sealing = spawn_blocking(move || {
        let companion = PairCodeUtils::decrypt_primary_ephemeral_pub(&wrapped, &code)?;
        let own = crypto::raw(own.public_key.public_key_bytes());
        Ok((companion, PairCodeUtils::encrypt_ephemeral_pub(&own, &code)))
    });
    let ciphertext = sealing.await.map_err(|error| Error::protocol("the code cannot be used", error))?;
    ciphertext.map_err(|error: whatsapp_rust::wacore::pair_code::PairCodeError| {
        Error::protocol("the companion's key cannot be decrypted", error)
    })
}

fn agree(own: &KeyPair, other: &[u8; 32]) -> Result<[u8; 32], Error> {
    PublicKey::from_djb_public_key_bytes(other)
        .and_then(|other| own.private_key.calculate_agreement(&other))
        .map_err(|error| Error::protocol("the companion sent no key", error))
}

/// Returns the shared secret of both sides, if the client shows the code that was typed.
fn secret(account: &IdentityKeyPair, shared: &[u8; 32], finish: &Finish) -> Option<[u8; 32]> {
    let (salt, rest) = finish.bundle.split_first_chunk::<32>()?;
    let (nonce, ciphertext) = rest.split_first_chunk::<12>()?;
    let mut decryptor = [0; 32];
    hkdf_sha256_into(shared, Some(salt), BUNDLE_KEY, &mut decryptor).ok()?;
    let mut bundle = Vec::new();
    aes_256_gcm_decrypt(&decryptor, nonce, b"", ciphertext, &mut bundle).ok()?;
    let (companion, rest) = bundle.split_first_chunk::<32>()?;
    let (primary, random) = rest.split_first_chunk::<32>()?;
    if *companion != finish.identity || *primary != crypto::public(account.identity_key()) {
        return None;
    }
    let identity = PublicKey::from_djb_public_key_bytes(&finish.identity).ok()?;
    let identities = account.private_key().calculate_agreement(&identity).ok()?;
    let mut secret = [0; 32];
    hkdf_sha256_into(&[shared, &identities, random].concat(), None, SECRET, &mut secret).ok()?;
    Some(secret)
}
