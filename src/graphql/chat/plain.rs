//! The plain fields of chats and of their lists (see [`crate::graphql::rendering`]).

use async_graphql::parser::types::Field;

use super::{
    connection::ChatConnection,
    enums::{ChatField, ChatSyncState, ChatType},
    object::Chat,
    sync::ChatSync,
};
use crate::{
    domain::{
        chat_view::{ChatColumn, ChatView},
        message::Message,
        session::Session,
    },
    graphql::{
        connection::{Edge, PageInfo},
        rendering::{Needs, PlainFields, PlainSelection, RelatedRows, WriteField, column, object, objects, write},
        scalar::Revision,
    },
};

impl PlainFields for Chat {
    const NAME: &str = "Chat";

    fn plain(field: &Field, needs: &mut Needs) -> Option<WriteField<Self>> {
        match field.name.node.as_str() {
            "id" => write(|Self(chat), _, json| json.id(chat.id)),
            "session" => {
                needs.related |= RelatedRows::Sessions;
                object::<_, Session>(field, needs, |Self(chat), related| related.session(chat))
            }
            "jid" => write(|Self(chat), _, json| json.text(chat.jid.as_str())),
            "aliases" => {
                needs.related |= RelatedRows::Addresses;
                write(|Self(chat), related, json| {
                    let aliases = related.addresses(chat).iter().filter(|address| **address != chat.jid);
                    json.list(aliases, |alias, json| json.text(alias.as_str()));
                })
            }
            "type" => write(|Self(chat), _, json| json.name(ChatType::from(chat.chat_type()))),
            "name" => column(ChatColumn::Name, needs, |Self(chat), _, json| match &chat.display_name {
                Some(name) => json.text(name.as_str()),
                None => json.text(chat.name().as_deref()),
            }),
            "archived" => {
                column(ChatColumn::Archived, needs, |Self(chat), _, json| json.bool(chat.state.settings.archived.value))
            }
            "pinned" => {
                column(ChatColumn::Pinned, needs, |Self(chat), _, json| json.bool(chat.state.settings.pinned.value))
            }
            "muted" => column(ChatColumn::MutedUntil, needs, |Self(chat), related, json| {
                json.bool(chat.muted_at(related.now).is_some());
            }),
            "mutedUntil" => column(ChatColumn::MutedUntil, needs, |Self(chat), related, json| {
                json.number(chat.muted_at(related.now));
            }),
            "unreadCount" => column(ChatColumn::UnreadCount, needs, |Self(chat), _, json| {
                json.number(i64::from(chat.state.unread_count));
            }),
            "markedUnread" => column(ChatColumn::MarkedUnread, needs, |Self(chat), _, json| {
                json.bool(chat.state.settings.marked_unread.value);
            }),
            "lastMessageAt" => column(ChatColumn::LastMessage, needs, |Self(chat), _, json| {
                json.number(chat.state.last_message.map(|message| message.at));
            }),
            "lastMessage" if needs.may_read => {
                needs.related |= RelatedRows::LastMessages;
                needs.columns.insert(ChatColumn::LastMessage);
                object::<_, Message>(field, needs, |Self(chat), related| related.last_message(chat))
            }
            "revision" => column(ChatColumn::Revision, needs, |Self(chat), related, json| {
                json.number(Revision(related.chats.revision(chat)).number());
            }),
            "sync" => {
                let selection = PlainSelection::<ChatSync>::new(&field.selection_set.node, needs)?;
                column(ChatColumn::Sync, needs, move |Self(chat), related, json| {
                    selection.write(&ChatSync::from(chat), related, json);
                })
            }
            // `messages` has arguments, and a page of its own.
            _ => None,
        }
    }

    fn chats(&self) -> Vec<&ChatView> {
        vec![&self.0]
    }
}

impl PlainFields for ChatSync {
    const NAME: &str = "ChatSync";

    fn plain(field: &Field, _: &mut Needs) -> Option<WriteField<Self>> {
        match field.name.node.as_str() {
            "state" => write(|sync: &Self, _, json| json.name::<ChatSyncState>(sync.current_state())),
            "pending" => write(|sync: &Self, _, json| {
                json.list(sync.pending.iter(), |field, json| json.name(ChatField::from(field)));
            }),
            // `refused` has rows of its own, for few chats.
            _ => None,
        }
    }
}

impl PlainFields for ChatConnection {
    const NAME: &str = "ChatConnection";

    fn plain(field: &Field, needs: &mut Needs) -> Option<WriteField<Self>> {
        match field.name.node.as_str() {
            "nodes" => objects(field, needs, Self::edges_of, |edge: &Edge<Chat>| &edge.item),
            "edges" => objects(field, needs, Self::edges_of, |edge: &Edge<Chat>| edge),
            "pageInfo" => object::<_, PageInfo>(field, needs, |page: &Self, _| Some(&page.listing.page_info)),
            "changeCursor" => write(|page: &Self, _, json| json.text(page.change_cursor.as_str())),
            // `totalCount` is counted on request.
            _ => None,
        }
    }

    fn chats(&self) -> Vec<&ChatView> {
        self.listing.items.iter().map(|edge| &edge.item.0).collect()
    }
}

impl PlainFields for Edge<Chat> {
    const NAME: &str = "ChatEdge";

    fn plain(field: &Field, needs: &mut Needs) -> Option<WriteField<Self>> {
        match field.name.node.as_str() {
            "cursor" => write(|edge: &Self, _, json| json.text(edge.cursor.as_str())),
            "node" => object::<_, Chat>(field, needs, |edge: &Self, _| Some(&edge.item)),
            _ => None,
        }
    }
}
