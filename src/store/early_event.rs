//! Events that arrived before their message. Most messages have none, which one statement shows.

use chatgraph_entity::{early_receipt, early_rewrite};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, QueryTrait as _,
    sea_query::{Expr, UnionType},
};

use super::{error::StoreError, sanitize, unit_of_work::UnitOfWork};
use crate::domain::id::SessionId;

impl UnitOfWork<'_> {
    /// Returns whether a receipt, an edit, a revocation or a deletion waits for a message with this WhatsApp id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_expected(&mut self, session: SessionId, wa_id: &str) -> Result<bool, StoreError> {
        let (organization, wa_id) = (self.organization.as_str(), sanitize::strip_nul(wa_id));
        let edit = early_rewrite::Entity::find()
            .select_only()
            .expr(Expr::val(1))
            .filter(early_rewrite::Column::Organization.eq(organization))
            .filter(early_rewrite::Column::SessionId.eq(session.to_bytes()))
            .filter(early_rewrite::Column::WaId.eq(wa_id.clone()))
            .into_query();
        let mut waiting = early_receipt::Entity::find()
            .select_only()
            .expr(Expr::val(1))
            .filter(early_receipt::Column::Organization.eq(organization))
            .filter(early_receipt::Column::SessionId.eq(session.to_bytes()))
            .filter(early_receipt::Column::WaId.eq(wa_id))
            .into_query();
        Ok(self.tx.query_one(waiting.union(UnionType::All, edit)).await?.is_some())
    }
}
