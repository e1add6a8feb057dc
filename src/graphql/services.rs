//! The services that the resolvers call.

use crate::service::api_key::ApiKeys;
use crate::service::call::Calls;
use crate::service::chat::Chats;
use crate::service::session::Sessions;

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
