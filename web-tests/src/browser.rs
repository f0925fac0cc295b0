//! A browser without a window.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use crate::{
    DEADLINE,
    driver::Driver,
    engine::{Engine, firefox_errors},
    process::Program,
};

/// How a [`Browser`] is set up.
#[derive(Debug, Clone, Default)]
pub struct BrowserOptions {
    /// Which browser.
    pub engine: Engine,
    /// What draws in three dimensions.
    pub graphics: Graphics,
    /// As if the system preferred less motion.
    pub reduced_motion: bool,
    /// As if someone had told it to trust a certificate that nobody signed.
    pub trusts_any_certificate: bool,
}

/// What a page draws with in three dimensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Graphics {
    /// A card that the processor emulates, and that tells so.
    #[default]
    Emulated,
    /// As if the emulated card were a real one, for what is only drawn by one. Chromium alone knows
    /// this.
    Real,
    /// As if there were no card.
    Missing,
}

/// A size of the window, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Screen {
    /// A desktop.
    pub const WIDE: Self = Self {
        width: 1440,
        height: 900,
    };
    /// A phone.
    pub const PHONE: Self = Self {
        width: 390,
        height: 844,
    };
}

/// The emulated card gets another name. In a block, as all scripts of a page share its names.
const REAL_CARD: &str = "{
    const ask = WebGL2RenderingContext.prototype.getParameter;
    WebGL2RenderingContext.prototype.getParameter = function (name) {
        const renderer = [WebGL2RenderingContext.RENDERER, 0x9246].includes(name);
        return renderer ? 'a graphics card' : ask.call(this, name);
    };
}";

/// A browser with one page. It ends when dropped.
#[derive(Debug)]
pub struct Browser {
    // Dropped first: it needs the program to end the browser.
    driver: Driver,
    engine: Engine,
    /// How many of Firefox's errors were told already.
    told: AtomicUsize,
    program: Program,
}

impl Browser {
    /// Starts a browser and its driver.
    pub async fn start(options: BrowserOptions) -> anyhow::Result<Self> {
        let engine = options.engine;
        let (program, port) = engine.start_driver().await?;
        let driver = Driver::connect(port, &engine.capabilities(&options)).await;
        let driver = driver.with_context(|| format!("no browser:\n{}", program.log()))?;
        let browser = Self {
            driver,
            engine,
            told: AtomicUsize::new(0),
            program,
        };
        if options.graphics == Graphics::Real {
            browser.prepare(REAL_CARD).await?;
        }
        Ok(browser)
    }

    /// Opens a page on a screen.
    pub async fn open(&self, url: &str, screen: Screen) -> anyhow::Result<()> {
        self.resize(screen).await?;
        self.driver.post("url", json!({"url": url})).await?;
        Ok(())
    }

    /// Gives the page another size; of Firefox, the window, which is no narrower than 450 pixels.
    pub async fn resize(&self, screen: Screen) -> anyhow::Result<()> {
        if self.engine == Engine::Firefox {
            let size = json!({"width": screen.width, "height": screen.height});
            return self.driver.post("window/rect", size).await.map(drop);
        }
        let metrics = json!({
            "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": screen.width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        Ok(())
    }

    /// `light` or `dark`, as if the system preferred it.
    pub async fn prefer(&self, theme: &str) -> anyhow::Result<()> {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        self.devtools("Emulation.setEmulatedMedia", features)
            .await?;
        Ok(())
    }

    /// Waits until a JavaScript expression holds.
    pub async fn until(&self, expression: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if self.value(expression).await? == json!(true) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let page = self.value("document.body.innerText").await?;
                bail!(
                    "never: {expression}\nthe page: {page}\nits log: {:?}",
                    self.errors().await?
                );
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until an element's text contains a text.
    pub async fn until_text(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        let (selector, text) = (json!(selector), json!(text));
        let expression = format!(
            "[...document.querySelectorAll({selector})].some(e => e.textContent.replace(/\\s+/g, ' ').includes({text}))"
        );
        self.until(&expression).await
    }

    /// The value of a JavaScript expression.
    pub async fn value(&self, expression: &str) -> anyhow::Result<Value> {
        let body = json!({"script": format!("return ({expression});"), "args": []});
        self.driver.post("execute/sync", body).await
    }

    /// Runs JavaScript with an argument; what it returns is awaited.
    pub async fn run(&self, script: &str, argument: Value) -> anyhow::Result<Value> {
        let script = format!(
            "const done = arguments[1]; (async argument => {{ {script} }})(arguments[0]).then(value => done({{value}}), e => done({{failed: String(e)}}));"
        );
        let body = json!({"script": script, "args": [argument]});
        let mut answer = self.driver.post("execute/async", body).await?;
        if let Some(reason) = answer["failed"].as_str() {
            bail!("{reason}");
        }
        Ok(answer["value"].take())
    }

    /// Clicks on the first element of a selector, once it is there.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        self.until(&format!(
            "document.querySelector({}) !== null",
            json!(selector)
        ))
        .await?;
        self.driver.click("css selector", selector).await
    }

