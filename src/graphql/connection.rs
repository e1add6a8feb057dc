//! Pagination of every list: the arguments `first`, `after`, `last` and `before`, cursors bound to one list of one
//! organization, and `PageInfo`.

use async_graphql::{SimpleObject, parser::types::Field};

use super::{
    error::ApiError,
    rendering::{Needs, PlainFields, WriteField, write},
};
use crate::domain::{
    cursor::{CursorEncoder, CursorKey},
    page::{DEFAULT_PAGE_LEN, Direction, MAX_PAGE_LEN, Page, PageRequest},
};

/// Information about a page: its cursors, and whether there are more items.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct PageInfo {
    /// True if more items follow this page.
    has_next_page: bool,
    /// True if items precede this page.
    has_previous_page: bool,
    /// The cursor of the first item. Null if the page is empty.
    start_cursor: Option<String>,
    /// The cursor of the last item: pass it as `after` to read the next page. Null if the page is empty.
    end_cursor: Option<String>,
}

/// The parts that identify a list. A cursor of one list is invalid for every other list.
pub(super) type CursorScope<'a> = [&'a str];

/// The arguments of a list. `first` and `last` are `i64`, so that a number beyond the range of `Int` is rejected like
/// any other number out of range.
#[derive(Debug, Clone, Default)]
pub(super) struct PageArguments {
    /// The number of items from the start, or following `after`.
    pub(super) first: Option<i64>,
    /// The cursor after which the page starts.
    pub(super) after: Option<String>,
    /// The number of items from the end, or before `before`.
    pub(super) last: Option<i64>,
    /// The cursor before which the page ends.
    pub(super) before: Option<String>,
}

impl PageArguments {
    /// Converts the arguments to a page request for the list that `scope` identifies.
    pub(super) fn request<K: CursorKey>(&self, scope: &CursorScope<'_>) -> Result<PageRequest<K>, ApiError> {
        let Self { first, after, last, before } = self;
        if first.is_some() && last.is_some() {
            return Err(ApiError::invalid("last", "last: cannot be combined with first"));
        }
        let backward = last.is_some() || (before.is_some() && first.is_none() && after.is_none());
        if backward {
            refuse("after", after.as_ref(), "last")?;
            let (limit, cursor) = (limit("last", *last)?, cursor("before", before.as_ref(), scope)?);
            return Ok(PageRequest { limit, direction: Direction::Backward, cursor });
        }
        refuse("before", before.as_ref(), "first")?;
        let (limit, cursor) = (limit("first", *first)?, cursor("after", after.as_ref(), scope)?);
        Ok(PageRequest { limit, direction: Direction::Forward, cursor })
    }
}

fn limit(field: &'static str, limit: Option<i64>) -> Result<u32, ApiError> {
    let Some(limit) = limit else { return Ok(DEFAULT_PAGE_LEN) };
    let limit = u32::try_from(limit).ok().filter(|limit| (1..=MAX_PAGE_LEN).contains(limit));
    limit.ok_or_else(|| ApiError::invalid(field, format!("{field}: must be from 1 to {MAX_PAGE_LEN}")))
}

fn cursor<K: CursorKey>(
    field: &'static str,
    cursor: Option<&String>,
    scope: &CursorScope<'_>,
) -> Result<Option<K>, ApiError> {
    let read = cursor.map(|cursor| K::decode(cursor, scope)).transpose();
    read.map_err(|invalid| ApiError::invalid(field, format!("{field}: {invalid}")))
}

/// Rejects a cursor for the other direction.
fn refuse(field: &'static str, cursor: Option<&String>, other: &str) -> Result<(), ApiError> {
    let refused = |_| Err(ApiError::invalid(field, format!("{field}: cannot be combined with {other}")));
    cursor.map_or(Ok(()), refused)
}

/// An item with its cursor.
pub(super) struct Edge<T> {
    /// The item's cursor.
    pub(super) cursor: String,
    /// The item.
    pub(super) item: T,
}

/// A page with a cursor for every item.
pub(super) struct ConnectionPage<T> {
    /// The items.
    pub(super) items: Vec<Edge<T>>,
    /// Information about the page.
    pub(super) page_info: PageInfo,
}

impl<T> ConnectionPage<T> {
    /// Encodes a cursor for every item of `page`, from the key that `key` returns.
    pub(super) fn new<D, K: CursorKey>(page: Page<D>, scope: &CursorScope<'_>, key: impl Fn(&D) -> K) -> Self
    where
        T: From<D>,
    {
        let cursors = CursorEncoder::new(scope);
        let edges = page.items.into_iter().map(|item| Edge { cursor: cursors.encode(key(&item)), item: T::from(item) });
        let items: Vec<_> = edges.collect();
        let page_info = PageInfo {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: items.first().map(|item| item.cursor.clone()),
            end_cursor: items.last().map(|item| item.cursor.clone()),
        };
        Self { items, page_info }
    }
}

impl PlainFields for PageInfo {
    const NAME: &str = "PageInfo";

