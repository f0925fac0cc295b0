//! Sending a file straight to the bucket, whole or in parts, and telling the API that it is there.

use std::{cell::RefCell, rc::Rc, time::Duration};

use contract::api::{CompleteUpload, CompletedPart, UploadRequest, UploadTarget};
use futures::{
    channel::oneshot,
    future::{Either, select},
    stream::{self, StreamExt, TryStreamExt},
};
use gloo_timers::future::sleep;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Blob, File, ProgressEvent, XmlHttpRequest};

use super::api::{Api, ApiError};

/// Parts on their way at once: enough to fill a line, few enough to leave others some of it.
const PARTS_AT_ONCE: usize = 3;
/// Waits before a request to the bucket is tried again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// Between questions to an API that says that too many are asked: it counts them by the minute.
const BUSY_PAUSE: Duration = Duration::from_secs(10);
const BUSY_TRIES: usize = 12;

/// Why a file is not in the bucket.
pub(crate) enum SendError {
    /// The API did not let it in, or did not answer.
    Api(ApiError),
    /// The bucket did not take it, or the file could not be read.
    Bucket(String),
}

impl From<ApiError> for SendError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<String> for SendError {
    fn from(reason: String) -> Self {
        Self::Bucket(reason)
    }
}

/// Sends `file`, telling `progress` how many bytes are there; the answer is what
/// [completes](complete) it. Dropping this cancels it: parts are taken back, and of a file that
/// goes whole the bucket keeps all or nothing.
pub(crate) async fn send(
    api: &Api,
    file: &File,
    progress: impl Fn(u64),
) -> Result<CompleteUpload, SendError> {
    let request = UploadRequest {
        name: file.name(),
        size: file.size() as u64,
        // Desktops take .ts for other things; the API knows better.
        content_type: Some(file.type_()).filter(|kind| kind.starts_with("video/")),
    };
    let ticket = patiently(|| api.start_upload(&request)).await?;
    let mut complete = CompleteUpload {
        key: ticket.key,
        upload_id: None,
        parts: Vec::new(),
    };
    match ticket.target {
        UploadTarget::Single { url, headers } => {
            let headers = headers
                .into_iter()
                .map(|header| (header.name, header.value))
                .collect();
            put_with_retries(&url, headers, file, &progress).await?;
        }
        UploadTarget::Multipart {
            upload_id,
            part_size,
            parts,
        } => {
            complete.upload_id = Some(upload_id);
            let mut unfinished = Unfinished {
                api: api.clone(),
                upload: Some(complete.clone()),
            };
            let sent = Rc::new(RefCell::new(vec![0; parts.len()]));
            let progress = &progress;
            let uploads = parts.iter().enumerate().map(|(index, part)| {
                let sent = Rc::clone(&sent);
                async move {
                    let start = index as f64 * part_size as f64;
                    let slice = file
                        .slice_with_f64_and_f64(start, start + part.size as f64)
                        .map_err(|_| "the file cannot be read".to_owned())?;
                    let etag = put_with_retries(&part.url, Vec::new(), &slice, |bytes| {
                        let mut sent = sent.borrow_mut();
                        sent[index] = bytes;
                        progress(sent.iter().sum());
                    })
                    .await?;
                    let etag = etag.ok_or("the bucket's CORS rules do not expose ETag")?;
                    Ok::<_, String>(CompletedPart {
                        number: part.number,
                        etag,
                    })
                }
            });
            complete.parts = stream::iter(uploads)
                .buffered(PARTS_AT_ONCE)
                .try_collect()
                .await?;
            unfinished.upload = None;
        }
    }
    Ok(complete)
}

/// Completes what was sent of a file of `size` bytes. `in_doubt` says that this was asked for
/// before and nobody knows the answer.
pub(crate) async fn complete(
    api: &Api,
    sent: &CompleteUpload,
    size: u64,
    in_doubt: bool,
) -> Result<(), ApiError> {
    let done = match patiently(|| api.complete_upload(sent)).await {
        Err(ApiError::Refused {
            status: 404 | 409, ..
        }) if in_doubt => {
            // Parts can be put together once only: this asks whether the video is there.
            let whole = CompleteUpload {
                key: sent.key.clone(),
                upload_id: None,
                parts: Vec::new(),
            };
            api.complete_upload(&whole).await?
        }
        answer => answer?,
    };
    if done.size == size {
        return Ok(());
    }
    Err(ApiError::Refused {
        status: 409,
        reason: "the bucket has another video of this name; choose another one".to_owned(),
    })
}

