//! Hot reads of chats: the columns that an answer shows, together with what else its request needs, in one statement.

use std::collections::HashMap;

use chatgraph_entity::{
    chat::{self, Column},
    organization, session,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DbBackend, EntityTrait as _, ExprTrait as _, QueryFilter as _, QuerySelect as _,
    QueryTrait as _, Select, Statement,
    sea_query::{Asterisk, Expr, Func, Query, SelectStatement, UnionType},
};

use super::{
    Store,
    chat::{found_by, with_ids},
    chat_list::listed,
    connect::Row,
    enum_code::from_bits,
    error::StoreError,
    keyset::{self, MAX_UNION},
    session::is_present,
};
use crate::domain::{
    change::ChatState,
    chat::LastMessage,
    chat_list::{ChatKey, ChatList, ChatOrder},
    chat_view::{ChatColumn, ChatColumns, ChatView, ListedChat},
    cursor::ChangeCursor,
    id::{ChatId, MessageId, OrganizationId, SessionId},
    jid::Jid,
    page::{Page, PageRequest},
    setting::{Settings, Versioned},
};

/// The branch of [`PageRow::Head`].
const HEAD: i32 = -1;

/// Pages of lists of chats, and what was read with them.
#[derive(Debug)]
pub struct ChatPages {
    /// The pages, in the given order.
    pub pages: Vec<Page<ListedChat>>,
    /// The position in the change log, not after that of the pages.
    pub change_cursor: ChangeCursor,
    /// True if the session of the first list exists, or if that list has no session.
    pub has_session: bool,
}

impl Store {
    /// Returns a page of each list, with these columns; `muted` is evaluated at `now`, in milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat_pages(
        &self,
        organization: &OrganizationId,
        pages: &[(ChatList, PageRequest<ChatKey>)],
        columns: ChatColumns,
        now: i64,
    ) -> Result<ChatPages, StoreError> {
        let (reader, owner) = (self.reader(organization), Some(organization.clone()));
        // Limits full scans, so that some readers stay free for indexed queries.
        let may_walk = pages.iter().any(|(list, _)| list.filter.may_scan());
        let _place = if may_walk { Some(self.walks.place(&owner).await) } else { None };
        let (mut head, mut chats) = (None, HashMap::<_, Vec<_>>::new());
        for statement in page_statements(reader.get_database_backend(), organization, pages, columns, now) {
            for row in reader.rows(statement, page_row).await? {
                match row {
                    PageRow::Head { number, has_session } => head = head.or(Some((number, has_session))),
                    PageRow::Chat { branch, chat } => chats.entry(branch).or_default().push(*chat),
                }
            }
        }
        let (number, has_session) = head.unwrap_or_default();
        Ok(ChatPages {
            pages: keyset::pages(pages.iter().map(|(_, page)| page), chats, |listed: &ListedChat| listed.key),
            change_cursor: ChangeCursor { incarnation: self.log.incarnation, number },
            has_session: has_session || pages.first().is_some_and(|(list, _)| list.session.is_none()),
        })
    }

    /// Returns the chat of a session that is not deleted, by its canonical address or an alias.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat_view(
        &self,
        organization: &OrganizationId,
        session: SessionId,
        jid: &Jid,
        columns: ChatColumns,
    ) -> Result<Option<ChatView>, StoreError> {
        let present = Query::select()
            .expr(Expr::val(1))
            .from(session::Entity)
            .cond_where(is_present(organization, session))
            .take();
        let query = found_by(organization, session, jid).filter(Expr::exists(present));
        Ok(self.chat_views(organization, query, columns).await?.pop())
    }

    /// Returns chats by id; deleted ones are missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chat_views_by_ids(
        &self,
        organization: &OrganizationId,
        ids: &[ChatId],
        columns: ChatColumns,
    ) -> Result<Vec<ChatView>, StoreError> {
        let query = with_ids(organization, ids.iter().map(|id| id.to_bytes()));
        self.chat_views(organization, query, columns).await
    }

    async fn chat_views(
        &self,
        organization: &OrganizationId,
        query: Select<chat::Entity>,
        columns: ChatColumns,
    ) -> Result<Vec<ChatView>, StoreError> {
        let reader = self.reader(organization);
        let query = select(query, columns, None).build(reader.get_database_backend());
        reader.rows(query, view).await
    }
}

