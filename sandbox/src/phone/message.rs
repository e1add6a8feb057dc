//! Messages to companions: encrypted once for each, and queued until confirmed.

use tokio::sync::MutexGuard;
use whatsapp_rust::{
    buffa::{Message as _, MessageField},
    wacore::messages::MessageUtils,
    waproto::whatsapp as wa,
};

use super::{account::Account, address, signal_peer::Ciphertext, signal_peers::SignalPeers, verified_name};
use crate::{
    Error, clock,
    companion::{
        message::{Alternate, OutgoingMessage},
        queue::{Content, Item},
    },
    crypto,
    lock::locked,
    message_kind::MessageKind,
    wire::node::{Node, node},
};

impl Account {
    /// Creates a message of the phone to one of its companions.
    pub(crate) fn peer_message(&self, body: wa::Message) -> Result<OutgoingMessage, Error> {
        Ok(OutgoingMessage {
            id: crypto::random_hex::<10>()?,
            sender: self.jid(),
            from: self.jid(),
            participant: None,
            recipient: None,
            listed: Vec::new(),
            kind: MessageKind::Text,
            edit: None,
            alternate: None,
            at: clock::now_ms(),
            peer: true,
            notify: None,
            business: None,
            body,
        })
    }

    /// Encrypts and queues a message for every companion that has the history; the others find it there.
    pub(crate) async fn deliver(
        &self,
        peers: &mut MutexGuard<'_, SignalPeers>,
        outgoing: &OutgoingMessage,
    ) -> Result<(), Error> {
        let bootstrapped = locked(&self.companions)
            .all()
            .filter(|(_, companion)| companion.bootstrapped)
            .map(|(device, _)| device)
            .collect::<Vec<_>>();
        for device in bootstrapped {
            self.post(peers, device, outgoing).await?;
        }
        Ok(())
    }

    /// Encrypts and queues a message for one companion.
    ///
    /// The caller holds the lock over both steps, so that messages are queued in the order of their encryption.
    pub(crate) async fn post(
        &self,
        peers: &mut MutexGuard<'_, SignalPeers>,
        device: u16,
        outgoing: &OutgoingMessage,
    ) -> Result<(), Error> {
        let node = self.encrypt(peers, device, outgoing, false).await?;
        if let Some(companion) = locked(&self.companions).get_mut(device) {
            companion.push(Item {
                id: outgoing.id.clone(),
                node,
                content: Content::Message(Box::new(outgoing.clone())),
            });
        }
        Ok(())
    }

    /// Encrypts a queued message again, in a new session, for a companion that could not decrypt it.
    ///
    /// Returns false if there is no such message.
    pub(crate) async fn encrypt_again(&self, device: u16, id: &str) -> Result<bool, Error> {
        let mut peers = self.peers.lock().await;
        let content = locked(&self.companions)
            .get_mut(device)
            .and_then(|companion| companion.queue.find(id).map(|item| item.content.clone()));
        let Some(Content::Message(outgoing)) = content else { return Ok(false) };
        let node = self.encrypt(&mut peers, device, &outgoing, true).await?;
        let mut companions = locked(&self.companions);
        let Some(companion) = companions.get_mut(device) else { return Ok(false) };
        if let Some(item) = companion.queue.find(id) {
            item.node = node.clone();
        }
        if let Some(outlet) = &companion.outlet {
            outlet.send(node);
        }
        Ok(true)
    }

