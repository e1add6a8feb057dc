//! The rules of stored rows that no constraint of the database can express.
//!
//! Rows without an owner, and those of a session that is marked as deleted, are being purged: most rules ignore them.

use sea_orm::{ConnectionTrait, DbErr, Statement};

/// Rules, each with a query that counts the violations.
pub(in crate::store) const RULES: [(&str, &str); 15] = [
    (
        "a change has a higher number than its organization's last one",
        "SELECT COUNT(*) FROM \"change\" c JOIN organization o ON o.id = c.organization WHERE c.number > o.last_change",
    ),
    (
        "an organization's change log has a gap, or does not end at its last change",
        "SELECT COUNT(*) FROM (SELECT c.organization FROM \"change\" c JOIN organization o ON o.id = c.organization \
         GROUP BY c.organization, o.last_change \
         HAVING MAX(c.number) <> o.last_change OR MAX(c.number) - MIN(c.number) + 1 <> COUNT(*)) AS broken",
    ),
    (
        "a chat has a lower revision than one of its changes",
        "SELECT COUNT(*) FROM \"change\" c JOIN chat ON chat.id = c.chat_id AND chat.organization = c.organization \
         WHERE c.revision > chat.revision",
    ),
    (
        "a chat's last message is missing or belongs to another chat",
        "SELECT COUNT(*) FROM chat LEFT JOIN message m ON m.id = chat.last_message_id AND m.chat_id = chat.id \
         WHERE chat.organization <> '' AND chat.last_message_id IS NOT NULL AND m.id IS NULL",
    ),
    (
        "a chat belongs to a different organization than its session",
        "SELECT COUNT(*) FROM chat JOIN session s ON s.id = chat.session_id \
         WHERE chat.organization <> '' AND s.organization <> chat.organization",
    ),
    (
        "a message belongs to a different organization or session than its chat",
        "SELECT COUNT(*) FROM message m JOIN chat ON chat.id = m.chat_id WHERE chat.organization <> '' \
         AND (m.organization <> chat.organization OR m.session_id <> chat.session_id)",
    ),
    (
        "a message's sender is missing or belongs to another session",
        "SELECT COUNT(*) FROM message m JOIN chat ON chat.id = m.chat_id \
         LEFT JOIN peer p ON p.id = m.sender_id AND p.session_id = m.session_id \
         WHERE chat.organization <> '' AND p.id IS NULL",
    ),
    (
        "a message of the account has another sender, or a message of another sender is the account's",
        "SELECT COUNT(*) FROM message m JOIN chat ON chat.id = m.chat_id \
         WHERE chat.organization <> '' AND m.from_me <> (m.sender_id = m.session_id)",
    ),
    (
        "an address belongs to several peers at once",
        "SELECT COUNT(*) FROM peer_address a JOIN peer_address later ON later.session_id = a.session_id \
         AND later.jid = a.jid AND later.from_at > a.from_at WHERE a.until_at IS NULL OR a.until_at > later.from_at",
    ),
    (
        "an address belongs to a peer of another organization or session",
        "SELECT COUNT(*) FROM peer_address a JOIN peer p ON p.id = a.peer_id \
         WHERE a.session_id <> p.session_id OR a.organization <> p.organization",
    ),
    (
        "a peer belongs to a different organization than its session",
        "SELECT COUNT(*) FROM peer p JOIN session s ON s.id = p.session_id \
         WHERE s.organization <> '' AND s.organization <> p.organization",
    ),
    (
        "a peer's chat is neither stored nor deleted",
        "SELECT COUNT(*) FROM peer p JOIN session s ON s.id = p.session_id AND s.organization <> '' AND s.status <> 100 \
         LEFT JOIN chat ON chat.id = p.chat_id AND chat.session_id = p.session_id AND chat.organization <> '' \
         LEFT JOIN tombstone t ON t.chat_id = p.chat_id AND t.session_id = p.session_id \
         WHERE p.chat_id IS NOT NULL AND chat.id IS NULL AND t.chat_id IS NULL",
    ),
    (
        "a stored chat has no peer",
        "SELECT COUNT(*) FROM chat LEFT JOIN peer p ON p.chat_id = chat.id AND p.session_id = chat.session_id \
         WHERE chat.organization <> '' AND p.id IS NULL",
    ),
    (
        "a deleted chat has no peer",
        "SELECT COUNT(*) FROM tombstone t JOIN session s ON s.id = t.session_id AND s.organization <> '' \
         LEFT JOIN peer p ON p.chat_id = t.chat_id AND p.session_id = t.session_id WHERE p.id IS NULL",
    ),
    (
        "a chat is both stored and deleted",
        "SELECT COUNT(*) FROM chat JOIN tombstone t ON t.chat_id = chat.id WHERE chat.organization <> ''",
    ),
];

/// Returns the violated rules, each with its number of violations.
pub(crate) async fn broken(database: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let mut problems = Vec::new();
    for (rule, query) in RULES {
        let row = database.query_one_raw(Statement::from_string(database.get_database_backend(), query)).await?;
        let count = row.map(|row| number(&row)).transpose()?.unwrap_or(0);
        if count > 0 {
            problems.push(format!("{rule}: {count}"));
        }
    }
    Ok(problems)
}

fn number(row: &sea_orm::QueryResult) -> Result<i64, DbErr> {
    row.try_get_by_index::<i64>(0).or_else(|_| row.try_get_by_index::<i32>(0).map(i64::from))
}
