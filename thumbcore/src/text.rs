//! Text from outside, on its way into errors and logs.

use std::borrow::Cow;

/// `text` on one line: characters that a terminal or a log would obey instead of showing them
/// (control characters, and those that turn the direction of writing) are escaped as Rust does.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_obeyed(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Most letters of a text that another process may have chosen.
#[cfg(sandbox)]
pub(crate) const LONGEST: usize = 1000;

/// `text` that another process may have chosen, short and on one line.
#[cfg(sandbox)]
pub(crate) fn line(text: &str) -> String {
    let short: String = text.chars().take(LONGEST).collect();
    shown(&short).into_owned()
}

/// Directions: Unicode Standard Annex 9, table 1. Lines: U+2028 and U+2029.
fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_stays_and_the_rest_is_escaped_once() {
        let name = "s3://b/été à 'la' \\ mer 日本.mp4";
        assert!(matches!(shown(name), Cow::Borrowed(same) if same == name));
        let escaped = shown("a\r\nb\u{7}\u{9b}\u{2066}");
        assert_eq!(escaped, "a\\r\\nb\\u{7}\\u{9b}\\u{2066}");
        assert_eq!(shown(&escaped), escaped);
    }
}
