//! Which thumbnails the gallery shows, and in which order.

use contract::api::Thumbnail;

use super::names::video_name;

/// Which thumbnails are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) show: Show,
    /// What the names of their videos have in them, in any case.
    pub(crate) text: String,
    pub(crate) sort: Sort,
}

/// What a cell of the gallery is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Show {
    /// A video with all its pictures.
    #[default]
    Videos,
    /// A picture; where a place in the video is named, in percent, only those of that place.
    Frames(Option<u32>),
}

/// The order of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    Newest,
    Name,
    /// The size of the video, largest first.
    Size,
    /// The bytes that were read of the video, most first.
    Read,
}

impl Sort {
    pub(crate) const ALL: [Self; 4] = [Self::Newest, Self::Name, Self::Size, Self::Read];

    /// Its name in addresses.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Name => "name",
            Self::Size => "size",
            Self::Read => "read",
        }
    }

    /// The order of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

impl Show {
    /// Its name in addresses.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Videos => "videos".to_owned(),
            Self::Frames(None) => "frames".to_owned(),
            Self::Frames(Some(frame)) => frame.to_string(),
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "videos" => Some(Self::Videos),
            "frames" => Some(Self::Frames(None)),
            frame => {
                let frame = frame.parse().ok().filter(|frame| *frame <= 100)?;
                Some(Self::Frames(Some(frame)))
            }
        }
    }
}

impl Filter {
    /// Whether a thumbnail is wanted.
    pub(crate) fn matches(&self, thumbnail: &Thumbnail) -> bool {
        let frame = self.frame();
        let name = video_name(&thumbnail.key);
        frame.is_none_or(|frame| thumbnail.frame == Some(frame))
            && (self.text.is_empty() || name.to_lowercase().contains(&self.text.to_lowercase()))
    }

    /// The place in the video, in percent, that is asked for.
    pub(crate) fn frame(&self) -> Option<u32> {
        match self.show {
            Show::Videos => None,
            Show::Frames(frame) => frame,
        }
    }

    /// Whether every thumbnail is wanted.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.frame().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_addresses_are_read_back() {
        for sort in Sort::ALL {
            assert_eq!(Sort::named(sort.name()), Some(sort));
        }
        for show in [Show::Videos, Show::Frames(None), Show::Frames(Some(95))] {
            assert_eq!(Show::named(&show.name()), Some(show));
        }
        assert_eq!(Show::named("101"), None);
        assert_eq!((Show::named("x"), Sort::named("x")), (None, None));
    }

    #[test]
    fn names_are_searched_anywhere_in_any_case() {
        let thumbnail: Thumbnail = serde_json::from_str(
            r#"{"key":"thumbnails/a/Über_1.jpg","url":"","expiresAt":"","frame":10,
                "lastModified":"","size":1}"#,
        )
        .unwrap();
        let finds = |text: &str, show| {
            let filter = Filter {
                show,
                text: text.to_owned(),
                ..Filter::default()
            };
            filter.matches(&thumbnail)
        };
        assert!(finds("/üBER", Show::Videos));
        assert!(finds("", Show::Frames(Some(10))));
        assert!(!finds("", Show::Frames(Some(50))));
        assert!(!finds("thumbnails", Show::Videos), "the prefix is no name");
        assert!(!finds("_1", Show::Videos), "nor is the number");
    }
}
