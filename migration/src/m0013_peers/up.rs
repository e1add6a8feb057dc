//! `up`: peers for the stored data, and messages that refer to them.

/// Peers and the periods of their addresses. `RANDOM_ID` stands for 16 random bytes.
///
/// The peer of a chat has the chat's id, and the account's peer has the session's id. A former number of a chat ends
/// after the last message from it. If a stored and a deleted chat share an address, the deleted one had it first. Rows
/// in the trash have no peer.
pub(super) const PEERS: [&str; 16] = [
    // The account.
    "INSERT INTO peer (id, organization, session_id, jid, chat_id) \
     SELECT id, organization, id, address, COALESCE( \
       (SELECT chat_id FROM chat_alias WHERE session_id = own.id AND chat_alias.jid = own.address), \
       (SELECT chat_id FROM chat_alias WHERE session_id = own.id AND chat_alias.jid = own.lid), \
       (SELECT chat_id FROM tombstone_alias WHERE session_id = own.id AND tombstone_alias.jid = own.address), \
       (SELECT chat_id FROM tombstone_alias WHERE session_id = own.id AND tombstone_alias.jid = own.lid)) \
     FROM (SELECT id, organization, lid, COALESCE(jid, (SELECT MIN(sender) FROM message \
       WHERE message.session_id = session.id AND from_me)) AS address FROM session WHERE organization <> '') AS own \
     WHERE address IS NOT NULL",
    // Stored chats.
    "INSERT INTO peer (id, organization, session_id, jid, chat_id) \
     SELECT id, organization, session_id, jid, id FROM chat \
     WHERE organization <> '' AND id NOT IN (SELECT chat_id FROM peer WHERE chat_id IS NOT NULL)",
    // Deleted chats.
    "INSERT INTO peer (id, organization, session_id, jid, chat_id) \
     SELECT chat_id, organization, session_id, jid, chat_id FROM tombstone \
     WHERE organization <> '' AND session_id IN (SELECT id FROM session WHERE organization <> '') \
       AND chat_id NOT IN (SELECT chat_id FROM peer WHERE chat_id IS NOT NULL)",
    // Their addresses. If there are two numbers, the older one has ended.
    "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) \
     SELECT chat_alias.session_id, chat_alias.jid, 0, \
       CASE WHEN chat_alias.jid <> chat.jid AND chat_alias.jid LIKE '%@s.whatsapp.net' \
           AND chat.jid LIKE '%@s.whatsapp.net' \
         THEN 1 + COALESCE((SELECT MAX(at) FROM message WHERE message.chat_id = chat.id \
           AND message.sender = chat_alias.jid AND NOT from_me), chat.last_message_at, 0) END, \
       peer.organization, peer.id \
     FROM chat_alias JOIN chat ON chat.id = chat_alias.chat_id JOIN peer ON peer.chat_id = chat.id",
    "UPDATE peer_address SET from_at = gone.deleted_at FROM ( \
       SELECT tombstone_alias.session_id, tombstone_alias.jid, tombstone.deleted_at FROM tombstone_alias \
       JOIN tombstone ON tombstone.chat_id = tombstone_alias.chat_id) AS gone \
     WHERE gone.session_id = peer_address.session_id AND gone.jid = peer_address.jid AND gone.deleted_at > 0 \
       AND (until_at IS NULL OR until_at > gone.deleted_at)",
    "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) \
     SELECT tombstone_alias.session_id, tombstone_alias.jid, 0, \
       CASE WHEN later.from_at IS NOT NULL THEN later.from_at \
         WHEN tombstone_alias.jid <> tombstone.jid AND tombstone_alias.jid LIKE '%@s.whatsapp.net' \
           AND tombstone.jid LIKE '%@s.whatsapp.net' THEN 1 + COALESCE(tombstone.horizon_at, 0) END, \
       peer.organization, peer.id \
     FROM tombstone_alias JOIN tombstone ON tombstone.chat_id = tombstone_alias.chat_id \
     JOIN peer ON peer.chat_id = tombstone.chat_id \
     LEFT JOIN peer_address AS later \
       ON later.session_id = tombstone_alias.session_id AND later.jid = tombstone_alias.jid \
     WHERE later.from_at IS NULL OR later.from_at > 0",
    // The account's own addresses, unless they already have an owner.
    "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) \
     SELECT peer.session_id, peer.jid, 0, CAST(NULL AS bigint), peer.organization, peer.id FROM peer WHERE peer.id = peer.session_id \
       AND NOT EXISTS (SELECT 1 FROM peer_address WHERE session_id = peer.session_id AND jid = peer.jid)",
    "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) \
     SELECT session.id, session.lid, 0, CAST(NULL AS bigint), peer.organization, peer.id \
     FROM session JOIN peer ON peer.id = session.id WHERE session.lid IS NOT NULL \
       AND NOT EXISTS (SELECT 1 FROM peer_address WHERE session_id = session.id AND jid = session.lid)",
    // Pairs with one known address.
    "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) \
     SELECT person.session_id, person.lid, 0, CAST(NULL AS bigint), person.organization, known.peer_id \
     FROM person JOIN peer_address AS known \
       ON known.session_id = person.session_id AND known.jid = person.phone AND known.until_at IS NULL \
     WHERE NOT EXISTS (SELECT 1 FROM peer_address WHERE session_id = person.session_id AND jid = person.lid)",
    "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) \
     SELECT DISTINCT person.session_id, person.phone, 0, CAST(NULL AS bigint), person.organization, known.peer_id \
     FROM person JOIN peer_address AS known \
       ON known.session_id = person.session_id AND known.jid = person.lid AND known.until_at IS NULL \
     WHERE NOT EXISTS (SELECT 1 FROM peer_address WHERE session_id = person.session_id AND jid = person.phone) \
       AND NOT EXISTS (SELECT 1 FROM peer_address AS number WHERE number.peer_id = known.peer_id \
         AND number.until_at IS NULL AND number.jid LIKE '%@s.whatsapp.net') \
     ON CONFLICT DO NOTHING",
    // New peers: pairs without a known address, and senders in groups.
    "CREATE TABLE m0013_new AS \
     SELECT RANDOM_ID AS id, whose.organization, whose.session_id, whose.jid, whose.lid FROM ( \
       SELECT person.organization, person.session_id, person.phone AS jid, MIN(person.lid) AS lid FROM person \
       WHERE person.organization <> '' AND NOT EXISTS (SELECT 1 FROM peer_address \
         WHERE session_id = person.session_id AND jid IN (person.phone, person.lid)) \
       GROUP BY person.organization, person.session_id, person.phone \
     ) AS whose",
    "INSERT INTO m0013_new (id, organization, session_id, jid, lid) \
     SELECT RANDOM_ID, whose.organization, whose.session_id, whose.sender, NULL FROM ( \
       SELECT DISTINCT message.organization, message.session_id, message.sender FROM message \
       JOIN chat ON chat.id = message.chat_id AND chat.organization <> '' \
       WHERE NOT message.from_me AND chat.jid NOT LIKE '%@s.whatsapp.net' AND chat.jid NOT LIKE '%@lid' \
         AND NOT EXISTS (SELECT 1 FROM peer_address WHERE session_id = message.session_id AND jid = message.sender) \
         AND NOT EXISTS (SELECT 1 FROM m0013_new AS other WHERE other.session_id = message.session_id \
           AND (other.jid = message.sender OR other.lid = message.sender)) \
     ) AS whose",
    "INSERT INTO peer (id, organization, session_id, jid, chat_id) \
     SELECT id, organization, session_id, jid, NULL FROM m0013_new",
    "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) \
     SELECT session_id, jid, 0, CAST(NULL AS bigint), organization, id FROM m0013_new",
    "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) \
     SELECT session_id, lid, 0, CAST(NULL AS bigint), organization, id FROM m0013_new WHERE lid IS NOT NULL",
    "DROP TABLE m0013_new",
];

