//! Asking the API something that a component shows.

use yew::prelude::*;

use super::{picture::use_another_try, session::use_session};
use crate::{
    net::api::{ApiError, Result},
    task::Task,
};

/// What the API answered, and asking it again.
pub(crate) struct Answer<T> {
    latest: UseStateHandle<Option<Result<T>>>,
    again: UseStateHandle<u32>,
}

impl<T> Answer<T> {
    /// `None` before the first answer. While it is asked again the last one stays.
    pub(crate) fn get(&self) -> Option<&Result<T>> {
        self.latest.as_ref()
    }

    /// Asks again.
    pub(crate) fn again(&self) -> Callback<()> {
        let again = self.again.clone();
        Callback::from(move |()| again.set(*again + 1))
    }

    /// Takes over a later answer that came another way.
    pub(crate) fn set(&self) -> UseStateSetter<Option<Result<T>>> {
        self.latest.setter()
    }

    /// Asks again, for a button.
    pub(crate) fn retry(&self) -> Callback<MouseEvent> {
        self.again().reform(|_| ())
    }
}

/// Asks whenever `key` changes, and again after a failure when the API or a source behind it comes
/// back, someone signs in, or, where a fault may pass, after a while. `ask` may have no question.
/// An answer to an earlier question, or to a component that is gone, is dropped.
#[hook]
pub(crate) fn use_answer<K, T, Q, F>(key: K, ask: Q) -> Answer<T>
where
    K: PartialEq + 'static,
    T: 'static,
    Q: FnOnce(&K) -> Option<F> + 'static,
    F: Future<Output = Result<T>> + 'static,
{
    let session = use_session();
    let latest = use_state(|| None::<Result<T>>);
    let again = use_state(|| 0_u32);
    {
        let (latest, again) = (latest.clone(), again.clone());
        use_effect_with((session.recoveries, session.sign_ins), move |_| {
            if matches!(&*latest, Some(Err(_))) {
                again.set(*again + 1);
            }
        });
    }
    {
        let may_pass = matches!(&*latest, Some(Err(error)) if error.is_lost() || error.is_broken());
        let again = again.clone();
        use_another_try(may_pass, Callback::from(move |()| again.set(*again + 1)));
    }
    {
        let latest = latest.setter();
        use_effect_with((key, *again), move |(key, _)| {
            let task = ask(key).map(|question| {
                Task::spawn(async move {
                    let result = question.await;
                    if let Err(error @ ApiError::SignIn) = &result {
                        session.sign_in_after(error);
                    }
                    latest.set(Some(result));
                })
            });
            move || drop(task)
        });
    }
    Answer { latest, again }
}
