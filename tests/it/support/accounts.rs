//! Accounts of the sandbox's phones.

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use chatgraph_sandbox::AccountSpec;
use serde_json::json;

/// A small account: Mei with an unread message, Ravi muted, the book club, Olu without a chat.
pub(crate) fn account(phone: &str, name: &str) -> AccountSpec {
    // WhatsApp's message timestamps are whole seconds.
    let now = SystemClock.now() / 1_000;
    let ago = |minutes: i64| (now - minutes * 60) * 1_000;
    let spec = json!({
        "phone": phone,
        "name": name,
        "contacts": [
            {"phone": "15550111", "name": "Mei Tanaka", "pushName": "mei"},
            {"phone": "15550112", "name": "Ravi Patel"},
            {"phone": "15550113", "name": "Olu Adeyemi"},
        ],
        "groups": [{"jid": "120363000000000001@g.us", "subject": "Book club", "participants": ["15550111", "15550112"]}],
        "history": [
            {"jid": "15550111@s.whatsapp.net", "unreadCount": 1, "messages": [
                {"text": "See you at six?", "at": ago(30)},
                {"from": "15550111", "text": "Yes!", "at": ago(20)},
            ]},
            {"jid": "15550112@s.whatsapp.net", "mutedUntil": FOREVER, "messages": [
                {"from": "15550112", "text": "The invoice is on its way", "at": ago(300)},
            ]},
            {"jid": "120363000000000001@g.us", "archived": true, "messages": [
                {"from": "15550112", "text": "Chapter four next week", "at": ago(900)},
            ]},
        ],
    });
    serde_json::from_value(spec).expect("an account")
}

/// An account with a single chat, with Mei.
pub(crate) fn small_account(phone: &str) -> AccountSpec {
    let mut account = account(phone, "Second number");
    account.contacts.truncate(1);
    account.history.truncate(1);
    account.groups.clear();
    account
}

/// A mute without end.
pub(crate) const FOREVER: i64 = 253_402_300_799_999;
