//! What the page's address tells: the gallery's filter, and the dialog that is open.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::filter::{Filter, Show, Sort};

/// Slashes need no escape in a query.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'/');

/// Where in the dashboard someone is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) filter: Filter,
    pub(crate) dialog: Dialog,
}

/// The dialog that is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Dialog {
    #[default]
    None,
    Purge,
    /// One video, by the name that its pictures' keys begin with: `thumbnails/a/b`.
    Video(String),
}

impl Place {
    /// Reads the query of an address, with or without its question mark. What makes no sense is
    /// left out.
    pub(crate) fn parse(query: &str) -> Self {
        let mut place = Self::default();
        let pairs = query.trim_start_matches('?').split('&');
        for (name, value) in pairs.filter_map(|pair| pair.split_once('=')) {
            let value = value.replace('+', " ");
            let Ok(value) = percent_decode_str(&value).decode_utf8() else {
                continue;
            };
            match name {
                "show" => place.filter.show = Show::named(&value).unwrap_or_default(),
                "q" => place.filter.text = value.into_owned(),
                "sort" => place.filter.sort = Sort::named(&value).unwrap_or_default(),
                "video" if !value.is_empty() => place.dialog = Dialog::Video(value.into_owned()),
                "dialog" if value == "purge" => place.dialog = Dialog::Purge,
                _ => {}
            }
        }
        place
    }

    /// The query that tells it; empty for the page as it is at first.
    pub(crate) fn query(&self) -> String {
        let Self { filter, dialog } = self;
        let mut query = String::new();
        let mut add = |name: &str, value: &str| {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.extend([name, "="]);
            query.extend(utf8_percent_encode(value, VALUE));
        };
        if filter.show != Show::default() {
            add("show", &filter.show.name());
        }
        if !filter.text.is_empty() {
            add("q", &filter.text);
        }
        if filter.sort != Sort::default() {
            add("sort", filter.sort.name());
        }
        match dialog {
            Dialog::None => {}
            Dialog::Purge => add("dialog", "purge"),
            Dialog::Video(name) => add("video", name),
        }
        query
    }

    /// The same without a dialog.
    pub(crate) fn behind(&self) -> Self {
        Self {
            filter: self.filter.clone(),
            dialog: Dialog::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_back_from_their_addresses() {
        let filter = |show, text: &str, sort| Filter {
            show,
            text: text.to_owned(),
            sort,
        };
        for (filter, dialog, query) in [
            (Filter::default(), Dialog::None, ""),
            (
                filter(Show::Frames(Some(50)), "a b&c=é", Sort::Size),
                Dialog::Video("thumbnails/x/Ä 1".to_owned()),
                "?show=50&q=a%20b%26c%3D%C3%A9&sort=size&video=thumbnails/x/%C3%84%201",
            ),
            (
                filter(Show::Videos, "", Sort::Newest),
                Dialog::Purge,
                "?dialog=purge",
            ),
        ] {
            let place = Place { filter, dialog };
            assert_eq!(place.query(), query);
            assert_eq!(Place::parse(query), place);
        }
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        let place = Place::parse("?show=all&sort=&video=&q=%ff&utm_source=x&&q=a+b");
        assert_eq!(place.query(), "?q=a%20b");
        assert_eq!(place.behind(), place);
    }
}
