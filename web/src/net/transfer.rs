//! Sending a file straight to the bucket, whole or in parts, and telling the API that it is there.

use std::cell::{Cell, RefCell};

use contract::api::{
    CompleteUpload, CompletedPart, UploadHeader, UploadPart, UploadRequest, UploadTarget,
    UploadTicket,
};
use futures::{
    channel::oneshot,
    future::{Either, select},
    lock::Mutex,
    stream::{self, StreamExt, TryStreamExt},
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Blob, File, ProgressEvent, XmlHttpRequest};

use super::{
    api::{Api, ApiError},
    line::{Line, Retries},
};
use crate::model::address::MARGIN_MS;

/// Parts that are sent at the same time: enough to fill a connection, few enough to leave others a
/// share.
const PARTS_AT_ONCE: usize = 3;

/// Why a file is not in the bucket.
pub(crate) enum SendError {
    /// The API did not let it in, or did not answer.
    Api(ApiError),
    /// The bucket did not take it, or the file could not be read.
    Bucket(String),
    /// The bucket has a video of this name.
    Taken,
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

/// Sends `file` under `name`, and tells `progress` how many bytes have arrived. While the network
/// is away it waits. The answer is what [completes](complete) the upload. Dropping this cancels the
/// upload: parts are discarded, and of a file that goes whole the bucket keeps all or nothing.
pub(crate) async fn send(
    line: &Line<'_>,
    (name, file): (String, &File),
    progress: impl Fn(u64),
) -> Result<CompleteUpload, SendError> {
    let request = UploadRequest {
        name,
        size: file.size() as u64,
        // Desktops take .ts for another file type; the API goes by the extension.
        content_type: Some(file.type_()).filter(|kind| kind.starts_with("video/")),
        upload_id: None,
    };
    let ticket = line
        .ask(async || line.api.start_upload(&request).await)
        .await;
    let ticket = ticket.map_err(|error| match error {
        ApiError::Refused { status: 409, .. } => SendError::Taken,
        error => SendError::Api(error),
    })?;
    let mut complete = CompleteUpload {
        key: ticket.key.clone(),
        upload_id: None,
        parts: Vec::new(),
    };
    match ticket.target.clone() {
        UploadTarget::Single { headers, .. } => {
            let ticket = Ticket::new(line, request, ticket);
            let url = async || ticket.url(0).await;
            put_with_retries(line, url, (&headers, file), &progress).await?;
        }
        UploadTarget::Multipart {
            upload_id,
            part_size,
            parts,
        } => {
            complete.upload_id = Some(upload_id.clone());
            let mut unfinished = Unfinished {
                api: line.api.clone(),
                upload: Some(complete.clone()),
            };
            let request = UploadRequest {
                upload_id: Some(upload_id),
                ..request
            };
            let ticket = Ticket::new(line, request, ticket);
            complete.parts = send_parts(&ticket, file, (part_size, &parts), &progress).await?;
            unfinished.upload = None;
        }
    }
    Ok(complete)
}

/// Sends the parts of a file, some at a time.
async fn send_parts(
    ticket: &Ticket<'_>,
    file: &File,
    (part_size, parts): (u64, &[UploadPart]),
    progress: &impl Fn(u64),
) -> Result<Vec<CompletedPart>, SendError> {
    let sent = RefCell::new(vec![0; parts.len()]);
    let sent = &sent;
    let uploads = parts.iter().enumerate().map(|(index, part)| async move {
        let start = index as f64 * part_size as f64;
        let slice = file
            .slice_with_f64_and_f64(start, start + part.size as f64)
            .map_err(|_| "the file cannot be read".to_owned())?;
        let url = async || ticket.url(index).await;
        let etag = put_with_retries(ticket.line, url, (&[], &slice), |bytes| {
            let mut sent = sent.borrow_mut();
            sent[index] = bytes;
            progress(sent.iter().sum());
        })
        .await?;
        let etag = etag.ok_or_else(|| "the bucket's CORS rules do not expose ETag".to_owned())?;
        Ok::<_, SendError>(CompletedPart {
            number: part.number,
            etag,
        })
    });
    stream::iter(uploads)
        .buffered(PARTS_AT_ONCE)
        .try_collect()
        .await
}

/// The URLs of an upload, which are renewed before they end.
struct Ticket<'a> {
    line: &'a Line<'a>,
    /// Asks for URLs of the same upload.
    request: UploadRequest,
    current: Mutex<UploadTicket>,
}

