//! Splitting of events that hold many people, chats or messages and cannot be applied as a whole. One bad item then
//! does not prevent the others from being applied.

use crate::session::{HistoryChat, HistoryChunk, SessionEvent};

/// Returns the two halves of an event, to be applied in this order; `None` if it holds a single item.
pub(super) fn halves(event: &SessionEvent) -> Option<[SessionEvent; 2]> {
    match event {
        SessionEvent::SamePerson { people, at } if people.len() > 1 => {
            let (front, back) = people.split_at(people.len() / 2);
            Some([front, back].map(|people| SessionEvent::SamePerson { people: people.to_vec(), at: *at }))
        }
        SessionEvent::History(chunk) => {
            halves_of_chunk(chunk).map(|(front, back)| [SessionEvent::History(front), SessionEvent::History(back)])
        }
        _ => None,
    }
}

/// The halves are in the order of application. The second half carries the import's progress.
fn halves_of_chunk(chunk: &HistoryChunk) -> Option<(HistoryChunk, HistoryChunk)> {
    let HistoryChunk { people, chats, rewritings, push_names, .. } = chunk;
    let empty = HistoryChunk { progress: chunk.progress, ..HistoryChunk::default() };
    let kinds = [people.is_empty(), chats.is_empty(), rewritings.is_empty(), push_names.is_empty()];
    if kinds.iter().filter(|is_empty| !**is_empty).count() > 1 {
        if !people.is_empty() {
            let front = HistoryChunk { people: people.clone(), ..HistoryChunk::default() };
            return Some((front, HistoryChunk { people: Vec::new(), ..chunk.clone() }));
        }
        if !chats.is_empty() {
            let front = HistoryChunk { chats: chats.clone(), ..HistoryChunk::default() };
            return Some((front, HistoryChunk { chats: Vec::new(), ..chunk.clone() }));
        }
        let front = HistoryChunk { rewritings: rewritings.clone(), ..HistoryChunk::default() };
        return Some((front, HistoryChunk { rewritings: Vec::new(), ..chunk.clone() }));
    }
    let half = people.len().max(chats.len()).max(rewritings.len()).max(push_names.len()) / 2;
    if half > 0 {
        let cut = |from: usize, to: usize| HistoryChunk {
            people: part(people, from, to),
            chats: part(chats, from, to),
            rewritings: part(rewritings, from, to),
            push_names: part(push_names, from, to),
            ..HistoryChunk::default()
        };
        return Some((cut(0, half), HistoryChunk { progress: chunk.progress, ..cut(half, usize::MAX) }));
    }
    let [chat] = chats.as_slice() else { return None };
    let (front, back) = halves_of_chat(chat)?;
    Some((HistoryChunk { chats: vec![front], ..HistoryChunk::default() }, HistoryChunk { chats: vec![back], ..empty }))
}

/// The settings come first, alone: a message that cannot be stored must not prevent them from being applied.
fn halves_of_chat(chat: &HistoryChat) -> Option<(HistoryChat, HistoryChat)> {
    let messages = HistoryChat::with_messages(chat.jid.clone(), chat.messages.clone());
    if !chat.messages.is_empty() && *chat != messages {
        return Some((HistoryChat { messages: Vec::new(), ..chat.clone() }, messages));
    }
    let half = chat.messages.len() / 2;
    let (front, back) = chat.messages.split_at(half);
    (half > 0).then(|| {
        (
            HistoryChat::with_messages(chat.jid.clone(), front.to_vec()),
            HistoryChat::with_messages(chat.jid.clone(), back.to_vec()),
        )
    })
}

fn part<T: Clone>(all: &[T], from: usize, to: usize) -> Vec<T> {
    let to = to.min(all.len());
    all.get(from.min(to)..to).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            jid::Jid,
            message::{IncomingMessage, MessageKind, MessageUpdate},
            person::Person,
        },
        session::UpdatedMessage,
    };

    fn jid(number: usize) -> Jid {
        format!("1555010{number:04}@s.whatsapp.net").parse().expect("a JID")
    }

    fn message(number: usize) -> IncomingMessage {
        IncomingMessage {
            chat: jid(0),
            wa_id: format!("A{number}"),
            sender: jid(0),
            sender_name: None,
            from_me: false,
            kind: MessageKind::Text,
            text: None,
            at: 1_000,
        }
    }

    fn rewriting(number: usize) -> UpdatedMessage {
        let IncomingMessage { chat, wa_id, sender, from_me, .. } = message(number);
        UpdatedMessage { chat, wa_id, sender, from_me, rewrite: MessageUpdate::Revocation }
    }

    /// Splits recursively and returns the indivisible parts in order.
    fn leaves(event: SessionEvent) -> Vec<SessionEvent> {
        match halves(&event) {
            Some(halves) => halves.into_iter().flat_map(leaves).collect(),
            None => vec![event],
        }
    }

    #[test]
    fn a_history_is_split_down_to_messages_without_loss() {
        let person = Person::new(&jid(1), &"100000000000001@lid".parse().expect("a JID")).expect("a person");
        let chat = |messages| HistoryChat { unread_count: Some(3), ..HistoryChat::with_messages(jid(0), messages) };
        let chunk = HistoryChunk {
            people: vec![person.clone(), person],
            chats: vec![chat(vec![message(1), message(2), message(3)]), chat(Vec::new())],
            rewritings: vec![rewriting(1), rewriting(2)],
            push_names: vec![(jid(1), "mei".into())],
            progress: Some(100),
        };
        let leaves = leaves(SessionEvent::History(chunk.clone()));
        let mut whole = HistoryChunk::default();
        let mut counts = Vec::new();
        for leaf in leaves {
            let SessionEvent::History(leaf) = leaf else { panic!("a history") };
            assert_eq!(leaf.people.len() + leaf.chats.len() + leaf.rewritings.len() + leaf.push_names.len(), 1);
            counts.extend(leaf.chats.iter().map(|chat| (chat.messages.len(), chat.unread_count)));
            whole.people.extend(leaf.people);
            whole.rewritings.extend(leaf.rewritings);
            whole.push_names.extend(leaf.push_names);
            whole.progress = leaf.progress;
            whole.chats.extend(leaf.chats);
        }
        assert_eq!((&whole.people, &whole.push_names), (&chunk.people, &chunk.push_names));
        assert_eq!(whole.rewritings, chunk.rewritings);
        assert_eq!(whole.progress, Some(100), "only the last part has the progress");
        assert_eq!(counts, [(0, Some(3)), (1, None), (1, None), (1, None), (0, Some(3))]);
    }

    #[test]
    fn people_are_split_and_one_message_is_not() {
        let person = Person::new(&jid(1), &"100000000000001@lid".parse().expect("a JID")).expect("a person");
        assert_eq!(leaves(SessionEvent::SamePerson { people: vec![person; 5], at: 0 }).len(), 5);
        assert_eq!(halves(&SessionEvent::Message(message(1))), None);
    }
}
