//! Sending the files of this page, one at a time: what is large goes in parts side by side.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use contract::api::CompleteUpload;
use web_sys::File;
use yew::Callback;

use super::{
    api::{Api, ApiError},
    line::Line,
    transfer::{self, SendError},
};
use crate::{
    model::uploads::{Cancelled, Hindrance, Uploads},
    task::Task,
};

/// What sends. Copies are the same one.
#[derive(Clone)]
pub(crate) struct Uploader(Rc<Inner>);

impl PartialEq for Uploader {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

struct Inner {
    uploads: RefCell<Uploads>,
    /// Those of the uploads that are not done.
    files: RefCell<HashMap<u32, File>>,
    sending: RefCell<Option<(u32, Task)>>,
    /// As whoever is signed in by now.
    api: RefCell<Rc<Api>>,
    changed: Callback<Uploads>,
    refused: Callback<Rc<Api>>,
}

impl Uploader {
    /// `changed` hears of every change, and `refused` of a token that the API does not take.
    pub(crate) fn new(changed: Callback<Uploads>, refused: Callback<Rc<Api>>) -> Self {
        Self(Rc::new(Inner {
            uploads: RefCell::default(),
            files: RefCell::default(),
            sending: RefCell::default(),
            api: RefCell::default(),
            changed,
            refused,
        }))
    }

    /// Adds files, each with the name that it is to have.
    pub(crate) fn add(&self, files: Vec<(String, File)>) {
        self.change(|uploads| {
            let mut known = self.0.files.borrow_mut();
            for (name, file) in files {
                known.insert(uploads.add(name, file.size() as u64), file);
            }
        });
        self.work();
    }

    pub(crate) fn cancel(&self, id: u32) {
        let Cancelled::Yes(left) = self.change(|uploads| uploads.cancel(id)) else {
            return;
        };
        let task = self
            .0
            .sending
            .borrow_mut()
            .take_if(|(sending, _)| *sending == id);
        self.give_up(left);
        if task.is_some() {
            self.work();
        }
    }

    pub(crate) fn retry(&self, id: u32) {
        self.change(|uploads| uploads.retry(id));
        self.work();
    }

    /// Tries all again that failed.
    pub(crate) fn retry_all(&self) {
        self.change(Uploads::retry_all);
        self.work();
    }

    /// Sends one whose name is taken under another name.
    pub(crate) fn rename(&self, id: u32, name: &str) {
        self.change(|uploads| uploads.rename(id, name));
        self.work();
    }

    pub(crate) fn clear(&self) {
        let left = self.change(Uploads::clear);
        let uploads = self.0.uploads.borrow();
        let is_known = |id: &u32| uploads.list.iter().any(|upload| upload.id == *id);
        self.0.files.borrow_mut().retain(|id, _| is_known(id));
        self.give_up(left);
    }

    /// Goes on as someone else, with what waited for a token if there is one.
    pub(crate) fn authorize(&self, api: &Rc<Api>) {
        self.0.api.replace(api.clone());
        if api.token.is_some() {
            self.change(Uploads::authorize);
            self.work();
        }
    }

    fn api(&self) -> Rc<Api> {
        self.0.api.borrow().clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Uploads) -> T) -> T {
        let result = change(&mut self.0.uploads.borrow_mut());
        let uploads = self.0.uploads.borrow().clone();
        self.0.changed.emit(uploads);
        result
    }

    /// Takes back what was sent of uploads that nobody wants any more.
    fn give_up(&self, left: impl IntoIterator<Item = Rc<CompleteUpload>>) {
        for sent in left {
            let api = self.api();
            // If this fails, the bucket's lifecycle rule removes the parts.
            wasm_bindgen_futures::spawn_local(async move {
                let _ = api.cancel_upload(&sent).await;
            });
        }
    }

    /// Sends the next file, unless one is on its way.
    fn work(&self) {
        if self.0.sending.borrow().is_some() {
            return;
        }
        let Some(id) = self.change(Uploads::begin) else {
            return;
        };
        let this = self.clone();
        let task = Task::spawn(async move {
            this.send(id).await;
            this.0.sending.take();
            this.work();
        });
        self.0.sending.replace(Some((id, task)));
    }

    async fn send(&self, id: u32) {
        let pauses = |paused| self.change(|uploads| uploads.pause(paused));
        let sent = self.0.uploads.borrow().sent(id);
        let (sent, in_doubt) = match sent {
            Some(sent) => sent,
            None => match self.send_content(id, &pauses).await {
                Some(sent) => (sent, false),
                None => return,
            },
        };
        // It may have taken hours: whoever is signed in by now.
        let api = self.api();
        let size = self.0.uploads.borrow().size(id);
        match transfer::complete(&Line::new(&api, &pauses), &sent, size, in_doubt).await {
            Ok(()) => {
                self.0.files.borrow_mut().remove(&id);
                self.change(|uploads| uploads.finish(id));
            }
            Err(error) => self.fail(id, &api, &error),
        }
    }

    async fn send_content(&self, id: u32, pauses: &dyn Fn(bool)) -> Option<Rc<CompleteUpload>> {
        let file = self.0.files.borrow().get(&id).cloned()?;
        let name = self.0.uploads.borrow().name(id)?;
        let api = self.api();
        let progress = |bytes| {
            let now = js_sys::Date::now();
            self.change(|uploads| uploads.progress(id, bytes, now));
        };
        match transfer::send(&Line::new(&api, pauses), (name, &file), progress).await {
            Ok(sent) => {
                let sent = Rc::new(sent);
                self.change(|uploads| uploads.complete(id, sent.clone()));
                Some(sent)
            }
            Err(error) => {
                self.fail(id, &api, &error);
                None
            }
        }
    }

    /// Notes that the upload did not get through when it was sent as `api`.
    fn fail(&self, id: u32, api: &Rc<Api>, error: &SendError) {
        let hindrance = match error {
            SendError::Api(ApiError::SignIn) => Hindrance::Unauthorized,
            // There is no such upload any more, or something else under its key.
            SendError::Api(ApiError::Refused {
                status: 404 | 409 | 422,
                ..
            }) => Hindrance::Spoilt,
            // The API may have broken after it was done.
            SendError::Api(error) if error.is_lost() || error.is_broken() => Hindrance::Lost,
            SendError::Api(_) | SendError::Bucket(_) => Hindrance::Other,
            SendError::Taken => Hindrance::Taken,
        };
        let reason = match error {
            SendError::Api(error) => error.to_string(),
            SendError::Bucket(reason) => reason.clone(),
            SendError::Taken => String::new(),
        };
        let left = self.change(|uploads| uploads.fail(id, hindrance, reason));
        self.give_up(left);
        if hindrance == Hindrance::Unauthorized {
            if *self.api() == **api {
                self.0.refused.emit(api.clone());
            } else if self.api().token.is_some() {
                // Someone has signed in meanwhile.
                self.change(Uploads::authorize);
            }
        }
    }
}
