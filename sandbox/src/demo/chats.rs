//! The chats of the demo account, by topic.
//!
//! A chat is given by its lines. Their times follow from two numbers: the minutes since the last line, and the minutes
//! between the first line and the last. Add a chat to the list of its file.

mod community;
mod customers;
mod family;
mod suppliers;
mod team;

use super::chat::Chat;

/// Every chat of the demo account.
pub(super) fn all() -> Vec<Chat> {
    [family::chats(), team::chats(), suppliers::chats(), customers::chats(), community::chats()]
        .into_iter()
        .flatten()
        .collect()
}
