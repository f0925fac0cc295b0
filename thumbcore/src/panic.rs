//! What a panic said.

use std::any::Any;

/// The message of a panic that was caught.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    let literal = payload.downcast_ref::<&str>().copied();
    let formatted = || payload.downcast_ref::<String>().map(String::as_str);
    literal.or_else(formatted).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, panic_any};

    use super::*;

    #[test]
    fn every_kind_of_message_is_kept() {
        let said = |panic: fn()| message(&*catch_unwind(panic).unwrap_err()).to_owned();
        assert_eq!(said(|| panic!("plain")), "plain");
        assert_eq!(said(|| panic!("{} pieces", 2)), "2 pieces");
        assert_eq!(said(|| panic_any(7)), "no message");
    }
}
