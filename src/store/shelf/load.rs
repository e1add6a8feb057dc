//! What is read when a shelf is filled: seven statements at most.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use chatgraph_entity::chat_alias;
use chatgraph_entity::message;
use chatgraph_entity::tombstone_alias;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::EntityTrait as _;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QuerySelect as _;

use crate::domain::chat::Chat;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::jid::Jid;
use crate::domain::jid::JidKind;
use crate::domain::person::Person;
use crate::domain::session::Session;
use crate::store::chat;
use crate::store::connect::Transaction;
use crate::store::error::StoreError;
use crate::store::person;

use super::Kept;
use super::Place;
use super::Row;
use super::Shelf;
use super::messages::Known;
use super::messages::Messages;

/// So many stored messages are read with a shelf's chats: what bounds its memory. Chats with more of them stand apart.
const MOST_MESSAGES: usize = if cfg!(test) { 12 } else { 5_000 };

impl Shelf {
    pub(super) async fn load(
        tx: &Transaction,
        session: Session,
        people: &[Person],
        jids: impl IntoIterator<Item = &Jid>,
    ) -> Result<Self, StoreError> {
        let mut asked: BTreeSet<Jid> = jids.into_iter().cloned().collect();
        asked.extend(people.iter().flat_map(|person| [person.phone.clone(), person.lid.clone()]));
        let others = others(tx, &session, &mut asked).await?;
        let found = found(tx, &session, &asked).await?;
        let deleted = deleted(tx, &session, &asked).await?;
        let ids: HashSet<_> = found.values().copied().collect();
        let heavy = heavy(tx, &session.organization, &ids).await?;
        let pairs: Vec<_> = people.iter().map(|person| (&person.phone, &person.lid)).collect();
        let apart = apart(&asked, &found, &others, &pairs, |jid| {
            deleted.contains(jid) || found.get(jid).is_some_and(|chat| heavy.contains(chat))
        });
        let here = found.iter().filter(|(jid, _)| !apart.contains(jid)).map(|(_, chat)| *chat).collect();
        let chats = chats(tx, &session.organization, &here).await?;
        let places: HashMap<_, _> = chats.iter().enumerate().map(|(place, kept)| (kept.chat.id, place)).collect();
        let place = |jid: &Jid| match found.get(jid) {
            _ if apart.contains(jid) => Place::Apart,
            Some(chat) => places.get(chat).map_or(Place::Apart, |place| Place::Chat(*place)),
            None => Place::Nothing,
        };
        let found = asked.iter().map(|jid| (jid.clone(), place(jid))).collect();
        let (people, aliases, rows) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { session, chats, places, found, others, people, aliases, rows })
    }
}

/// The other address of each person's, which is asked for from then on, too.
async fn others(
    tx: &Transaction,
    session: &Session,
    asked: &mut BTreeSet<Jid>,
) -> Result<HashMap<Jid, Option<Jid>>, StoreError> {
    let persons: Vec<_> =
        asked.iter().filter(|jid| matches!(jid.kind(), JidKind::Lid | JidKind::PhoneNumber)).cloned().collect();
    let known = person::known_by(tx, &session.organization, session.id, &persons).await?;
    let mut others: HashMap<_, _> = persons.into_iter().map(|jid| (jid, None)).collect();
    for Person { phone, lid } in known {
        asked.extend([phone.clone(), lid.clone()]);
        others.insert(phone.clone(), Some(lid.clone()));
        others.insert(lid, Some(phone));
    }
    Ok(others)
}

async fn found(tx: &Transaction, session: &Session, asked: &BTreeSet<Jid>) -> Result<HashMap<Jid, ChatId>, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "chat_alias", column };
    let rows = chat_alias::Entity::find()
        .filter(chat_alias::Column::SessionId.eq(session.id.to_bytes()))
        .filter(chat_alias::Column::Organization.eq(session.organization.as_str()))
        .filter(chat_alias::Column::Jid.is_in(asked.iter().map(Jid::as_str)))
        .all(tx)
        .await?;
    let read = |row: chat_alias::Model| {
        let jid = row.jid.parse().map_err(|_| corrupt("jid"))?;
        Ok((jid, ChatId::from_bytes(&row.chat_id).map_err(|_| corrupt("chat_id"))?))
    };
    rows.into_iter().map(read).collect()
}

