//! The WebSocket through the proxy.

use anyhow::{Context as _, Result};
use futures::{SinkExt as _, StreamExt as _};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};

use crate::support::{DEADLINE, Stage};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(stage: &Stage, origin: &str) -> Result<Socket, tungstenite::Error> {
    let mut request =
        format!("ws{}/ws", stage.base.trim_start_matches("http")).into_client_request()?;
    request.headers_mut().insert("origin", origin.parse()?);
    Ok(connect_async(request).await?.0)
}

async fn next(socket: &mut Socket) -> Result<Message> {
    Ok(timeout(DEADLINE, socket.next())
        .await?
        .context("closed")??)
}

#[tokio::test]
async fn frames_pass_both_ways() -> Result<()> {
    let stage = Stage::set().await?;
    let mut socket = connect(&stage, "https://dash.example").await?;
    let host = stage.base.trim_start_matches("http://");
    let hello = next(&mut socket).await?;
    assert_eq!(hello.to_text()?, format!("{host} https://dash.example"));
    let long = "x".repeat(300_000);
    for text in ["one", &long, "two"] {
        socket.send(Message::text(text)).await?;
        assert_eq!(next(&mut socket).await?.to_text()?, text);
    }
    socket.close(None).await?;
    assert!(matches!(next(&mut socket).await?, Message::Close(_)));
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_the_api_is_passed_on() -> Result<()> {
    let stage = Stage::set().await?;
    match connect(&stage, "https://evil.example").await {
        Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 403),
        other => panic!("{other:?}"),
    }
    stage.end_api().await;
    match connect(&stage, "https://dash.example").await {
        Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 502),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn a_stop_closes_them() -> Result<()> {
    let stage = Stage::set().await?;
    let mut socket = connect(&stage, "https://dash.example").await?;
    next(&mut socket).await?;
    stage.stop.cancel();
    let ended = timeout(DEADLINE, socket.next()).await?;
    assert!(!matches!(ended, Some(Ok(_))), "{ended:?}");
    timeout(DEADLINE, stage.serving).await??;
    Ok(())
}
