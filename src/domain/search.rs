//! Finding chats by part of a name or number, in any script. Both sides are folded here, so that a database only has to
//! compare bytes and every database answers alike.

use unicode_normalization::UnicodeNormalization as _;

use super::chat::Chat;

/// The longest text that is searched for, in characters.
pub const MAX_SEARCH: usize = 100;

/// Text that cannot be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have from 1 to {MAX_SEARCH} characters")]
pub struct InvalidSearch;

/// What is searched for, folded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Search(String);

impl Search {
    /// Reads what a caller searches for; every character stands for itself.
    ///
    /// # Errors
    /// [`InvalidSearch`] for none or too many characters.
    pub fn new(text: &str) -> Result<Self, InvalidSearch> {
        // Names are stored without NUL characters.
        let text = text.replace('\0', "");
        if text.is_empty() || text.chars().count() > MAX_SEARCH {
            return Err(InvalidSearch);
        }
        Ok(Self(fold(&text)))
    }

    /// The folded text: part of what [`searchable`] makes of the chats that are found.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a chat is found by: its name and its phone number, folded, a line each.
#[must_use]
pub fn searchable(chat: &Chat) -> String {
    let number = chat.jid.phone_number();
    match (chat.name(), number) {
        (Some(name), Some(number)) if name != number => format!("{}\n{number}", fold(&name)),
        (name, number) => name.or(number).map(|text| fold(&text)).unwrap_or_default(),
    }
}

/// Makes the same of texts that differ only in case, in how a letter with its accents is put together, or in the width
/// of letters and digits. Control characters become spaces, so that a line is a line.
fn fold(text: &str) -> String {
    // By way of the upper case: a final sigma is a sigma then, and a sharp s two.
    let cased = text.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    cased.nfc().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::chat::Names;
    use super::super::id::ChatId;
    use super::super::id::SessionId;
    use super::*;

    fn chat(jid: &str, name: &str) -> Chat {
        let mut chat = Chat::new(ChatId::new(1), SessionId::new(1), jid.parse().expect("a JID"), 1);
        chat.names = Names { contact: Some(name.into()), ..Names::default() };
        chat
    }

    fn finds(search: &str, name: &str) -> bool {
        searchable(&chat("15550100@s.whatsapp.net", name)).contains(Search::new(search).expect("a search").as_str())
    }

    #[test]
    fn case_and_composition_do_not_matter_in_any_script() {
        for (search, name) in [
            ("MEI", "Mei Tanaka"),
            ("i t", "Mei Tanaka"),
            ("É", "café"),
            ("é", "CAFE\u{301}"),
            ("e\u{301}", "CAFÉ"),
            ("ΟΔΟΣ", "Μεγάλη οδος"),
            ("οδοσ", "ΟΔΟΣ"),
            ("STRASSE", "Hauptstraße"),
            ("ß", "STRASSE"),
            ("привет", "ПРИВЕТ"),
            ("دكتور", "د. دكتور علي"),
            ("שלום", "שלום עולם"),
            ("１２３", "Room 123"),
            ("🙂", "Mei 🙂"),
        ] {
            assert!(finds(search, name), "{search} in {name}");
        }
        for (search, name) in [("e", "É"), ("m i", "Mei"), ("tanaka mei", "Mei Tanaka"), ("כ", "ב")] {
            assert!(!finds(search, name), "{search} in {name}");
        }
    }

    #[test]
    fn every_character_stands_for_itself() {
        assert!(finds("100%", "100% wool") && !finds("1%l", "100% wool"));
        assert!(finds("a_b", "a_b") && !finds("a_b", "axb"));
        assert!(finds("o'b\"\\", "O'B\"\\n") && !finds("\\", "/"));
    }

    #[test]
    fn a_number_is_found_with_and_without_its_plus_and_never_across_lines() {
        assert!(finds("+1555", "Mei") && finds("15550100", "Mei"));
        assert!(!finds("i\n+", "Mei") && !finds("mei+", "Mei"));
        assert_eq!(searchable(&chat("15550100@lid", "Mei\nTanaka")), "mei tanaka");
        let nameless =
            Chat::new(ChatId::new(1), SessionId::new(1), "15550100@s.whatsapp.net".parse().expect("a JID"), 1);
        assert_eq!(searchable(&nameless), "+15550100");
    }

    #[test]
    fn from_one_to_a_hundred_characters_are_searched_for() {
        assert_eq!(Search::new(""), Err(InvalidSearch));
        assert_eq!(Search::new("\0"), Err(InvalidSearch));
        assert!(Search::new(&"é".repeat(100)).is_ok());
        assert_eq!(Search::new(&"é".repeat(101)), Err(InvalidSearch));
    }
}
