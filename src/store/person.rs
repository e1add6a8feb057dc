//! Which number and which LID are one person's, as a session learned it, and how two chats become one.

use std::collections::HashSet;

use chatgraph_entity::chat_alias;
use chatgraph_entity::message;
use chatgraph_entity::person;
use chatgraph_entity::tombstone_alias;
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::EntityTrait as _;
use sea_orm::QueryFilter as _;
use sea_orm::QuerySelect as _;
use sea_orm::QueryTrait as _;
use sea_orm::sea_query::Expr;
use sea_orm::sea_query::OnConflict;

use crate::domain::chat::Chat;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::jid::JidKind;
use crate::domain::person::Person;
use crate::domain::tombstone::Tombstone;

use super::Store;
use super::connect::Transaction;
use super::error::StoreError;
use super::unit::Unit;

impl Store {
    /// The chats that an address finds, in one session or in all, with all the addresses that each goes by. The address of
    /// a person without a chat goes by the other one, too, under no chat.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_as(
        &self,
        organization: &OrganizationId,
        session: Option<SessionId>,
        jid: &Jid,
    ) -> Result<(Vec<ChatId>, Vec<Jid>), StoreError> {
        let found = chat_alias::Entity::find()
            .filter(chat_alias::Column::Organization.eq(organization.as_str()))
            .filter(chat_alias::Column::Jid.eq(jid.as_str()))
            .apply_if(session, |query, session| query.filter(chat_alias::Column::SessionId.eq(session.to_bytes())))
            .all(&self.readers)
            .await?;
        let corrupt = |_| StoreError::Corrupt { table: "chat_alias", column: "chat_id" };
        let chats: Vec<_> =
            found.iter().map(|row| ChatId::from_bytes(&row.chat_id).map_err(corrupt)).collect::<Result<_, _>>()?;
        let mut addresses: Vec<_> = self.addresses(organization, &chats).await?.into_values().flatten().collect();
        let people = person::Entity::find()
            .filter(person::Column::Organization.eq(organization.as_str()))
            .filter(
                Condition::any().add(person::Column::Lid.eq(jid.as_str())).add(person::Column::Phone.eq(jid.as_str())),
            )
            .apply_if(session, |query, session| query.filter(person::Column::SessionId.eq(session.to_bytes())))
            .all(&self.readers)
            .await?;
        for row in people {
            let Person { phone, lid } = from_row(&row)?;
            addresses.extend([phone, lid]);
        }
        addresses.push(jid.clone());
        addresses.sort();
        addresses.dedup();
        Ok((chats, addresses))
    }
}

impl Store {
    /// The people whom the session does not know under these two addresses yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unknown_people(
        &self,
        organization: &OrganizationId,
        session: SessionId,
        people: &[Person],
    ) -> Result<Vec<Person>, StoreError> {
        let mut known = HashSet::new();
        for part in people.chunks(ROWS) {
            let query = person::Entity::find()
                .filter(of_session(organization, session))
                .filter(person::Column::Lid.is_in(part.iter().map(|person| person.lid.as_str())));
            for row in query.all(&self.readers).await? {
                known.insert(from_row(&row)?);
            }
        }
        Ok(people.iter().filter(|person| !known.contains(person)).cloned().collect())
    }
}

