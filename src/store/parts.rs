//! Rows of one statement.

/// The most rows of one statement: with some thirty columns each well under SQLite's 32,766 variables.
const MOST: usize = 256;

/// Cuts rows into parts of some few lengths. Both databases remember a statement by its text, so that each length that
/// occurs costs memory: these are the powers of two.
pub(super) fn parts<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let length = MOST.min(1 << rows.len().checked_ilog2()?);
        Some(rows.by_ref().take(length).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_are_in_parts_of_few_lengths() {
        let lengths = |rows: usize| parts(vec![(); rows]).map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(lengths(0), Vec::<usize>::new());
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(775), [256, 256, 256, 4, 2, 1]);
        assert_eq!(parts((0..1_000).collect()).flatten().collect::<Vec<_>>(), (0..1_000).collect::<Vec<_>>());
    }
}
