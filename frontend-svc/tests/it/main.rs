//! The frontend over real HTTP and WebSocket, in front of an API that tells what reached it.

mod binary;
mod proxy;
mod site;
mod support;
mod websocket;
