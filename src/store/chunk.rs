//! Batches of rows for one statement.

/// Maximum number of rows per statement: with about thirty columns each, well below SQLite's 32,766 variables.
const MAX_ROWS_PER_STATEMENT: usize = 256;

/// Splits rows into batches whose lengths are powers of two. Both databases cache statements by their text, so every
/// distinct length costs memory.
pub(super) fn chunks<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let length = MAX_ROWS_PER_STATEMENT.min(1 << rows.len().checked_ilog2()?);
        Some(rows.by_ref().take(length).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_are_in_parts_of_few_lengths() {
        let lengths = |rows: usize| chunks(vec![(); rows]).map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(lengths(0), Vec::<usize>::new());
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(775), [256, 256, 256, 4, 2, 1]);
        assert_eq!(chunks((0..1_000).collect()).flatten().collect::<Vec<_>>(), (0..1_000).collect::<Vec<_>>());
    }
}
