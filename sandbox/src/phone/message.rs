//! Messages to companions: encrypted once for each, and queued until confirmed.

use tokio::sync::MutexGuard;
use whatsapp_rust::{
    buffa::{Message as _, MessageField},
    wacore::messages::MessageUtils,
    waproto::whatsapp as wa,
};

use super::{account::Account, address, signal_peer::Sealed, signal_peers::Parties, verified_name};
use crate::{
    Error, clock,
    companion::{
        message::{Alternate, Letter},
        queue::{Content, Item},
    },
    crypto,
    lock::locked,
    message_kind::MessageKind,
    wire::node::{Node, node},
};

impl Account {
    /// Creates a message of the phone to one of its companions.
    pub(crate) fn peer_letter(&self, body: wa::Message) -> Result<Letter, Error> {
        Ok(Letter {
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
    pub(crate) async fn deliver(&self, parties: &mut MutexGuard<'_, Parties>, letter: &Letter) -> Result<(), Error> {
        let settled = locked(&self.companions)
            .all()
            .filter(|(_, companion)| companion.settled)
            .map(|(device, _)| device)
            .collect::<Vec<_>>();
        for device in settled {
            self.post(parties, device, letter).await?;
        }
        Ok(())
    }

    /// Encrypts and queues a message for one companion.
    ///
    /// The caller holds the lock over both steps, so that messages are queued in the order of their encryption.
    pub(crate) async fn post(
        &self,
        parties: &mut MutexGuard<'_, Parties>,
        device: u16,
        letter: &Letter,
    ) -> Result<(), Error> {
        let node = self.seal(parties, device, letter, false).await?;
        if let Some(companion) = locked(&self.companions).get_mut(device) {
            companion.push(Item { id: letter.id.clone(), node, content: Content::Message(Box::new(letter.clone())) });
        }
        Ok(())
    }

    /// Encrypts a queued message again, in a new session, for a companion that could not decrypt it.
    ///
    /// Returns false if there is no such message.
    pub(crate) async fn reseal(&self, device: u16, id: &str) -> Result<bool, Error> {
        let mut parties = self.parties.lock().await;
        let content = locked(&self.companions)
            .get_mut(device)
            .and_then(|companion| companion.queue.find(id).map(|item| item.content.clone()));
        let Some(Content::Message(letter)) = content else { return Ok(false) };
        let node = self.seal(&mut parties, device, &letter, true).await?;
        let mut companions = locked(&self.companions);
        let Some(companion) = companions.get_mut(device) else { return Ok(false) };
        if let Some(item) = companion.queue.find(id) {
            item.node = node.clone();
        }
        if let Some(link) = &companion.link {
            link.send(node);
        }
        Ok(true)
    }

    async fn seal(
        &self,
        parties: &mut MutexGuard<'_, Parties>,
        device: u16,
        letter: &Letter,
        renew: bool,
    ) -> Result<Node, Error> {
        let (kind, media) = letter.kind.on_the_wire();
        let enc = |sealed| enc(sealed, media);
        let party = parties.of(&letter.sender);
        let is_sealed = !address::is_channel(&letter.from) && letter.kind != MessageKind::ViewOnce;
        if is_sealed && (renew || !party.knows(device)) {
            let bundle = {
                let mut companions = locked(&self.companions);
                let keys = companions.get_mut(device).and_then(|companion| companion.prekeys.as_mut());
                keys.ok_or(Error::Unsupported("a message to a companion without keys"))?.bundle(device)?
            };
            party.meet(device, &bundle).await?;
        }
        let mut contents = Vec::new();
        if letter.kind == MessageKind::ViewOnce {
            contents.push(node("unavailable").attr("type", "view_once").build());
        } else if address::is_channel(&letter.from) {
            let mut plain = node("plaintext");
            if let Some(media) = media {
                plain = plain.attr("mediatype", media);
            }
            contents.push(plain.bytes(letter.body.encode_to_vec()).build());
        } else if letter.participant.is_some() && !address::is_list(&letter.from) {
            if let Some(key) = party.groups.hand_out(&letter.from, device, renew).await? {
                let key = MessageUtils::encode_and_pad(&distribution(&letter.from, key));
                contents.push(enc(party.seal(device, &key).await?));
            }
            let plaintext = MessageUtils::encode_and_pad(&letter.body);
            let bytes = party.groups.seal(&letter.from, device, &plaintext).await?;
            contents.push(enc(Sealed { kind: "skmsg", bytes }));
        } else {
            contents.push(enc(party.seal(device, &MessageUtils::encode_and_pad(&letter.body)).await?));
        }
        if !letter.listed.is_empty() {
            let listed = letter.listed.iter().map(|jid| node("to").attr("jid", jid.as_str()).build());
            contents.push(node("participants").children(listed.collect::<Vec<_>>()).build());
        }
        if letter.kind == MessageKind::Poll {
            contents.push(node("meta").attr("polltype", "creation").build());
        }
        contents.extend(letter.business.as_deref().map(verified_name::verified_name));
        let mut message = node("message")
            .attr("from", letter.from.as_str())
            .attr("id", letter.id.as_str())
            .attr("t", clock::seconds(letter.at).to_string())
            .attr("type", kind);
        let more = [("participant", &letter.participant), ("recipient", &letter.recipient), ("edit", &letter.edit)];
        for (name, value) in more {
            if let Some(value) = value {
                message = message.attr(name, value.as_str());
            }
        }
        if let Some(participant) = &letter.participant {
            message = message.attr("addressing_mode", if address::is_lid(participant) { "lid" } else { "pn" });
        }
        if address::is_channel(&letter.from) {
            message = message.attr("server_id", (100 + letter.at / 1000 % 1_000_000).to_string());
        }
        if letter.peer {
            message = message.attr("category", "peer");
        }
        if let Some(name) = &letter.notify {
            message = message.attr("notify", name.as_str());
        }
        match &letter.alternate {
            Some(Alternate::Number(jid)) if letter.participant.is_some() => {
                message = message.attr("participant_pn", jid.as_str());
            }
            Some(Alternate::Number(jid)) if letter.recipient.is_some() => {
                message = message.attr("peer_recipient_pn", jid.as_str());
            }
            Some(Alternate::Lid(jid)) if letter.recipient.is_some() => {
                message = message.attr("peer_recipient_lid", jid.as_str());
            }
            Some(Alternate::Number(jid)) => message = message.attr("sender_pn", jid.as_str()),
            Some(Alternate::Lid(jid)) if letter.participant.is_some() => {
                message = message.attr("participant_lid", jid.as_str());
            }
            Some(Alternate::Lid(jid)) => message = message.attr("sender_lid", jid.as_str()),
            None => {}
        }
        Ok(message.children(contents).build())
    }
}

fn enc(sealed: Sealed, media: Option<&'static str>) -> Node {
    let enc = node("enc").attr("v", "2").attr("type", sealed.kind);
    let enc = if let Some(media) = media { enc.attr("mediatype", media) } else { enc };
    enc.bytes(sealed.bytes).build()
}

/// Creates the message that distributes a sender key.
fn distribution(group: &str, key: Vec<u8>) -> wa::Message {
    let key = wa::message::SenderKeyDistributionMessage {
        group_id: Some(group.to_owned()),
        axolotl_sender_key_distribution_message: Some(key),
    };
    wa::Message { sender_key_distribution_message: MessageField::some(key), ..Default::default() }
}
