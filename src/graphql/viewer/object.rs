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
        }
    }

    /// The organization whose sessions and chats the token opens. Null when it opens none.
    async fn organization_id(&self) -> Option<ID> {
        Some(ID::from(&self.0.organization))
    }

    /// The person's id. Null for an api-key.
    async fn user_id(&self) -> Option<ID> {
        match self.0.principal {
            Principal::ApiKey(_) => None,
        }
    }

    /// The person's role in the organization. Null for an api-key.
    async fn role(&self) -> Option<String> {
        match self.0.principal {
            Principal::ApiKey(_) => None,
        }
    }

    /// What the token may do.
    async fn capabilities(&self) -> Vec<Capability> {
        self.0.capabilities.iter().map(Capability::from).collect()
    }
}
