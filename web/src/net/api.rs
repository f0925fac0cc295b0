//! The API's HTTP routes, by addresses relative to the page: a proxy may put a prefix before both.

use contract::{
    Manifest, PictureName,
    api::{
        ChoosePicture, CompleteUpload, Dismiss, Dismissed, Failures, Metrics, OriginalLink, Pod,
        Problem, Purged, Queue, Redrive, Redriven, SourceState, TestQueued, Thumbnail, Update,
        UploadCompleted, UploadRequest, UploadTicket, Video,
    },
};
use gloo_net::http::{Headers, Method, Request, RequestBuilder, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use web_sys::AbortController;

pub(crate) use super::error::{ApiError, Result};
use crate::model::{
    filter::{Filter, Sort},
    storyboard::Storyboard,
};

/// Thumbnails a page.
const PAGE: u32 = 200;

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// Slashes stay: a key in a path is several segments.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// One page of thumbnails, and the cursor of the next.
pub(crate) struct Page {
    pub(crate) thumbnails: Vec<Thumbnail>,
    pub(crate) next: Option<String>,
}

/// Which frame of a video is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameMode {
    /// The frame that is shown at the time.
    Exact,
    /// The nearest keyframe, which takes much less work to decode.
    Keyframe,
}

/// A frame of a video.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The picture, a JPEG.
    pub(crate) content: web_sys::Blob,
    /// The time of the picture, in seconds.
    pub(crate) seconds: f64,
}

/// The API, as the person who is signed in.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Api {
    /// The token of the person who is signed in.
    pub(crate) token: Option<String>,
}

impl Api {
    /// The whole state by HTTP: what the WebSocket says on connect.
    pub(crate) async fn state(&self) -> Result<Update> {
        let metrics: Metrics = self.get("api/metrics").await?;
        let queue: Queue = self.get("api/queue").await?;
        let newest: Vec<Thumbnail> = self.get("api/thumbnails").await?;
        // Without a cluster the route answers with an error, which the console would show.
        let pods: Option<Vec<Pod>> = match metrics.sources.pods.state {
            SourceState::Available => self.get("api/pods").await.ok(),
            _ => None,
        };
        Ok(Update {
            metrics: Some(metrics),
            queue: Some(queue),
            pods,
            thumbnails: Some(newest),
            acts: self.get("api/acts").await.ok(),
            operation: None,
        })
    }

    pub(crate) async fn thumbnails(&self, filter: &Filter, cursor: Option<&str>) -> Result<Page> {
        let mut url = format!("api/thumbnails?limit={PAGE}");
        let mut add = |name: &str, value: &str| {
            url.extend(["&", name, "="]);
            url.extend(utf8_percent_encode(value, COMPONENT));
        };
        if let Some(frame) = filter.frame() {
            add("frame", &frame.to_string());
        }
        if !filter.text.is_empty() {
            add("search", &filter.text);
        }
        if filter.sort != Sort::default() {
            add("sort", filter.sort.name());
        }
        if let Some(cursor) = cursor {
            add("cursor", cursor);
        }
        let response = self.send(Method::GET, &url, None::<&()>).await?;
        let next = response
            .headers()
            .get("link")
            .and_then(|link| next_cursor(&link));
        Ok(Page {
            thumbnails: read(response).await?,
            next,
        })
    }

    pub(crate) async fn video(&self, manifest_key: &str) -> Result<Video> {
        let key = utf8_percent_encode(manifest_key, PATH);
        let url = format!("api/videos/{key}");
        video(self.send(Method::GET, &url, None::<&()>).await?).await
    }

    /// A frame of a video. Dropping this aborts the request.
    pub(crate) async fn frame(
        &self,
        manifest: &Manifest,
        seconds: f64,
        width: u32,
        mode: FrameMode,
    ) -> Result<Frame> {
        let key = utf8_percent_encode(&manifest.source_key, COMPONENT);
        let mode = match mode {
            FrameMode::Exact => "exact",
            FrameMode::Keyframe => "keyframe",
        };
        let url = format!("api/frame?key={key}&t={seconds:.3}&w={width}&mode={mode}");
        let (content, headers) = self.picture(&url).await?;
        let time = headers.get("x-frame-time");
        Ok(Frame {
            content,
            seconds: time.and_then(|time| time.parse().ok()).unwrap_or(seconds),
        })
    }

