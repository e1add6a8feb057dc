//! Limits of a document's text before parsing: the number of tokens and the depth of brackets, counted with the
//! parser's own lexer.

use apollo_parser::{Lexer, TokenKind};

use crate::{
    limits::Limits,
    problem::{Problem, Rejection, position},
};

/// Maximum length in bytes of a name or number.
const MAX_WORD_LEN: usize = 255;

/// Ignored tokens (white space, commas and comments) that a document may have for each token of the token limit.
/// Formatted documents have about one for each token.
const MAX_IGNORED_PER_TOKEN: usize = 4;

/// Rejects a text with too many or too long tokens, with too deeply nested brackets, or with a lexical error.
pub(crate) fn check(text: &str, limits: &Limits) -> Result<(), Rejection> {
    let (mut tokens, mut ignored, mut depth) = (0_usize, 0_usize, 0_usize);
    for token in Lexer::new(text) {
        let token = token.map_err(|error| {
            Problem::new(format!("Syntax error: {}", error.message())).at(position(text, error.index()))
        })?;
        match token.kind() {
            TokenKind::Whitespace | TokenKind::Comment | TokenKind::Comma => {
                ignored += 1;
                if ignored > limits.tokens.saturating_mul(MAX_IGNORED_PER_TOKEN) {
                    let most = limits.tokens.saturating_mul(MAX_IGNORED_PER_TOKEN);
                    return Err(Rejection::Limit(format!(
                        "a document may have at most {most} ignored tokens (white space, commas and comments)"
                    )));
                }
                continue;
            }
            TokenKind::Eof => break,
            TokenKind::LCurly | TokenKind::LBracket | TokenKind::LParen => depth += 1,
            TokenKind::RCurly | TokenKind::RBracket | TokenKind::RParen => depth = depth.saturating_sub(1),
            TokenKind::Name | TokenKind::Int | TokenKind::Float if token.data().len() > MAX_WORD_LEN => {
                return Err(Rejection::Limit(format!("a name or number may have at most {MAX_WORD_LEN} bytes")));
            }
            _ => {}
        }
        tokens += 1;
        if tokens > limits.tokens {
            return Err(Rejection::Limit(format!("a document may have at most {} tokens", limits.tokens)));
        }
        if depth > limits.nesting {
            return Err(Rejection::Limit(format!("brackets may be nested at most {} deep", limits.nesting)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::LIMITS;

    /// Asserts that the text passes a nesting limit of `nesting`, and fails one below.
    fn is_nested(text: &str, nesting: usize) {
        assert_eq!(check(text, &Limits { nesting, ..LIMITS }), Ok(()), "{text}");
        let tighter = check(text, &Limits { nesting: nesting - 1, ..LIMITS });
        assert!(matches!(tighter, Err(Rejection::Limit(_))), "{text}: {tighter:?}");
    }

    #[test]
    fn brackets_count_outside_strings_and_comments_only() {
        is_nested("{ a(b: [1, {c: 2}]) { d } }", 4);
        is_nested("{ a(b: \"[[[\\\"[[[\") } # [[[[\n{ c { d { e } } }", 3);
        is_nested("{ a } # \" \n{ b { c { d } } }", 3);
        is_nested("{ a(b: \"#\") { b { c } } }", 3);
        is_nested(r#"{ a(b: """[[[ " [[ \""" [[["""){ c } }"#, 2);
        is_nested(r#"{ a(b: """"""){ c { d } } }"#, 3);
        is_nested(r#"{ a(b: """\\""" """ c: [[[[[1]]]]] d: """ """) }"#, 7);
    }

    #[test]
    fn a_string_without_an_end_is_a_syntax_error_in_one_line() {
        for text in ["{ a(b: \"x) }", "{ a(b: \"x\n\") }", "{ a(b: \"\\", "{ a(b: \"\"\"x\"\" ) }", "\"\"\"\\\"\"\""] {
            let Err(Rejection::Invalid(problems)) = check(text, &LIMITS) else { panic!("{text}") };
            assert!(problems[0].at.is_some() && !problems[0].message.contains('\n'), "{problems:?}");
        }
    }

    #[test]
    fn tokens_are_counted_and_words_are_short() {
        let text = "query A($b: [Int!] = 1) { ...C, d: e(f: \"g h\", i: $b) @j } # k";
        let tokens = |tokens| check(text, &Limits { tokens, ..LIMITS });
        assert_eq!(tokens(31), Ok(()));
        assert!(tokens(30).is_err());
        let word = |length| check(&format!("{{ {} }}", "a".repeat(length)), &LIMITS);
        assert_eq!(word(MAX_WORD_LEN), Ok(()));
        assert!(word(MAX_WORD_LEN + 1).is_err());
    }

    #[test]
    fn ignored_tokens_are_limited() {
        let commas = |commas| check(&format!("{{ {} }}", ",".repeat(commas)), &Limits { tokens: 10, ..LIMITS });
        assert_eq!(commas(38), Ok(()));
        assert!(matches!(commas(39), Err(Rejection::Limit(_))));
    }
}
