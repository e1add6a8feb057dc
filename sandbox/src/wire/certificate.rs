//! Certificate chain of the server in an XX handshake: root, intermediate, leaf.
//!
//! The root is the sandbox's own. A client accepts the chain only if its own root key was replaced by this one.

use whatsapp_rust::{
    buffa::{Message, MessageField},
    wacore::libsignal::protocol::KeyPair,
    waproto::whatsapp::{
        CertChain,
        cert_chain::{NoiseCertificate, noise_certificate::Details},
    },
};

use crate::{Error, crypto};

/// Serial numbers. Clients expect the root's to be 0.
const ROOT: u32 = 0;
const INTERMEDIATE: u32 = 1;
const LEAF: u32 = 2;

/// The server's static key with its certificate chain.
pub(crate) struct Identity {
    pub(crate) key: KeyPair,
    /// The public root key of the chain.
    pub(crate) root: [u8; 32],
    /// Encoded for the handshake.
    pub(super) chain: Vec<u8>,
}

impl Identity {
    /// Derives the identity from this secret: the keys are always the same, the signatures are not.
    pub(crate) fn from_secret(secret: &str) -> Result<Self, Error> {
        let key = crypto::derived("server key", secret)?;
        let root = crypto::derived("root key", secret)?;
        let intermediate = crypto::derived("intermediate key", secret)?;
        let chain = CertChain {
            intermediate: certify((INTERMEDIATE, &intermediate), (ROOT, &root))?,
            leaf: certify((LEAF, &key), (INTERMEDIATE, &intermediate))?,
        };
        let root = crypto::raw(root.public_key.public_key_bytes());
        Ok(Self { key, root, chain: chain.encode_to_vec() })
    }
}

/// Creates a certificate for the subject's serial number and key, signed by the issuer.
fn certify(subject: (u32, &KeyPair), issuer: (u32, &KeyPair)) -> Result<MessageField<NoiseCertificate>, Error> {
    let details = Details {
        serial: Some(subject.0),
        issuer_serial: Some(issuer.0),
        key: Some(subject.1.public_key.public_key_bytes().to_vec()),
        ..Default::default()
    };
    let details = details.encode_to_vec();
    let signature = issuer.1.private_key.calculate_signature(&details, &mut crypto::rng());
    let signature = signature.map_err(|error| Error::protocol("a certificate cannot be signed", error))?;
    Ok(MessageField::some(NoiseCertificate { details: Some(details), signature: Some(signature.to_vec()) }))
}

#[cfg(test)]
pub(super) mod tests {
    use whatsapp_rust::wacore::libsignal::protocol::PublicKey;

    use super::*;

    /// Verifies a chain as a client that trusts `root`, and returns the certified key.
    pub(in crate::wire) fn verify(chain: &[u8], root: &[u8; 32]) -> Option<[u8; 32]> {
        let chain = CertChain::decode_from_slice(chain).ok()?;
        let mut issuer = (ROOT, *root);
        for certificate in [chain.intermediate, chain.leaf] {
            let NoiseCertificate { details, signature } = certificate.into_option()?;
            let (details, key) = (details?, PublicKey::from_djb_public_key_bytes(&issuer.1).ok()?);
            if !key.verify_signature(&details, &signature?) {
                return None;
            }
            let details = Details::decode_from_slice(&details).ok()?;
            if details.issuer_serial? != issuer.0 {
                return None;
            }
            issuer = (details.serial?, details.key?.try_into().ok()?);
        }
        Some(issuer.1)
    }

    #[test]
    fn the_chain_leads_from_the_root_to_the_server_s_key() {
        let identity = Identity::from_secret("one").unwrap();
        let key = crypto::raw(identity.key.public_key.public_key_bytes());
        assert_eq!(verify(&identity.chain, &identity.root), Some(key));
        assert_ne!(identity.root, key);
    }

    #[test]
    fn another_root_does_not_verify_the_chain() {
        let (one, two) = (Identity::from_secret("one").unwrap(), Identity::from_secret("two").unwrap());
        assert_ne!(one.root, two.root);
        assert_eq!(one.root, Identity::from_secret("one").unwrap().root, "the same secret, the same root");
        assert_eq!(verify(&one.chain, &two.root), None);
        assert_eq!(verify(&one.chain, &whatsapp_rust::wacore::handshake::WA_CERT_PUB_KEY), None);
    }

    #[test]
    fn a_chain_that_was_changed_does_not_verify() {
        let Identity { chain, root, .. } = Identity::from_secret("one").unwrap();
        assert!(verify(&chain, &root).is_some());
        for place in (0..chain.len()).step_by(11) {
            let mut changed = chain.clone();
            changed[place] ^= 1;
            assert_eq!(verify(&changed, &root), None, "byte {place} is not protected");
        }
    }
}