    /// A link to a video as it was uploaded.
    pub(crate) async fn original(&self, key: &str) -> Result<OriginalLink> {
        let key = utf8_percent_encode(key, COMPONENT);
        self.get(&format!("api/original?key={key}")).await
    }

    /// The storyboard of a video, by the name that its pictures' keys begin with. The URLs of its
    /// sheets are S3's, or relative to the storyboard's own: those of a storyboard that the API
    /// has made for this question.
    pub(crate) async fn storyboard(&self, name: &str) -> Result<Storyboard> {
        self.get(&part_url(name, "storyboard.json")).await
    }

    /// A sheet whose URL is relative to its storyboard's.
    pub(crate) async fn sheet(&self, name: &str, file: &str) -> Result<web_sys::Blob> {
        let (content, _) = self.picture(&part_url(name, file)).await?;
        Ok(content)
    }

    /// The picture at `url`. Dropping this aborts the request.
    async fn picture(&self, url: &str) -> Result<(web_sys::Blob, Headers)> {
        let abort = AbortOnDrop(AbortController::new().ok());
        let signal = abort.0.as_ref().map(AbortController::signal);
        let request = self.request(Method::GET, url).abort_signal(signal.as_ref());
        let response = fetch(request.build()).await?;
        let content = response.binary().await;
        let content = content.map_err(|error| unreadable(&error))?;
        let array = js_sys::Array::of1(&js_sys::Uint8Array::from(content.as_slice()));
        let content = web_sys::Blob::new_with_u8_array_sequence(&array)
            .map_err(|_| ApiError::Unreadable("no picture".to_owned()))?;
        Ok((content, response.headers()))
    }

    /// Has a picture of a video be what the video shows at a time, or, without one, what the worker
    /// chose. The video is named as for its storyboard.
    pub(crate) async fn choose(
        &self,
        name: &str,
        picture: PictureName,
        seconds: Option<f64>,
    ) -> Result<Video> {
        let url = part_url(name, &format!("thumbnails/{picture}"));
        let body = seconds.map(|time_s| ChoosePicture { time_s });
        let method = body.map_or(Method::DELETE, |_| Method::PUT);
        video(self.send(method, &url, body.as_ref()).await?).await
    }

    pub(crate) async fn failures(&self) -> Result<Failures> {
        self.get("api/failures").await
    }

    pub(crate) async fn redrive(&self, redrive: &Redrive) -> Result<Redriven> {
        let url = "api/failures/redrive";
        read(self.send(Method::POST, url, Some(redrive)).await?).await
    }

    pub(crate) async fn dismiss(&self, dismiss: &Dismiss) -> Result<Dismissed> {
        let url = "api/failures/dismiss";
        read(self.send(Method::POST, url, Some(dismiss)).await?).await
    }

    pub(crate) async fn test(&self) -> Result<TestQueued> {
        read(self.send(Method::POST, "api/test", None::<&()>).await?).await
    }

    pub(crate) async fn purge(&self, dry_run: bool) -> Result<Purged> {
        let url = if dry_run {
            "api/purge?dryRun=true"
        } else {
            "api/purge"
        };
        read(self.send(Method::DELETE, url, None::<&()>).await?).await
    }

    pub(crate) async fn start_upload(&self, request: &UploadRequest) -> Result<UploadTicket> {
        read(
            self.send(Method::POST, "api/uploads", Some(request))
                .await?,
        )
        .await
    }

    pub(crate) async fn complete_upload(&self, upload: &CompleteUpload) -> Result<UploadCompleted> {
        let url = "api/uploads/complete";
        read(self.send(Method::POST, url, Some(upload)).await?).await
    }

