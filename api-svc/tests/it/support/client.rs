//! A WebSocket client.

use anyhow::{Context, Result, bail};
use contract::api::Update;
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Error, Message, client::IntoClientRequest, handshake::client::Response},
};

use super::{Api, DEADLINE};

pub(crate) struct Client(WebSocketStream<TcpStream>);

impl Client {
    pub(crate) async fn connect(api: &Api) -> Result<Self> {
        let (stream, _) = Self::try_connect(api, &[]).await??;
        Ok(stream)
    }

    /// Connects with these headers; what the server says if it does not want to.
    pub(crate) async fn try_connect(
        api: &Api,
        headers: &[(&'static str, &str)],
    ) -> Result<Result<(Self, Response), Error>> {
        let tcp = TcpStream::connect(api.address()).await?;
        let mut request = format!("ws://{}/ws", api.address()).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse()?);
        }
        let answer = tokio_tungstenite::client_async(request, tcp).await;
        Ok(answer.map(|(stream, response)| (Self(stream), response)))
    }

    /// The next text message.
    pub(crate) async fn text(&mut self) -> Result<String> {
        loop {
            match self.message().await? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("{other:?}"),
            }
        }
    }

    /// The next message of any kind.
    pub(crate) async fn message(&mut self) -> Result<Message> {
        let message = timeout(DEADLINE, self.0.next())
            .await
            .context("no message")?;
        Ok(message.context("the connection ended")??)
    }

    pub(crate) async fn json(&mut self) -> Result<Value> {
        Ok(serde_json::from_str(&self.text().await?)?)
    }

    pub(crate) async fn update(&mut self) -> Result<Update> {
        let text = self.text().await?;
        serde_json::from_str(&text).context(text)
    }

    pub(crate) async fn send(&mut self, text: String) -> Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }
}
