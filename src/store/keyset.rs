//! Keyset pagination: the cost of a page does not grow with its depth. Several pages are read in one statement.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DbBackend, EntityTrait, ExprTrait as _, Order, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _, Select, Value,
    sea_query::{Asterisk, Expr, Func, Query, SelectStatement, UnionType},
};

use super::{
    connect::{ReadPool, Row},
    error::StoreError,
};
use crate::domain::{
    cursor::{CursorKey, TimeKey},
    page::{Direction, Page, PageRequest},
};

/// Queries per statement: SQLite allows 500.
pub(super) const MAX_UNION: usize = 200;

/// A key whose parts are columns.
pub(super) trait SortKey: CursorKey {
    /// Returns the parts, the most significant first.
    fn parts(self) -> Vec<Value>;
}

impl SortKey for TimeKey {
    fn parts(self) -> Vec<Value> {
        vec![self.at.into(), self.id.to_vec().into()]
    }
}

/// Rows in descending order of their keys.
pub(super) struct Keyset<E: EntityTrait, K> {
    /// The rows.
    pub(super) rows: Select<E>,
    /// Columns of the last parts of the key; the other parts are the same in all rows.
    pub(super) key: Vec<E::Column>,
    /// Lower bound of the keys, exclusive.
    pub(super) above: Option<K>,
    /// Upper bound of the keys, exclusive.
    pub(super) below: Option<K>,
    /// Database of the queries.
    pub(super) backend: DbBackend,
}

impl<E: EntityTrait, K: SortKey> Keyset<E, K> {
    /// Query for one page and one more row, which shows whether the list continues. A backward page is in reverse
    /// order, as [`Page::from_rows`] expects it.
    pub(super) fn page(&self, page: &PageRequest<K>) -> Select<E> {
        let (order, above, below) = match page.direction {
            Direction::Forward => (Order::Desc, self.above, least(self.below, page.cursor)),
            Direction::Backward => (Order::Asc, self.above.max(page.cursor), self.below),
        };
        self.ordered(self.between(above, below), &order).limit(u64::from(page.limit) + 1)
    }

    /// Query for the row before the page, on the other side of its cursor.
    pub(super) fn next_row(&self, page: &PageRequest<K>) -> Option<Select<E>> {
        let cursor = page.cursor?;
        let (order, rows, or_equal) = match page.direction {
            Direction::Forward => (Order::Asc, self.between(None, self.below), self.place().gte(self.place_of(cursor))),
            Direction::Backward => {
                (Order::Desc, self.between(self.above, None), self.place().lte(self.place_of(cursor)))
            }
        };
        Some(self.ordered(rows.filter(self.bound(or_equal)), &order).limit(1))
    }

    /// Query for the number of rows.
    pub(super) fn count(&self) -> Select<E> {
        let all = Expr::from(Func::count(Expr::col(Asterisk)));
        self.between(self.above, self.below).select_only().column_as(all, "count")
    }

    fn between(&self, above: Option<K>, below: Option<K>) -> Select<E> {
        let above = above.map(|key| self.bound(self.place().gt(self.place_of(key))));
        let below = below.map(|key| self.bound(self.place().lt(self.place_of(key))));
        self.rows.clone().filter(Condition::all().add_option(above).add_option(below))
    }

    /// Condition for a bound of the key. SQLite assumes that a bound excludes most rows, and that two of them make any
    /// index as good as the list's own. `likely` corrects that.
    fn bound(&self, condition: Expr) -> Expr {
        if self.backend == DbBackend::Sqlite { Func::cust("likely").arg(condition).into() } else { condition }
    }

    fn ordered(&self, rows: Select<E>, order: &Order) -> Select<E> {
        self.key.iter().fold(rows, |rows, column| rows.order_by(*column, order.clone()))
    }

    fn place(&self) -> Expr {
        Expr::tuple(self.key.iter().map(|column| column.into_expr()))
    }

    fn place_of(&self, key: K) -> Expr {
        let parts = key.parts();
        let constant = parts.len() - self.key.len();
        Expr::tuple(parts.into_iter().skip(constant).map(Expr::val))
    }
}

fn least<K: Ord>(a: Option<K>, b: Option<K>) -> Option<K> {
    a.into_iter().chain(b).min()
}

