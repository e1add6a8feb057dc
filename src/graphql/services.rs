//! The services that the resolvers call.

use crate::service::{api_key::ApiKeys, call::Calls, chat::Chats, session::Sessions};

/// The services that the resolvers call.
#[derive(Clone)]
pub struct GraphqlServices {
    /// The chat service.
    pub chats: Chats,
    /// The session service.
    pub sessions: Sessions,
    /// The call service.
    pub calls: Calls,
    /// The API key service.
    pub keys: ApiKeys,
}
