//! Paging by key: the cost of a page does not grow with its depth.

use sea_orm::ColumnTrait;
use sea_orm::EntityTrait;
use sea_orm::ExprTrait as _;
use sea_orm::Order;
use sea_orm::QueryFilter as _;
use sea_orm::QueryOrder as _;
use sea_orm::QuerySelect as _;
use sea_orm::Select;
use sea_orm::sea_query::Expr;

use crate::domain::cursor::TimeKey;
use crate::domain::page::Direction;
use crate::domain::page::PageRequest;

/// Narrows `query` to one page of a list ordered by `at`, then `id`, latest first, and one row more that tells whether
/// the list goes on. A page backwards comes in reverse, as [`crate::domain::page::Page::of`] takes it.
pub(super) fn newest_first<E, C>(query: Select<E>, at: C, id: C, page: &PageRequest<TimeKey>) -> Select<E>
where
    E: EntityTrait,
    C: ColumnTrait,
{
    let order = match page.direction {
        Direction::Forward => Order::Desc,
        Direction::Backward => Order::Asc,
    };
    let query = match &page.cursor {
        None => query,
        Some(key) => {
            let place = Expr::tuple([at.into_expr(), id.into_expr()]);
            let cursor = Expr::tuple([Expr::val(key.at), Expr::val(key.id.to_vec())]);
            query.filter(match page.direction {
                Direction::Forward => place.lt(cursor),
                Direction::Backward => place.gt(cursor),
            })
        }
    };
    query.order_by(at, order.clone()).order_by(id, order).limit(u64::from(page.limit) + 1)
}
