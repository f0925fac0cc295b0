//! The whole page.

use std::rc::Rc;

use contract::api::{Source, SourceState, Sources};
use yew::prelude::*;

use super::{
    acts::Acts,
    chart::QueueChart,
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
        location::Dialog,
        state::{Link, State},
    },
    net::{api::Api, renewal::Renewals, socket},
    page::history::use_places,
    scene::Scene,
};

#[component]
pub(crate) fn App() -> Html {
    let state = use_reducer(State::default);
    let token = use_state(sign_in::stored);
    let places = use_places();
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
    let renewals = use_memo((), |()| Renewals::default());
    let uploads = use_uploads(&api, forget_token.clone());
    let sign_in = use_callback(signing_in.setter(), |(), signing_in| signing_in.set(true));
    let session = Session {
        api,
        dispatch,
        sign_in: sign_in.clone(),
        forget_token,
        sign_ins: *sign_ins,
        recoveries: state.recoveries,
        renewals: (*renewals).clone(),
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
    let purge = use_callback(places.clone(), |(), places| places.open(Dialog::Purge));
    let close = use_callback(places.clone(), |(), places| places.close());
    let close_sign_in = use_callback(signing_in.setter(), |(), signing_in| signing_in.set(false));

    let metrics = &state.metrics;
    // The first figures decide which parts there are, and so where the others lie.
    let is_placed = metrics.is_some() || matches!(state.link, Link::Down(_));
    let source = |of: fn(&Sources) -> &Source| metrics.as_deref().map(|m| of(&m.sources).clone());
    html! {
        <ContextProvider<Session> context={session}>
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
            <main class={classes!((!is_placed).then_some("unplaced"))}>
                <div class="stage">
                    <Scene metrics={metrics.clone()} flow={state.flow} {theme} />
                    <QueueChart queue={state.queue.clone()} source={source(|sources| &sources.queue)} />
                </div>
                <Tiles
                    metrics={metrics.clone()}
                    outdated={matches!(state.link, Link::Down(_))}
                />
                <div class="pair">
                    // Without a cluster there is nothing to say.
                    if !metrics.as_ref().is_some_and(|m| m.sources.pods.state == SourceState::Absent) {
                        <Pods pods={state.pods.clone()} source={source(|sources| &sources.pods)} />
                    }
                    <Failures
                        count={metrics.as_ref().and_then(|metrics| metrics.videos_failed)}
                        source={source(|sources| &sources.dlq)}
                    />
                </div>
                if let Some(acts) = &state.acts {
                    <Acts acts={acts.clone()} />
                }
                <Gallery
                    newest={state.thumbnails.clone()}
                    metrics={metrics.clone()}
                    places={places.clone()}
                />
            </main>
            <div class="floating">
                <Notices notices={state.notices.clone()} />
                <Tray uploads={uploads.list} act={uploads.act} />
            </div>
            <Dropzone upload={uploads.add} />
            if places.place().dialog == Dialog::Purge {
                <Purge close={close} />
            }
            if *signing_in {
                <SignIn signed_in={token.is_some()} close={close_sign_in} {signed} />
            }
        </ContextProvider<Session>>
    }
}