    pub(crate) async fn cancel_upload(&self, upload: &CompleteUpload) -> Result<()> {
        self.send(Method::DELETE, "api/uploads", Some(upload))
            .await
            .map(drop)
    }

    /// Whether the API takes the token.
    pub(crate) async fn check(&self) -> Result<()> {
        let answer = self.send(Method::GET, "api/access", None::<&()>).await;
        answer.map(drop)
    }

    /// Whether anything answers for the API.
    pub(crate) async fn is_reachable(&self) -> bool {
        let answer = Self::default()
            .send(Method::GET, "health", None::<&()>)
            .await;
        !matches!(answer, Err(ApiError::Unreachable | ApiError::Gateway(_)))
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T> {
        read(self.send(Method::GET, url, None::<&()>).await?).await
    }

    async fn send<B: Serialize>(
        &self,
        method: Method,
        url: &str,
        body: Option<&B>,
    ) -> Result<Response> {
        let request = self.request(method, url);
        let request = match body {
            Some(body) => request.json(body),
            None => request.build(),
        };
        fetch(request).await
    }

    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let request = RequestBuilder::new(url).method(method);
        match &self.token {
            Some(token) => request.header("authorization", &format!("Bearer {token}")),
            None => request,
        }
    }
}

fn part_url(name: &str, part: &str) -> String {
    format!("api/videos/{}/{part}", utf8_percent_encode(name, PATH))
}

/// Whether a token can be sent: a header takes visible ASCII only, and the browser's refusal would
/// panic.
pub(crate) fn is_sendable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Aborts a request when dropped. A request that was answered is left alone.
struct AbortOnDrop(Option<AbortController>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

async fn fetch(request: std::result::Result<Request, gloo_net::Error>) -> Result<Response> {
    let response = request
        .map_err(|error| unreadable(&error))?
        .send()
        .await
        .map_err(|_| ApiError::Unreachable)?;
    if response.ok() {
        Ok(response)
    } else {
        Err(refused(response).await)
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T> {
    response.json().await.map_err(|error| unreadable(&error))
}

async fn video(response: Response) -> Result<Video> {
    let text = response.text().await.map_err(|error| unreadable(&error))?;
    Video::from_json(&text).map_err(|error| ApiError::Unreadable(error.to_string()))
}

fn unreadable(error: &gloo_net::Error) -> ApiError {
    ApiError::Unreadable(error.to_string())
}

async fn refused(response: Response) -> ApiError {
    let status = response.status();
    if status == 401 {
        return ApiError::SignIn;
    }
    // The API answers with a problem document; a proxy answers with a page.
    match response.json::<Problem>().await {
        Ok(problem) => ApiError::Refused {
            status,
            reason: problem.detail.unwrap_or(problem.title),
        },
        Err(_) => ApiError::Gateway(status),
    }
}

/// The cursor in `<…?cursor=X&…>; rel="next"`.
fn next_cursor(link: &str) -> Option<String> {
    let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    let (_, rest) = next.split_once("cursor=")?;
    let end = rest.find(['&', '>']).unwrap_or(rest.len());
    let cursor = percent_encoding::percent_decode_str(&rest[..end]);
    cursor.decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_visible_ascii() {
        assert!(is_sendable("AbC-123+/=~"));
        for token in ["", "a b", "pässword", "日本", "a\u{7f}", "a\nb"] {
            assert!(!is_sendable(token), "{token:?}");
        }
    }

    #[test]
    fn the_next_page_is_in_the_link_header() {
        let link = "<?limit=5>; rel=\"first\", <?cursor=a%2Fb%3D&limit=5>; rel=\"next\"";
        assert_eq!(next_cursor(link).as_deref(), Some("a/b="));
        assert_eq!(
            next_cursor("</x?limit=5&cursor=7>; rel=\"next\"").as_deref(),
            Some("7")
        );
        assert_eq!(next_cursor("</x?cursor=7>; rel=\"prev\""), None);
    }
}
