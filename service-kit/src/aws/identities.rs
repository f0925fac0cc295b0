//! Credentials that can be fetched anew before they end.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::{
    ConfigBag, IdentityCache, ResolveCachedIdentity, RuntimeComponents, SharedIdentityCache,
};
use aws_smithy_runtime_api::client::identity::{IdentityFuture, SharedIdentityResolver};

/// The credentials that all clients of one configuration share.
///
/// The SDK keeps credentials until shortly before they end, also where AWS refuses them: after a
/// key was revoked, or in a container whose clock is wrong. [`renew`](Self::renew) makes it ask
/// for others.
#[derive(Debug, Clone)]
pub struct Identities(Arc<Mutex<SharedIdentityCache>>);

impl Default for Identities {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(empty())))
    }
}

impl Identities {
    /// Forgets the credentials: the next request fetches them anew.
    pub fn renew(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = empty();
    }

    fn current(&self) -> SharedIdentityCache {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.clone()
    }
}

fn empty() -> SharedIdentityCache {
    IdentityCache::lazy().build()
}

impl ResolveCachedIdentity for Identities {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        components: &'a RuntimeComponents,
        config: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let cache = self.current();
        IdentityFuture::new(async move {
            cache
                .resolve_cached_identity(resolver, components, config)
                .await
        })
    }
}
