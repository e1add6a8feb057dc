//! `down`: the addresses of chats, and messages with sender addresses.

use sea_orm_migration::{
    prelude::*,
    schema::{binary, text},
};

/// The tables that `up` removed.
pub(super) fn tables() -> [TableCreateStatement; 3] {
    let of_session = |table: &'static str| Table::create().table(table).col(binary("session_id")).to_owned();
    let mut session = ForeignKey::create().from("person", "session_id").to("session", "id").to_owned();
    let mut chat = ForeignKey::create().from("chat_alias", "chat_id").to("chat", "id").to_owned();
    let mut tombstone = ForeignKey::create().from("tombstone_alias", "chat_id").to("tombstone", "chat_id").to_owned();
    [
        of_session("person")
            .col(text("organization"))
            .foreign_key(session.on_delete(ForeignKeyAction::Cascade))
            .col(text("lid"))
            .col(text("phone"))
            .primary_key(Index::create().col("session_id").col("lid"))
            .to_owned(),
        of_session("chat_alias")
            .col(text("jid"))
            .col(text("organization"))
            .col(binary("chat_id"))
            .primary_key(Index::create().col("session_id").col("jid"))
            .foreign_key(&mut chat)
            .to_owned(),
        of_session("tombstone_alias")
            .col(text("jid"))
            .col(text("organization"))
            .col(binary("chat_id"))
            .primary_key(Index::create().col("session_id").col("jid"))
            .foreign_key(tombstone.on_delete(ForeignKeyAction::Cascade))
            .to_owned(),
    ]
}

/// An address refers to the chat of its last owner. A chat without an address gets an unused one, since every chat
/// needs its own.
pub(super) const ADDRESSES: [&str; 8] = [
    "INSERT INTO chat_alias (session_id, jid, organization, chat_id) \
     SELECT address.session_id, address.jid, chat.organization, chat.id FROM peer_address AS address \
     JOIN peer ON peer.id = address.peer_id JOIN chat ON chat.id = peer.chat_id AND chat.organization <> '' \
     WHERE NOT EXISTS (SELECT 1 FROM peer_address AS later WHERE later.session_id = address.session_id \
       AND later.jid = address.jid AND later.from_at > address.from_at)",
    "UPDATE chat SET jid = (SELECT MIN(jid) FROM chat_alias WHERE chat_alias.chat_id = chat.id) \
     WHERE organization <> '' \
       AND NOT EXISTS (SELECT 1 FROM chat_alias WHERE chat_alias.chat_id = chat.id AND chat_alias.jid = chat.jid) \
       AND EXISTS (SELECT 1 FROM chat_alias WHERE chat_alias.chat_id = chat.id)",
    "CREATE TABLE m0013_lost AS SELECT id, \
       CAST(99000000000000 + ROW_NUMBER() OVER (ORDER BY id) AS text) || '@lid' AS jid FROM chat WHERE organization <> '' \
         AND NOT EXISTS (SELECT 1 FROM chat_alias WHERE chat_alias.chat_id = chat.id)",
    "UPDATE chat SET jid = m0013_lost.jid FROM m0013_lost WHERE m0013_lost.id = chat.id",
    "INSERT INTO chat_alias (session_id, jid, organization, chat_id) \
     SELECT chat.session_id, chat.jid, chat.organization, chat.id FROM chat JOIN m0013_lost ON m0013_lost.id = chat.id",
    "DROP TABLE m0013_lost",
    "INSERT INTO tombstone_alias (session_id, jid, organization, chat_id) \
     SELECT address.session_id, address.jid, tombstone.organization, tombstone.chat_id FROM peer_address AS address \
     JOIN peer ON peer.id = address.peer_id JOIN tombstone ON tombstone.chat_id = peer.chat_id \
     WHERE NOT EXISTS (SELECT 1 FROM peer_address AS later WHERE later.session_id = address.session_id \
       AND later.jid = address.jid AND later.from_at > address.from_at)",
    "INSERT INTO person (session_id, organization, lid, phone) \
     SELECT lid.session_id, MIN(lid.organization), lid.jid, MIN(number.jid) FROM peer_address AS lid \
     JOIN peer_address AS number ON number.peer_id = lid.peer_id \
     WHERE lid.until_at IS NULL AND number.until_at IS NULL AND lid.jid LIKE '%@lid' \
       AND number.jid LIKE '%@s.whatsapp.net' GROUP BY lid.session_id, lid.jid",
];

