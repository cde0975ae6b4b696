//! What somebody wrote, fit to be shown to somebody else.

use core::fmt;

/// The longest text that is quoted whole, in characters.
const LONGEST: usize = 60;

/// A text between quotation marks for a message: what a terminal would act on is escaped, and what
/// is longer than 60 characters is cut.
///
/// ```
/// use rcmgr_config::quoted;
///
/// assert_eq!(quoted("stream\u{1b}[2J").to_string(), r#""stream\u{1b}[2J""#);
/// ```
pub fn quoted(text: &str) -> Quoted<'_> {
    Quoted(text)
}

/// What [`quoted`] gives.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quoted(text) = self;
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => write!(f, "\"{}…\"", text[..end].escape_debug()),
            None => write!(f, "\"{}\"", text.escape_debug()),
        }
    }
}

/// Writes a text of several parts, such as a message or the name of a file, with what a terminal
/// would act on escaped.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match acts_on_terminal(character) {
            true => printable.extend(character.escape_unicode()),
            false => printable.push(character),
        }
    }
    printable
}

/// Control characters other than tabs, and those that turn the direction of writing.
fn acts_on_terminal(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        assert_eq!(quoted("a\"b\\\n\u{9b}é").to_string(), r#""a\"b\\\n\u{9b}é""#);
        assert_eq!(printable("é \"x\" \u{1b}\u{7f}\u{9b}\u{202e}\n"), {
            r#"é "x" \u{1b}\u{7f}\u{9b}\u{202e}\u{a}"#
        });
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(quoted(&"é".repeat(60)).to_string(), format!("\"{}\"", "é".repeat(60)));
        assert_eq!(quoted(&"é".repeat(61)).to_string(), format!("\"{}…\"", "é".repeat(60)));
    }
}
