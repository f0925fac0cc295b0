//! The uploads of this page, how far they are, and which is next.

use std::rc::Rc;

use contract::api::CompleteUpload;

use super::pace::Pace;

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
    /// The bucket has a video of its name: under another name it may get there.
    Taken,
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
    /// The bucket has a video of this name.
    Taken,
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
    /// How many of its bytes are sent.
    fn sent_bytes(&self) -> u64 {
        match self.state {
            UploadState::Sending(sent) => sent.min(self.size),
            UploadState::Completing | UploadState::Done => self.size,
            _ => 0,
        }
    }

    /// How much of it is sent, between 0 and 1.
    pub(crate) fn share(&self) -> f64 {
        self.sent_bytes() as f64 / self.size.max(1) as f64
    }

    fn section(&self) -> Section {
        match self.state {
            UploadState::Sending(_) | UploadState::Completing => Section::Active,
            UploadState::Failed(_)
            | UploadState::Taken
            | UploadState::Unauthorized
            | UploadState::Cancelled => Section::Unsent,
            UploadState::Waiting => Section::Waiting,
            UploadState::Done => Section::Done,
            UploadState::Refused(_) => Section::Refused,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(
            self.state,
            UploadState::Done
                | UploadState::Refused(_)
                | UploadState::Failed(_)
                | UploadState::Taken
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

/// A part of the list, by what is to be done about its uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// On their way.
    Active,
    /// Someone has to see to them.
    Unsent,
    /// Not begun.
    Waiting,
    /// In the bucket.
    Done,
    /// Never tried.
    Refused,
}

impl Section {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 5] = [
        Self::Active,
        Self::Unsent,
        Self::Waiting,
        Self::Done,
        Self::Refused,
    ];
}

/// How far all uploads are that are on their way, waiting, or done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Overall {
    /// Bytes that are sent.
    pub(crate) sent: u64,
    /// Bytes of all.
    pub(crate) size: u64,
    /// Seconds that the rest will take, if the pace is known.
    pub(crate) seconds_left: Option<f64>,
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Uploads {
    pub(crate) list: Vec<Upload>,
    /// The network, or the API, is away: sending goes on when it is back.
    pub(crate) paused: bool,
    pace: Pace,
    so_far: u32,
}

impl Uploads {
    /// Those that are not over: leaving the page would end them.
    pub(crate) fn unfinished(&self) -> usize {
        self.list.iter().filter(|upload| !upload.is_over()).count()
    }

    /// Those of a section: the latest of what is done first, of the others the oldest.
    pub(crate) fn section(&self, section: Section) -> Vec<&Upload> {
        let those = self.list.iter().filter(|u| u.section() == section);
        if section == Section::Done {
            those.rev().collect()
        } else {
            those.collect()
        }
    }

    /// How far all are; `None` where nothing is left to send.
    pub(crate) fn overall(&self) -> Option<Overall> {
        let (sent, size) = self.sums();
        let is_sending =
            |upload: &Upload| matches!(upload.section(), Section::Active | Section::Waiting);
        self.list.iter().any(is_sending).then(|| Overall {
            sent,
            size,
            seconds_left: self.pace.left(size - sent).filter(|_| !self.paused),
        })
    }

    /// Bytes sent, and bytes of all, of those that are on their way, waiting, or done.
    fn sums(&self) -> (u64, u64) {
        let counted = self.list.iter().filter(|upload| {
            let section = upload.section();
            matches!(section, Section::Active | Section::Waiting | Section::Done)
        });
        counted.fold((0, 0), |(sent, size), upload| {
            (sent + upload.sent_bytes(), size + upload.size)
        })
    }

    /// Notes whether sending has to wait for the network.
    pub(crate) fn pause(&mut self, paused: bool) {
        self.paused = paused;
        self.pace.reset();
    }

    /// Adds a file; its id.
    pub(crate) fn add(&mut self, name: String, size: u64) -> u32 {
        self.so_far += 1;
        let refusal = refusal(&name, size);
        let id = self.so_far;
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

    /// Notes how many bytes were sent at `now`, in milliseconds. What is over stays over: an event
    /// may come late.
    pub(crate) fn progress(&mut self, id: u32, bytes: u64, now: f64) {
        if let Some(upload) = self.find(id)
            && matches!(upload.state, UploadState::Sending(_))
        {
            upload.state = UploadState::Sending(bytes);
        }
        let (sent, _) = self.sums();
        self.pace.note(now, sent);
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
        let is_useless = matches!(hindrance, Hindrance::Spoilt | Hindrance::Taken);
        let left = is_useless.then(|| upload.give_up());
        upload.in_doubt |= hindrance == Hindrance::Lost && upload.sent.is_some();
        upload.state = match hindrance {
            Hindrance::Unauthorized => UploadState::Unauthorized,
            Hindrance::Taken => UploadState::Taken,
            Hindrance::Lost | Hindrance::Spoilt | Hindrance::Other => UploadState::Failed(reason),
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

    /// The name that it is to have.
    pub(crate) fn name(&self, id: u32) -> Option<String> {
        let upload = self.list.iter().find(|upload| upload.id == id)?;
        Some(upload.name.clone())
    }

    /// Back to the waiting ones.
    pub(crate) fn retry(&mut self, id: u32) {
        if let Some(upload) = self.find(id).filter(|upload| upload.can_be_tried_again()) {
            upload.state = UploadState::Waiting;
        }
    }

    /// All that failed back to the waiting ones.
    pub(crate) fn retry_all(&mut self) {
        for upload in &mut self.list {
            if matches!(upload.state, UploadState::Failed(_)) {
                upload.state = UploadState::Waiting;
            }
        }
    }

    /// Gives one whose name is taken another name, under which it waits, or is refused.
    pub(crate) fn rename(&mut self, id: u32, name: &str) {
        let name = name.trim();
        let taken = |upload: &&mut Upload| upload.state == UploadState::Taken;
        if let Some(upload) = self.find(id).filter(taken).filter(|_| !name.is_empty()) {
            name.clone_into(&mut upload.name);
            let refusal = refusal(name, upload.size);
            upload.state = refusal.map_or(UploadState::Waiting, UploadState::Refused);
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

/// A name like `name` that may be free: `a.mp4`, `a-2.mp4`, `a-3.mp4` and so on.
pub(crate) fn next_name(name: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let numbered = stem.rsplit_once('-').and_then(|(start, number)| {
        let number: u32 = number.parse().ok()?;
        Some((start, number.checked_add(1)?))
    });
    let (start, number) = numbered.unwrap_or((stem, 2));
    format!("{start}-{number}.{extension}")
}

/// Why a file is not even tried; `None` if it is.
fn refusal(name: &str, size: u64) -> Option<String> {
    if contract::video_extension(name).is_none() {
        let known = contract::VIDEO_EXTENSIONS.join(", ");
        return Some(format!("not a video by its name; known are {known}"));
    }
    (size == 0).then(|| "the file is empty".to_owned())
}

#[cfg(test)]
mod tests;
