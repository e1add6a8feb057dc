//! Privacy tokens of contacts. Tokens are received and given; each direction has its own columns, and changes them in
//! one statement, since both may happen at the same time.

use chatgraph_entity::device_token::{self, Column};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, IntoActiveModel as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};

use super::{DeviceState, StoreError};
use crate::store::encryption::AssociatedData;

/// The privacy token of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacyToken {
    /// The token; empty if only ours was given to the contact.
    pub token: Vec<u8>,
    /// Time at which it was received, in seconds.
    pub token_at: i64,
    /// Time at which ours was given, in seconds.
    pub sender_at: Option<i64>,
}

impl DeviceState {
    /// Returns the token of a contact.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token(&self, jid: &str) -> Result<Option<PrivacyToken>, StoreError> {
        let row = self.find_one(device_token::Entity::find().filter(self.token_of(jid))).await?;
        row.map(|row| self.token_in(row)).transpose()
    }

    /// Returns the contacts with a token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token_jids(&self) -> Result<Vec<String>, StoreError> {
        let query = device_token::Entity::find().filter(Column::SessionId.eq(self.session.to_bytes()));
        Ok(self.find_all(query).await?.into_iter().map(|row| row.jid).collect())
    }

    /// Inserts or replaces a token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_token(&self, jid: &str, token: PrivacyToken) -> Result<(), StoreError> {
        let replaced = same_contact().update_columns([Column::Token, Column::TokenAt, Column::SenderAt]).to_owned();
        self.upsert_token(jid, token, replaced).await
    }

    /// Stores a token that the contact sent, unless a newer one is stored. `sender_at` is unchanged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn receive_token(&self, jid: &str, token: Vec<u8>, token_at: i64) -> Result<(), StoreError> {
        let newer = Condition::any()
            .add(stored(Column::Token).eq(Vec::<u8>::new()))
            .add(stored(Column::TokenAt).lte(given(Column::TokenAt)));
        let replaced =
            same_contact().update_columns([Column::Token, Column::TokenAt]).action_cond_where(newer).to_owned();
        self.upsert_token(jid, PrivacyToken { token, token_at, sender_at: None }, replaced).await
    }

    /// Stores that ours was given to the contact at `at`, unless that is older. The received token is unchanged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn touch_token(&self, jid: &str, at: i64) -> Result<(), StoreError> {
        let later = Condition::any()
            .add(stored(Column::SenderAt).is_null())
            .add(stored(Column::SenderAt).lt(given(Column::SenderAt)));
        let replaced = same_contact().update_column(Column::SenderAt).action_cond_where(later).to_owned();
        self.upsert_token(jid, PrivacyToken { token: Vec::new(), token_at: at, sender_at: Some(at) }, replaced).await
    }

    /// Deletes the token of a contact.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_token(&self, jid: &str) -> Result<(), StoreError> {
        self.delete::<device_token::Entity>(vec![self.token_of(jid)]).await.map(drop)
    }

    /// Deletes the tokens that were received before `token_at` or never, and of which ours was given before `sender_at`
    /// or never; returns the number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_tokens_before(&self, token_at: i64, sender_at: i64) -> Result<u32, StoreError> {
        let received = Condition::any().add(Column::Token.eq(Vec::<u8>::new())).add(Column::TokenAt.lt(token_at));
        let ours = Condition::any().add(Column::SenderAt.is_null()).add(Column::SenderAt.lt(sender_at));
        let gone = Condition::all().add(Column::SessionId.eq(self.session.to_bytes())).add(received).add(ours);
        self.delete::<device_token::Entity>(vec![gone]).await
    }

    async fn upsert_token(&self, jid: &str, token: PrivacyToken, replaced: OnConflict) -> Result<(), StoreError> {
        let PrivacyToken { token, token_at, sender_at } = token;
        let (session_id, jid) = (self.session.to_bytes(), jid.to_owned());
        let place = AssociatedData::token(&session_id, &jid);
        // An empty token is not secret, and is queried.
        let token = if token.is_empty() { token } else { self.store.encryption.encrypt(&place, token) };
        let row = device_token::Model { session_id, jid, token, token_at, sender_at };
        self.upsert(vec![row.into_active_model()], replaced).await
    }

    fn token_in(&self, row: device_token::Model) -> Result<PrivacyToken, StoreError> {
        let device_token::Model { session_id, jid, token, token_at, sender_at } = row;
        let place = AssociatedData::token(&session_id, &jid);
        let token = if token.is_empty() { token } else { self.store.encryption.decrypt(&place, token)? };
        Ok(PrivacyToken { token, token_at, sender_at })
    }

    fn token_of(&self, jid: &str) -> Condition {
        Condition::all().add(Column::SessionId.eq(self.session.to_bytes())).add(Column::Jid.eq(jid))
    }
}

fn same_contact() -> OnConflict {
    OnConflict::columns([Column::SessionId, Column::Jid])
}

fn stored(column: Column) -> Expr {
    Expr::col((device_token::Entity, column))
}

fn given(column: Column) -> Expr {
    Expr::col(("excluded", column))
}
