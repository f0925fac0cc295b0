//! The journal below `thumbnails/.recent/`: an empty object for each time a video was finished.
//!
//! An entry's key begins with the time, so that one listing finds the latest among any number of
//! videos. Entries may be deleted after a day.

use crate::naming::{JOURNAL, MAX_KEY_BYTES, OutputName, Prefixes};

/// An entry of the journal, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentEntry {
    /// When the video was finished, in milliseconds since 1970.
    pub millis: u64,
    /// The name of its outputs.
    pub name: OutputName,
}

impl Prefixes {
    /// The prefix of the journal's keys: `thumbnails/.recent/`.
    #[must_use]
    pub fn recent(&self) -> String {
        format!("{}{JOURNAL}/", self.thumbnails())
    }

    /// A text that sorts before every journal key of `millis` milliseconds after 1970 or later, and
    /// after all earlier ones.
    #[must_use]
    pub fn recent_since(&self, millis: u64) -> String {
        format!("{}{millis:013}", self.recent())
    }

    /// The key of the journal's entry about a video finished at `millis` milliseconds after 1970;
    /// `None` if it would be longer than S3 allows.
    ///
    /// ```
    /// let prefixes = contract::Prefixes::default();
    /// let [name, ..] = prefixes.candidates("uploads/a/b.mov")?;
    /// let key = prefixes.recent_key(&name, 1_767_225_600_000).unwrap();
    /// assert_eq!(key, "thumbnails/.recent/1767225600000/a/b");
    /// assert_eq!(prefixes.parse_recent(&key).unwrap().name, name);
    /// # Ok::<(), contract::NamingError>(())
    /// ```
    #[must_use]
    pub fn recent_key(&self, name: &OutputName, millis: u64) -> Option<String> {
        let path = name.0.strip_prefix(self.thumbnails())?;
        let key = format!("{}/{path}", self.recent_since(millis));
        (key.len() <= MAX_KEY_BYTES).then_some(key)
    }

    /// Reads a key of the journal; `None` for any other key.
    #[must_use]
    pub fn parse_recent(&self, key: &str) -> Option<RecentEntry> {
        let rest = key.strip_prefix(&self.recent())?;
        let (millis, path) = rest.split_once('/')?;
        let whole = millis.len() == 13 && millis.bytes().all(|b| b.is_ascii_digit());
        (whole && !path.is_empty()).then_some(())?;
        Some(RecentEntry {
            millis: millis.parse().ok()?,
            name: OutputName(format!("{}{path}", self.thumbnails())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_in_the_order_of_time() {
        let prefixes = Prefixes::default();
        let key = |millis| {
            let [name, ..] = prefixes.candidates("uploads/a.mp4").unwrap();
            prefixes.recent_key(&name, millis).unwrap()
        };
        assert!(key(999) < key(1_000) && key(999) < key(1_767_225_600_000));
        assert!(key(999) > prefixes.recent_since(999) && key(999) < prefixes.recent_since(1_000));
        for key in [
            "thumbnails/a.json",
            "thumbnails/.recent/1/a",
            "thumbnails/.recent/1767225600000/",
            "thumbnails/.recent/+767225600000/a",
        ] {
            assert_eq!(prefixes.parse_recent(key), None, "{key}");
        }
    }
}
