//! The dashboard in a real browser, against the real services and a local S3 and SQS.
//!
//! [`Site`] is the service with its dashboard, [`Browser`] a Chromium or a Firefox that is driven
//! by WebDriver, [`Proxy`] an nginx before the site, [`axe`] the judge of accessibility, [`feed`] a
//! WebSocket that says what a test wants, [`gallery`] a way through its cells. Waits are on conditions, with a deadline that only a
//! failing test meets.

pub mod axe;
mod browser;
mod driver;
mod engine;
pub mod feed;
pub mod gallery;
pub mod keys;
mod process;
mod proxy;
mod site;

use std::time::Duration;

pub use self::{
    browser::{Browser, BrowserOptions, Graphics, Screen},
    engine::Engine,
    process::workspace_program,
    proxy::Proxy,
    site::{Site, SiteOptions},
};

/// The longest that any condition may take: generous, as it only bounds a failing test.
pub const DEADLINE: Duration = Duration::from_secs(90);