/// The sender of a message, the kind of address that identified it, and the kind of chat.
macro_rules! sender_id {
    () => {
        "CASE WHEN message.from_me THEN message.session_id ELSE COALESCE( \
           (SELECT peer.id FROM peer JOIN chat ON chat.id = peer.chat_id WHERE peer.chat_id = message.chat_id \
             AND (chat.jid LIKE '%@s.whatsapp.net' OR chat.jid LIKE '%@lid')), \
           (SELECT peer_id FROM peer_address WHERE peer_address.session_id = message.session_id \
             AND peer_address.jid = message.sender AND from_at <= message.at ORDER BY from_at DESC LIMIT 1), \
           (SELECT peer_id FROM peer_address WHERE peer_address.session_id = message.session_id \
             AND peer_address.jid = message.sender ORDER BY from_at LIMIT 1), \
           message.session_id) END"
    };
}
macro_rules! named_by {
    () => {
        "CASE WHEN (SELECT chat.jid LIKE '%@s.whatsapp.net' OR chat.jid LIKE '%@lid' FROM chat \
           WHERE chat.id = message.chat_id) THEN 0 ELSE 2 END + CASE WHEN message.sender LIKE '%@lid' THEN 1 ELSE 0 END"
    };
}

/// SQLite rewrites the table once.
pub(super) const MESSAGES_ON_SQLITE: [&str; 4] = [
    "ALTER TABLE message RENAME TO m0013_message",
    "CREATE TABLE message ( \
       id blob(1) NOT NULL PRIMARY KEY, organization text NOT NULL, session_id blob(1) NOT NULL, \
       chat_id blob(1) NOT NULL REFERENCES chat (id), wa_id text NOT NULL, sender_id blob(1) NOT NULL, \
       named_by smallint NOT NULL, sender_name text NULL, from_me boolean NOT NULL, kind smallint NOT NULL, \
       text text NULL, at integer NOT NULL, edited boolean NOT NULL, edited_as_of integer NOT NULL, \
       revoked boolean NOT NULL, arrival integer NOT NULL)",
    concat!(
        "INSERT INTO message (id, organization, session_id, chat_id, wa_id, sender_id, named_by, sender_name, from_me, \
           kind, text, at, edited, edited_as_of, revoked, arrival) \
         SELECT id, organization, session_id, chat_id, wa_id, ",
        sender_id!(),
        ", ",
        named_by!(),
        ", sender_name, from_me, kind, text, at, edited, edited_as_of, revoked, arrival FROM m0013_message AS message"
    ),
    "DROP TABLE m0013_message",
];

