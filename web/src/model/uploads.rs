//! The uploads of this page, how far they are, and which is next.

use std::rc::Rc;

use contract::api::CompleteUpload;

/// One file on its way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Upload {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) state: UploadState,
    /// What completes it, once its bytes are in the bucket: they need not be sent again then.
    sent: Option<Rc<CompleteUpload>>,
    /// Completing it was asked for, and nobody knows whether that was done.
    in_doubt: bool,
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
    /// It was not tried, and why.
    Refused(String),
    /// It did not get there, and why: another try may.
    Failed(String),
    /// The API wants a token first; it goes on with one.
    Unauthorized,
    /// Someone changed their mind.
    Cancelled,
}

/// Why an upload did not get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// The API wants a token, or another one.
    Unauthorized,
    /// The answer was lost: it may have been done all the same.
    Lost,
    /// What was sent is of no use any more.
    Spoilt,
    /// Anything else: what was sent is still there.
    Other,
}

/// What came of the wish to give an upload up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cancelled {
    /// It is given up; the parts that are left of it in the bucket.
    Yes(Option<Rc<CompleteUpload>>),
    /// It is over, or too far.
    No,
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
            UploadState::Done
                | UploadState::Refused(_)
                | UploadState::Failed(_)
                | UploadState::Cancelled
        )
    }

    pub(crate) fn can_be_cancelled(&self) -> bool {
        matches!(
            self.state,
            UploadState::Waiting | UploadState::Sending(_) | UploadState::Unauthorized
        )
    }

    pub(crate) fn can_be_tried_again(&self) -> bool {
        matches!(self.state, UploadState::Failed(_) | UploadState::Cancelled)
    }

    /// Forgets what was sent: its parts, if there are some.
    fn give_up(&mut self) -> Option<Rc<CompleteUpload>> {
        self.in_doubt = false;
        let sent = self.sent.take();
        sent.filter(|sent| sent.upload_id.is_some())
    }

    fn is_on_its_way(&self) -> bool {
        matches!(
            self.state,
            UploadState::Sending(_) | UploadState::Completing
        )
    }
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Uploads {
    pub(crate) list: Vec<Upload>,
    so_far: u32,
}

impl Uploads {
    /// Those that are not over: leaving the page would end them.
    pub(crate) fn unfinished(&self) -> usize {
        self.list.iter().filter(|upload| !upload.is_over()).count()
    }

    /// Adds a file; its id, if it is to be sent.
    pub(crate) fn add(&mut self, name: String, size: u64) -> Option<u32> {
        self.so_far += 1;
        let refusal = refusal(&name, size);
        let id = refusal.is_none().then_some(self.so_far);
        self.list.push(Upload {
            id: self.so_far,
            name,
            size,
            state: refusal.map_or(UploadState::Waiting, UploadState::Refused),
            sent: None,
            in_doubt: false,
        });
        id
    }

    /// Begins with the next one, unless one is on its way: its id.
    pub(crate) fn begin(&mut self) -> Option<u32> {
        if self.list.iter().any(Upload::is_on_its_way) {
            return None;
        }
        let waits = |upload: &&mut Upload| upload.state == UploadState::Waiting;
        let next = self.list.iter_mut().find(waits)?;
        next.state = match next.sent {
            Some(_) => UploadState::Completing,
            None => UploadState::Sending(0),
        };
        Some(next.id)
    }

    /// Notes how many bytes were sent. What is over stays over: an event may come late.
    pub(crate) fn progress(&mut self, id: u32, bytes: u64) {
        if let Some(upload) = self.find(id)
            && matches!(upload.state, UploadState::Sending(_))
        {
            upload.state = UploadState::Sending(bytes);
        }
    }

    /// All bytes are in the bucket, and `sent` completes it.
    pub(crate) fn complete(&mut self, id: u32, sent: Rc<CompleteUpload>) {
        if let Some(upload) = self.find(id) {
            upload.sent = Some(sent);
            upload.state = UploadState::Completing;
        }
    }

