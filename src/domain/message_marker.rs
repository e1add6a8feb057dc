//! A position among a chat's messages: up to which they were known when the chat was deleted, or seen when it was read.

use serde::{Deserialize, Serialize};

use super::message::IncomingMessage;

/// A position among a chat's messages, given by its last message as on WhatsApp. No message up to it is new, however
/// often WhatsApp sends it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageMarker {
    /// Send time of the last message in milliseconds.
    pub at: i64,
    /// WhatsApp's ids of the messages at exactly that time. WhatsApp's times are whole seconds, so the next message may
    /// have the same time. If it is empty, the ids are unknown, and every message of that time is included.
    pub wa_ids: Vec<String>,
}

impl MessageMarker {
    /// Returns whether the message is at or before this position.
    #[must_use]
    pub fn covers(&self, message: &IncomingMessage) -> bool {
        let listed = || self.wa_ids.is_empty() || self.wa_ids.contains(&message.wa_id);
        message.at < self.at || message.at == self.at && listed()
    }

    /// The position of one message.
    #[must_use]
    pub fn at_message(message: &IncomingMessage) -> Self {
        Self { at: message.at, wa_ids: vec![message.wa_id.clone()] }
    }

    /// Returns whether the message's id is listed, as opposed to being included by its time.
    #[must_use]
    pub fn lists(&self, message: &IncomingMessage) -> bool {
        message.at == self.at && self.wa_ids.contains(&message.wa_id)
    }

    /// Returns whether this position covers a message that the other one does not. At the same time, only listed ids
    /// are compared.
    #[must_use]
    pub fn is_beyond(&self, other: &Self) -> bool {
        let of_same_time = || !other.wa_ids.is_empty() && self.wa_ids.iter().any(|id| !other.wa_ids.contains(id));
        self.at > other.at || self.at == other.at && of_same_time()
    }

    /// Returns the later of the two positions. Two positions in the same second cannot be ordered, so the result covers
    /// both.
    #[must_use]
    pub fn max_with(mut self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.at > self.at => other,
            Some(other) if other.at == self.at && other.wa_ids.is_empty() => other,
            Some(other) if other.at == self.at && !self.wa_ids.is_empty() => {
                self.wa_ids.extend(other.wa_ids);
                self.wa_ids.sort();
                self.wa_ids.dedup();
                self
            }
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::MessageKind;

    fn message(wa_id: &str, at: i64) -> IncomingMessage {
        let jid: crate::domain::jid::Jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        IncomingMessage {
            chat: jid.clone(),
            wa_id: wa_id.into(),
            sender: jid,
            sender_name: None,
            from_me: false,
            kind: MessageKind::Text,
            text: None,
            at,
        }
    }

    #[test]
    fn later_messages_and_others_of_the_same_second_are_new() {
        let marker = MessageMarker { at: 2_000, wa_ids: vec!["A".into(), "B".into()] };
        for (wa_id, at, covered) in [("C", 1_000, true), ("A", 2_000, true), ("B", 2_000, true)] {
            assert_eq!(marker.covers(&message(wa_id, at)), covered, "{wa_id} at {at}");
        }
        for (wa_id, at) in [("C", 2_000), ("A", 3_000)] {
            assert!(!marker.covers(&message(wa_id, at)), "{wa_id} at {at}");
        }
    }

    #[test]
    fn a_place_is_beyond_another_if_it_reaches_more() {
        let place = |at, ids: &[&str]| MessageMarker { at, wa_ids: ids.iter().map(|id| (*id).to_owned()).collect() };
        for (one, other, is_beyond) in [
            (place(2_000, &["A"]), place(1_000, &["B"]), true),
            (place(1_000, &["A"]), place(2_000, &["B"]), false),
            (place(1_000, &["A", "B"]), place(1_000, &["A"]), true),
            (place(1_000, &["A"]), place(1_000, &["A", "B"]), false),
            (place(1_000, &["A"]), place(1_000, &[]), false),
        ] {
            assert_eq!(one.is_beyond(&other), is_beyond, "{one:?} {other:?}");
        }
    }

    #[test]
    fn the_further_of_two_places_does_not_depend_on_their_order() {
        let place = |at, ids: &[&str]| MessageMarker { at, wa_ids: ids.iter().map(|id| (*id).to_owned()).collect() };
        for (one, other, further) in [
            (place(1_000, &["A"]), place(2_000, &["B"]), place(2_000, &["B"])),
            (place(2_000, &["A"]), place(2_000, &["B"]), place(2_000, &["A", "B"])),
            (place(2_000, &[]), place(2_000, &["B"]), place(2_000, &[])),
        ] {
            assert_eq!(one.clone().max_with(Some(other.clone())), further);
            assert_eq!(other.max_with(Some(one.clone())), further);
            assert_eq!(one.clone().max_with(None), one);
        }
    }

    #[test]
    fn without_ids_the_whole_second_is_known() {
        let marker = MessageMarker { at: 2_000, wa_ids: Vec::new() };
        assert!(marker.covers(&message("C", 2_000)));
        assert!(!marker.covers(&message("C", 2_001)));
    }
}
