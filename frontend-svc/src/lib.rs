//! The dashboard's files over HTTP, and the little server around them.
//!
//! - [`Site`] serves a built dashboard: a folder with `index.html`, files whose names carry a hash
//!   of their content, and `.br` and `.gz` siblings. The API embeds it where it serves the
//!   dashboard itself.
//! - [`ContentPolicy`] says what the pages may load: themselves, and pictures from the
//!   [`StorageOrigin`]s that presigned URLs point to.
//! - [`run`] is `thumbnail-frontend`: a [`Site`], and everything below `/api`, `/ws` and `/health`
//!   handed to the API, so that the dashboard works behind any ingress.
//!
//! # Invariants
//! - A name with a hash is cached for good, everything else is asked for again each time; so a new
//!   deployment is seen at the next visit.
//! - What is missing is missing: a path that looks like a file is never answered with the page.
//! - The proxy hides nothing from the API: `Host` and `Origin` arrive as the browser sent them, and
//!   `X-Forwarded-For` says that somebody stands between. The API's own checks rest on that.

mod capacity;
mod config;
mod headers;
mod policy;
mod proxy;
mod server;
mod site;

pub use self::{
    capacity::Capacity,
    config::Config,
    policy::{ContentPolicy, OriginError, StorageOrigin},
    server::{run, serve},
    site::{Site, SiteError},
};
