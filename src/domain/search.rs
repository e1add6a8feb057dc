//! Search of chats by a part of the name or number, in any script. Both sides are folded here, so that the database
//! only compares bytes, and all databases return the same results.

use icu_casemap::CaseMapper;
use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};
use unicode_normalization::{UnicodeNormalization as _, char::canonical_combining_class};

use super::chat::Chat;

/// Maximum length of a search text in characters.
pub const MAX_SEARCH_LEN: usize = 100;

/// The version of the rules of [`searchable`] and of their Unicode data. It must be incremented with every change of
/// them. The store then folds all chats of another version again.
pub const FOLD_VERSION: i32 = 2;

/// Letters without a Unicode decomposition that the collation table (DUCET) sorts as variants of these letters. In
/// upper case, the Turkish dotless i is an ordinary I.
const VARIANTS: [(char, &str); 8] =
    [('æ', "ae"), ('ð', "d"), ('ø', "o"), ('đ', "d"), ('ħ', "h"), ('ı', "i"), ('ł', "l"), ('œ', "oe")];
/// The stroke that lengthens an Arabic word and has no meaning.
const TATWEEL: char = '\u{640}';

/// The text cannot be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {MAX_SEARCH_LEN} characters")]
pub struct InvalidSearchTerm;

/// A folded search text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SearchTerm(String);

impl SearchTerm {
    /// Folds a client's search text. There are no wildcards.
    ///
    /// # Errors
    /// [`InvalidSearchTerm`] if the text is empty or too long.
    pub fn new(text: &str) -> Result<Self, InvalidSearchTerm> {
        // Names are stored without NUL characters.
        let text = text.replace('\0', "");
        if text.is_empty() || text.chars().count() > MAX_SEARCH_LEN {
            return Err(InvalidSearchTerm);
        }
        Ok(Self(fold(&text)))
    }

