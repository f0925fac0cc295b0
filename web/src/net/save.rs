//! Saving a picture of the bucket as a file.

use gloo_net::http::Request;
use wasm_bindgen::JsCast as _;
use web_sys::{Blob, HtmlAnchorElement, Url};

use crate::page::document;

/// Saves what is at `url` under `name`. A link alone would show it: browsers heed the name only
/// for addresses of the page's own.
///
/// # Errors
/// The bucket does not answer, or its CORS rules forbid it; in words.
pub(crate) async fn save(url: &str, name: &str) -> Result<(), String> {
    let unreachable = "the bucket cannot be reached, or its CORS rules forbid it".to_owned();
    let response = Request::get(url).send().await.map_err(|_| unreachable)?;
    if !response.ok() {
        return Err(format!(
            "the bucket answered with status {}",
            response.status()
        ));
    }
    let content = response.binary().await.map_err(|error| error.to_string())?;
    let array = js_sys::Array::of1(&js_sys::Uint8Array::from(content.as_slice()));
    let blob = Blob::new_with_u8_array_sequence(&array).ok();
    let address = blob.and_then(|blob| Url::create_object_url_with_blob(&blob).ok());
    let link = document().and_then(|document| document.create_element("a").ok());
    let link = link.and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok());
    if let (Some(address), Some(link)) = (address, link) {
        link.set_href(&address);
        link.set_download(name);
        link.click();
        // The browser has begun by now. Fails only where the address does not exist.
        let _ = Url::revoke_object_url(&address);
    }
    Ok(())
}
