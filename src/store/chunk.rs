//! Batches of rows for one statement.

use sea_orm::{EntityTrait, Iterable as _};

/// Maximum number of variables per statement, half of SQLite's limit. The more rows a statement has, the fewer pages
/// SQLite copies for its rollback.
const MAX_VARIABLES_PER_STATEMENT: usize = 16_384;

/// Splits rows of `E`, with all columns, into batches whose lengths are powers of two. Both databases cache statements
/// by their text, so every distinct length costs memory.
pub(super) fn chunks<E: EntityTrait, T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let most = MAX_VARIABLES_PER_STATEMENT / E::Column::iter().count().max(1);
    let most = 1 << most.max(1).ilog2();
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let length = most.min(1 << rows.len().checked_ilog2()?);
        Some(rows.by_ref().take(length).collect())
    })
}

#[cfg(test)]
mod tests {
    use chatgraph_entity::{chat, message};

    use super::*;

    #[test]
    fn all_rows_are_in_parts_of_few_lengths() {
        let lengths =
            |rows: usize| chunks::<chat::Entity, _>(vec![(); rows]).map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(lengths(0), Vec::<usize>::new());
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(775), [256, 256, 256, 4, 2, 1]);
        let all = chunks::<chat::Entity, _>((0..1_000).collect()).flatten();
        assert_eq!(all.collect::<Vec<_>>(), (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_row_with_fewer_columns_has_more_rows_in_a_part() {
        assert_eq!(chunks::<message::Entity, _>(vec![(); 5_000]).next().map(|part| part.len()), Some(1_024));
    }
}
