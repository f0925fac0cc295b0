//! Keys without a letter, by the code points that the WebDriver standard gives them.

/// Tab.
pub const TAB: char = '\u{e004}';
/// Enter.
pub const ENTER: char = '\u{e007}';
/// Escape.
pub const ESCAPE: char = '\u{e00c}';
/// Control.
pub const CONTROL: char = '\u{e009}';
/// The arrow to the left.
pub const LEFT: char = '\u{e012}';
/// The arrow to the right.
pub const RIGHT: char = '\u{e014}';
