//! Which part of a list is asked for, and where one answer ends.

/// The most items one page may hold.
pub const MAX_PAGE: u32 = 200;
/// How many items a page holds when nobody says.
pub const DEFAULT_PAGE: u32 = 50;

/// Which way a page runs from its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `first`, `after`
    Forward,
    /// `last`, `before`
    Backward,
}

/// Part of a list, by key: `limit` items behind `cursor`, in `direction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageRequest<K> {
    /// How many, 1 to [`MAX_PAGE`].
    pub limit: u32,
    /// Which way.
    pub direction: Direction,
    /// The key of the item to start behind.
    pub cursor: Option<K>,
}

/// One page, always in the list's own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether more follow the last item.
    pub has_next: bool,
    /// Whether more precede the first item.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// Makes a page of up to `limit + 1` rows read from the cursor outwards: the surplus row tells that there are more.
    /// Whether there is something on the cursor's other side is for `beyond` to say.
    #[must_use]
    pub fn of<K>(mut rows: Vec<T>, request: &PageRequest<K>, beyond: bool) -> Self {
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
