//! A WebSocket whose other end is the test: it says what no local stack would.

use anyhow::Context;
use contract::api::{Metrics, Source, SourceState, Sources, Update};
use serde_json::Value;

use crate::Browser;

/// Put before the page's own scripts. Sockets open when `openSockets` says so, at once unless a
/// test changes it, and are never silent for long, as the API is not.
const SCRIPT: &str = "
    window.sockets = [];
    window.openSockets = true;
    window.WebSocket = class extends EventTarget {
        static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
        readyState = 0;
        constructor(url) {
            super();
            this.url = url;
            window.sockets.push(this);
            setTimeout(() => window.openSockets && this.become(1, new Event('open')));
            setInterval(() => window.openSockets && this.readyState === 1 && this.say({}), 3000);
        }
        become(state, event) {
            if (this.readyState < state) { this.readyState = state; this.dispatchEvent(event); }
        }
        say(update) { this.dispatchEvent(new MessageEvent('message', {data: JSON.stringify(update)})); }
        lose() { this.become(3, new CloseEvent('close', {code: 1006})); }
        close() { setTimeout(() => this.lose()); }
        send() {}
    };";

/// The replaced WebSocket of a browser.
#[derive(Debug)]
pub struct Feed<'a> {
    browser: &'a Browser,
}

impl<'a> Feed<'a> {
    /// Replaces the WebSocket of every page that is opened from now on.
    pub async fn replace(browser: &'a Browser) -> anyhow::Result<Self> {
        browser.prepare(SCRIPT).await?;
        Ok(Self { browser })
    }

    /// That of a browser in which it [was replaced](Self::replace).
    #[must_use]
    pub fn new(browser: &'a Browser) -> Self {
        Self { browser }
    }

    /// Says something, once the page listens.
    pub async fn say(&self, update: &Update) -> anyhow::Result<()> {
        self.browser
            .until("window.sockets?.at(-1)?.readyState === 1")
            .await?;
        let update = serde_json::to_value(update).context("an update is JSON")?;
        self.run("window.sockets.at(-1).say(argument)", update)
            .await
    }

    /// Ends the connection, as a network would.
    pub async fn lose(&self) -> anyhow::Result<()> {
        self.run("window.sockets.at(-1).lose()", Value::Null).await
    }

    /// How many connections were tried so far.
    pub async fn count(&self) -> anyhow::Result<u64> {
        let count = self.browser.value("window.sockets.length").await?;
        count.as_u64().context("no sockets")
    }

    async fn run(&self, script: &str, argument: Value) -> anyhow::Result<()> {
        let script = format!("{script}; return true;");
        self.browser.run(&script, argument).await.map(drop)
    }
}

/// Figures of a pipeline at rest, of which all sources answer.
#[must_use]
pub fn metrics() -> Metrics {
    let source = || Source {
        state: SourceState::Available,
        ..Source::default()
    };
    Metrics {
        queue_depth: 0,
        in_flight: 0,
        total_thumbnails: 0,
        storage_bytes: 0,
        running_pods: 0,
        total_pods: 0,
        dlq_depth: Some(0),
        videos_processed: 0,
        videos_failed: Some(0),
        bytes_fetched: 0,
        bytes_saved: 0,
        source_bytes: 0,
        videos_measured: 0,
        videos_per_minute: 0.0,
        index_complete: true,
        sources: Sources {
            queue: source(),
            dlq: source(),
            bucket: source(),
            pods: source(),
        },
    }
}
