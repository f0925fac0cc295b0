//! Files may be dropped anywhere on the page.

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, Event, File};
use yew::prelude::*;

use super::{
    icon::{Icon, icon},
    session::use_session,
};
use crate::page::{self, dropped::Dropped};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) upload: Callback<Vec<(String, File)>>,
}

/// Shows itself while files are dragged over the window.
#[component]
pub(crate) fn Dropzone(props: &Props) -> Html {
    let over = use_state(|| false);
    let session = use_session();
    {
        let over = over.setter();
        use_effect_with((props.upload.clone(), session), move |(upload, session)| {
            let (upload, session) = (upload.clone(), session.clone());
            let handle = move |event: &Event| {
                let Some(drag) = event.dyn_ref::<DragEvent>().filter(|drag| has_files(drag)) else {
                    return;
                };
                // The browser would leave the page and show the file.
                drag.prevent_default();
                // What is behind a dialog takes nothing, and tells nothing.
                if page::has_dialog() {
                    return;
                }
                match drag.type_().as_str() {
                    "dragenter" | "dragover" => over.set(true),
                    // Leaving the window; between elements there is always a related one.
                    "dragleave" if drag.related_target().is_none() => over.set(false),
                    "drop" => {
                        over.set(false);
                        if let Some(data) = drag.data_transfer() {
                            let dropped = Dropped::of(&data);
                            let (upload, session) = (upload.clone(), session.clone());
                            wasm_bindgen_futures::spawn_local(async move {
                                let files = dropped.files().await;
                                if files.is_empty() {
                                    session.warn(no_video());
                                } else {
                                    upload.emit(files);
                                }
                            });
                        }
                    }
                    _ => {}
                }
            };
            let options = EventListenerOptions::enable_prevent_default();
            let listeners: Vec<_> = web_sys::window()
                .map(|window| {
                    let listen = |name| {
                        EventListener::new_with_options(&window, name, options, handle.clone())
                    };
                    ["dragenter", "dragover", "dragleave", "drop"]
                        .map(listen)
                        .into()
                })
                .unwrap_or_default();
            move || drop(listeners)
        });
    }
    html! {
        if *over {
            <div class="dropzone" role="status">
                <div>{ icon(Icon::Upload) }<p>{ "Drop videos, or folders of videos, to upload them" }</p></div>
            </div>
        }
    }
}

/// What is said of folders without a video.
fn no_video() -> String {
    let known = contract::VIDEO_EXTENSIONS.join(", ");
    format!("No video is in what was dropped; known are {known}.")
}

fn has_files(drag: &DragEvent) -> bool {
    let types = drag.data_transfer().map(|data| data.types());
    types.is_some_and(|types| types.iter().any(|kind| kind == "Files"))
}
