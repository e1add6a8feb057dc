//! The viewer as callers see it.

use async_graphql::Description;
use async_graphql::Enum;
use async_graphql::ID;
use async_graphql::Object;

use crate::auth::viewer;
use crate::auth::viewer::Principal;
use crate::graphql::capability::Capability;

/// Who a token belongs to, and what it may do.
#[derive(Description)]
pub(in crate::graphql) struct Viewer(pub(in crate::graphql) viewer::Viewer);

/// Who may hold a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ViewerKind {
    /// A person who is logged in.
    User,
    /// A script or service with an api-key.
    ApiKey,
}

#[Object(use_type_description)]
impl Viewer {
    /// Who holds the token.
    async fn kind(&self) -> ViewerKind {
        match self.0.principal {
            Principal::ApiKey(_) => ViewerKind::ApiKey,
            Principal::User { .. } => ViewerKind::User,
        }
    }

    /// The organization whose sessions and chats the token opens. Null when it opens none.
    async fn organization_id(&self) -> Option<ID> {
        self.0.organization.as_ref().map(ID::from)
    }

    /// The person's id. Null for an api-key.
    async fn user_id(&self) -> Option<ID> {
        match &self.0.principal {
            Principal::ApiKey(_) => None,
            Principal::User { id, .. } => Some(ID::from(id)),
        }
    }

    /// The person's role in the organization, or the one above all organizations where that decides. Null for an
    /// api-key, and when the token tells none.
    async fn role(&self) -> Option<&str> {
        match &self.0.principal {
            Principal::ApiKey(_) => None,
            Principal::User { role, .. } => role.as_deref(),
        }
    }

    /// What the token may do.
    async fn capabilities(&self) -> Vec<Capability> {
        self.0.capabilities.iter().map(Capability::from).collect()
    }
}
