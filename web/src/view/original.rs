//! A link to the video itself, for whoever may act.

use contract::api::OriginalLink;
use gloo_timers::callback::Timeout;
use yew::prelude::*;

use super::{
    icon::{Icon, icon},
    session::use_session,
};
use crate::{model::format, page};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    /// The video's key.
    pub(crate) of: String,
}

#[component]
pub(crate) fn Original(props: &Props) -> Html {
    let session = use_session();
    let link = use_state(|| None::<OriginalLink>);
    let asking = use_state_eq(|| false);
    let ask = {
        let (session, key) = (session.clone(), props.of.clone());
        let (link, asking) = (link.setter(), asking.clone());
        Callback::from(move |_: MouseEvent| {
            if *asking {
                return;
            }
            asking.set(true);
            let (session, key) = (session.clone(), key.clone());
            let (link, asking) = (link.clone(), asking.clone());
            wasm_bindgen_futures::spawn_local(async move {
                match session.api.original(&key).await {
                    Ok(answer) => link.set(Some(answer)),
                    Err(error) => session.failed("The link to the original", &error),
                }
                asking.set(false);
            });
        })
    };
    use_end(&link);
    let Some(found) = &*link else {
        return html! {
            <p class="original">
                <button type="button" class="button small" aria-disabled={asking.to_string()} onclick={ask}>
                    { icon(Icon::Download) }{ "Link to the original" }
                </button>
            </p>
        };
    };
    let ends = js_sys::Date::parse(&found.expires_at);
    let copy = {
        let url = found.url.clone();
        Callback::from(move |_: MouseEvent| session.copy("link to the original", url.clone()))
    };
    html! {
        <p class="original" role="status">
            // A tab of its own, which the download closes: what the store says of a link that has
            // ended does not take the dashboard's place.
            <a class="button small" href={found.url.clone()} target="_blank" rel="noreferrer">
                { icon(Icon::Download) }{ "Download the original" }
            </a>
            <button type="button" class="button small" onclick={copy}>
                { icon(Icon::Copy) }{ "Copy its link" }
            </button>
            <span class="card-note">
                { "Anyone who has the link may read the video until " }
                <time datetime={found.expires_at.clone()}>{ page::local_time(ends) }</time>
                { format!(", for {}.", format::span((ends - js_sys::Date::now()) / 1000.0)) }
            </span>
        </p>
    }
}

/// Forgets the link when it ends.
#[hook]
fn use_end(link: &UseStateHandle<Option<OriginalLink>>) {
    let ends = link.as_ref().map(|link| link.expires_at.clone());
    let link = link.setter();
    use_effect_with(ends, move |ends| {
        let left = ends
            .as_ref()
            .map(|ends| js_sys::Date::parse(ends) - js_sys::Date::now());
        let timer = left
            .filter(|left| left.is_finite())
            .map(|left| Timeout::new(left.max(0.0) as u32, move || link.set(None)));
        move || drop(timer)
    });
}
