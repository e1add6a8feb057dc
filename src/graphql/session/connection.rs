//! The connection of sessions.

use async_graphql::{Description, Object};

use super::object::Session;
use crate::graphql::connection::{ConnectionPage, Edge, PageInfo};

/// A page of sessions, newest first.
#[derive(Description)]
pub(in crate::graphql) struct SessionConnection(pub(super) ConnectionPage<Session>);

#[Object(use_type_description)]
impl SessionConnection {
    /// The sessions with their cursors.
    async fn edges(&self) -> Vec<SessionEdge<'_>> {
        self.0.items.iter().map(SessionEdge).collect()
    }

    /// The sessions.
    async fn nodes(&self) -> Vec<&Session> {
        self.0.items.iter().map(|placed| &placed.item).collect()
    }

    /// Information about the page.
    async fn page_info(&self) -> &PageInfo {
        &self.0.page_info
    }
}

/// A session and its cursor.
#[derive(Description)]
pub(in crate::graphql) struct SessionEdge<'a>(&'a Edge<Session>);

#[Object(use_type_description)]
impl SessionEdge<'_> {
    /// The cursor of this edge. Pass it as `after` to continue from there.
    async fn cursor(&self) -> &str {
        &self.0.cursor
    }

    /// The session.
    async fn node(&self) -> &Session {
        &self.0.item
    }
}
