//! Translation of names and numbers of people and groups.

use whatsapp_rust::{
    OwnedNodeRef,
    types::events::{BusinessStatusUpdate, ContactNumberChanged, GroupUpdate},
    wacore::stanza::groups::GroupNotificationAction,
    wacore_binary::Node,
    waproto::whatsapp::sync_action_value::ContactAction,
};

use super::{
    jid::{self, Untranslatable},
    translated::Translated,
};
use crate::{
    domain::{jid::Jid, person::Person},
    session::SessionEvent,
};

/// A contact was saved or renamed at `at`, in milliseconds.
pub(super) fn saved(jid: Jid, action: &ContactAction, at: i64) -> Vec<SessionEvent> {
    let names = [&action.full_name, &action.first_name].into_iter().flatten();
    let Some(name) = names.into_iter().find(|name| !name.trim().is_empty()) else { return Vec::new() };
    // The same person's LID or number, if the phone gives it.
    let addresses = [&action.lid_jid, &action.pn_jid].into_iter().flatten();
    let others: Vec<_> = addresses.filter_map(|text| jid::parse(text).ok()).collect();
    let people = others.iter().filter_map(|other| Person::new(&jid, other)).collect::<Vec<_>>();
    let person = (!people.is_empty()).then_some(SessionEvent::SamePerson { people, at });
    let contact = SessionEvent::ContactNamed { jid, name: name.clone() };
    person.into_iter().chain([contact]).collect()
}

/// Returns the recipient of an own message whose stanza has both addresses. The library only reads a sender's two
/// addresses.
pub(super) fn recipient(stanza: &OwnedNodeRef) -> Option<Person> {
    if stanza.tag() != "message" {
        return None;
    }
    let mut attributes = stanza.attrs();
    let recipient = jid::from_wire(&attributes.optional_jid("recipient")?).ok()?;
    let other =
        attributes.optional_jid("peer_recipient_pn").or_else(|| attributes.optional_jid("peer_recipient_lid"))?;
    Person::new(&recipient, &jid::from_wire(&other).ok()?)
}

/// A person changed the number.
///
/// # Errors
/// As all functions here: [`Untranslatable`] if the address is not supported.
pub(super) fn number_changed(update: &ContactNumberChanged) -> Result<Vec<Translated>, Untranslatable> {
    let old = [Some(&update.old_jid), update.old_lid.as_ref()].into_iter().flatten();
    let old: Vec<Jid> = old.map(jid::from_wire).collect::<Result<_, _>>()?;
    let new = jid::from_wire(&update.new_jid)?;
    let at = update.timestamp.timestamp_millis();
    Ok(vec![Translated::Event(SessionEvent::NumberChanged { old, new, at })])
}

/// A business has a verified name; other details of a business are not used.
pub(super) fn business(update: &BusinessStatusUpdate) -> Result<Vec<Translated>, Untranslatable> {
    let Some(name) = update.verified_name.clone().filter(|name| !name.trim().is_empty()) else { return Ok(Vec::new()) };
    let business = update.target_jid.as_ref().unwrap_or(&update.jid);
    Ok(vec![Translated::Event(SessionEvent::BusinessNamed { jid: jid::from_wire(business)?, name })])
}

/// A group has a new subject, or its first one: it was created with the account in it, or the account was added.
pub(super) fn group(update: &GroupUpdate) -> Result<Vec<Translated>, Untranslatable> {
    let subject = match &update.action {
        GroupNotificationAction::Subject { subject, .. } => Some(subject.clone()),
        GroupNotificationAction::Create { raw } => subject(raw),
        _ => None,
    };
    let Some(subject) = subject else { return Ok(Vec::new()) };
    Ok(vec![Translated::Event(SessionEvent::GroupNamed { jid: jid::from_wire(&update.group_jid)?, subject })])
}

fn subject(created: &Node) -> Option<String> {
    Some(created.get_optional_child("group")?.attrs.get("subject")?.to_string())
}