pub(super) const MESSAGES_ON_POSTGRES: [&str; 4] = [
    "ALTER TABLE message ADD COLUMN sender_id bytea, ADD COLUMN named_by smallint",
    concat!("UPDATE message SET sender_id = ", sender_id!(), ", named_by = ", named_by!()),
    "ALTER TABLE message ALTER COLUMN sender_id SET NOT NULL, ALTER COLUMN named_by SET NOT NULL, DROP COLUMN sender",
    "DROP INDEX message_recent, message_in_session",
];

/// Copies of one message are merged into the first one that arrived, with the last edit or revocation.
pub(super) const DUPLICATES: [&str; 6] = [
    "CREATE TABLE m0013_copy AS SELECT id, chat_id, from_me, \
       ROW_NUMBER() OVER (PARTITION BY chat_id, wa_id, sender_id ORDER BY arrival, id) AS place, \
       FIRST_VALUE(id) OVER (PARTITION BY chat_id, wa_id, sender_id \
         ORDER BY revoked DESC, edited_as_of DESC, arrival, id) AS newest \
     FROM message WHERE (chat_id, wa_id, sender_id) IN ( \
       SELECT chat_id, wa_id, sender_id FROM message GROUP BY chat_id, wa_id, sender_id HAVING COUNT(*) > 1)",
    "UPDATE message SET text = newest.text, edited = newest.edited, edited_as_of = newest.edited_as_of, \
       revoked = newest.revoked FROM m0013_copy JOIN message AS newest ON newest.id = m0013_copy.newest \
     WHERE m0013_copy.place = 1 AND message.id = m0013_copy.id",
    "DELETE FROM message WHERE id IN (SELECT id FROM m0013_copy WHERE place > 1)",
    "UPDATE chat SET last_message_id = (SELECT id FROM message WHERE message.chat_id = chat.id \
       ORDER BY message.at DESC, message.id DESC LIMIT 1) \
     WHERE last_message_id IN (SELECT id FROM m0013_copy WHERE place > 1)",
    "UPDATE chat SET unread_count = counted.others FROM ( \
       SELECT chat_id, COUNT(*) AS others FROM message WHERE NOT from_me AND NOT revoked \
         AND chat_id IN (SELECT chat_id FROM m0013_copy WHERE place > 1) GROUP BY chat_id) AS counted \
     WHERE counted.chat_id = chat.id AND counted.others < chat.unread_count",
    "DROP TABLE m0013_copy",
];

pub(super) const MESSAGE_INDEXES: [&str; 4] = [
    "CREATE UNIQUE INDEX message_by_wa_id ON message (chat_id, wa_id, sender_id)",
    "CREATE INDEX message_recent ON message (chat_id, at, id)",
    "CREATE INDEX message_in_session ON message (session_id, wa_id)",
    // In a direct chat, the chat determines the sender.
    "CREATE INDEX message_by_sender ON message (sender_id) WHERE named_by >= 2",
];
