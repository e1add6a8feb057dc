//! Paging, as every list does it: `first` and `after`, cursors that belong to one list of one organization, and the
//! object that tells whether there is more.

use async_graphql::SimpleObject;

use crate::domain::cursor::TimeKey;
use crate::domain::page::DEFAULT_PAGE;
use crate::domain::page::Direction;
use crate::domain::page::MAX_PAGE;
use crate::domain::page::Page;
use crate::domain::page::PageRequest;

use super::error::ApiError;

/// Where a page begins and ends, and whether the list goes on.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct PageInfo {
    /// Whether more items follow the last one of this page.
    has_next_page: bool,
    /// Whether items precede the first one of this page.
    has_previous_page: bool,
    /// The first item's cursor. Null when the page is empty.
    start_cursor: Option<String>,
    /// The last item's cursor: `after` for the next page. Null when the page is empty.
    end_cursor: Option<String>,
}

/// What tells one list from another: a cursor of one is not taken by another.
pub(super) type Scope<'a> = [&'a str];

/// Reads the arguments of a list. `first` is an `i64` so that a number beyond every `Int` is answered like any other
/// that is out of range.
pub(super) fn page_request(
    first: Option<i64>,
    after: Option<&str>,
    scope: &Scope<'_>,
) -> Result<PageRequest<TimeKey>, ApiError> {
    let limit = match first {
        None => DEFAULT_PAGE,
        Some(first) => u32::try_from(first)
            .ok()
            .filter(|first| (1..=MAX_PAGE).contains(first))
            .ok_or_else(|| ApiError::invalid("first", format!("first: must be from 1 to {MAX_PAGE}")))?,
    };
    let cursor = after.map(|after| TimeKey::decode(after, scope)).transpose()?;
    Ok(PageRequest { limit, direction: Direction::Forward, cursor })
}

/// An item with its place in the list.
pub(super) struct Placed<T> {
    /// The item's cursor.
    pub(super) cursor: String,
    /// The item.
    pub(super) item: T,
}

/// A page with a cursor for every item.
pub(super) struct Listing<T> {
    /// The items.
    pub(super) items: Vec<Placed<T>>,
    /// Where the page begins and ends.
    pub(super) page_info: PageInfo,
}

impl<T> Listing<T> {
    /// Gives every item of `page` its cursor, made of the time and id that `key` finds.
    pub(super) fn of<D>(page: Page<D>, scope: &Scope<'_>, key: impl Fn(&D) -> TimeKey) -> Self
    where
        T: From<D>,
    {
        let items: Vec<_> = page
            .items
            .into_iter()
            .map(|item| Placed { cursor: key(&item).encode(scope), item: T::from(item) })
            .collect();
        let page_info = PageInfo {
            has_next_page: page.has_next,
            has_previous_page: page.has_previous,
            start_cursor: items.first().map(|item| item.cursor.clone()),
            end_cursor: items.last().map(|item| item.cursor.clone()),
        };
        Self { items, page_info }
    }
}

/// The key of an item that was made or sent at `at` and has this id.
pub(super) fn key(at: i64, id: &[u8]) -> TimeKey {
    TimeKey { at, id: id.try_into().expect("an id has 16 bytes") }
}

#[cfg(test)]
mod tests {
    use super::super::error::Code;
    use super::*;

    const SCOPE: &Scope<'static> = &["chats", "org_1", "", "RECENT"];

    #[test]
    fn a_page_holds_fifty_unless_told_otherwise_and_two_hundred_at_most() {
        let limit = |first| page_request(first, None, SCOPE).map(|request| request.limit);
        assert_eq!(limit(None), Ok(50));
        assert_eq!((limit(Some(1)), limit(Some(200))), (Ok(1), Ok(200)));
        for first in [0, -1, 201, i64::MAX, i64::MIN] {
            let error = limit(Some(first)).expect_err("out of range");
            assert_eq!((error.code, error.field), (Code::ValidationError, Some("first")), "{first}");
        }
    }

    #[test]
    fn a_cursor_is_taken_by_its_own_list_only() {
        let cursor = key(7, &[9; 16]).encode(SCOPE);
        let after =
            |after: &str, scope: &Scope<'_>| page_request(None, Some(after), scope).map(|request| request.cursor);
        assert_eq!(after(&cursor, SCOPE), Ok(Some(key(7, &[9; 16]))));
        for scope in
            [["chats", "org_2", "", "RECENT"], ["sessions", "org_1", "", "RECENT"], ["chats", "org_1", "x", "RECENT"]]
        {
            let error = after(&cursor, &scope).expect_err("another list");
            assert_eq!((error.code, error.field), (Code::ValidationError, Some("after")));
        }
        assert!(after("", SCOPE).is_err());
    }

    #[test]
    fn the_page_s_ends_are_its_items_cursors() {
        let page = Page { items: vec![3_i64, 2], has_next: true, has_previous: false };
        let listing = Listing::<i64>::of(page, SCOPE, |at| key(*at, &[0; 16]));
        let cursors: Vec<_> = listing.items.iter().map(|item| Some(item.cursor.clone())).collect();
        assert_eq!([listing.page_info.start_cursor, listing.page_info.end_cursor], *cursors);
        assert!(listing.page_info.has_next_page && !listing.page_info.has_previous_page);
        let empty = Listing::<i64>::of(Page { items: vec![], has_next: false, has_previous: true }, SCOPE, |at| {
            key(*at, &[0; 16])
        });
        assert_eq!(empty.page_info.end_cursor, None);
    }
}
