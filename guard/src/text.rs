//! A document's text, before it is parsed: how many tokens it has and how deep its brackets are nested. Strings, block
//! strings and comments are told apart as the grammar does; a bracket that hides in what only looks like one would reach
//! the parser uncounted.

use crate::Limits;
use crate::Refusal;

/// The longest name or number, in bytes. Longer ones are nobody's, and dear to look for among those of the schema.
const LONGEST_WORD: usize = 255;

/// Refuses a text that has too much of anything, or a string without an end: the parser would look for that end from
/// every place where a string may begin.
pub(crate) fn check(text: &str, limits: &Limits) -> Result<(), Refusal> {
    let mut rest = text.as_bytes();
    let (mut tokens, mut depth) = (0_usize, 0_usize);
    while let [byte, tail @ ..] = rest {
        let token = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                rest = tail;
                continue;
            }
            b'#' => {
                rest = line_end(tail);
                continue;
            }
            b'"' => string(rest).ok_or_else(|| Refusal::invalid("a string without an end", None))?,
            b'.' if rest.starts_with(b"...") => 3,
            b'{' | b'[' | b'(' => {
                depth += 1;
                1
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                1
            }
            byte if is_word(*byte) => word(rest),
            _ => 1,
        };
        if is_word(*byte) && token > LONGEST_WORD {
            return Err(Refusal::Limit(format!("a name or number may have at most {LONGEST_WORD} bytes")));
        }
        tokens += 1;
        if tokens > limits.tokens {
            return Err(Refusal::Limit(format!("a document may have at most {} tokens", limits.tokens)));
        }
        if depth > limits.nesting {
            return Err(Refusal::Limit(format!("brackets may be nested at most {} deep", limits.nesting)));
        }
        rest = &rest[token..];
    }
    Ok(())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn word(text: &[u8]) -> usize {
    text.iter().position(|byte| !is_word(*byte)).unwrap_or(text.len())
}

fn line_end(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len());
    &text[end..]
}

/// The length of the string that `text` begins with; none when it has no end.
fn string(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"\"\"\"") { block_string(text) } else { plain_string(text) }
}

/// A backslash escapes whatever follows it; the string ends in its line.
fn plain_string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Only `\"""` is escaped in here: a backslash before anything else, another backslash too, stands for itself.
fn block_string(text: &[u8]) -> Option<usize> {
    let mut at = 3;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(b"\"\"\"") {
            return Some(at + 3);
        }
        at += if rest.starts_with(b"\\\"\"\"") { 4 } else { 1 };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::LIMITS;

    /// Whether a text with so deep a nesting is let through, and one that is deeper by one is not.
    fn is_nested(text: &str, nesting: usize) {
        assert_eq!(check(text, &Limits { nesting, ..LIMITS }), Ok(()), "{text}");
        let tighter = check(text, &Limits { nesting: nesting - 1, ..LIMITS });
        assert!(matches!(tighter, Err(Refusal::Limit(_))), "{text}: {tighter:?}");
    }

    #[test]
    fn brackets_count_outside_strings_and_comments_only() {
        is_nested("{ a(b: [1, {c: 2}]) { d } }", 4);
        is_nested("{ a(b: \"[[[\\\"[[[\") } # [[[[\n{ c { d { e } } }", 3);
        is_nested("{ a } # \" \n{ b { c { d } } }", 3);
        is_nested("{ a(b: \"#\") { b { c } } }", 3);
        is_nested(r#"{ a(b: """[[[ " [[ \""" [[["""){ c } }"#, 2);
        is_nested(r#"{ a(b: """"""){ c { d } } }"#, 3);
    }

    #[test]
    fn a_backslash_in_a_block_string_escapes_nothing_but_its_end() {
        is_nested(r#"{ a(b: """\\""" """ c: [[[[[1]]]]] d: """ """) }"#, 7);
        is_nested(r#"{ a(b: """\"""", c: [[[1]]]) }"#.replace(r#"\"""""#, r#"\n""""#).as_str(), 5);
    }

    #[test]
    fn a_string_without_an_end_is_none() {
        for text in ["{ a(b: \"x) }", "{ a(b: \"x\n\") }", "{ a(b: \"\\", "{ a(b: \"\"\"x\"\" ) }", "\"\"\"\\\"\"\""] {
            assert!(matches!(check(text, &LIMITS), Err(Refusal::Invalid { .. })), "{text}");
        }
    }

    #[test]
    fn tokens_are_counted_and_words_are_short() {
        let text = "query A($b: [Int!] = 1) { ...C, d: e(f: \"g h\", i: $b) @j } # k";
        let tokens = |tokens| check(text, &Limits { tokens, ..LIMITS });
        assert_eq!(tokens(31), Ok(()));
        assert!(tokens(30).is_err());
        let word = |length| check(&format!("{{ {} }}", "a".repeat(length)), &LIMITS);
        assert_eq!(word(LONGEST_WORD), Ok(()));
        assert!(word(LONGEST_WORD + 1).is_err());
    }
}
