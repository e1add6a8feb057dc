//! Encrypted columns of four tables: read page by page, and replaced only if unchanged.

use chatgraph_entity::{device_record, device_secret, device_token, quarantined_event};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Value, sea_query::Expr,
};

use super::AssociatedData;
use crate::store::whatsapp_device::RecordKind;

/// Rows per read and per transaction: a few milliseconds' work.
const PAGE_LEN: u64 = 200;

/// A table with an encrypted column.
pub(super) trait EncryptedRow: EntityTrait<Model: Send + Sync> {
    /// The encrypted column.
    const VALUE: Self::Column;
    /// The primary key.
    const KEY: &'static [Self::Column];

    /// Condition for rows whose value is encrypted; others are not secret.
    fn has_secret() -> Expr;

    /// Returns a row's primary key.
    fn key(row: &Self::Model) -> Vec<Value>;

    /// Returns a row's session.
    fn session(row: &Self::Model) -> &[u8];

    /// Returns the location of its value.
    fn associated_data(row: &Self::Model) -> AssociatedData<'_>;

    /// Returns its stored value.
    fn value(row: &Self::Model) -> &[u8];
}

impl EncryptedRow for device_record::Entity {
    const VALUE: Self::Column = device_record::Column::Value;
    const KEY: &'static [Self::Column] =
        &[device_record::Column::SessionId, device_record::Column::Kind, device_record::Column::Key];

    fn has_secret() -> Expr {
        device_record::Column::Kind.is_not_in(RecordKind::IN_PLAIN.map(|kind| kind as i16))
    }

    fn key(row: &Self::Model) -> Vec<Value> {
        vec![row.session_id.clone().into(), row.kind.into(), row.key.clone().into()]
    }

    fn session(row: &Self::Model) -> &[u8] {
        &row.session_id
    }

    fn associated_data(row: &Self::Model) -> AssociatedData<'_> {
        AssociatedData::record(&row.session_id, row.kind, &row.key)
    }

    fn value(row: &Self::Model) -> &[u8] {
        &row.value
    }
}

impl EncryptedRow for device_secret::Entity {
    const VALUE: Self::Column = device_secret::Column::Secret;
    const KEY: &'static [Self::Column] = &[device_secret::Column::SessionId, device_secret::Column::Key];

    fn has_secret() -> Expr {
        Expr::value(true)
    }

    fn key(row: &Self::Model) -> Vec<Value> {
        vec![row.session_id.clone().into(), row.key.clone().into()]
    }

    fn session(row: &Self::Model) -> &[u8] {
        &row.session_id
    }

    fn associated_data(row: &Self::Model) -> AssociatedData<'_> {
        AssociatedData::secret(&row.session_id, &row.key)
    }

    fn value(row: &Self::Model) -> &[u8] {
        &row.secret
    }
}

impl EncryptedRow for device_token::Entity {
    const VALUE: Self::Column = device_token::Column::Token;
    const KEY: &'static [Self::Column] = &[device_token::Column::SessionId, device_token::Column::Jid];

    fn has_secret() -> Expr {
        device_token::Column::Token.ne(Vec::<u8>::new())
    }

    fn key(row: &Self::Model) -> Vec<Value> {
        vec![row.session_id.clone().into(), row.jid.clone().into()]
    }

    fn session(row: &Self::Model) -> &[u8] {
        &row.session_id
    }

    fn associated_data(row: &Self::Model) -> AssociatedData<'_> {
        AssociatedData::token(&row.session_id, &row.jid)
    }

    fn value(row: &Self::Model) -> &[u8] {
        &row.token
    }
}

impl EncryptedRow for quarantined_event::Entity {
    const VALUE: Self::Column = quarantined_event::Column::Payload;
    const KEY: &'static [Self::Column] = &[quarantined_event::Column::Id];

    fn has_secret() -> Expr {
        Expr::value(true)
    }

    fn key(row: &Self::Model) -> Vec<Value> {
        vec![row.id.clone().into()]
    }

    fn session(row: &Self::Model) -> &[u8] {
        &row.session_id
    }

    fn associated_data(row: &Self::Model) -> AssociatedData<'_> {
        AssociatedData::event(&row.session_id, &row.id)
    }

    fn value(row: &Self::Model) -> &[u8] {
        &row.payload
    }
}

/// Returns the next rows after `after`, in the order of their keys; empty at the end.
pub(super) async fn page<E: EncryptedRow>(
    database: &impl ConnectionTrait,
    after: Option<&E::Model>,
) -> Result<Vec<E::Model>, DbErr> {
    let mut query = E::find().filter(E::has_secret()).limit(PAGE_LEN);
    for column in E::KEY {
        query = query.order_by_asc(*column);
    }
    if let Some(last) = after {
        let columns = Expr::tuple(E::KEY.iter().map(|column| Expr::col(*column)));
        query = query.filter(columns.gt(Expr::tuple(E::key(last).into_iter().map(Expr::value))));
    }
    query.all(database).await
}

/// Replaces a row's value, unless it was changed meanwhile; returns whether it did.
pub(super) async fn replace<E: EncryptedRow>(
    database: &impl ConnectionTrait,
    row: &E::Model,
    value: Vec<u8>,
) -> Result<bool, DbErr> {
    let mut update = E::update_many().col_expr(E::VALUE, Expr::value(value)).filter(E::VALUE.eq(E::value(row)));
    for (column, value) in E::KEY.iter().zip(E::key(row)) {
        update = update.filter(column.eq(value));
    }
    Ok(update.exec(database).await?.rows_affected > 0)
}