    /// Clicks on the first button with a text, once there is one that can be clicked on.
    pub async fn press(&self, text: &str) -> anyhow::Result<()> {
        let path = format!("//button[not(@disabled)][contains(normalize-space(.), '{text}')]");
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.driver.click("xpath", &path).await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error.context(path)),
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Types into the first element of a selector, once it is there. A file's path chooses the
    /// file.
    pub async fn type_into(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        self.until(&format!(
            "document.querySelector({}) !== null",
            json!(selector)
        ))
        .await?;
        let element = self.driver.find("css selector", selector).await?;
        self.driver.type_into(&element, text).await
    }

    /// Presses a key wherever the focus is: one of the WebDriver standard's code points, as in
    /// [`keys`](crate::keys).
    pub async fn key(&self, key: char) -> anyhow::Result<()> {
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": [
            {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key},
        ]}]});
        self.driver.post("actions", actions).await.map(drop)
    }

    /// Presses a key while others are held.
    pub async fn chord(&self, held: &[char], key: char) -> anyhow::Result<()> {
        let down = |key: &char| json!({"type": "keyDown", "value": key});
        let up = |key: &char| json!({"type": "keyUp", "value": key});
        let actions: Vec<_> = held
            .iter()
            .map(down)
            .chain([down(&key), up(&key)])
            .chain(held.iter().rev().map(up))
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.driver
            .post("actions", json!({"actions": [keyboard]}))
            .await
            .map(drop)
    }

    /// Drags from the middle of the first element of a selector by some pixels, with a mouse's
    /// button (0 is the left).
    pub async fn drag(&self, selector: &str, button: u8, by: (i32, i32)) -> anyhow::Result<()> {
        let element = self.driver.find("css selector", selector).await?;
        let origin = Driver::origin(&element);
        let mouse = json!({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": [
            {"type": "pointerMove", "origin": origin, "x": 0, "y": 0},
            {"type": "pointerDown", "button": button},
            {"type": "pointerMove", "origin": "pointer", "x": by.0, "y": by.1},
            {"type": "pointerUp", "button": button},
            {"type": "pointerMove", "origin": "pointer", "x": by.0, "y": by.1},
        ]});
        self.driver
            .post("actions", json!({"actions": [mouse]}))
            .await
            .map(drop)
    }

    /// Runs a script in every page that is opened from now on, before the page's own.
    pub async fn prepare(&self, script: &str) -> anyhow::Result<()> {
        let script = json!({"source": script});
        self.devtools("Page.addScriptToEvaluateOnNewDocument", script)
            .await?;
        Ok(())
    }

    /// Runs a script that gives nothing back.
    pub async fn act(&self, script: &str) -> anyhow::Result<()> {
        self.run(&format!("{script}; return true;"), Value::Null)
            .await
            .map(drop)
    }

    /// A picture of the page, as PNG.
    pub async fn screenshot(&self, path: &Path) -> anyhow::Result<()> {
        let picture = self.driver.get("screenshot").await?;
        std::fs::write(
            path,
            BASE64_STANDARD.decode(picture.as_str().context("no picture")?)?,
        )?;
        Ok(())
    }

    /// The errors of the console since the last call.
    pub async fn errors(&self) -> anyhow::Result<Vec<String>> {
        if self.engine == Engine::Firefox {
            let errors = firefox_errors(&self.program.log());
            let told = self.told.swap(errors.len(), Ordering::SeqCst);
            return Ok(errors.into_iter().skip(told).collect());
        }
        let entries = self
            .driver
            .post("se/log", json!({"type": "browser"}))
            .await?;
        let severe = entries
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["level"] == "SEVERE");
        Ok(severe
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect())
    }

    /// A command of the `DevTools` protocol, which Chromium alone speaks.
    pub async fn devtools(&self, command: &str, parameters: Value) -> anyhow::Result<Value> {
        ensure!(
            self.engine == Engine::Chromium,
            "{command} is for Chromium only"
        );
        let body = json!({"cmd": command, "params": parameters});
        self.driver.post("goog/cdp/execute", body).await
    }
}