impl<'a> Ticket<'a> {
    fn new(line: &'a Line<'a>, request: UploadRequest, ticket: UploadTicket) -> Self {
        Self {
            line,
            request,
            current: Mutex::new(ticket),
        }
    }

    /// The URL of a part, or of the whole file, that does not end soon unless the API has no later
    /// one.
    async fn url(&self, part: usize) -> Result<String, ApiError> {
        // Held while URLs are asked for: parts that are sent side by side ask once.
        let mut current = self.current.lock().await;
        let ends_at = js_sys::Date::parse(&current.expires_at);
        if ends_at < js_sys::Date::now() + MARGIN_MS {
            let ask = async || self.line.api.start_upload(&self.request).await;
            *current = self.line.ask(ask).await?;
        }
        let url = match &current.target {
            UploadTarget::Single { url, .. } => Some(url),
            UploadTarget::Multipart { parts, .. } => parts.get(part).map(|part| &part.url),
        };
        url.cloned()
            .ok_or_else(|| ApiError::Unreadable("a part has no URL".to_owned()))
    }
}

/// Completes the upload of a file of `size` bytes. With `in_doubt` this was asked for before, and
/// the answer is lost.
pub(crate) async fn complete(
    line: &Line<'_>,
    sent: &CompleteUpload,
    size: u64,
    in_doubt: bool,
) -> Result<(), SendError> {
    let in_doubt = Cell::new(in_doubt);
    let once = async || {
        let answer = line.api.complete_upload(sent).await;
        match answer {
            Err(ApiError::Refused {
                status: 404 | 409, ..
            }) if in_doubt.get() => {
                // Parts can be joined once only: this asks whether the video is there.
                let whole = CompleteUpload {
                    key: sent.key.clone(),
                    upload_id: None,
                    parts: Vec::new(),
                };
                line.api.complete_upload(&whole).await
            }
            answer => {
                in_doubt.update(|before| before || answer.is_err());
                answer
            }
        }
    };
    let done = line.ask(once).await?;
    if done.size == size {
        return Ok(());
    }
    Err(SendError::Taken)
}

/// Has the API discard the parts of an upload, unless the upload was sent whole.
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

/// Why a `PUT` failed.
enum PutError {
    /// The answer is lost, or the bucket is busy: a retry may help.
    Passing(String),
    /// The bucket has such an object already.
    Taken,
    /// A retry cannot help.
    Lasting(String),
}

/// Sends `body` to a URL that `url` gives for each attempt, and retries where that may help, or
/// when the network is back.
/// Returns the `ETag` of the answer.
async fn put_with_retries(
    line: &Line<'_>,
    url: impl AsyncFn() -> Result<String, ApiError>,
    (headers, body): (&[UploadHeader], &Blob),
    progress: impl Fn(u64),
) -> Result<Option<String>, SendError> {
    let mut retries = Retries::default();
    let mut tried_before = false;
    loop {
        match put(&url().await?, headers, body, &progress).await {
            Ok(etag) => return Ok(etag),
            // The answer to the attempt before was lost. Completing compares the sizes.
            Err(PutError::Taken) if tried_before => return Ok(None),
            Err(PutError::Taken) => return Err(SendError::Taken),
            Err(PutError::Lasting(reason)) => return Err(reason.into()),
            Err(PutError::Passing(reason)) => {
                if !retries.wait(line).await {
                    return Err(reason.into());
                }
            }
        }
        tried_before = true;
    }
}

/// A request that is aborted when dropped.
struct Request(XmlHttpRequest);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.set_onloadend(None);
        // Fails only where the request has ended.
        let _ = self.0.abort();
    }
}

/// Sends one `PUT` and returns the `ETag` of the answer. Uses `XMLHttpRequest`, as `fetch` does not
/// tell how much is sent.
async fn put(
    url: &str,
    headers: &[UploadHeader],
    body: &Blob,
    progress: impl Fn(u64),
) -> Result<Option<String>, PutError> {
    let broken = |_| PutError::Lasting("the browser cannot send it".to_owned());
    let request = Request(XmlHttpRequest::new().map_err(broken)?);
    request.0.open("PUT", url).map_err(broken)?;
    for UploadHeader { name, value } in headers {
        request.0.set_request_header(name, value).map_err(broken)?;
    }
    let (mut sent, mut progressed) = futures::channel::mpsc::channel(1);
    let on_progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        // Full: the last figure was not read yet, and the end is told otherwise.
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
            // 409: the bucket still handles the attempt before.
            Err(if matches!(status, 408 | 409 | 429 | 500..) {
                PutError::Passing(reason)
            } else {
                PutError::Lasting(reason)
            })
        }
    }
}