    /// What completes an upload whose bytes are in the bucket, and whether that may have been done
    /// already.
    pub(crate) fn sent(&self, id: u32) -> Option<(Rc<CompleteUpload>, bool)> {
        let upload = self.list.iter().find(|upload| upload.id == id)?;
        Some((upload.sent.clone()?, upload.in_doubt))
    }

    /// It is in the bucket.
    pub(crate) fn finish(&mut self, id: u32) {
        if let Some(upload) = self.find(id) {
            upload.state = UploadState::Done;
            upload.sent = None;
        }
    }

    /// It did not get through, for `reason`; the parts that are left of it in the bucket and of no
    /// use.
    pub(crate) fn fail(
        &mut self,
        id: u32,
        hindrance: Hindrance,
        reason: String,
    ) -> Option<Rc<CompleteUpload>> {
        let upload = self.find(id)?;
        let left = (hindrance == Hindrance::Spoilt).then(|| upload.give_up());
        upload.in_doubt |= hindrance == Hindrance::Lost && upload.sent.is_some();
        upload.state = if hindrance == Hindrance::Unauthorized {
            UploadState::Unauthorized
        } else {
            UploadState::Failed(reason)
        };
        left.flatten()
    }

    /// Gives one up. One that is being completed cannot be given up.
    pub(crate) fn cancel(&mut self, id: u32) -> Cancelled {
        match self.find(id) {
            Some(upload) if upload.can_be_cancelled() => {
                upload.state = UploadState::Cancelled;
                Cancelled::Yes(upload.give_up())
            }
            _ => Cancelled::No,
        }
    }

    /// The size of its file in bytes.
    pub(crate) fn size(&self, id: u32) -> u64 {
        let upload = self.list.iter().find(|upload| upload.id == id);
        upload.map_or(0, |upload| upload.size)
    }

    /// Back to the waiting ones.
    pub(crate) fn retry(&mut self, id: u32) {
        if let Some(upload) = self.find(id).filter(|upload| upload.can_be_tried_again()) {
            upload.state = UploadState::Waiting;
        }
    }

    /// What waited for a token goes on.
    pub(crate) fn authorize(&mut self) {
        for upload in &mut self.list {
            if upload.state == UploadState::Unauthorized {
                upload.state = UploadState::Waiting;
            }
        }
    }

    /// Forgets those that are over; the parts that are left of them in the bucket.
    pub(crate) fn clear(&mut self) -> Vec<Rc<CompleteUpload>> {
        let over = self.list.extract_if(.., |upload| upload.is_over());
        over.filter_map(|mut upload| upload.give_up()).collect()
    }

    fn find(&mut self, id: u32) -> Option<&mut Upload> {
        self.list.iter_mut().find(|upload| upload.id == id)
    }
}

