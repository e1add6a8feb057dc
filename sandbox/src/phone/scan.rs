//! Pairing by QR code.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    Error, Phone,
    companion::Companion,
    crypto,
    lock::locked,
    pairing::{adv::DeviceIdentity, qr::Code, registry::Offer},
    wire::node::{Node, SERVER, attr, child_bytes, node},
};

/// Time limit for a client to check and sign its device identity.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

impl Phone {
    /// Scans a QR code: pairs the companion that shows it, and waits until both sides agree.
    ///
    /// The companion must then reconnect, and logs in as a device of this account; see [`Phone::connected`].
    ///
    /// # Errors
    /// [`Error::InvalidQr`], [`Error::UnknownQr`], [`Error::PairingFailed`] or [`Error::Timeout`].
    pub async fn scan(&self, qr: &str) -> Result<(), Error> {
        let code = Code::parse(qr)?;
        let offer = self.services.pairings.find(&code.reference).ok_or(Error::UnknownQr)?;
        if offer.noise != code.noise {
            return Err(Error::PairingFailed("the code shows another key than the connection has".to_owned()));
        }
        self.complete_pairing(&offer, code.identity, &code.secret).await
    }

    /// Pairs a waiting client, given the secret that only it and the phone know.
    pub(super) async fn complete_pairing(
        &self,
        offer: &Offer,
        identity: [u8; 32],
        secret: &[u8; 32],
    ) -> Result<(), Error> {
        let device = locked(&self.account.companions).next_device();
        let device_identity = self.pair(offer, device, identity, secret).await?;

        let companion = Companion { full: offer.full, ..Companion::new(offer.noise, identity, device_identity) };
        locked(&self.account.companions).add(device, companion);
        self.account.devices_changed("add", &[device]);
        // The companion logs in as soon as it gets this.
        self.account.save().await?;
        self.services.pairings.withdraw(&offer.outlet);
        offer.outlet.send(node("stream:error").attr("code", "515").build());
        offer.outlet.close("paired, connect again");
        self.account.notify();
        Ok(())
    }

    /// Sends a waiting client its device identity, and verifies the client's signature. Returns it with both
    /// signatures.
    async fn pair(&self, offer: &Offer, device: u16, identity: [u8; 32], secret: &[u8; 32]) -> Result<Vec<u8>, Error> {
        let device_identity =
            DeviceIdentity::issue(&self.account.identity, self.account.raw_id, device.into(), identity)?;
        let request = self.pair_success(device, device_identity.with_hmac(secret))?;
        let answer = timeout(ANSWER_TIMEOUT, offer.outlet.ask(request))
            .await
            .map_err(|_| Error::Timeout("the companion does not sign"))?
            .ok_or_else(|| Error::PairingFailed("the connection ended".to_owned()))?;
        if let Some(refusal) = answer.get_optional_child("error") {
            return Err(Error::PairingFailed(attr(refusal, "text").unwrap_or_default()));
        }
        let sign = answer.get_optional_child("pair-device-sign");
        let signed = sign.and_then(|sign| child_bytes(sign, "device-identity")).unwrap_or_default();
        let wrong = || Error::PairingFailed("the companion's signature is wrong".to_owned());
        device_identity.signed_by(signed).ok_or_else(wrong)
    }

    fn pair_success(&self, device: u16, device_identity: Vec<u8>) -> Result<Node, Error> {
        let jid = format!("{}:{device}@{SERVER}", self.account.number);
        let lid = format!("{}:{device}@lid", self.account.lid);
        let success = node("pair-success").children([
            node("device-identity").bytes(device_identity).build(),
            node("platform").attr("name", "android").build(),
            node("device").attr("jid", jid).attr("lid", lid).build(),
        ]);
        let id = crypto::random_hex::<8>()?;
        let request = node("iq").attr("from", SERVER).attr("type", "set").attr("id", id).attr("xmlns", "md");
        Ok(request.children([success.build()]).build())
    }
}
