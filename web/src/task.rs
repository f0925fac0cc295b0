//! Work that ends with whoever wants it.

use futures::future::{AbortHandle, Abortable};

/// Work that goes on beside the page. Dropping this gives it up.
pub(crate) struct Task(AbortHandle);

impl Task {
    pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) -> Self {
        let (abort, registration) = AbortHandle::new_pair();
        wasm_bindgen_futures::spawn_local(async move {
            // Given up or done: nobody is told.
            let _ = Abortable::new(work, registration).await;
        });
        Self(abort)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
