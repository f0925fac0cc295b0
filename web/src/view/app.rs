//! The whole page.

use std::rc::Rc;

use contract::api::{Source, Sources, Thumbnail};
use yew::prelude::*;

use super::{
    chart::QueueChart,
    detail::Detail,
    dropzone::Dropzone,
    failures::Failures,
    gallery::Gallery,
    header::Header,
    notices::Notices,
    pods::Pods,
    purge::Purge,
    session::Session,
    sign_in::{self, SignIn},
    theme::use_theme,
    tiles::Tiles,
    tray::{Tray, use_uploads},
};
use crate::{
    model::{
        format,
        state::{Link, State},
    },
    net::{api::Api, socket},
    scene::Scene,
};

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
    let sign_ins = use_state(|| 0_u32);
    // Handles tell the state of the moment, not of the drawing that made them.
    let signed = {
        let (token, sign_ins) = (token.clone(), sign_ins.clone());
        use_callback((), move |signed: Option<String>, ()| {
            sign_in::store(signed.as_deref());
            if signed.is_some() {
                sign_ins.set(*sign_ins + 1);
            }
            token.set(signed);
        })
    };
    let forget_token = {
        let token = token.clone();
        use_callback(signed.clone(), move |refused: Rc<Api>, signed| {
            if *token == refused.token {
                signed.emit(None);
            }
        })
    };
    let uploads = use_uploads(&api, forget_token.clone());
    let sign_in = use_callback(signing_in.setter(), |(), signing_in| signing_in.set(true));
    let session = Session {
        api,
        dispatch,
        sign_in: sign_in.clone(),
        forget_token,
        sign_ins: *sign_ins,
        recoveries: state.recoveries,
    };

    let test = use_callback(
        (session.clone(), testing.clone()),
        |(), (session, testing)| {
            if **testing {
                return;
            }
            let (session, testing) = (session.clone(), testing.clone());
            testing.set(true);
            wasm_bindgen_futures::spawn_local(async move {
                match session.api.test().await {
                    Ok(test) => {
                        let mut text = format!("{} queued", format::plural(test.queued, "video"));
                        for (count, what) in
                            [(test.skipped, "skipped"), (test.failed, "not copied")]
                        {
                            if count > 0 {
                                text = format!("{text}, {} {what}", format::count(count));
                            }
                        }
                        let text = format!("Test: {text}.");
                        if test.failed > 0 {
                            session.warn(text);
                        } else {
                            session.tell(text);
                        }
                    }
                    Err(error) => session.failed("The test", &error),
                }
                testing.set(false);
            });
        },
    );
    let purge = use_callback(open.setter(), |(), open| open.set(Open::Purge));
    let show = use_callback(open.setter(), |video, open| open.set(Open::Video(video)));
    let close = use_callback(open.setter(), |(), open| open.set(Open::None));
    let close_sign_in = use_callback(signing_in.setter(), |(), signing_in| signing_in.set(false));

    let metrics = &state.metrics;
    let source = |of: fn(&Sources) -> &Source| metrics.as_deref().map(|m| of(&m.sources).clone());
    html! {
        <ContextProvider<Session> context={session}>
            <a class="skip" href="#gallery">{ "Skip to the thumbnails" }</a>
            <Header
                link={state.link.clone()}
                data_at={state.data_at}
                {theme}
                signed_in={token.is_some()}
                testing={*testing}
                {switch_theme}
                upload={uploads.add.clone()}
                operations={state.operations.clone()}
                {test}
                {purge}
                {sign_in}
            />
            <main>
                <div class="stage">
                    <Scene metrics={metrics.clone()} flow={state.flow} {theme} />
                    <QueueChart queue={state.queue.clone()} source={source(|sources| &sources.queue)} />
                </div>
                <Tiles
                    metrics={metrics.clone()}
                    outdated={matches!(state.link, Link::Down { polling: false, .. })}
                />
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
                    source={source(|sources| &sources.bucket)}
                    open={show}
                />
            </main>
            <div class="floating">
                <Notices notices={state.notices.clone()} />
                <Tray
                    uploads={uploads.list}
                    cancel={uploads.cancel}
                    retry={uploads.retry}
                    clear={uploads.clear}
                />
            </div>
            <Dropzone upload={uploads.add} />
            { match &*open {
                Open::None => Html::default(),
                Open::Purge => html! { <Purge close={close} /> },
                Open::Video(thumbnail) => html! { <Detail thumbnail={thumbnail.clone()} close={close} /> },
            } }
            if *signing_in {
                <SignIn signed_in={token.is_some()} close={close_sign_in} {signed} />
            }
        </ContextProvider<Session>>
    }
}
