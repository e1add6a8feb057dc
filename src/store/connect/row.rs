//! A row of a hot read, whose columns are read from either database's driver without a model in between.

use rusqlite::{RowIndex, types::FromSql};
use sea_orm::{
    DbErr,
    sqlx::{self, Decode, Postgres, Row as _, Type, postgres::PgRow},
};

use crate::store::error::StoreError;

/// A row.
pub(in crate::store) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r PgRow),
}

/// A value that both databases have.
pub(in crate::store) trait Column: FromSql + for<'r> Decode<'r, Postgres> + Type<Postgres> {}

impl<T: FromSql + for<'r> Decode<'r, Postgres> + Type<Postgres>> Column for T {}

/// The number of a column, or its name. A name is slower, for reads of few rows.
pub(in crate::store) trait ColumnIndex: RowIndex + sqlx::ColumnIndex<PgRow> {}

impl<I: RowIndex + sqlx::ColumnIndex<PgRow>> ColumnIndex for I {}

impl Row<'_> {
    /// Returns the value of a column.
    ///
    /// # Errors
    /// [`StoreError`] if it is missing or has another type.
    pub(in crate::store) fn get<T: Column>(&self, column: impl ColumnIndex) -> Result<T, StoreError> {
        let value = match self {
            Self::Sqlite(row) => row.get(column).map_err(|error| error.to_string()),
            Self::Postgres(row) => row.try_get(column).map_err(|error| error.to_string()),
        };
        value.map_err(|error| DbErr::Type(error).into())
    }
}

/// Reads the model of a table from a row, given its columns.
macro_rules! model {
    ($row:expr, $table:ident, $($column:ident)*) => { $table::Model { $($column: $row.get(stringify!($column))?),* } };
}

pub(in crate::store) use model;