    /// The folded text, which is a part of the [`searchable`] text of a matching chat.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text in which a chat is searched: the folded name and the folded phone number, one line each.
#[must_use]
pub fn searchable(chat: &Chat) -> String {
    let number = chat.jid.phone_number();
    match (chat.name(), number) {
        (Some(name), Some(number)) if name != number => format!("{}\n{number}", fold(&name)),
        (name, number) => name.or(number).map(|text| fold(&text)).unwrap_or_default(),
    }
}

/// Folds text. The result ignores case, accents and other marks above, below or across a letter, the composition of
/// letters, ligatures, the width of letters and digits, and invisible characters. Control characters become spaces, so
/// that a line remains a line. Text that consists only of such characters is unchanged.
fn fold(text: &str) -> String {
    let folded = caseless(text, true);
    if folded.is_empty() { caseless(text, false) } else { folded }
}

/// Compatibility caseless matching (Unicode, D146), with a shorter result.
fn caseless(text: &str, shorten: bool) -> String {
    let casing = CaseMapper::new();
    let decomposed: String = text.nfd().collect();
    let compatible: String = casing.fold_string(&decomposed).nfkd().collect();
    let folded = casing.fold_string(&compatible);
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let mut letters = String::with_capacity(folded.len());
    for char in folded.nfkd().filter(|char| !shorten || !(is_accent(*char) || ignorable.contains(*char))) {
        match VARIANTS.iter().find(|(variant, _)| *variant == char) {
            Some((_, base)) => letters.push_str(base),
            None => letters.push(char),
        }
    }
    letters.nfc().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// Returns whether a mark only modifies the preceding letter. By combining class, these are the strokes, the points of
/// Hebrew, Arabic and Syriac, and all accents. Vowel signs, viramas, nuktas, the tone marks of Thai and Lao and the
/// voicing marks of Japanese have other classes: without them, the letter is a different one.
fn is_accent(char: char) -> bool {
    char == TATWEEL || matches!(canonical_combining_class(char), 1 | 10..=36 | 200..=240)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::{
        super::{
            chat::ChatNames,
            id::{ChatId, SessionId},
        },
        *,
    };

    fn chat(jid: &str, name: &str) -> Chat {
        let mut chat = Chat::new(ChatId::new(1), SessionId::new(1), jid.parse().expect("a JID"), 1);
        chat.names = ChatNames { contact: Some(name.into()), ..ChatNames::default() };
        chat
    }

    fn finds(search: &str, name: &str) -> bool {
        searchable(&chat("15550100@s.whatsapp.net", name)).contains(SearchTerm::new(search).expect("a search").as_str())
    }

    #[test]
    fn case_accents_and_composition_do_not_matter_in_any_script() {
        for (search, name) in [
            ("MEI", "Mei Tanaka"),
            ("i t", "Mei Tanaka"),
            ("angel", "Ángel"),
            ("ÁNGEL", "angel"),
            ("É", "café"),
            ("é", "CAFE\u{301}"),
            ("e\u{301}", "CAFÉ"),
            ("cafe", "CAFE\u{301}"),
            ("istanbul", "İstanbul Kargo"),
            ("İSTANBUL", "istanbul"),
            ("isparta", "ISPARTA"),
            ("ısparta", "ISPARTA"),
            ("Isparta", "ısparta"),
            ("strasse", "GROẞE STRAẞE"),
            ("straße", "GROẞE STRAẞE"),
            ("STRAẞE", "Hauptstraße"),
            ("STRASSE", "Hauptstraße"),
            ("ß", "STRASSE"),
            ("ΟΔΟΣ", "Μεγάλη οδος"),
            ("οδοσ", "ΟΔΟΣ"),
            ("μεγαλη", "Μεγάλη οδος"),
            ("ΑΙ", "ᾳ"),
            ("привет", "ПРИВЕТ"),
            ("андреи", "Андрей"),
            ("Пётр", "ПЕТР"),
            ("dang van duc", "Đặng Văn Đức"),
            ("ĐẶNG", "dang"),
            ("nguyễn", "NGUYEN"),
            ("lodz", "Łódź"),
            ("soren", "Søren"),
            ("aegir", "Ægir"),
            ("coeur", "Sacré-Cœur"),
            ("ﬁsher", "Fisher"),
            ("office", "oﬃce"),
            ("دكتور", "د. دكتور علي"),
            ("محمد", "مُحَمَّد"),
            ("احمد", "أحمد"),
            ("محمد", "محـــمد"),
            ("میخواهم", "می\u{200c}خواهم"),
            ("שלום", "שָׁלוֹם"),
            ("１２３", "Room 123"),
            ("room", "Ｒｏｏｍ 123"),
            ("ガ", "ｶﾞラス"),
            ("か\u{3099}", "がっこう"),
            ("가", "\u{1100}\u{1161}"),
            ("❤", "❤\u{fe0f} Tom"),
            ("❤\u{fe0f}", "❤ Tom"),
            ("tom", "\u{202a}T\u{ad}om"),
            ("🙂", "Mei 🙂"),
        ] {
            assert!(finds(search, name), "{search} in {name}");
        }
    }

    #[test]
    fn other_letters_are_other_letters() {
        for (search, name) in [
            ("m i", "Mei"),
            ("tanaka mei", "Mei Tanaka"),
            ("כ", "ב"),
            ("か", "が"),
            ("कि", "का"),
            ("ดี", "ดา"),
            ("ngọc", "nga"),
            ("\u{301}", "Ángel"),
            ("\u{200d}", "Mei"),
        ] {
            assert!(!finds(search, name), "{search} in {name}");
        }
    }

    /// Every character with a case or a decomposition, and their neighbours.
    fn characters() -> impl Iterator<Item = char> {
        let without = |char: &char| !matches!(char, '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{17000}'..='\u{18fff}');
        ('\u{1}'..='\u{1ffff}').filter(without)
    }

    #[test]
    fn every_character_is_found_in_any_case_and_form() {
        for char in characters() {
            let text = char.to_string();
            let folded = fold(&text);
            assert_eq!(fold(&folded), folded, "{char:?} U+{:04X} again", u32::from(char));
            for form in [text.to_uppercase(), text.to_lowercase(), text.nfd().collect(), text.nfc().collect()] {
                assert_eq!(fold(&form), folded, "{char:?} U+{:04X} as {form:?}", u32::from(char));
            }
        }
    }

    #[test]
    fn another_fold_has_another_version() {
        let folded: String =
            characters().flat_map(|char| fold(&char.to_string()).into_bytes()).map(char::from).collect();
        let digest = Sha256::digest(folded.as_bytes())[..4].to_vec();
        assert_eq!(
            (FOLD_VERSION, digest),
            (2, vec![121, 66, 144, 20]),
            "raise FOLD_VERSION, then pin what is folded now"
        );
    }

    proptest! {
        #[test]
        fn a_text_is_found_in_any_case_and_form(text in texts()) {
            let found = |form: String| fold(&form) == fold(&text);
            prop_assert!(found(fold(&text)));
            prop_assert!(found(text.to_uppercase()) && found(text.to_lowercase()));
            prop_assert!(found(text.nfc().collect()) && found(text.nfd().collect()));
            prop_assert!(found(text.nfkc().collect()) && found(text.nfkd().collect()));
            prop_assert!(!fold(&text).is_empty());
        }
    }

    /// Letters, marks, invisible characters, and others.
    fn texts() -> impl Strategy<Value = String> {
        let char = prop_oneof![
            any::<char>(),
            prop::char::range('\u{20}', '\u{24f}'),
            prop::char::range('\u{300}', '\u{5ff}'),
            prop::char::range('\u{1e00}', '\u{1fff}'),
            prop::sample::select(vec![
                'İ', 'ı', 'ẞ', 'ß', 'Σ', 'ς', '\u{345}', '\u{307}', '\u{200d}', '\u{ad}', '\u{1160}'
            ]),
        ];
        prop::collection::vec(char, 1..20).prop_map(String::from_iter)
    }

    #[test]
    fn every_character_stands_for_itself() {
        assert!(finds("100%", "100% wool") && !finds("1%l", "100% wool"));
        assert!(finds("a_b", "a_b") && !finds("a_b", "axb"));
        assert!(!finds("%", "100") && !finds("_", "a") && finds("％", "100% wool") && finds("＿", "a_b"));
        assert!(finds("o'b\"\\", "O'B\"\\n") && !finds("\\", "/"));
    }

    #[test]
    fn a_number_is_found_with_or_without_plus_within_one_line() {
        assert!(finds("+1555", "Mei") && finds("15550100", "Mei"));
        assert!(!finds("i\n+", "Mei") && !finds("mei+", "Mei"));
        assert_eq!(searchable(&chat("15550100@lid", "Mei\nTanaka")), "mei tanaka");
        let nameless =
            Chat::new(ChatId::new(1), SessionId::new(1), "15550100@s.whatsapp.net".parse().expect("a JID"), 1);
        assert_eq!(searchable(&nameless), "+15550100");
    }

    #[test]
    fn from_one_to_a_hundred_characters_are_searched_for() {
        assert_eq!(SearchTerm::new(""), Err(InvalidSearchTerm));
        assert_eq!(SearchTerm::new("\0"), Err(InvalidSearchTerm));
        assert!(SearchTerm::new(&"é".repeat(100)).is_ok());
        assert_eq!(SearchTerm::new(&"é".repeat(101)), Err(InvalidSearchTerm));
    }
}
