//! The top: name, badge, actions.

use contract::api::Operation;
use web_sys::{File, HtmlInputElement};
use yew::prelude::*;

use super::{
    badge::Badge,
    icon::{Icon, icon},
    operations::Operations,
};
use crate::model::{state::Link, theme::Theme};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) link: Link,
    pub(crate) data_at: Option<f64>,
    pub(crate) theme: Theme,
    pub(crate) signed_in: bool,
    pub(crate) testing: bool,
    pub(crate) operations: Vec<Operation>,
    pub(crate) switch_theme: Callback<()>,
    pub(crate) upload: Callback<Vec<(String, File)>>,
    pub(crate) test: Callback<()>,
    pub(crate) purge: Callback<()>,
    pub(crate) sign_in: Callback<()>,
}

#[component]
pub(crate) fn Header(props: &Props) -> Html {
    let input = use_node_ref();
    let choose = {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                input.click();
            }
        })
    };
    let chosen = {
        let (input, upload) = (input.clone(), props.upload.clone());
        Callback::from(move |_: Event| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                if let Some(files) = input.files() {
                    let files = (0..files.length()).filter_map(|index| files.get(index));
                    upload.emit(files.map(|file| (file.name(), file)).collect());
                }
                // So that the same file can be chosen again.
                input.set_value("");
            }
        })
    };
    let accept = contract::VIDEO_EXTENSIONS
        .map(|extension| format!(".{extension}"))
        .join(",");
    let (theme_icon, theme_label) = match props.theme {
        Theme::Light => (Icon::Moon, "Dark theme"),
        Theme::Dark => (Icon::Sun, "Light theme"),
    };
    let sign_in_label = if props.signed_in {
        "Signed in"
    } else {
        "Sign in"
    };
    let (test_icon, test_label) = if props.testing {
        (Icon::Spinner, "Testing…")
    } else {
        (Icon::Test, "Test pipeline")
    };
    let button = |kind: &'static str,
                  shape: Icon,
                  label: &'static str,
                  act: Callback<MouseEvent>,
                  disabled: bool| {
        html! {
            // Not `disabled`, which would take the focus away from whoever pressed it.
            <button type="button" class={classes!("button", kind)} onclick={act} aria-disabled={disabled.to_string()} title={label}>
                { icon(shape) }<span class="label">{ label }</span>
            </button>
        }
    };
    html! {
        <header class="top">
            <a class="skip" href="#gallery">{ "Skip to the thumbnails" }</a>
            <div class="brand">
                <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
                    <rect x="2" y="6" width="28" height="20" rx="5" />
                    <path d="M8 11v10M16 11v10M24 11v10" />
                </svg>
                <h1>{ "thumbcore" }</h1>
            </div>
            <Badge link={props.link.clone()} data_at={props.data_at} />
            <div class="actions">
                <input
                    ref={input}
                    type="file"
                    id="files"
                    class="hidden"
                    multiple=true
                    {accept}
                    tabindex="-1"
                    aria-label="Videos to upload"
                    onchange={chosen}
                />
                { button("primary", Icon::Upload, "Upload", choose, false) }
                { button("", test_icon, test_label, props.test.reform(|_| ()), props.testing) }
                { button("", Icon::Purge, "Purge", props.purge.reform(|_| ()), false) }
                { button("quiet", Icon::Key, sign_in_label, props.sign_in.reform(|_| ()), false) }
                <button
                    type="button"
                    class="button quiet square"
                    aria-label={theme_label}
                    title={theme_label}
                    onclick={props.switch_theme.reform(|_| ())}
                >
                    { icon(theme_icon) }
                </button>
            </div>
            <Operations operations={props.operations.clone()} />
        </header>
    }
}
