//! Signed device identity of a companion: the account signs the companion's identity, and the companion the account's.

use whatsapp_rust::{
    buffa::Message,
    wacore::libsignal::{
        crypto::hmac_sha256,
        protocol::{IdentityKeyPair, PublicKey},
    },
    waproto::{
        codec,
        whatsapp::{
            ADVDeviceIdentity, ADVKeyIndexList, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC,
            ADVSignedKeyIndexList,
        },
    },
};

use crate::{Error, clock, crypto};

const ACCOUNT_SIGNATURE: [u8; 2] = [6, 0];
const DEVICE_SIGNATURE: [u8; 2] = [6, 1];
const LIST_SIGNATURE: [u8; 2] = [6, 2];

/// The account's part of a companion's device identity, without the companion's signature.
pub(crate) struct DeviceIdentity {
    details: Vec<u8>,
    signed: ADVSignedDeviceIdentity,
    account: [u8; 32],
    companion: [u8; 32],
}

impl DeviceIdentity {
    /// Signs a companion's identity key. `index` numbers the companions of the account.
    pub(crate) fn issue(
        account: &IdentityKeyPair,
        raw_id: u32,
        index: u32,
        companion: [u8; 32],
    ) -> Result<Self, Error> {
        let details = ADVDeviceIdentity {
            raw_id: Some(raw_id),
            timestamp: Some(clock::seconds(clock::now_ms())),
            key_index: Some(index),
            ..Default::default()
        }
        .encode_to_vec();
        let signature = sign(account, &[&ACCOUNT_SIGNATURE, &details, &companion])?;
        let public = crypto::public(account.identity_key());
        let signed = ADVSignedDeviceIdentity {
            details: Some(details.clone()),
            account_signature_key: Some(public.to_vec()),
            account_signature: Some(signature),
            device_signature: None,
        };
        Ok(Self { details, signed, account: public, companion })
    }

    /// Returns it with an HMAC of the secret that only the companion and the phone know.
    pub(crate) fn with_hmac(&self, secret: &[u8; 32]) -> Vec<u8> {
        let inner = codec::adv_signed_device_identity_to_vec(&self.signed);
        let hmac = hmac_sha256(secret, &inner).to_vec();
        ADVSignedDeviceIdentityHMAC { details: Some(inner), hmac: Some(hmac), ..Default::default() }.encode_to_vec()
    }

    /// Returns it with the companion's signature, if the answer has a valid one.
    pub(crate) fn signed_by(&self, answer: &[u8]) -> Option<Vec<u8>> {
        let answer = codec::adv_signed_device_identity_decode(answer).ok()?;
        let companion = PublicKey::from_djb_public_key_bytes(&self.companion).ok()?;
        let message = [&DEVICE_SIGNATURE, self.details.as_slice(), &self.companion, &self.account].concat();
        let signature = answer.device_signature?;
        if answer.details.as_deref() != Some(&self.details) || !companion.verify_signature(&message, &signature) {
            return None;
        }
        let signed = ADVSignedDeviceIdentity { device_signature: Some(signature), ..self.signed.clone() };
        Some(codec::adv_signed_device_identity_to_vec(&signed))
    }
}

/// Returns the signed list of an account's companions by index.
pub(crate) fn key_index_list(account: &IdentityKeyPair, raw_id: u32, indexes: Vec<u32>) -> Result<Vec<u8>, Error> {
    let list = ADVKeyIndexList {
        raw_id: Some(raw_id),
        timestamp: Some(clock::seconds(clock::now_ms())),
        current_index: indexes.iter().copied().max(),
        valid_indexes: indexes,
        ..Default::default()
    };
    let details = codec::adv_key_index_list_to_vec(&list);
    let signature = sign(account, &[&LIST_SIGNATURE, &details])?;
    Ok(codec::adv_signed_key_index_list_to_vec(&ADVSignedKeyIndexList {
        details: Some(details),
        account_signature: Some(signature),
        account_signature_key: Some(crypto::public(account.identity_key()).to_vec()),
    }))
}

fn sign(account: &IdentityKeyPair, parts: &[&[u8]]) -> Result<Vec<u8>, Error> {
    account
        .private_key()
        .calculate_signature(&parts.concat(), &mut crypto::rng())
        .map(|signature| signature.to_vec())
        .map_err(|error| Error::protocol("the account cannot sign", error))
}
