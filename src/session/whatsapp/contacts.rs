//! Names and numbers of people and groups, in domain words.

use whatsapp_rust::types::events::BusinessStatusUpdate;
use whatsapp_rust::types::events::ContactNumberChanged;
use whatsapp_rust::types::events::ContactUpdate;
use whatsapp_rust::types::events::GroupUpdate;
use whatsapp_rust::wacore::stanza::groups::GroupNotificationAction;
use whatsapp_rust::wacore_binary::Node;

use super::event::Heard;
use super::jid;
use crate::domain::jid::Jid;
use crate::domain::person::Person;
use crate::session::SessionEvent;

/// A contact was saved or renamed. That one was removed the library does not tell (see `removals`).
pub(super) fn saved(update: &ContactUpdate) -> Vec<Heard> {
    let action = &update.action;
    let names = [&action.full_name, &action.first_name].into_iter().flatten();
    let Some(name) = names.into_iter().find(|name| !name.trim().is_empty()) else { return Vec::new() };
    let jid = jid::from_wire(&update.jid);
    // The same person by the hidden number, when the phone says so.
    let told = [&action.lid_jid, &action.pn_jid].into_iter().flatten();
    let others: Vec<_> = told.filter_map(|text| jid::parse(text)).collect();
    let people = others.iter().filter_map(|other| Person::new(jid.as_ref()?, other)).collect::<Vec<_>>();
    let person =
        (!people.is_empty()).then(|| SessionEvent::SamePerson { people, at: update.timestamp.timestamp_millis() });
    let contact = jid.into_iter().map(|jid| SessionEvent::ContactNamed { jid, name: name.clone() });
    person.into_iter().chain(contact).map(Heard::News).collect()
}

/// Somebody goes by another number.
pub(super) fn number_changed(update: &ContactNumberChanged) -> Vec<Heard> {
    let old = [Some(&update.old_jid), update.old_lid.as_ref()].into_iter().flatten();
    let old: Vec<Jid> = old.filter_map(jid::from_wire).collect();
    let Some(new) = jid::from_wire(&update.new_jid) else { return Vec::new() };
    let at = update.timestamp.timestamp_millis();
    vec![Heard::News(SessionEvent::NumberChanged { old, new, at })]
}

/// A business has a name that WhatsApp vouches for; of all the rest about a business no chat shows anything.
pub(super) fn business(update: &BusinessStatusUpdate) -> Vec<Heard> {
    let Some(name) = update.verified_name.clone().filter(|name| !name.trim().is_empty()) else { return Vec::new() };
    let business = update.target_jid.as_ref().unwrap_or(&update.jid);
    let event = |jid| Heard::News(SessionEvent::BusinessNamed { jid, name });
    jid::from_wire(business).map(event).into_iter().collect()
}

/// A group has a subject: a new one, or its first, when it was created with the account in it or the account was added.
pub(super) fn group(update: &GroupUpdate) -> Vec<Heard> {
    let subject = match &update.action {
        GroupNotificationAction::Subject { subject, .. } => Some(subject.clone()),
        GroupNotificationAction::Create { raw } => subject(raw),
        _ => None,
    };
    let Some(subject) = subject else { return Vec::new() };
    let event = |jid| Heard::News(SessionEvent::GroupNamed { jid, subject });
    jid::from_wire(&update.group_jid).map(event).into_iter().collect()
}

fn subject(created: &Node) -> Option<String> {
    Some(created.get_optional_child("group")?.attrs.get("subject")?.to_string())
}
