//! Sending a file straight to the bucket, whole or in parts.

use contract::api::{CompleteUpload, CompletedPart, UploadRequest, UploadTarget};
use futures::channel::oneshot;
use futures::future::{Either, select};
use futures::stream::{self, StreamExt, TryStreamExt};
use gloo_timers::future::sleep;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Blob, File, ProgressEvent, XmlHttpRequest};

use super::api::{Api, ApiError};

/// Parts on their way at once: enough to fill a line, few enough to leave others some of it.
const PARTS_AT_ONCE: usize = 3;
/// Waits before a part is tried again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// What happens on the way.
pub(crate) enum Progress {
    /// Bytes that were sent.
    Sent(u64),
    /// All of them; the bucket puts them together.
    Completing,
}

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

/// Sends `file`, and is cancelled by dropping: then nothing of it is left in the bucket, or, while
/// it completes, what the lifecycle rule removes.
pub(crate) async fn send(
    api: &Api,
    file: &File,
    progress: impl Fn(Progress),
) -> Result<(), SendError> {
    let request = UploadRequest {
        name: file.name(),
        size: file.size() as u64,
        // Desktops take .ts for other things; the API knows better.
        content_type: Some(file.type_()).filter(|kind| kind.starts_with("video/")),
    };
    let ticket = api.start_upload(&request).await?;
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
            put(&url, headers, file, |sent| progress(Progress::Sent(sent))).await?;
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
                    let etag = persist(&part.url, &slice, |bytes| {
                        let mut sent = sent.borrow_mut();
                        sent[index] = bytes;
                        progress(Progress::Sent(sent.iter().sum()));
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
    progress(Progress::Completing);
    api.complete_upload(&complete).await?;
    Ok(())
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

async fn persist(url: &str, part: &Blob, progress: impl Fn(u64)) -> Result<Option<String>, String> {
    for pause in PAUSES {
        if let Ok(etag) = put(url, Vec::new(), part, &progress).await {
            return Ok(etag);
        }
        sleep(pause).await;
    }
    put(url, Vec::new(), part, &progress).await
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

/// One `PUT`; its answer's `ETag`. `fetch` does not tell how much is sent, so this is the older way.
async fn put(
    url: &str,
    headers: Vec<(String, String)>,
    body: &Blob,
    progress: impl Fn(u64),
) -> Result<Option<String>, String> {
    let broken = |_| "the browser cannot send it".to_owned();
    let request = Request(XmlHttpRequest::new().map_err(broken)?);
    request.0.open("PUT", url).map_err(broken)?;
    for (name, value) in headers {
        request
            .0
            .set_request_header(&name, &value)
            .map_err(broken)?;
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
            Err("the bucket cannot be reached, or its CORS rules forbid it".to_owned())
        }
        Ok(status) => Err(format!("the bucket answered with status {status}")),
    }
}