/// The indexes of the restored tables.
pub(super) fn indexes() -> Vec<IndexCreateStatement> {
    let index = |name: &'static str, table: &'static str, columns: &[&'static str]| {
        let mut index = Index::create().name(name).table(table).to_owned();
        for column in columns {
            index.col(*column);
        }
        index
    };
    vec![
        index("chat_alias_by_chat", "chat_alias", &["chat_id"]),
        index("tombstone_alias_by_tombstone", "tombstone_alias", &["chat_id"]),
        index("person_by_phone", "person", &["session_id", "phone"]),
        index("chat_alias_by_jid", "chat_alias", &["organization", "jid"]),
    ]
}

/// Every chat has its own address, after its addresses are restored.
pub(super) fn unique_chats() -> IndexCreateStatement {
    Index::create().name("chat_by_jid").table("chat").col("session_id").col("jid").unique().to_owned()
}

/// The address of a sender as it was stored before: in a direct chat it is the chat's address.
macro_rules! sender {
    () => {
        "COALESCE((SELECT chat.jid FROM chat WHERE chat.id = message.chat_id AND NOT message.from_me \
           AND (chat.jid LIKE '%@s.whatsapp.net' OR chat.jid LIKE '%@lid')), \
         (SELECT peer.jid FROM peer WHERE peer.id = message.sender_id), \
         (SELECT session.jid FROM session WHERE session.id = message.session_id), '0@s.whatsapp.net')"
    };
}

pub(super) const MESSAGES_ON_SQLITE: [&str; 4] = [
    "ALTER TABLE message RENAME TO m0013_message",
    "CREATE TABLE \"message\" ( \"id\" blob(1) NOT NULL PRIMARY KEY, \"organization\" text NOT NULL, \
     \"session_id\" blob(1) NOT NULL, \"chat_id\" blob(1) NOT NULL, \"wa_id\" text NOT NULL, \"sender\" text NOT NULL, \
     \"sender_name\" text NULL, \"from_me\" boolean NOT NULL, \"kind\" smallint NOT NULL, \"text\" text NULL, \
     \"at\" integer NOT NULL, \"edited\" boolean NOT NULL, \"revoked\" boolean NOT NULL, \
     \"arrival\" integer NOT NULL DEFAULT 0, \"edited_as_of\" integer NOT NULL DEFAULT 0, \
     FOREIGN KEY (\"chat_id\") REFERENCES \"chat\" (\"id\") )",
    concat!(
        "INSERT INTO message (id, organization, session_id, chat_id, wa_id, sender, sender_name, from_me, kind, text, at, \
           edited, revoked, arrival, edited_as_of) \
         SELECT id, organization, session_id, chat_id, wa_id, ",
        sender!(),
        ", sender_name, from_me, kind, text, at, edited, revoked, arrival, edited_as_of FROM m0013_message AS message"
    ),
    "DROP TABLE m0013_message",
];

pub(super) const MESSAGES_ON_POSTGRES: [&str; 5] = [
    "ALTER TABLE message ADD COLUMN sender text",
    concat!("UPDATE message SET sender = ", sender!()),
    "ALTER TABLE message ALTER COLUMN sender SET NOT NULL",
    "ALTER TABLE message DROP COLUMN sender_id, DROP COLUMN named_by",
    "DROP INDEX message_recent, message_in_session",
];

/// The previous indexes of the messages.
pub(super) fn message_indexes() -> [IndexCreateStatement; 3] {
    let of_message = |name: &'static str| Index::create().name(name).table("message").to_owned();
    [
        of_message("message_by_wa_id").col("chat_id").col("wa_id").col("sender").unique().to_owned(),
        of_message("message_recent").col("chat_id").col("at").col("id").to_owned(),
        of_message("message_in_session").col("session_id").col("wa_id").to_owned(),
    ]
}
