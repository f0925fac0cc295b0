//! The uploads of this page, and how far they are.

use std::rc::Rc;

use yew::Reducible;

/// One file on its way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Upload {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) state: UploadState,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum UploadState {
    /// Others are sent first.
    Waiting,
    /// Bytes that were sent.
    Sending(u64),
    /// All bytes are there; the bucket puts them together.
    Completing,
    /// It is in the bucket.
    Done,
    /// It is not, and why.
    Failed(String),
    /// The API wants a token first; it goes on with one.
    Unauthorized,
    /// Someone changed their mind.
    Cancelled,
}

impl Upload {
    /// How much of it is sent, between 0 and 1.
    pub(crate) fn share(&self) -> f64 {
        match self.state {
            UploadState::Sending(sent) if self.size > 0 => {
                (sent as f64 / self.size as f64).min(1.0)
            }
            UploadState::Completing | UploadState::Done => 1.0,
            _ => 0.0,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(
            self.state,
            UploadState::Done | UploadState::Failed(_) | UploadState::Cancelled
        )
    }
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Uploads {
    pub(crate) list: Vec<Upload>,
}

#[derive(Debug)]
pub(crate) enum UploadAction {
    Add(Upload),
    Set(u32, UploadState),
    /// Forget those that are over.
    Clear,
}

impl Uploads {
    pub(crate) fn after(&self, action: UploadAction) -> Self {
        let mut uploads = self.clone();
        match action {
            UploadAction::Add(upload) => uploads.list.push(upload),
            UploadAction::Set(id, state) => {
                // What is over stays over: a late progress event does not revive it.
                let upload = uploads.list.iter_mut().find(|upload| upload.id == id);
                if let Some(upload) = upload.filter(|upload| !upload.is_over()) {
                    upload.state = state;
                }
            }
            UploadAction::Clear => uploads.list.retain(|upload| !upload.is_over()),
        }
        uploads
    }
}

impl Reducible for Uploads {
    type Action = UploadAction;

    fn reduce(self: Rc<Self>, action: UploadAction) -> Rc<Self> {
        Rc::new(self.after(action))
    }
}

/// Why a file is not even tried; `None` if it is.
pub(crate) fn refusal(name: &str, size: u64) -> Option<String> {
    if contract::video_extension(name).is_none() {
        let known = contract::VIDEO_EXTENSIONS.join(", ");
        return Some(format!("not a video by its name; known are {known}"));
    }
    if !contract::is_announced(name) {
        return Some("write its extension in small letters or in capitals".to_owned());
    }
    (size == 0).then(|| "the file is empty".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(id: u32) -> Upload {
        Upload {
            id,
            name: "a.mp4".to_owned(),
            size: 200,
            state: UploadState::Waiting,
        }
    }

    #[test]
    fn progress_is_a_share() {
        let uploads = Uploads::default()
            .after(UploadAction::Add(upload(1)))
            .after(UploadAction::Add(upload(2)))
            .after(UploadAction::Set(2, UploadState::Sending(50)));
        let shares: Vec<_> = uploads.list.iter().map(Upload::share).collect();
        assert_eq!(shares, [0.0, 0.25]);
    }

    #[test]
    fn what_is_over_stays_over() {
        let uploads = Uploads::default()
            .after(UploadAction::Add(upload(1)))
            .after(UploadAction::Set(1, UploadState::Cancelled))
            .after(UploadAction::Set(1, UploadState::Sending(9)));
        assert_eq!(uploads.list[0].state, UploadState::Cancelled);
        assert!(uploads.after(UploadAction::Clear).list.is_empty());
    }

    #[test]
    fn what_wants_a_token_is_not_over() {
        let uploads = Uploads::default()
            .after(UploadAction::Add(upload(1)))
            .after(UploadAction::Set(1, UploadState::Unauthorized))
            .after(UploadAction::Clear)
            .after(UploadAction::Set(1, UploadState::Waiting));
        assert_eq!(uploads.list[0].state, UploadState::Waiting);
    }

    #[test]
    fn only_videos_are_tried() {
        assert_eq!(refusal("a.MP4", 1), None);
        assert!(refusal("a.txt", 1).unwrap().contains("mp4"));
        assert!(refusal("a.mp4", 0).unwrap().contains("empty"));
    }
}