async fn deleted(tx: &Transaction, session: &Session, asked: &BTreeSet<Jid>) -> Result<HashSet<Jid>, StoreError> {
    let jids = tombstone_alias::Entity::find()
        .select_only()
        .column(tombstone_alias::Column::Jid)
        .filter(tombstone_alias::Column::SessionId.eq(session.id.to_bytes()))
        .filter(tombstone_alias::Column::Organization.eq(session.organization.as_str()))
        .filter(tombstone_alias::Column::Jid.is_in(asked.iter().map(Jid::as_str)))
        .into_tuple::<String>()
        .all(tx)
        .await?;
    let corrupt = |_| StoreError::Corrupt { table: "tombstone_alias", column: "jid" };
    jids.iter().map(|jid| jid.parse().map_err(corrupt)).collect()
}

/// The chats with too many messages, when those with the fewest are taken first.
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
        all > MOST_MESSAGES
    });
    heavy.map(|(chat, _)| chat_id(&chat)).collect()
}

/// The addresses that stand apart: those of which it `is` true, whose person has another chat or none by the other one, and
/// all that belong together with one of them.
fn apart<'a>(
    asked: &'a BTreeSet<Jid>,
    found: &HashMap<Jid, ChatId>,
    others: &'a HashMap<Jid, Option<Jid>>,
    pairs: &[(&'a Jid, &'a Jid)],
    is: impl Fn(&Jid) -> bool,
) -> HashSet<&'a Jid> {
    let mut apart: HashSet<&Jid> = asked.iter().filter(|jid| is(jid)).collect();
    let known = others.iter().filter_map(|(jid, other)| Some((jid, other.as_ref()?)));
    let known: Vec<_> = known.collect();
    let torn = known.iter().filter(|(one, other)| found.get(one) != found.get(other));
    // Who turns out to be one person may have a chat by each address: they become one.
    let double = pairs
        .iter()
        .filter(|(one, other)| matches!((found.get(one), found.get(other)), (Some(one), Some(other)) if one != other));
    apart.extend(torn.chain(double).flat_map(|(one, other)| [*one, *other]));
    loop {
        let before = apart.len();
        for (one, other) in known.iter().chain(pairs) {
            if apart.contains(one) || apart.contains(other) {
                apart.extend([*one, *other]);
            }
        }
        let chats: HashSet<_> = apart.iter().filter_map(|jid| found.get(jid)).collect();
        apart.extend(asked.iter().filter(|jid| found.get(jid).is_some_and(|chat| chats.contains(chat))));
        if apart.len() == before {
            return apart;
        }
    }
}

/// The chats, locked in the order of their ids, with their messages.
async fn chats(
    tx: &Transaction,
    organization: &OrganizationId,
    ids: &HashSet<ChatId>,
) -> Result<Vec<Kept>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = chat::with_ids(organization, ids.iter().map(|id| id.to_bytes()));
    let rows = query.order_by_asc(chatgraph_entity::chat::Column::Id).lock_exclusive().all(tx).await?;
    let chats = rows.into_iter().map(chat::from_row).collect::<Result<Vec<Chat>, _>>()?;
    let mut messages = messages(tx, organization, ids).await?;
    let keep = |chat: Chat| {
        let messages = messages.remove(&chat.id).unwrap_or_default();
        Kept { chat, row: Row::Same, messages }
    };
    Ok(chats.into_iter().map(keep).collect())
}

async fn messages(
    tx: &Transaction,
    organization: &OrganizationId,
    chats: &HashSet<ChatId>,
) -> Result<HashMap<ChatId, Messages>, StoreError> {
    use message::Column;
    let rows = message::Entity::find()
        .select_only()
        .columns([
            Column::ChatId,
            Column::At,
            Column::Id,
            Column::WaId,
            Column::Sender,
            Column::FromMe,
            Column::Revoked,
        ])
        .filter(of_chats(organization, chats))
        .into_tuple::<(Vec<u8>, i64, Vec<u8>, String, String, bool, bool)>()
        .all(tx)
        .await?;
    let mut messages = HashMap::<_, Messages>::new();
    for (chat, at, id, wa_id, sender, from_me, revoked) in rows {
        messages.entry(chat_id(&chat)?).or_default().add(Known { at, id, wa_id, sender, from_me, revoked });
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
