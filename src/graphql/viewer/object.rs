//! The `Viewer` object.

use async_graphql::{Description, Enum, ID, Object};

use crate::{
    auth::viewer::{self, Principal},
    graphql::capability::Capability,
};

/// The owner of a token, and its permissions.
#[derive(Description)]
pub(in crate::graphql) struct Viewer(pub(in crate::graphql) viewer::Viewer);

/// A kind of token owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ViewerKind {
    /// A logged-in user.
    User,
    /// A script or service with an API key.
    ApiKey,
}

#[Object(use_type_description)]
impl Viewer {
    /// The kind of owner.
    async fn kind(&self) -> ViewerKind {
        match self.0.principal {
            Principal::ApiKey(_) => ViewerKind::ApiKey,
            Principal::User { .. } => ViewerKind::User,
        }
    }

    /// The organization whose data the token can access. Null if the token has no organization.
    async fn organization_id(&self) -> Option<ID> {
        self.0.organization.as_ref().map(ID::from)
    }

    /// The user's id. Null for an API key.
    async fn user_id(&self) -> Option<ID> {
        match &self.0.principal {
            Principal::ApiKey(_) => None,
            Principal::User { id, .. } => Some(ID::from(id)),
        }
    }

    /// The role that decides the user's permissions: the role in the organization, or the platform role.
    /// Null for an API key, or if the token contains no role.
    async fn role(&self) -> Option<&str> {
        match &self.0.principal {
            Principal::ApiKey(_) => None,
            Principal::User { role, .. } => role.as_deref(),
        }
    }

    /// The permissions of the token.
    async fn capabilities(&self) -> Vec<Capability> {
        self.0.capabilities.iter().map(Capability::from).collect()
    }
}
