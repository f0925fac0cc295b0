//! The frontend over real HTTP and WebSocket, in front of an API that tells what reached it.

#![cfg(test)]

mod binary;
mod proxy;
mod site;
mod support;
mod websocket;