    fn plain(field: &Field, _: &mut Needs) -> Option<WriteField<Self>> {
        match field.name.node.as_str() {
            "hasNextPage" => write(|page: &Self, _, json| json.bool(page.has_next_page)),
            "hasPreviousPage" => write(|page: &Self, _, json| json.bool(page.has_previous_page)),
            "startCursor" => write(|page: &Self, _, json| json.text(page.start_cursor.as_deref())),
            "endCursor" => write(|page: &Self, _, json| json.text(page.end_cursor.as_deref())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::error::ApiErrorCode, *};
    use crate::domain::cursor::TimeKey;

    const SCOPE: &CursorScope<'static> = &["chats", "org_1", "", "RECENT"];

    fn key(at: i64) -> TimeKey {
        TimeKey { at, id: [9; 16] }
    }

    fn read(arguments: &PageArguments) -> Result<PageRequest<TimeKey>, ApiError> {
        arguments.request(SCOPE)
    }

    #[test]
    fn a_page_has_fifty_items_by_default_and_at_most_two_hundred() {
        let first = |first| read(&PageArguments { first, ..PageArguments::default() }).map(|request| request.limit);
        let last = |last| read(&PageArguments { last, ..PageArguments::default() }).map(|request| request.limit);
        assert_eq!(first(None), Ok(50));
        assert_eq!((first(Some(1)), first(Some(200)), last(Some(200))), (Ok(1), Ok(200), Ok(200)));
        for limit in [0, -1, 201, i64::MAX, i64::MIN] {
            for (read, field) in [(first(Some(limit)), "first"), (last(Some(limit)), "last")] {
                let error = read.expect_err("out of range");
                assert_eq!((error.code, error.field), (ApiErrorCode::ValidationError, Some(field)), "{limit}");
            }
        }
    }

    #[test]
    fn a_page_lies_on_one_side_of_one_cursor() {
        let cursor = || Some(key(7).encode(SCOPE));
        let none = PageArguments::default;
        for (arguments, direction) in [
            (none(), Direction::Forward),
            (PageArguments { after: cursor(), ..none() }, Direction::Forward),
            (PageArguments { last: Some(5), ..none() }, Direction::Backward),
            (PageArguments { before: cursor(), ..none() }, Direction::Backward),
            (PageArguments { last: Some(5), before: cursor(), ..none() }, Direction::Backward),
        ] {
            assert_eq!(read(&arguments).map(|request| request.direction), Ok(direction), "{arguments:?}");
        }
        for (arguments, field) in [
            (PageArguments { first: Some(5), last: Some(5), ..none() }, "last"),
            (PageArguments { first: Some(5), before: cursor(), ..none() }, "before"),
            (PageArguments { last: Some(5), after: cursor(), ..none() }, "after"),
            (PageArguments { after: cursor(), before: cursor(), ..none() }, "before"),
        ] {
            let error = read(&arguments).expect_err("two sides");
            assert_eq!((error.code, error.field), (ApiErrorCode::ValidationError, Some(field)), "{arguments:?}");
        }
    }

    #[test]
    fn a_cursor_is_taken_by_its_own_list_only() {
        let cursor = key(7).encode(SCOPE);
        let after = PageArguments { after: Some(cursor.clone()), ..PageArguments::default() };
        let before = PageArguments { before: Some(cursor), ..PageArguments::default() };
        assert_eq!(read(&after).map(|request| request.cursor), Ok(Some(key(7))));
        for scope in
            [["chats", "org_2", "", "RECENT"], ["sessions", "org_1", "", "RECENT"], ["chats", "org_1", "x", "RECENT"]]
        {
            for (arguments, field) in [(&after, "after"), (&before, "before")] {
                let error = arguments.request::<TimeKey>(&scope).expect_err("another list");
                assert_eq!((error.code, error.field), (ApiErrorCode::ValidationError, Some(field)));
            }
        }
        assert!(read(&PageArguments { after: Some(String::new()), ..PageArguments::default() }).is_err());
    }

    #[test]
    fn the_page_s_ends_are_its_items_cursors() {
        let page = Page { items: vec![3_i64, 2], has_next: true, has_previous: false };
        let listing = ConnectionPage::<i64>::new(page, SCOPE, |at| key(*at));
        let cursors: Vec<_> = listing.items.iter().map(|item| Some(item.cursor.clone())).collect();
        assert_eq!([listing.page_info.start_cursor, listing.page_info.end_cursor], *cursors);
        assert!(listing.page_info.has_next_page && !listing.page_info.has_previous_page);
        let empty = Page::<i64> { items: vec![], has_next: false, has_previous: true };
        assert_eq!(ConnectionPage::<i64>::new(empty, SCOPE, |at| key(*at)).page_info.end_cursor, None);
    }
}
