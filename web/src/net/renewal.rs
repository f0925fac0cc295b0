//! New URLs for pictures whose URLs have ended: one request a video, however many of its pictures
//! want one.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use contract::api::Video;
use futures::{
    FutureExt as _,
    future::{LocalBoxFuture, Shared},
};

use super::api::Api;

/// How long an answer serves further pictures of the same video, in milliseconds: their old URLs
/// fail one after the other.
const KEPT_MS: f64 = 10_000.0;

type Answer = Shared<LocalBoxFuture<'static, Option<Rc<Video>>>>;

/// The videos that were asked for lately. Copies are the same one.
#[derive(Clone, Default)]
pub(crate) struct Renewals(Rc<RefCell<HashMap<String, (f64, Answer)>>>);

impl PartialEq for Renewals {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Renewals {
    /// The video with URLs of now; `None` if the API has none. Questions that come while one for
    /// the same video is under way, or shortly after its answer, share that answer.
    pub(crate) async fn video(&self, api: &Rc<Api>, manifest_key: String) -> Option<Rc<Video>> {
        let now = js_sys::Date::now();
        let answer = {
            let mut asked = self.0.borrow_mut();
            asked.retain(|_, (at, _)| now - *at < KEPT_MS);
            let api = api.clone();
            let key = manifest_key.clone();
            let ask = move || {
                let answer = async move { api.video(&key).await.ok().map(Rc::new) };
                (now, answer.boxed_local().shared())
            };
            asked.entry(manifest_key).or_insert_with(ask).1.clone()
        };
        answer.await
    }
}
