//! The API's own token.

use std::{fmt, str::FromStr};

use subtle::ConstantTimeEq as _;

/// Fewest characters: a shorter token could be guessed.
const SHORTEST: usize = 16;

/// A secret that opens the guarded routes. Never shown, not even by `Debug`.
#[derive(Clone)]
pub(crate) struct Token(String);

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() < SHORTEST {
            return Err(format!("shorter than {SHORTEST} characters"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("contains other than visible ASCII characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl Token {
    /// Compares in constant time for texts of one length.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_tokens_are_refused_and_never_quoted() {
        for text in [
            "",
            "short-secret",
            "0123456789 abcdef",
            "0123456789\u{e4}bcdef",
        ] {
            let error = text.parse::<Token>().unwrap_err();
            assert!(text.is_empty() || !error.contains(text));
        }
        let token: Token = "0123456789abcdef".parse().unwrap();
        assert!(!format!("{token:?}").contains("0123"));
    }
}
