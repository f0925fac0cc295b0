//! The browsers: how each is started, and what only one of them can do.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    BrowserOptions, DEADLINE, Graphics,
    process::{Program, tool},
};

/// Which browser.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// Debian's Chromium, by chromedriver.
    #[default]
    Chromium,
    /// Debian's Firefox ESR, by geckodriver. It lacks what the `DevTools` protocol does.
    Firefox,
}

/// What makes Chromium the same on every machine, and quiet on the network.
const CHROMIUM: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
];

impl Engine {
    /// Starts its driver, and tells the driver's port.
    pub(crate) async fn start_driver(self) -> anyhow::Result<(Program, u16)> {
        /// chromedriver takes a port that is free for IPv6, and ends where IPv4 has that one in
        /// use.
        const ATTEMPTS: usize = 4;
        let mut attempt = 1;
        loop {
            let mut program = Program::start(&mut self.driver()?)?;
            let port = program
                .until("the driver's port", |log| self.port(log))
                .await;
            match port {
                Ok(port) => return Ok((program, port)),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    fn driver(self) -> anyhow::Result<Command> {
        let mut command = match self {
            Self::Chromium => Command::new("chromedriver"),
            Self::Firefox => Command::new(tool("geckodriver")?),
        };
        command.arg("--port=0");
        Ok(command)
    }

    /// The port that the driver's log names.
    fn port(self, log: &str) -> Option<u16> {
        let (before, after) = match self {
            // `ChromeDriver was started successfully on port 12345.`
            Self::Chromium => ("started successfully on port ", "."),
            // `1700000000000	geckodriver	INFO	Listening on 127.0.0.1:12345`
            Self::Firefox => ("Listening on 127.0.0.1:", "\n"),
        };
        let (_, rest) = log.split_once(before)?;
        let (port, _) = rest.split_once(after)?;
        port.parse().ok()
    }

    /// What the driver is asked for.
    pub(crate) fn capabilities(self, options: &BrowserOptions) -> Value {
        let (name, value) = match self {
            Self::Chromium => ("goog:chromeOptions", chromium(options)),
            Self::Firefox => ("moz:firefoxOptions", firefox(options)),
        };
        let mut capabilities = json!({
            "acceptInsecureCerts": options.trusts_any_certificate,
            "timeouts": {"script": DEADLINE.as_millis() as u64},
        });
        capabilities[name] = value;
        if self == Self::Chromium {
            capabilities["goog:loggingPrefs"] = json!({"browser": "ALL"});
        }
        capabilities
    }
}

fn chromium(options: &BrowserOptions) -> Value {
    let mut flags = CHROMIUM.to_vec();
    if options.graphics == Graphics::Missing {
        flags.retain(|flag| !flag.contains("swiftshader"));
        flags.extend(["--disable-gpu", "--disable-3d-apis"]);
    }
    if options.reduced_motion {
        flags.push("--force-prefers-reduced-motion");
    }
    json!({"args": flags})
}

fn firefox(options: &BrowserOptions) -> Value {
    json!({
        "args": ["-headless"],
        "prefs": {
            // What the console is told goes to standard output, and so into the driver's log.
            "devtools.console.stdout.content": true,
            "ui.prefersReducedMotion": i32::from(options.reduced_motion),
            "webgl.disabled": options.graphics == Graphics::Missing,
        },
    })
}

/// The errors of pages in a log of Firefox: `console.error: "…"` of a script, and `JavaScript
/// error: http://…, line 1: …` of what nobody caught. Firefox's own parts log as well: under names without
/// quotes, or with addresses of its own.
pub(crate) fn firefox_errors(log: &str) -> Vec<String> {
    let is_error = |line: &&str| {
        let logged = line.strip_prefix("console.error: ");
        logged.is_some_and(|text| !text.starts_with(char::is_alphabetic))
            || line.starts_with("JavaScript error: http")
    };
    let is_of_page = |line: &&str| !line.contains("resource://");
    log.lines()
        .filter(is_error)
        .filter(is_of_page)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_once_it_is_whole() {
        let chromium = "Starting\nChromeDriver was started successfully on port 4711";
        assert_eq!(Engine::Chromium.port(chromium), None);
        assert_eq!(Engine::Chromium.port(&format!("{chromium}.\n")), Some(4711));
        let firefox = "17\tgeckodriver\tINFO\tListening on 127.0.0.1:4712";
        assert_eq!(Engine::Firefox.port(firefox), None);
        assert_eq!(Engine::Firefox.port(&format!("{firefox}\n")), Some(4712));
    }

    #[test]
    fn errors_of_the_browser_itself_are_none_of_the_page_s() {
        let log = "JavaScript error: resource://gre/modules/X.sys.mjs, line 1: no\n\
                   console.error: RSLoader: \n\
                   console.error: (new Error(\"No\", \"resource://services-settings/a.mjs\", 490))\n\
                   console.log: \"fine\"\n\
                   console.error: \"bad\"\n\
                   JavaScript error: http://127.0.0.1:1/a.js, line 7: TypeError\n";
        let errors = firefox_errors(log);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert_eq!(errors[0], "console.error: \"bad\"");
    }
}
