//! Translates app-state actions for which the library raises no event, or an event for some of their operations only:
//! it does not report the removal of a contact, so its events could not be ordered with the removals.

use whatsapp_rust::{
    wacore::appstate::Mutation,
    waproto::whatsapp::{sync_action_value::LidContactAction, syncd_mutation::SyncdOperation},
};

use super::{
    contacts,
    jid::{self, Untranslatable},
};
use crate::{
    domain::{jid::Jid, person::Person, setting::SettingValue},
    session::SessionEvent,
};

/// The number of a LID.
const NUMBER: &str = "pnForLidChat";
/// A contact with a number.
const CONTACT: &str = "contact";
/// A contact without a number.
const LID_CONTACT: &str = "lid_contact";
/// A chat that is locked behind a code.
const LOCK: &str = "lock";
/// Action that decides whether a new message unarchives its chat.
const UNARCHIVE: &str = "setting_unarchiveChats";

/// Returns true if an action is translated here.
pub(super) fn is_read_here(mutation: &Mutation) -> bool {
    mutation.index.first().is_some_and(|kind| [NUMBER, CONTACT, LID_CONTACT, LOCK, UNARCHIVE].contains(&kind.as_str()))
}

/// Translates an action. One of a `replayed` collection may be older than earlier events.
///
/// # Errors
/// [`Untranslatable`] if its address is unknown to the domain.
pub(super) fn translate(mutation: &Mutation, replayed: bool) -> Result<Vec<SessionEvent>, Untranslatable> {
    let index: Vec<_> = mutation.index.iter().map(String::as_str).collect();
    let value = mutation.action_value.as_ref().filter(|_| mutation.operation == SyncdOperation::SET);
    let as_of = value.and_then(|value| value.timestamp).unwrap_or(0);
    Ok(match (index.as_slice(), value) {
        ([NUMBER, lid, ..], Some(value)) => {
            let Some(number) = &value.pn_for_lid_chat_action.pn_jid else { return Ok(Vec::new()) };
            let person = Person::new(&jid::parse(lid)?, &jid::parse(number)?);
            person.map(|person| SessionEvent::SamePerson { people: vec![person], at: as_of }).into_iter().collect()
        }
        ([CONTACT, contact, ..], Some(value)) => match value.contact_action.as_option() {
            Some(action) => contacts::saved(jid::parse(contact)?, action, as_of),
            None => Vec::new(),
        },
        ([LID_CONTACT, contact, ..], Some(value)) => {
            let jid = jid::parse(contact)?;
            let name = value.lid_contact_action.as_option().and_then(name);
            name.map(|name| SessionEvent::ContactNamed { jid, name }).into_iter().collect()
        }
        ([CONTACT | LID_CONTACT, contact, ..], None) => {
            vec![SessionEvent::ContactRemoved { jid: jid::parse(contact)? }]
        }
        ([LOCK, chat, ..], Some(value)) if value.lock_chat_action.locked == Some(true) => {
            locked(&jid::parse(chat)?, as_of, replayed)
        }
        ([UNARCHIVE, ..], value) => {
            let unarchives = value.and_then(|value| value.unarchive_chats_setting.unarchive_chats).unwrap_or(false);
            vec![SessionEvent::UnarchivesChats { unarchives }]
        }
        _ => Vec::new(),
    })
}

/// Returns the saved name of a contact, or else its username.
fn name(contact: &LidContactAction) -> Option<String> {
    let names = [&contact.full_name, &contact.first_name, &contact.username];
    names.into_iter().flatten().find(|name| !name.trim().is_empty()).cloned()
}

/// WhatsApp's own clients unarchive and unpin a locked chat. The API has no field for the lock.
fn locked(chat: &Jid, as_of: i64, replayed: bool) -> Vec<SessionEvent> {
    let values = [SettingValue::Archived(false), SettingValue::Pinned(false)];
    let setting = |value| SessionEvent::Setting { chat: chat.clone(), value, as_of, up_to: None, replayed };
    values.map(setting).into()
}

#[cfg(test)]
mod tests;