/// Statements that read these pages, each with the [`PageRow::Head`]: one, unless there are very many pages.
/// `store::tests::plans` checks their plans.
pub(super) fn page_statements(
    backend: DbBackend,
    organization: &OrganizationId,
    pages: &[(ChatList, PageRequest<ChatKey>)],
    columns: ChatColumns,
    now: i64,
) -> Vec<Statement> {
    let lists = pages.iter().map(|(list, page)| {
        let mut keyset = listed(backend, organization, list, now);
        keyset.rows = select(keyset.rows, columns, Some(list.order));
        (keyset, *page)
    });
    let (lists, session): (Vec<_>, _) = (lists.collect(), pages.first().and_then(|(list, _)| list.session));
    let statement = |branches: &[_]| {
        let chats = Query::select().column(Asterisk).from_subquery(keyset::union_all(branches), "chats").take();
        backend.build(head(organization, session).union(UnionType::All, chats))
    };
    keyset::branches(&lists).chunks(MAX_UNION).map(statement).collect()
}

/// Query for the [`PageRow::Head`]. Its columns are those of [`select`]: the session is in the place of the id, and the
/// number in that of the rank.
fn head(organization: &OrganizationId, session: Option<SessionId>) -> SelectStatement {
    let number = organization::Entity::find()
        .select_only()
        .column(organization::Column::LastChange)
        .filter(organization::Column::Id.eq(organization.as_str()));
    let session = session.map(|id| {
        let found = session::Entity::find().select_only().column(session::Column::Id);
        Expr::from(found.filter(is_present(organization, id)).into_query())
    });
    let mut head = Query::select();
    head.expr(session.unwrap_or_else(null));
    head.exprs((ID + 1..RANK).map(|_| null()));
    head.expr(Expr::from(number.into_query())).expr(Expr::val(HEAD).cast_as("integer"));
    head
}

/// A row of [`page_statements`].
enum PageRow {
    /// The number of the organization's last change, and whether the session of the first list exists.
    Head { number: i64, has_session: bool },
    /// A chat of this branch.
    Chat { branch: usize, chat: Box<ListedChat> },
}

fn page_row(row: &Row<'_>) -> Result<PageRow, StoreError> {
    let branch: i32 = row.get(BRANCH)?;
    if branch == HEAD {
        let (number, session): (Option<i64>, Option<Vec<u8>>) = (row.get(RANK)?, row.get(ID)?);
        return Ok(PageRow::Head { number: number.unwrap_or_default(), has_session: session.is_some() });
    }
    let chat = view(row)?;
    let (class, rank) = (row.get::<Option<i16>>(CLASS)?.unwrap_or_default(), row.get(RANK)?);
    let chat = Box::new(ListedChat { key: ChatKey { class, rank, id: chat.id.bytes() }, chat });
    Ok(PageRow::Chat { branch: usize::try_from(branch).unwrap_or_default(), chat })
}

// The columns of `select`, in their order. A join of queries adds the last one.
const ID: usize = 0;
const SESSION_ID: usize = 1;
const JID: usize = 2;
const NAME: usize = 3;
const ARCHIVED: usize = 4;
const PINNED: usize = 5;
const MUTED_UNTIL: usize = 6;
const UNREAD_COUNT: usize = 7;
const MARKED_UNREAD: usize = 8;
const LAST_MESSAGE_AT: usize = 9;
const LAST_MESSAGE_ID: usize = 10;
const PENDING: usize = 11;
const REFUSED: usize = 12;
const REVISION: usize = 13;
const CLASS: usize = 14;
const RANK: usize = 15;
const BRANCH: usize = 16;

