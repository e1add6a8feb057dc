//! Chat lists: each order and filter uses its index.

use chatgraph_entity::chat::{self, Column};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, DbBackend, EntityTrait as _, ExprTrait as _, QueryFilter as _,
    QueryTrait as _, Value,
    sea_query::{Expr, Func, LikeExpr},
};

use super::{
    Store,
    chat::owned_by,
    enum_code::DbEnum as _,
    error::StoreError,
    keyset::{self, Keyset, SortKey},
    session,
};
use crate::domain::{
    chat_list::{ChatFilter, ChatKey, ChatList, ChatOrder, InboxClass},
    id::{OrganizationId, SessionId},
    search::SearchTerm,
};

impl Store {
    /// Counts the chats of each list, in the given order; `None` if that takes longer than a second.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_chats(
        &self,
        organization: &OrganizationId,
        lists: &[ChatList],
        now: i64,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        let backend = self.counters.get_database_backend();
        let lists = lists.iter().map(|list| listed(backend, organization, list, now));
        keyset::count(&self.counters.for_organization(organization), lists).await
    }
}

impl SortKey for ChatKey {
    fn parts(self) -> Vec<Value> {
        vec![self.class.into(), self.rank.into(), self.id.to_vec().into()]
    }
}

/// Query for the chats of a list; `store::tests::plans` checks its plan.
pub(super) fn listed(
    backend: DbBackend,
    organization: &OrganizationId,
    list: &ChatList,
    now: i64,
) -> Keyset<chat::Entity, ChatKey> {
    let ChatList { session, filter, order } = list;
    let one_class = one_class(filter);
    let rows = |owned, filter| chat::Entity::find().filter(owned).filter(matching(backend, filter, now));
    let owned = owned_by(organization).add_option(session.map(|session| Column::SessionId.eq(session.to_bytes())));
    let (least, before) = (filter.least_activity(), filter.active_before);
    match (order, one_class) {
        (ChatOrder::Inbox, None | Some(InboxClass::Pinned)) => {
            // The class implies `pinned`. Repeating it would suggest the index by activity.
            let said = one_class.map(|_| ChatFilter { pinned: None, ..filter.clone() });
            let class = one_class.unwrap_or_else(|| filter.least_class());
            let owned = session.map_or(owned, |session| in_inbox(organization, session));
            Keyset {
                rows: rows(owned, said.as_ref().unwrap_or(filter))
                    .apply_if(filter.active_after, |query, _| query.filter(Column::Activity.gte(least)))
                    .apply_if(before, |query, before| query.filter(Column::Activity.lt(before))),
                key: vec![Column::InboxClass, Column::InboxRank, Column::Id],
                above: Some(ChatKey::least(class as i16, i64::MIN)),
                below: None,
                backend,
            }
        }
        // Chats that are not pinned are ordered by activity in both orders.
        (order, class) => {
            let rows = rows(owned, filter);
            let class = class.filter(|_| *order == ChatOrder::Inbox).map_or(0, |class| class as i16);
            Keyset {
                rows,
                key: vec![Column::Activity, Column::Id],
                above: Some(ChatKey::least(class, least)),
                below: before.map(|before| ChatKey::least(class, before)),
                backend,
            }
        }
    }
}

/// Condition for a session's chats in the order INBOX, for which only the session's index has the order.
///
/// PostgreSQL estimates a comparison of rows by their first column, the class, and so expects a single chat beyond most
/// cursors. With a condition on the organization it would take either index. The organization is therefore checked once,
/// in the session's row. A deleted chat no longer has the organization of its session.
fn in_inbox(organization: &OrganizationId, session: SessionId) -> Condition {
    Condition::all()
        .add(Column::SessionId.eq(session.to_bytes()))
        .add(Column::Organization.ne(OrganizationId::trash().as_str()))
        .add(Expr::exists(session::owned(organization, session).into_query()))
}

/// Returns the class of all chats of the list, if there is only one.
fn one_class(filter: &ChatFilter) -> Option<InboxClass> {
    let pinned = filter.pinned.filter(|_| !filter.shows_empty())?;
    Some(if pinned { InboxClass::Pinned } else { InboxClass::Active })
}

/// Conditions that the key's bounds do not express. Those of partial indexes are written as in the migration, without
/// parameters.
fn matching(backend: DbBackend, filter: &ChatFilter, now: i64) -> Condition {
    let either = |condition: Expr, wanted: bool| if wanted { condition } else { condition.not() };
    let muted = |wanted: bool| {
        let until = Column::MutedUntil;
        if wanted { until.gt(now) } else { until.is_null().or(until.lte(now)) }
    };
    let unread = || Column::UnreadCount.into_expr().gt(Expr::Constant(0.into())).or(Column::MarkedUnread.into_expr());
    Condition::all()
        .add_option(filter.archived.map(|wanted| either(Column::Archived.into_expr(), wanted)))
        .add_option(filter.pinned.map(|wanted| either(Column::Pinned.into_expr(), wanted)))
        .add_option(filter.muted.map(muted))
        .add_option(filter.unread.map(|wanted| either(unread(), wanted)))
        .add_option(filter.types.as_ref().map(|types| Column::Kind.is_in(types.iter().map(|kind| kind.code()))))
        .add_option(filter.search.as_ref().map(|search| containing(backend, search)))
}

/// Compares bytes on either database, since both sides are folded.
fn containing(backend: DbBackend, search: &SearchTerm) -> Condition {
    let (text, position) = (search.as_str(), if backend == DbBackend::Postgres { "strpos" } else { "instr" });
    let found = Func::cust(position).arg(Column::Searchable.into_expr()).arg(text);
    let found = Condition::all().add(Expr::from(found).gt(Expr::Constant(0.into())));
    // Redundant, but needed for the trigram index.
    let pattern: String =
        text.chars().flat_map(|char| ['\\', char].into_iter().skip(usize::from(!"\\%_".contains(char)))).collect();
    let like = Column::Searchable.into_expr().like(LikeExpr::new(format!("%{pattern}%")).escape('\\'));
    found.add_option((backend == DbBackend::Postgres).then_some(like))
}