    async fn encrypt(
        &self,
        peers: &mut MutexGuard<'_, SignalPeers>,
        device: u16,
        outgoing: &OutgoingMessage,
        renew: bool,
    ) -> Result<Node, Error> {
        let (kind, media) = outgoing.kind.on_the_wire();
        let enc = |ciphertext| enc(ciphertext, media);
        let peer = peers.of(&outgoing.sender);
        let is_sealed = !address::is_channel(&outgoing.from) && outgoing.kind != MessageKind::ViewOnce;
        if is_sealed && (renew || !peer.has_session(device)) {
            let bundle = {
                let mut companions = locked(&self.companions);
                let keys = companions.get_mut(device).and_then(|companion| companion.prekeys.as_mut());
                keys.ok_or(Error::Unsupported("a message to a companion without keys"))?.bundle(device)?
            };
            peer.start_session(device, &bundle).await?;
        }
        let mut contents = Vec::new();
        if outgoing.kind == MessageKind::ViewOnce {
            contents.push(node("unavailable").attr("type", "view_once").build());
        } else if address::is_channel(&outgoing.from) {
            let mut plain = node("plaintext");
            if let Some(media) = media {
                plain = plain.attr("mediatype", media);
            }
            contents.push(plain.bytes(outgoing.body.encode_to_vec()).build());
        } else if outgoing.participant.is_some() && !address::is_list(&outgoing.from) {
            if let Some(key) = peer.groups.distribution_for(&outgoing.from, device, renew).await? {
                let key = MessageUtils::encode_and_pad(&distribution(&outgoing.from, key));
                contents.push(enc(peer.encrypt(device, &key).await?));
            }
            let plaintext = MessageUtils::encode_and_pad(&outgoing.body);
            let bytes = peer.groups.encrypt(&outgoing.from, device, &plaintext).await?;
            contents.push(enc(Ciphertext { kind: "skmsg", bytes }));
        } else {
            contents.push(enc(peer.encrypt(device, &MessageUtils::encode_and_pad(&outgoing.body)).await?));
        }
        if !outgoing.listed.is_empty() {
            let listed = outgoing.listed.iter().map(|jid| node("to").attr("jid", jid.as_str()).build());
            contents.push(node("participants").children(listed.collect::<Vec<_>>()).build());
        }
        if outgoing.kind == MessageKind::Poll {
            contents.push(node("meta").attr("polltype", "creation").build());
        }
        contents.extend(outgoing.business.as_deref().map(verified_name::verified_name));
        let mut message = node("message")
            .attr("from", outgoing.from.as_str())
            .attr("id", outgoing.id.as_str())
            .attr("t", clock::seconds(outgoing.at).to_string())
            .attr("type", kind);
        let more =
            [("participant", &outgoing.participant), ("recipient", &outgoing.recipient), ("edit", &outgoing.edit)];
        for (name, value) in more {
            if let Some(value) = value {
                message = message.attr(name, value.as_str());
            }
        }
        if let Some(participant) = &outgoing.participant {
            message = message.attr("addressing_mode", if address::is_lid(participant) { "lid" } else { "pn" });
        }
        if address::is_channel(&outgoing.from) {
            message = message.attr("server_id", (100 + outgoing.at / 1000 % 1_000_000).to_string());
        }
        if outgoing.peer {
            message = message.attr("category", "peer");
        }
        if let Some(name) = &outgoing.notify {
            message = message.attr("notify", name.as_str());
        }
        match &outgoing.alternate {
            Some(Alternate::Number(jid)) if outgoing.participant.is_some() => {
                message = message.attr("participant_pn", jid.as_str());
            }
            Some(Alternate::Number(jid)) if outgoing.recipient.is_some() => {
                message = message.attr("peer_recipient_pn", jid.as_str());
            }
            Some(Alternate::Lid(jid)) if outgoing.recipient.is_some() => {
                message = message.attr("peer_recipient_lid", jid.as_str());
            }
            Some(Alternate::Number(jid)) => message = message.attr("sender_pn", jid.as_str()),
            Some(Alternate::Lid(jid)) if outgoing.participant.is_some() => {
                message = message.attr("participant_lid", jid.as_str());
            }
            Some(Alternate::Lid(jid)) => message = message.attr("sender_lid", jid.as_str()),
            None => {}
        }
        Ok(message.children(contents).build())
    }
}

fn enc(ciphertext: Ciphertext, media: Option<&'static str>) -> Node {
    let enc = node("enc").attr("v", "2").attr("type", ciphertext.kind);
    let enc = if let Some(media) = media { enc.attr("mediatype", media) } else { enc };
    enc.bytes(ciphertext.bytes).build()
}

/// Creates the message that distributes a sender key.
fn distribution(group: &str, key: Vec<u8>) -> wa::Message {
    let key = wa::message::SenderKeyDistributionMessage {
        group_id: Some(group.to_owned()),
        axolotl_sender_key_distribution_message: Some(key),
    };
    wa::Message { sender_key_distribution_message: MessageField::some(key), ..Default::default() }
}