/// Asks again while the API says that too much is asked of it.
async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    for _ in 0..BUSY_TRIES {
        match ask().await {
            Err(ApiError::Refused { status: 429, .. } | ApiError::Gateway(429)) => {
                sleep(BUSY_PAUSE).await;
            }
            answer => return answer,
        }
    }
    ask().await
}

/// Tells the API that a multipart upload is given up, unless it came through.
struct Unfinished {
    api: Api,
    upload: Option<CompleteUpload>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            let api = self.api.clone();
            // If this fails too, the bucket's lifecycle rule removes the parts.
            wasm_bindgen_futures::spawn_local(async move {
                let _ = api.cancel_upload(&upload).await;
            });
        }
    }
}

/// Why a `PUT` gave nothing.
enum PutError {
    /// Nobody knows whether it came through, or the bucket is busy: trying again helps.
    Passing(String),
    /// The bucket has such an object already.
    Taken,
    /// It will be no better the next time.
    Lasting(String),
}

/// Sends `body`, again where that may help; the answer's `ETag`.
async fn put_with_retries(
    url: &str,
    headers: Vec<(String, String)>,
    body: &Blob,
    progress: impl Fn(u64),
) -> Result<Option<String>, String> {
    let mut pauses = PAUSES.into_iter();
    let mut tried_before = false;
    loop {
        match put(url, &headers, body, &progress).await {
            Ok(etag) => return Ok(etag),
            // The answer to the one before was lost on its way. Completing compares the sizes.
            Err(PutError::Taken) if tried_before => return Ok(None),
            Err(PutError::Taken) => return Err("the bucket has such a video already".to_owned()),
            Err(PutError::Lasting(reason)) => return Err(reason),
            Err(PutError::Passing(reason)) => match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => return Err(reason),
            },
        }
        tried_before = true;
    }
}

/// Aborts a request that nobody waits for any more.
struct Request(XmlHttpRequest);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.set_onloadend(None);
        // Nothing to abort where it is through.
        let _ = self.0.abort();
    }
}

/// One `PUT`; its answer's `ETag`. `fetch` does not tell how much is sent, so this is the older
/// way.
async fn put(
    url: &str,
    headers: &[(String, String)],
    body: &Blob,
    progress: impl Fn(u64),
) -> Result<Option<String>, PutError> {
    let broken = |_| PutError::Lasting("the browser cannot send it".to_owned());
    let request = Request(XmlHttpRequest::new().map_err(broken)?);
    request.0.open("PUT", url).map_err(broken)?;
    for (name, value) in headers {
        request.0.set_request_header(name, value).map_err(broken)?;
    }
    let (mut sent, mut progressed) = futures::channel::mpsc::channel(1);
    let on_progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        // Full: the last figure has not been looked at yet, and the end is told otherwise.
        let _ = sent.try_send(event.loaded() as u64);
    });
    let upload = request.0.upload().map_err(broken)?;
    upload.set_onprogress(Some(on_progress.as_ref().unchecked_ref()));
    let (ended, end) = oneshot::channel();
    let on_end = Closure::once(move || {
        let _ = ended.send(());
    });
    request
        .0
        .set_onloadend(Some(on_end.as_ref().unchecked_ref()));
    request.0.send_with_opt_blob(Some(body)).map_err(broken)?;

    let mut end = end;
    while let Either::Left((Some(bytes), _)) = select(progressed.next(), &mut end).await {
        progress(bytes);
    }
    upload.set_onprogress(None);
    match request.0.status() {
        Ok(200..=299) => {
            progress(body.size() as u64);
            Ok(request.0.get_response_header("etag").unwrap_or(None))
        }
        Ok(0) | Err(_) => {
            let reason = "the bucket cannot be reached, or its CORS rules forbid it";
            Err(PutError::Passing(reason.to_owned()))
        }
        Ok(412) => Err(PutError::Taken),
        Ok(status) => {
            let reason = format!("the bucket answered with status {status}");
            // 409: the one before, whose answer was lost, is still being handled.
            Err(if matches!(status, 408 | 409 | 429 | 500..) {
                PutError::Passing(reason)
            } else {
                PutError::Lasting(reason)
            })
        }
    }
}
