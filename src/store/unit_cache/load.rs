//! Loading of the cache: at most seven statements for a few hundred addresses.

use std::collections::{BTreeSet, HashMap, HashSet};

use chatgraph_entity::message;
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use super::{
    CachedChat, CachedPeer, RowState, UnitCache,
    messages::{CachedMessages, Messages},
};
use crate::{
    domain::{
        chat::Chat,
        id::{ChatId, OrganizationId, PeerId},
        jid::Jid,
        peer::Period,
        person::Person,
        session::Session,
    },
    store::{chat, connect::Transaction, error::StoreError, peer},
};

/// Maximum number of stored messages in the cache; bounds its memory. Chats with more bypass it.
const MAX_MESSAGES: usize = if cfg!(test) { 12 } else { 5_000 };

impl UnitCache {
    pub(in crate::store) async fn load(
        tx: &Transaction,
        session: Session,
        people: &[Person],
        jids: impl IntoIterator<Item = &Jid>,
    ) -> Result<Self, StoreError> {
        let mut asked: BTreeSet<Jid> = jids.into_iter().cloned().collect();
        asked.extend(people.iter().flat_map(|person| [person.phone.clone(), person.lid.clone()]));
        let asked: Vec<_> = asked.into_iter().collect();
        let organization = &session.organization;
        let known = peer::known_by(tx, organization, session.id, &asked).await?;
        let mut periods: HashMap<_, Vec<Period>> = asked.into_iter().map(|jid| (jid, Vec::new())).collect();
        // A peer that only shares another address with a requested peer is not cached completely.
        let mut ids = HashSet::from([PeerId::account(session.id)]);
        ids.extend(known.iter().filter(|period| periods.contains_key(&period.jid)).map(|period| period.peer));
        for period in &known {
            periods.entry(period.jid.clone()).or_default().push(period.clone());
        }
        let ids: Vec<_> = ids.into_iter().collect();
        let mut peers: HashMap<_, _> = peer::with_ids(tx, organization, &ids)
            .await?
            .into_iter()
            .map(|peer| (peer.id, CachedPeer { peer, row: RowState::Same, addresses: Vec::new() }))
            .collect();
        for period in known {
            if let Some(kept) = peers.get_mut(&period.peer)
                && !kept.addresses.contains(&period.jid)
            {
                kept.addresses.push(period.jid);
            }
        }
        // The account's own addresses may not have been requested.
        if peers.get(&PeerId::account(session.id)).is_some_and(|own| own.addresses.is_empty()) {
            peers.remove(&PeerId::account(session.id));
        }
        let of_chats: HashMap<_, _> = peers.values().filter_map(|kept| Some((kept.peer.chat?, kept.peer.id))).collect();
        let mut ids: HashSet<_> = of_chats.keys().copied().collect();
        for heavy in heavy(tx, organization, &ids).await? {
            ids.remove(&heavy);
        }
        let chats = chats(tx, organization, &ids).await?;
        let places = chats.iter().enumerate().map(|(place, kept)| (kept.chat.id, place)).collect();
        let (addresses, rows) = (Vec::new(), Vec::new());
        Ok(Self { session, chats, places, periods, peers, of_chats, addresses, rows })
    }
}

/// Returns the chats that exceed the limit, in ascending order of their number of messages.
async fn heavy(
    tx: &Transaction,
    organization: &OrganizationId,
    chats: &HashSet<ChatId>,
) -> Result<HashSet<ChatId>, StoreError> {
    if chats.is_empty() {
        return Ok(HashSet::new());
    }
    let mut counted = message::Entity::find()
        .select_only()
        .column(message::Column::ChatId)
        .column_as(message::Column::ChatId.count(), "messages")
        .filter(of_chats(organization, chats))
        .group_by(message::Column::ChatId)
        .into_tuple::<(Vec<u8>, i64)>()
        .all(tx)
        .await?;
    counted.sort_by_key(|(_, messages)| *messages);
    let mut all = 0;
    let heavy = counted.into_iter().filter(|(_, messages)| {
        all += usize::try_from(*messages).unwrap_or(usize::MAX);
        all > MAX_MESSAGES
    });
    heavy.map(|(chat, _)| chat_id(&chat)).collect()
}

/// Loads the chats, locked in the order of their ids, with their messages.
async fn chats(
    tx: &Transaction,
    organization: &OrganizationId,
    ids: &HashSet<ChatId>,
) -> Result<Vec<CachedChat>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = chat::with_ids(organization, ids.iter().map(|id| id.to_bytes()));
    let rows = query.order_by_asc(chatgraph_entity::chat::Column::Id).lock_exclusive().all(tx).await?;
    // Unread deleted messages count, too: chats that may have some bypass the cache.
    let rows = rows.into_iter().filter(|row| row.horizon_at.is_none());
    let chats = rows.map(chat::from_row).collect::<Result<Vec<Chat>, _>>()?;
    let ids: HashSet<_> = chats.iter().map(|chat| chat.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut messages = messages(tx, organization, &ids).await?;
    let keep = |chat: Chat| {
        let messages = messages.remove(&chat.id).unwrap_or_default();
        CachedChat { chat, row: RowState::Same, messages }
    };
    Ok(chats.into_iter().map(keep).collect())
}

async fn messages(
    tx: &Transaction,
    organization: &OrganizationId,
    chats: &HashSet<ChatId>,
) -> Result<HashMap<ChatId, Messages>, StoreError> {
    use chatgraph_entity::message::Column;
    let rows = message::Entity::find()
        .select_only()
        .columns([
            Column::ChatId,
            Column::At,
            Column::Id,
            Column::WaId,
            Column::SenderId,
            Column::FromMe,
            Column::Revoked,
            Column::Edited,
            Column::Text,
        ])
        .filter(of_chats(organization, chats))
        .into_tuple::<(Vec<u8>, i64, Vec<u8>, String, Vec<u8>, bool, bool, bool, Option<String>)>()
        .all(tx)
        .await?;
    let mut messages = HashMap::<_, Messages>::new();
    for (chat, at, id, wa_id, sender, from_me, revoked, edited, text) in rows {
        let known = CachedMessages { at, id, wa_id, sender, from_me, revoked, edited, text };
        messages.entry(chat_id(&chat)?).or_default().add(known);
    }
    Ok(messages)
}

fn of_chats(organization: &OrganizationId, chats: &HashSet<ChatId>) -> Condition {
    Condition::all()
        .add(message::Column::Organization.eq(organization.as_str()))
        .add(message::Column::ChatId.is_in(chats.iter().map(|id| id.to_bytes())))
}

fn chat_id(bytes: &[u8]) -> Result<ChatId, StoreError> {
    ChatId::from_bytes(bytes).map_err(|_| StoreError::Corrupt { table: "message", column: "chat_id" })
}
