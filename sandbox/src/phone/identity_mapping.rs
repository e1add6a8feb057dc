//! Mappings that the phone learns: a LID and a number of one person.

use whatsapp_rust::{
    buffa::{Message as _, MessageField},
    waproto::whatsapp::{
        LIDMigrationMapping, LIDMigrationMappingSyncMessage, LIDMigrationMappingSyncPayload, Message,
        message::{ProtocolMessage, protocol_message},
    },
};

use super::{
    Phone,
    mutation::Change,
    state::{Chat, Person, PhoneState},
};
use crate::{Error, lock::locked, wire::node::SERVER};

impl Phone {
    /// Makes the phone map a LID and a number, given as user parts, to one person. Two chats are merged, under the
    /// address of the later message. With `notify` the companions are notified at once; otherwise they learn it from
    /// the person's next message, which has both addresses.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if one of them is not a LID or number, or belongs to another person.
    pub async fn learn(&self, lid: &str, phone: &str, notify: bool) -> Result<(), Error> {
        let (Ok(wire_lid), Ok(wire_phone)) = (lid.parse(), phone.parse()) else {
            return Err(Error::UnknownContact(format!("{lid}@lid or {phone}@{SERVER}")));
        };
        let mut peers = self.account.peers.lock().await;
        locked(&self.account.state).join(lid, phone)?;
        peers.join(&format!("{lid}@lid"), &format!("{phone}@{SERVER}"));
        if notify {
            let outgoing = self.account.peer_message(notice(wire_lid, wire_phone))?;
            self.account.deliver(&mut peers, &outgoing).await?;
        }
        drop(peers);
        self.account.save().await
    }

    /// The same, but the phone writes a setting for its companions.
    ///
    /// # Errors
    /// As [`Phone::learn`].
    pub async fn learn_in_settings(&self, lid: &str, phone: &str) -> Result<(), Error> {
        self.learn(lid, phone, false).await?;
        self.set("regular", |_| Ok(vec![Change::number(&format!("{lid}@lid"), &format!("{phone}@{SERVER}"))])).await
    }
}

/// Creates the message with which a phone shares a mapping.
fn notice(lid: u64, phone: u64) -> Message {
    let mapping = LIDMigrationMapping { pn: phone, assigned_lid: lid, latest_lid: Some(lid) };
    let payload = LIDMigrationMappingSyncPayload { pn_to_lid_mappings: vec![mapping], ..Default::default() };
    let notice = LIDMigrationMappingSyncMessage { encoded_mapping_payload: Some(payload.encode_to_vec()) };
    let protocol = ProtocolMessage {
        r#type: Some(protocol_message::Type::LID_MIGRATION_MAPPING_SYNC),
        lid_migration_mapping_sync_message: MessageField::some(notice),
        ..Default::default()
    };
    Message { protocol_message: MessageField::some(protocol), ..Default::default() }
}

impl PhoneState {
    /// Merges the people with this LID and this number, and their chats.
    fn join(&mut self, lid: &str, phone: &str) -> Result<(), Error> {
        let (by_lid, by_phone) = (format!("{lid}@lid"), format!("{phone}@{SERVER}"));
        let taken = |person: Option<&Person>, other: fn(&Person) -> Option<&String>, expected: &str| {
            person.and_then(other).is_some_and(|known| known != expected)
        };
        if taken(self.person(&by_lid), |person| person.phone.as_ref(), phone) {
            return Err(Error::UnknownContact(by_lid));
        }
        if taken(self.person(&by_phone), |person| person.lid.as_ref(), lid) {
            return Err(Error::UnknownContact(by_phone));
        }
        let hidden = self.person(&by_lid).cloned().unwrap_or_default();
        let known = self.person(&by_phone).cloned().unwrap_or_default();
        self.people.retain(|person| !person.has_jid(&by_lid) && !person.has_jid(&by_phone));
        self.people.push(Person {
            phone: Some(phone.to_owned()),
            lid: Some(lid.to_owned()),
            name: known.name.or(hidden.name),
            push_name: known.push_name.or(hidden.push_name),
            business: known.business.or(hidden.business),
            ..Person::default()
        });
        self.move_picture(&by_lid, &by_phone);
        for group in self.groups.values_mut() {
            group.rename(&by_lid, phone);
        }
        if self.chats.contains_key(&by_lid) && self.chats.contains_key(&by_phone) {
            let [one, other] = [&by_phone, &by_lid].map(|jid| self.chats.remove(jid).unwrap_or_default());
            let place = if one.last_message_at() > other.last_message_at() { by_phone } else { by_lid };
            self.chats.insert(place, one.merged_with(other));
        }
        Ok(())
    }
}

impl Chat {
    fn merged_with(self, other: Self) -> Self {
        let mut messages = self.messages;
        messages.extend(other.messages);
        messages.sort_by_key(|message| message.at);
        Self {
            archived: self.archived || other.archived,
            archived_at: self.archived_at.max(other.archived_at),
            locked: self.locked || other.locked,
            pinned_at: self.pinned_at.max(other.pinned_at),
            muted_until: self.muted_until.max(other.muted_until),
            unread: self.unread + other.unread,
            marked_unread: self.marked_unread || other.marked_unread,
            messages,
        }
    }
}