/// Why a file is not even tried; `None` if it is.
fn refusal(name: &str, size: u64) -> Option<String> {
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

    fn two() -> Uploads {
        let mut uploads = Uploads::default();
        assert_eq!(uploads.add("a.mp4".to_owned(), 200), Some(1));
        assert_eq!(uploads.add("b.mp4".to_owned(), 200), Some(2));
        uploads
    }

    fn parts() -> Rc<CompleteUpload> {
        Rc::new(CompleteUpload {
            key: "uploads/a.mp4".to_owned(),
            upload_id: Some("7".to_owned()),
            parts: Vec::new(),
        })
    }

    fn state(uploads: &Uploads, id: u32) -> &UploadState {
        let found = uploads.list.iter().find(|upload| upload.id == id);
        &found.unwrap().state
    }

    #[test]
    fn one_is_sent_at_a_time_and_progress_is_a_share() {
        let mut uploads = two();
        assert_eq!(uploads.begin(), Some(1));
        assert_eq!(uploads.begin(), None);
        uploads.progress(1, 50);
        let shares: Vec<_> = uploads.list.iter().map(Upload::share).collect();
        assert_eq!(shares, [0.25, 0.0]);
        uploads.complete(1, parts());
        assert_eq!(uploads.begin(), None);
        uploads.finish(1);
        assert_eq!((uploads.begin(), uploads.unfinished()), (Some(2), 1));
    }

    #[test]
    fn what_is_over_stays_over() {
        let mut uploads = two();
        uploads.begin();
        assert_eq!(uploads.cancel(1), Cancelled::Yes(None));
        uploads.progress(1, 9);
        assert_eq!(*state(&uploads, 1), UploadState::Cancelled);
        uploads.clear();
        assert_eq!(uploads.list.len(), 1);
        assert_eq!(uploads.add("c.mp4".to_owned(), 1), Some(3), "ids are new");
    }

    #[test]
    fn what_wants_a_token_goes_on_with_one_and_is_not_sent_again() {
        let mut uploads = two();
        uploads.begin();
        uploads.complete(1, parts());
        uploads.fail(1, Hindrance::Unauthorized, String::new());
        assert_eq!(uploads.begin(), Some(2), "the others need not wait");
        uploads.finish(2);
        uploads.clear();
        assert_eq!((uploads.begin(), uploads.unfinished()), (None, 1));
        uploads.authorize();
        assert_eq!(uploads.begin(), Some(1));
        assert_eq!(*state(&uploads, 1), UploadState::Completing);
    }

    #[test]
    fn a_lost_answer_leaves_doubt_and_a_spoilt_one_is_sent_again() {
        let mut uploads = two();
        uploads.begin();
        uploads.complete(1, parts());
        uploads.fail(1, Hindrance::Lost, "no answer".to_owned());
        assert_eq!(uploads.sent(1), Some((parts(), true)));
        uploads.retry(1);
        uploads.begin();
        uploads.fail(1, Hindrance::Other, "busy".to_owned());
        assert_eq!(uploads.sent(1), Some((parts(), true)), "still in doubt");
        uploads.retry(1);
        uploads.begin();
        let left = uploads.fail(1, Hindrance::Spoilt, "gone".to_owned());
        assert_eq!(left, Some(parts()));
        assert_eq!(uploads.sent(1), None);
        uploads.retry(1);
        assert_eq!(uploads.begin(), Some(1));
        assert_eq!(*state(&uploads, 1), UploadState::Sending(0));
    }

    #[test]
    fn nothing_is_left_in_the_bucket_of_what_is_given_up() {
        let mut uploads = two();
        uploads.begin();
        uploads.complete(1, parts());
        assert_eq!(uploads.cancel(1), Cancelled::No, "too late");
        assert_eq!(*state(&uploads, 1), UploadState::Completing);
        uploads.fail(1, Hindrance::Lost, String::new());
        uploads.retry(1);
        assert_eq!(uploads.cancel(1), Cancelled::Yes(Some(parts())));
        assert_eq!(uploads.cancel(1), Cancelled::No);
        // Another try is another upload: nothing is in doubt of it.
        uploads.retry(1);
        uploads.begin();
        uploads.complete(1, parts());
        assert_eq!(uploads.sent(1), Some((parts(), false)));
        uploads.finish(1);
        uploads.begin();
        uploads.complete(2, parts());
        uploads.fail(2, Hindrance::Other, "busy".to_owned());
        assert_eq!(uploads.clear(), [parts()]);
        assert!(uploads.list.is_empty());
    }

    #[test]
    fn what_failed_may_be_tried_again_and_what_was_refused_may_not() {
        let mut uploads = Uploads::default();
        assert_eq!(uploads.add("a.txt".to_owned(), 1), None);
        uploads.retry(1);
        assert!(matches!(state(&uploads, 1), UploadState::Refused(_)));
        assert_eq!(uploads.begin(), None);
    }

    #[test]
    fn only_videos_are_tried() {
        assert_eq!(refusal("a.MP4", 1), None);
        assert!(refusal("a.txt", 1).unwrap().contains("mp4"));
        assert!(refusal("a.Mp4", 1).unwrap().contains("capitals"));
        assert!(refusal("a.mp4", 0).unwrap().contains("empty"));
    }
}
