//! The connection of messages.

use async_graphql::{Description, Object};

use super::object::Message;
use crate::graphql::connection::{ConnectionPage, Edge, PageInfo};

/// A page of a chat's messages, newest first.
#[derive(Description)]
pub(in crate::graphql) struct MessageConnection(pub(in crate::graphql) ConnectionPage<Message>);

#[Object(use_type_description)]
impl MessageConnection {
    /// The messages with their cursors.
    async fn edges(&self) -> Vec<MessageEdge<'_>> {
        self.0.items.iter().map(MessageEdge).collect()
    }

    /// The messages.
    async fn nodes(&self) -> Vec<&Message> {
        self.0.items.iter().map(|placed| &placed.item).collect()
    }

    /// Information about the page.
    async fn page_info(&self) -> &PageInfo {
        &self.0.page_info
    }
}

/// A message and its cursor.
#[derive(Description)]
pub(in crate::graphql) struct MessageEdge<'a>(&'a Edge<Message>);

#[Object(use_type_description)]
impl MessageEdge<'_> {
    /// The cursor of this edge. Pass it as `after` to continue from there.
    async fn cursor(&self) -> &str {
        &self.0.cursor
    }

    /// The message.
    async fn node(&self) -> &Message {
        &self.0.item
    }
}
