//! The last whole picture on the way to a target.

use super::Picture;
use crate::libav::PictureKind;

impl Picture {
    /// Whether it may be made from a picture that comes out later.
    fn looks_ahead(&self) -> bool {
        self.frame.kind() == PictureKind::Bidirectional
    }
}

/// The last whole picture that came out.
#[derive(Default)]
pub(crate) struct Last {
    picture: Option<Picture>,
    /// The one before that is made from none that comes later, where `picture` may be.
    sure: Option<Picture>,
}

impl Last {
    pub(crate) fn put(&mut self, picture: Picture) {
        let before = self.picture.replace(picture);
        if self.picture.as_ref().is_some_and(Picture::looks_ahead) {
            let sure = before.filter(|before| !before.looks_ahead());
            self.sure = sure.or_else(|| self.sure.take());
        } else {
            self.sure = None;
        }
    }

    /// A damaged picture has come out.
    pub(crate) fn doubt(&mut self) {
        if self.picture.as_ref().is_some_and(Picture::looks_ahead) {
            self.picture = self.sure.take();
        }
    }

    pub(crate) fn get(&self) -> Option<&Picture> {
        self.picture.as_ref()
    }

    pub(crate) fn take(self) -> Option<Picture> {
        self.picture
    }
}
