//! People and groups of the accounts in [`account`](super::account), and a person whom tests add.

/// The number of the account's owner, Alex.
pub(crate) const OWNER: &str = "15550100";
/// A contact with an unread message.
pub(crate) const MEI: &str = "15550111@s.whatsapp.net";
/// A contact whose chat is muted.
pub(crate) const RAVI: &str = "15550112@s.whatsapp.net";
/// A contact without a chat.
pub(crate) const OLU: &str = "15550113@s.whatsapp.net";
/// The book club, an archived group of Mei and Ravi.
pub(crate) const BOOKS: &str = "120363000000000001@g.us";
/// A person who is not in the account's address book.
pub(crate) const ZOE: &str = "15550188@s.whatsapp.net";
/// Zoe's hidden address.
pub(crate) const ZOE_LID: &str = "200000000000188@lid";