impl Unit<'_> {
    /// Those of the people of whom nothing is known yet. One of whom something else is known (another number, another LID)
    /// is left out: whether it is the same person under a new address, or another one under an old, nobody can tell.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn new_people(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        people: &[Person],
    ) -> Result<Vec<Person>, StoreError> {
        if let Some(new) = self.on_shelf(|shelf| shelf.new_people(session, people)).await? {
            return Ok(new);
        }
        let jids: Vec<_> = people.iter().flat_map(|it| [it.lid.clone(), it.phone.clone()]).collect();
        let mut known = known_by(self.tx, organization, session, &jids).await?;
        let mut new = Vec::new();
        for person in people {
            if !known.iter().any(|other| other.lid == person.lid || other.phone == person.phone) {
                known.push(person.clone());
                new.push(person.clone());
            }
        }
        Ok(new)
    }

    /// Notes a person of whom nothing was known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_person(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        person: &Person,
    ) -> Result<(), StoreError> {
        if self.on_shelf(|shelf| shelf.add_person(session, person)).await?.is_some() {
            return Ok(());
        }
        let row = to_row(organization, session, person);
        person::Entity::insert(row).exec_without_returning(self.tx).await?;
        Ok(())
    }

    /// The other address of the person with this one; none when it is not known, and none of what is no person.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn other_address(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        jid: &Jid,
    ) -> Result<Option<Jid>, StoreError> {
        if let Some(other) = self.on_shelf(|shelf| shelf.other(session, jid)).await? {
            return Ok(other);
        }
        let column = match jid.kind() {
            JidKind::Lid => person::Column::Lid,
            JidKind::PhoneNumber => person::Column::Phone,
            JidKind::Group | JidKind::Newsletter | JidKind::Broadcast | JidKind::Status => return Ok(None),
        };
        let query = person::Entity::find().filter(of_session(organization, session)).filter(column.eq(jid.as_str()));
        let Some(row) = query.one(self.tx).await? else { return Ok(None) };
        let Person { phone, lid } = from_row(&row)?;
        Ok(Some(if lid == *jid { phone } else { lid }))
    }

    /// The address under which a chat with this one is kept: a person's number, once it is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn canonical(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        jid: &Jid,
    ) -> Result<Jid, StoreError> {
        if jid.kind() != JidKind::Lid {
            return Ok(jid.clone());
        }
        Ok(self.other_address(organization, session, jid).await?.unwrap_or_else(|| jid.clone()))
    }

    /// Hands the messages and addresses of `from` to `to`. A message that both have stays once, as it arrived first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn hand_over(&mut self, organization: &OrganizationId, from: &Chat, to: &Chat) -> Result<(), StoreError> {
        use message::Column;
        self.put_away().await?;
        let chats = [from, to].map(|chat| chat.id.to_bytes());
        let messages = message::Entity::find()
            .select_only()
            .columns([Column::WaId, Column::FromMe, Column::Arrival, Column::Id])
            .filter(Column::Organization.eq(organization.as_str()))
            .filter(Column::ChatId.is_in(chats))
            .into_tuple::<(String, bool, i64, Vec<u8>)>();
        let mut messages = messages.all(self.tx).await?;
        messages.sort();
        let same = |pair: &[(String, bool, i64, Vec<u8>)]| (&pair[0].0, pair[0].1) == (&pair[1].0, pair[1].1);
        let again: Vec<_> = messages.windows(2).filter(|pair| same(pair)).map(|pair| pair[1].3.clone()).collect();
        for part in again.chunks(ROWS) {
            message::Entity::delete_many()
                .filter(Column::Organization.eq(organization.as_str()))
                .filter(Column::Id.is_in(part.iter().cloned()))
                .exec(self.tx)
                .await?;
        }
        message::Entity::update_many()
            .col_expr(Column::ChatId, Expr::value(to.id.to_bytes()))
            .filter(Column::Organization.eq(organization.as_str()))
            .filter(Column::ChatId.eq(from.id.to_bytes()))
            .exec(self.tx)
            .await?;
        chat_alias::Entity::update_many()
            .col_expr(chat_alias::Column::ChatId, Expr::value(to.id.to_bytes()))
            .filter(chat_alias::Column::Organization.eq(organization.as_str()))
            .filter(chat_alias::Column::ChatId.eq(from.id.to_bytes()))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    /// Names the chat's canonical address as the sender of what others wrote in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn name_senders(&mut self, organization: &OrganizationId, chat: &Chat) -> Result<(), StoreError> {
        if self.on_shelf(|shelf| shelf.names_senders(chat)).await?.is_some() {
            return Ok(());
        }
        message::Entity::update_many()
            .col_expr(message::Column::Sender, Expr::value(chat.jid.as_str()))
            .filter(message::Column::Organization.eq(organization.as_str()))
            .filter(message::Column::ChatId.eq(chat.id.to_bytes()))
            .filter(message::Column::FromMe.eq(false))
            .filter(message::Column::Sender.ne(chat.jid.as_str()))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    /// Stores more addresses of a deleted chat; those that find it already are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_tombstone_addresses(
        &mut self,
        organization: &OrganizationId,
        tombstone: &Tombstone,
    ) -> Result<(), StoreError> {
        let aliases = tombstone.addresses.iter().map(|jid| tombstone_alias::ActiveModel {
            session_id: Set(tombstone.chat.session.to_bytes()),
            jid: Set(jid.to_string()),
            organization: Set(organization.to_string()),
            chat_id: Set(tombstone.chat.id.to_bytes()),
        });
        let key = [tombstone_alias::Column::SessionId, tombstone_alias::Column::Jid];
        let known = OnConflict::columns(key).do_nothing().to_owned();
        tombstone_alias::Entity::insert_many(aliases).on_conflict(known).exec_without_returning(self.tx).await?;
        Ok(())
    }
}

/// Rows that one statement names.
const ROWS: usize = 500;

fn of_session(organization: &OrganizationId, session: SessionId) -> Condition {
    Condition::all()
        .add(person::Column::Organization.eq(organization.as_str()))
        .add(person::Column::SessionId.eq(session.to_bytes()))
}

/// The people with one of these addresses.
pub(super) async fn known_by(
    tx: &Transaction,
    organization: &OrganizationId,
    session: SessionId,
    jids: &[Jid],
) -> Result<Vec<Person>, StoreError> {
    let of_kind = |kind| jids.iter().filter(move |jid| jid.kind() == kind).map(Jid::as_str);
    let either = Condition::any()
        .add(person::Column::Lid.is_in(of_kind(JidKind::Lid)))
        .add(person::Column::Phone.is_in(of_kind(JidKind::PhoneNumber)));
    let known = person::Entity::find().filter(of_session(organization, session)).filter(either).all(tx).await?;
    known.iter().map(from_row).collect()
}

pub(super) fn to_row(organization: &OrganizationId, session: SessionId, person: &Person) -> person::ActiveModel {
    person::ActiveModel {
        session_id: Set(session.to_bytes()),
        organization: Set(organization.to_string()),
        lid: Set(person.lid.to_string()),
        phone: Set(person.phone.to_string()),
    }
}

fn from_row(row: &person::Model) -> Result<Person, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "person", column };
    Ok(Person {
        phone: row.phone.parse().map_err(|_| corrupt("phone"))?,
        lid: row.lid.parse().map_err(|_| corrupt("lid"))?,
    })
}