/// Reads a page of each list, in one statement unless there are very many. `key` returns the key of an item.
pub(super) async fn read<E: EntityTrait, K: SortKey, T: Send + 'static>(
    reader: &ReadPool,
    lists: &[(Keyset<E, K>, PageRequest<K>)],
    from_row: fn(&Row<'_>) -> Result<T, StoreError>,
    key: fn(&T) -> K,
) -> Result<Vec<Page<T>>, StoreError> {
    let mut read: HashMap<usize, Vec<T>> = HashMap::new();
    for part in branches(lists).chunks(MAX_UNION) {
        let query = reader.get_database_backend().build(&union_all(part));
        let rows = reader.rows(query, move |row| Ok((row.get::<i32>("branch")?, from_row(row)?)));
        for (branch, item) in rows.await? {
            read.entry(usize::try_from(branch).unwrap_or_default()).or_default().push(item);
        }
    }
    Ok(pages(lists.iter().map(|(_, page)| page), read, key))
}

/// The queries of the lists' pages: an even number for the page of a list, the next one for the row beyond its cursor.
pub(super) fn branches<E: EntityTrait, K: SortKey>(
    lists: &[(Keyset<E, K>, PageRequest<K>)],
) -> Vec<(usize, Select<E>)> {
    let pages = lists.iter().enumerate().map(|(list, (rows, page))| (2 * list, rows.page(page)));
    let beyond = lists.iter().enumerate().filter_map(|(list, (rows, page))| Some((2 * list + 1, rows.next_row(page)?)));
    pages.chain(beyond).collect()
}

/// The pages, from the rows of their [`branches`].
pub(super) fn pages<'p, K: SortKey + 'p, T>(
    requests: impl Iterator<Item = &'p PageRequest<K>>,
    mut read: HashMap<usize, Vec<T>>,
    key: fn(&T) -> K,
) -> Vec<Page<T>> {
    let pages = requests.enumerate().map(|(list, page)| {
        let mut items = read.remove(&(2 * list)).unwrap_or_default();
        // A UNION does not guarantee an order.
        items.sort_by_key(key);
        if page.direction == Direction::Forward {
            items.reverse();
        }
        Page::from_rows(items, page, read.contains_key(&(2 * list + 1)))
    });
    pages.collect()
}

/// Counts the rows of each list; `None` if the time limit was exceeded.
pub(super) async fn count<E: EntityTrait, K: SortKey>(
    connection: &impl ConnectionTrait,
    lists: impl Iterator<Item = Keyset<E, K>>,
) -> Result<Option<Vec<i64>>, StoreError> {
    let counts: Vec<_> = lists.map(|list| list.count()).enumerate().collect();
    let mut counted = vec![0; counts.len()];
    for part in counts.chunks(MAX_UNION) {
        match connection.query_all(&union_all(part)).await.map_err(StoreError::from) {
            Ok(rows) => {
                for row in rows {
                    let list: i32 = row.try_get("", "branch")?;
                    counted[usize::try_from(list).unwrap_or_default()] = row.try_get("", "count")?;
                }
            }
            Err(StoreError::TimedOut | StoreError::TooSlow) => return Ok(None),
            Err(failed) => return Err(failed),
        }
    }
    Ok(Some(counted))
}

/// Joins queries into one statement: the column `branch` has the number of the query.
pub(super) fn union_all<E: EntityTrait>(queries: &[(usize, Select<E>)]) -> SelectStatement {
    let numbered = queries.iter().map(|(number, query)| {
        let number = i32::try_from(*number).unwrap_or(i32::MAX);
        query.clone().expr_as(Expr::val(number).cast_as("integer"), "branch").into_query()
    });
    let mut numbered: Vec<_> = numbered.collect();
    if let [_] = numbered[..] {
        return numbered.remove(0);
    }
    // In parentheses, because SQLite sorts and limits only the whole.
    let mut bracketed =
        numbered.into_iter().map(|query| Query::select().column(Asterisk).from_subquery(query, "page").take());
    let mut all = bracketed.next().unwrap_or_default();
    all.unions(bracketed.map(|query| (UnionType::All, query)));
    all
}
