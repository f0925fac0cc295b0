//! The WebDriver protocol, as far as the tests speak it. The crates for it bring half a browser's
//! worth of others, which would be compiled in every test run; this is a few JSON requests.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, bail};
use reqwest::Method;
use serde_json::{Value, json};

/// The name of an element's id in an answer: fixed by the standard.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session of a browser. Dropping it ends the browser, which would outlive a driver that is only
/// killed.
#[derive(Debug)]
pub(crate) struct Driver {
    http: reqwest::Client,
    port: u16,
    /// Where the session is, below the driver's address.
    session: String,
}

impl Driver {
    /// Opens a browser by the driver on `port`.
    pub(crate) async fn connect(port: u16, capabilities: &Value) -> anyhow::Result<Self> {
        let mut driver = Self {
            http: reqwest::Client::new(),
            port,
            session: "session".to_owned(),
        };
        let body = json!({"capabilities": {"alwaysMatch": capabilities}});
        let answer = driver.send(Method::POST, "", Some(body)).await?;
        let id = answer["sessionId"]
            .as_str()
            .context("a session without an id")?;
        driver.session = format!("{}/{id}", driver.session);
        Ok(driver)
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// The id of the first element.
    pub(crate) async fn find(&self, using: &str, value: &str) -> anyhow::Result<String> {
        let found = self
            .post("element", json!({"using": using, "value": value}))
            .await?;
        let id = found[ELEMENT]
            .as_str()
            .context("an element without an id")?;
        Ok(id.to_owned())
    }

    /// An element by its id, as a place for a pointer.
    pub(crate) fn origin(element: &str) -> Value {
        json!({ELEMENT: element})
    }

    pub(crate) async fn click(&self, using: &str, value: &str) -> anyhow::Result<()> {
        let element = self.find(using, value).await?;
        self.post(&format!("element/{element}/click"), json!({}))
            .await
            .map(drop)
    }

    pub(crate) async fn type_into(&self, element: &str, text: &str) -> anyhow::Result<()> {
        self.post(&format!("element/{element}/value"), json!({"text": text}))
            .await
            .map(drop)
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut url = format!("http://127.0.0.1:{}/{}", self.port, self.session);
        if !path.is_empty() {
            url = format!("{url}/{path}");
        }
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status();
        let mut answer: Value = serde_json::from_str(&response.text().await?)?;
        let value = answer["value"].take();
        if !status.is_success() {
            bail!("{path}: {}: {}", value["error"], value["message"]);
        }
        Ok(value)
    }

    /// Ends the session and waits until it has ended. Blocks: what is dropped cannot await.
    fn quit(&self) -> io::Result<()> {
        let mut driver = TcpStream::connect(("127.0.0.1", self.port))?;
        driver.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            driver,
            "DELETE /{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.session, self.port
        )?;
        // It answers when that is done, and may keep the connection.
        driver.read_exact(&mut [0])?;
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Err(error) = self.quit() {
            eprintln!("the browser may not have ended: {error}");
        }
    }
}
