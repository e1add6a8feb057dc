//! The handler of each kind of event, and the origin of the changes that it causes.

use super::{
    clear, contact, context::InboundContext, edit, message, person, receipt, rejection, session, setting, unarchive,
};
use crate::{
    domain::{change::Origin, id::SessionId, jid::Jid, pending_action::RejectionCode},
    session::SessionEvent,
    store::{UnitOfWork, error::StoreError},
};

/// Applies events in order, in one unit of work.
pub(super) async fn apply_all(
    unit: &mut UnitOfWork<'_>,
    session: SessionId,
    events: &[SessionEvent],
) -> Result<(), StoreError> {
    let cx = &mut InboundContext { unit, session, origin: Origin::Device };
    let (mut people, mut jids) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            SessionEvent::SamePerson { people: met, .. } => people.extend_from_slice(met),
            SessionEvent::ContactNamed { jid, .. } | SessionEvent::GroupNamed { jid, .. } => jids.push(jid),
            _ => {}
        }
    }
    // Most mappings are repeated often; nothing is read for those that are known.
    let new = match people.as_slice() {
        [] => Vec::new(),
        people => cx.unit.new_people(cx.session, people).await?,
    };
    if new.len() + jids.len() > 1 {
        // The cache is loaded after the account's peer is created.
        if let Some(sender) = events.iter().find_map(own_sender)
            && cx.unit.session_for_update(cx.session).await?.is_some()
        {
            cx.unit.make_account(cx.session, sender).await?;
        }
        cx.unit.preload(cx.session, &new, jids).await?;
    }
    for event in events {
        match event {
            SessionEvent::SamePerson { people, at } => {
                let people: Vec<_> = people.iter().filter(|person| new.contains(person)).cloned().collect();
                person::same_person(cx, &people, *at).await?;
            }
            event => apply(&mut cx.with_origin(origin(event)), event).await?,
        }
    }
    cx.unit.flush().await?;
    let addresses: Vec<_> = events.iter().flat_map(addresses).collect();
    edit::apply_early_of_addresses(cx, &addresses).await
}

/// Returns the address with which the account sent a message.
fn own_sender(event: &SessionEvent) -> Option<&Jid> {
    match event {
        SessionEvent::Message(message) | SessionEvent::Delivered { message, .. } if message.from_me => {
            Some(&message.sender)
        }
        _ => None,
    }
}

/// Returns the addresses whose owners an event names.
fn addresses(event: &SessionEvent) -> Vec<&Jid> {
    match event {
        SessionEvent::SamePerson { people, .. } => people.iter().flat_map(|it| [&it.phone, &it.lid]).collect(),
        SessionEvent::NumberChanged { old, new, .. } => old.iter().chain([new]).collect(),
        SessionEvent::Paired { jid, lid } => lid.iter().chain([jid]).collect(),
        _ => Vec::new(),
    }
}

/// Returns the origin of the changes that an event causes.
fn origin(event: &SessionEvent) -> Origin {
    match event {
        SessionEvent::Message(_)
        | SessionEvent::Delivered { .. }
        | SessionEvent::MessageUpdated(_)
        | SessionEvent::BusinessNamed { .. } => Origin::Message,
        SessionEvent::History(_) => Origin::Import,
        SessionEvent::ActionSent { .. } => Origin::Api,
        SessionEvent::ActionRejected { .. } => Origin::Revert,
        _ => Origin::Device,
    }
}

/// Applies one event in its unit of work. An event of a deleted session is ignored.
async fn apply(cx: &mut InboundContext<'_, '_>, event: &SessionEvent) -> Result<(), StoreError> {
    match event {
        SessionEvent::Status { status, reason } => session::status(cx, *status, reason.as_ref()).await,
        SessionEvent::Paired { jid, lid } => session::paired(cx, jid, lid.as_ref()).await,
        SessionEvent::Setting { chat, value, as_of, up_to, replayed } => {
            let (value, as_of, replayed) = (*value, *as_of, *replayed);
            let made = setting::RemoteSetting { value, as_of, up_to: up_to.as_ref(), address: Some(chat), replayed };
            setting::setting(cx, chat, made).await
        }
        SessionEvent::SamePerson { people, at } => person::same_person(cx, people, *at).await,
        SessionEvent::ReadOnOtherDevice { chat, wa_ids, at } => {
            let receipt = receipt::Receipt { chat: chat.as_ref(), wa_ids, at: *at };
            receipt::receipt(cx, receipt).await
        }
        SessionEvent::Message(message) => message::message(cx, message, None).await,
        SessionEvent::Delivered { message, order } => message::message(cx, message, Some(*order)).await,
        SessionEvent::MessageUpdated(rewriting) => edit::message_updated(cx, rewriting).await,
        SessionEvent::ChatCleared { chat, up_to, as_of, deleted } => {
            let cleared = clear::ClearedChat { chat, up_to, as_of: *as_of, deleted: *deleted };
            clear::chat_cleared(cx, cleared).await
        }
        SessionEvent::ContactRemoved { jid } => contact::removed(cx, jid).await,
        SessionEvent::UnarchivesChats { unarchives } => unarchive::rule(cx, *unarchives).await,
        SessionEvent::BusinessNamed { jid, name } => contact::business_named(cx, jid, name).await,
        SessionEvent::NumberChanged { old, new, at } => person::number_changed(cx, old, new, *at).await,
        SessionEvent::ContactNamed { jid, name } | SessionEvent::GroupNamed { jid, subject: name } => {
            contact::named(cx, jid, name).await
        }
        SessionEvent::ActionSent { chat, desired, version } => {
            setting::action_sent(cx, *chat, *desired, *version).await
        }
        // The reason is only logged: it is WhatsApp's internal text.
        SessionEvent::ActionRejected { chat, setting, version, reason: _ } => {
            rejection::action_rejected(cx, *chat, *setting, *version, RejectionCode::Rejected).await
        }
        SessionEvent::History(chunk) => session::history(cx, chunk).await,
        SessionEvent::HistoryAnnounced { notice } => cx.unit.history_announced(cx.session, notice).await,
        SessionEvent::HistoryPartDone { notice } => cx.unit.history_stored(cx.session, notice).await,
        SessionEvent::HistoryExpected => session::history_expected(cx).await,
        SessionEvent::HistoryLost => session::history_lost(cx).await,
        SessionEvent::CollectionSynced { collection, mark } => {
            cx.unit.settings_told(cx.session, collection, *mark).await
        }
        SessionEvent::Untranslated(untranslated) => Err(StoreError::Untranslated(untranslated.reason.clone())),
        SessionEvent::PairingRenewed
        | SessionEvent::Barrier
        | SessionEvent::CallOffered(_)
        | SessionEvent::CallEnded { .. } => Ok(()),
    }
}
