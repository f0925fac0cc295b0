//! The whole page.

use std::rc::Rc;

use contract::api::{Source, Sources, Thumbnail};
use yew::prelude::*;

use super::chart::QueueChart;
use super::detail::Detail;
use super::dropzone::Dropzone;
use super::failures::Failures;
use super::gallery::Gallery;
use super::header::Header;
use super::notices::Notices;
use super::pods::Pods;
use super::purge::Purge;
use super::shell::Shell;
use super::sign_in::{self, SignIn};
use super::theme::use_theme;
use super::tiles::Tiles;
use super::tray::{Tray, use_uploads};
use crate::model::format;
use crate::model::state::State;
use crate::model::uploads::UploadAction;
use crate::net::api::Api;
use crate::net::socket;
use crate::scene::Scene;

/// The dialog that is open.
#[derive(Debug, Clone, Default, PartialEq)]
enum Open {
    #[default]
    None,
    Purge,
    Video(Rc<Thumbnail>),
}

#[component]
pub(crate) fn App() -> Html {
    let state = use_reducer(State::default);
    let token = use_state(sign_in::stored);
    let open = use_state(Open::default);
    // Above the others: they may ask for it.
    let signing_in = use_state(|| false);
    let testing = use_state(|| false);
    let (theme, switch_theme) = use_theme();

    let dispatch = {
        let dispatcher = state.dispatcher();
        use_callback((), move |action, ()| dispatcher.dispatch(action))
    };
    {
        let dispatch = dispatch.clone();
        use_effect_with((), move |()| {
            let connection = socket::connect(dispatch);
            move || drop(connection)
        });
    }
    let api = use_memo((*token).clone(), |token| Api {
        token: token.clone(),
    });
    let (uploads, upload, cancel_upload) = use_uploads(&api);
    let sign_in = use_callback(signing_in.setter(), |(), signing_in| signing_in.set(true));
    let shell = Shell {
        api,
        dispatch,
        sign_in: sign_in.clone(),
    };

    let clear_uploads = {
        let dispatcher = uploads.dispatcher();
        use_callback((), move |(), ()| dispatcher.dispatch(UploadAction::Clear))
    };
    let test = use_callback((shell.clone(), testing.setter()), |(), (shell, testing)| {
        let (shell, testing) = (shell.clone(), testing.clone());
        testing.set(true);
        wasm_bindgen_futures::spawn_local(async move {
            match shell.api.test().await {
                Ok(test) => {
                    let mut text = format!("{} queued", format::plural(test.queued, "video"));
                    for (count, what) in [(test.skipped, "skipped"), (test.failed, "not copied")] {
                        if count > 0 {
                            text = format!("{text}, {} {what}", format::count(count));
                        }
                    }
                    let text = format!("Test: {text}.");
                    if test.failed > 0 {
                        shell.warn(text);
                    } else {
                        shell.tell(text);
                    }
                }
                Err(error) => shell.failed("The test did not start", &error),
            }
            testing.set(false);
        });
    });
    let purge = use_callback(open.setter(), |(), open| open.set(Open::Purge));
    let show = use_callback(open.setter(), |video, open| open.set(Open::Video(video)));
    let close = use_callback(open.setter(), |(), open| open.set(Open::None));
    let close_sign_in = use_callback(signing_in.setter(), |(), signing_in| signing_in.set(false));
    let signed = use_callback(token.setter(), |signed: Option<String>, token| {
        sign_in::store(signed.as_deref());
        token.set(signed);
    });

    let metrics = &state.metrics;
    let source = |of: fn(&Sources) -> &Source| metrics.as_deref().map(|m| of(&m.sources).clone());
    html! {
        <ContextProvider<Shell> context={shell}>
            <a class="skip" href="#gallery">{ "Skip to the thumbnails" }</a>
            <Header
                link={state.link.clone()}
                data_at={state.data_at}
                {theme}
                signed_in={token.is_some()}
                testing={*testing}
                {switch_theme}
                upload={upload.clone()}
                {test}
                {purge}
                {sign_in}
            />
            <main>
                <div class="stage">
                    <Scene metrics={metrics.clone()} flow={state.flow} {theme} />
                    <QueueChart queue={state.queue.clone()} source={source(|sources| &sources.queue)} />
                </div>
                <Tiles metrics={metrics.clone()} />
                <div class="pair">
                    <Pods pods={state.pods.clone()} source={source(|sources| &sources.pods)} />
                    <Failures
                        count={metrics.as_ref().and_then(|metrics| metrics.videos_failed)}
                        source={source(|sources| &sources.dlq)}
                    />
                </div>
                <Gallery
                    newest={state.thumbnails.clone()}
                    total={metrics.as_ref().map_or(0, |metrics| metrics.total_thumbnails)}
                    open={show}
                />
            </main>
            <Tray uploads={(*uploads).clone()} cancel={cancel_upload} clear={clear_uploads} />
            <Notices notices={state.notices.clone()} />
            <Dropzone {upload} />
            { match &*open {
                Open::None => Html::default(),
                Open::Purge => html! { <Purge close={close} operation={state.operation.clone()} /> },
                Open::Video(thumbnail) => html! { <Detail thumbnail={thumbnail.clone()} close={close} /> },
            } }
            if *signing_in {
                <SignIn signed_in={token.is_some()} close={close_sign_in} {signed} />
            }
        </ContextProvider<Shell>>
    }
}