/// Selects the columns that are read, with the key of `order`; the others are null.
fn select(query: Select<chat::Entity>, columns: ChatColumns, order: Option<ChatOrder>) -> Select<chat::Entity> {
    let if_read = |part, column: Expr| if columns.contains(part) { column } else { null() };
    let names = [Column::Subject, Column::ContactName, Column::PushName, Column::BusinessName];
    let name = Func::coalesce(names.map(ColumnTrait::into_expr));
    let (class, rank) = match order {
        // The lists of one statement may have different orders, and PostgreSQL wants one type.
        Some(ChatOrder::Recent) => (Expr::cust("CAST(0 AS smallint)"), Column::Activity.into_expr()),
        Some(ChatOrder::Inbox) => (Column::InboxClass.into_expr(), Column::InboxRank.into_expr()),
        None => (null(), null()),
    };
    let selected: [(&str, Expr); BRANCH] = [
        ("id", Column::Id.into_expr()),
        ("session_id", Column::SessionId.into_expr()),
        ("jid", Column::Jid.into_expr()),
        ("name", if_read(ChatColumn::Name, name.into())),
        ("archived", if_read(ChatColumn::Archived, Column::Archived.into_expr())),
        ("pinned", if_read(ChatColumn::Pinned, Column::Pinned.into_expr())),
        ("muted_until", if_read(ChatColumn::MutedUntil, Column::MutedUntil.into_expr())),
        ("unread_count", if_read(ChatColumn::UnreadCount, Column::UnreadCount.into_expr())),
        ("marked_unread", if_read(ChatColumn::MarkedUnread, Column::MarkedUnread.into_expr())),
        ("last_message_at", if_read(ChatColumn::LastMessage, Column::LastMessageAt.into_expr())),
        ("last_message_id", if_read(ChatColumn::LastMessage, Column::LastMessageId.into_expr())),
        ("pending", if_read(ChatColumn::Sync, Column::Pending.into_expr())),
        ("refused", if_read(ChatColumn::Sync, Column::Refused.into_expr())),
        ("revision", if_read(ChatColumn::Revision, Column::Revision.into_expr())),
        ("class", class),
        ("rank", rank),
    ];
    selected.into_iter().fold(query.select_only(), |query, (name, column)| query.expr_as(column, name))
}

fn null() -> Expr {
    Expr::cust("NULL")
}

fn view(row: &Row<'_>) -> Result<ChatView, StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "chat", column };
    let (id, session, jid): (Vec<u8>, Vec<u8>, String) = (row.get(ID)?, row.get(SESSION_ID)?, row.get(JID)?);
    let (at, message): (Option<i64>, Option<Vec<u8>>) = (row.get(LAST_MESSAGE_AT)?, row.get(LAST_MESSAGE_ID)?);
    let message = message.map(|id| MessageId::from_bytes(&id)).transpose().map_err(|_| corrupt("last_message_id"))?;
    let unread: Option<i32> = row.get(UNREAD_COUNT)?;
    let flag = |column| row.get::<Option<bool>>(column).map(Option::unwrap_or_default);
    let fields = |column| row.get::<Option<i32>>(column).map(|bits| from_bits(bits.unwrap_or_default()));
    let settings = Settings {
        archived: Versioned { value: flag(ARCHIVED)?, as_of: 0 },
        pinned: Versioned { value: flag(PINNED)?, as_of: 0 },
        muted_until: Versioned { value: row.get(MUTED_UNTIL)?, as_of: 0 },
        marked_unread: Versioned { value: flag(MARKED_UNREAD)?, as_of: 0 },
    };
    let state = ChatState {
        settings,
        unread_count: u32::try_from(unread.unwrap_or_default()).map_err(|_| corrupt("unread_count"))?,
        last_message: at.map(|at| LastMessage { id: message, at }),
        pending: fields(PENDING)?,
        refused: fields(REFUSED)?,
    };
    Ok(ChatView {
        id: ChatId::from_bytes(&id).map_err(|_| corrupt("id"))?,
        session: SessionId::from_bytes(&session).map_err(|_| corrupt("session_id"))?,
        jid: jid.parse().map_err(|_| corrupt("jid"))?,
        display_name: row.get(NAME)?,
        state,
        revision: row.get::<Option<i64>>(REVISION)?.unwrap_or_default(),
    })
}
