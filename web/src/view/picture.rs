//! Pictures from the bucket, and looking for those again that could not be had.

use std::cell::Cell;

use gloo_timers::future::TimeoutFuture;
use yew::prelude::*;

use super::session::use_session;
use crate::{model::backoff, task::Task};

/// Calls `again` while something is missing: when the API or the bucket comes back, and, where
/// nobody tells that, after ever longer pauses.
#[hook]
pub(crate) fn use_another_try(is_missing: bool, again: Callback<()>) {
    let session = use_session();
    let tries = use_memo((), |()| Cell::new(0_u32));
    {
        let again = again.clone();
        use_effect_with(session.recoveries, move |_| {
            if is_missing {
                again.emit(());
            }
        });
    }
    use_effect_with(is_missing, move |is_missing| {
        let task = is_missing.then(|| {
            Task::spawn(async move {
                loop {
                    let pause = backoff::picture_pause(tries.get());
                    TimeoutFuture::new(pause).await;
                    tries.update(|tries| tries + 1);
                    again.emit(());
                }
            })
        });
        move || drop(task)
    });
}

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) url: AttrValue,
    pub(crate) alt: AttrValue,
}

/// A picture; words where it cannot be had. It is fetched again when what kept it away is over.
#[component]
pub(crate) fn Picture(props: &Props) -> Html {
    let is_missing = use_state_eq(|| false);
    let again = {
        let is_missing = is_missing.setter();
        use_callback((), move |(), ()| is_missing.set(false))
    };
    {
        let again = again.clone();
        use_effect_with(props.url.clone(), move |_| again.emit(()));
    }
    use_another_try(*is_missing, again);
    let failed = {
        let is_missing = is_missing.setter();
        Callback::from(move |_: Event| is_missing.set(true))
    };
    html! {
        if *is_missing {
            <span class="gone">{ "no picture" }</span>
        } else {
            <img src={props.url.clone()} alt={props.alt.clone()} onerror={failed} />
        }
    }
}
