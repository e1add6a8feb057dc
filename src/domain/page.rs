//! Pages of a list.

/// Maximum number of items in a page.
pub const MAX_PAGE_LEN: u32 = 200;
/// Default number of items in a page.
pub const DEFAULT_PAGE_LEN: u32 = 50;

/// The direction of a page from its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `first`, `after`
    Forward,
    /// `last`, `before`
    Backward,
}

/// A part of a list, by key: `limit` items behind `cursor`, in `direction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageRequest<K> {
    /// The number of items, 1 to [`MAX_PAGE_LEN`].
    pub limit: u32,
    /// The direction.
    pub direction: Direction,
    /// The key of the item behind which the page starts.
    pub cursor: Option<K>,
}

/// A page, always in the list's own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// True if more items follow the last one.
    pub has_next: bool,
    /// True if items precede the first one.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// Creates a page from up to `limit + 1` rows, read from the cursor outwards; the surplus row shows that there are
    /// more. `beyond` states whether there are items on the other side of the cursor.
    #[must_use]
    pub fn from_rows<K>(mut rows: Vec<T>, request: &PageRequest<K>, beyond: bool) -> Self {
        let limit = request.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        match request.direction {
            Direction::Forward => Self { items: rows, has_next: more, has_previous: beyond },
            Direction::Backward => {
                rows.reverse();
                Self { items: rows, has_next: beyond, has_previous: more }
            }
        }
    }
}
