//! The local stack behaves as S3 and SQS do where the services rely on it, and never outlives its
//! owner.

#![cfg(test)]

use std::{
    env,
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::Message;
use devstack::{Stack, StackOptions};
use serde_json::Value;

/// Messages until one's body satisfies `wanted`; the others are deleted.
async fn receive(stack: &Stack, queue_url: &str, wanted: impl Fn(&Value) -> bool) -> Message {
    let deadline = Instant::now() + Duration::from_mins(1);
    while Instant::now() < deadline {
        let answer = stack
            .sqs()
            .receive_message()
            .queue_url(queue_url)
            .wait_time_seconds(2)
            .send()
            .await
            .unwrap();
        for message in answer.messages.unwrap_or_default() {
            let body: Value = serde_json::from_str(message.body().unwrap()).unwrap();
            if wanted(&body) {
                return message;
            }
            stack
                .sqs()
                .delete_message()
                .queue_url(queue_url)
                .receipt_handle(message.receipt_handle().unwrap())
                .send()
                .await
                .unwrap();
        }
    }
    panic!("no such message within a minute");
}

async fn put(stack: &Stack, key: &str) {
    stack
        .s3()
        .put_object()
        .bucket(stack.bucket())
        .key(key)
        .body(ByteStream::from_static(b"0123456789"))
        .send()
        .await
        .unwrap();
}

fn key(body: &Value) -> Option<&str> {
    body["Records"][0]["s3"]["object"]["key"].as_str()
}

#[tokio::test]
async fn uploads_are_announced_and_nothing_else() {
    let stack = Stack::start(StackOptions::default()).await.unwrap();
    put(&stack, "other/a.mp4").await;
    let uploads = ["IMG_0001.MOV", "a.Mp4", "a.txt", "b/c.webm"];
    let uploads = uploads.map(|name| format!("uploads/{name}"));
    for key in &uploads {
        put(&stack, key).await;
    }

    let mut keys = Vec::new();
    for _ in &uploads {
        let message = receive(&stack, stack.queue_url(), |body| {
            key(body).is_some_and(|key| !keys.contains(&key.to_owned()))
        })
        .await;
        let body: Value = serde_json::from_str(message.body().unwrap()).unwrap();
        keys.push(key(&body).unwrap().to_owned());
    }
    keys.sort();
    assert_eq!(keys, uploads);
}

#[tokio::test]
async fn a_message_received_too_often_moves_to_the_dlq() {
    let stack = Stack::start(StackOptions {
        visibility_timeout: Duration::from_secs(1),
        max_receive_count: 2,
        ..StackOptions::default()
    })
    .await
    .unwrap();
    put(&stack, "uploads/a.mp4").await;
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut receives = 0;
    loop {
        assert!(Instant::now() < deadline, "never reached the DLQ");
        let answer = stack
            .sqs()
            .receive_message()
            .queue_url(stack.queue_url())
            .wait_time_seconds(1)
            .send()
            .await
            .unwrap();
        let messages = answer.messages.unwrap_or_default();
        receives += messages
            .iter()
            .filter(|message| message.body().unwrap().contains("a.mp4"))
            .count();
        let dead = stack
            .sqs()
            .receive_message()
            .queue_url(stack.dlq_url())
            .send()
            .await
            .unwrap();
        let dead = dead.messages.unwrap_or_default();
        if dead
            .iter()
            .any(|message| message.body().unwrap().contains("a.mp4"))
        {
            break;
        }
    }
    assert_eq!(receives, 2);
}

#[tokio::test]
async fn an_overwritten_object_fails_if_match() {
    let stack = Stack::start(StackOptions::default()).await.unwrap();
    put(&stack, "uploads/a.mp4").await;
    let range_of = |etag: &str| {
        stack
            .s3()
            .get_object()
            .bucket(stack.bucket())
            .key("uploads/a.mp4")
            .range("bytes=2-4")
            .if_match(etag)
            .send()
    };
    let head = stack
        .s3()
        .head_object()
        .bucket(stack.bucket())
        .key("uploads/a.mp4")
        .send()
        .await
        .unwrap();
    let etag = head.e_tag().unwrap();
    let body = range_of(etag).await.unwrap().body.collect().await.unwrap();
    assert_eq!(body.into_bytes(), "234");

    stack
        .s3()
        .put_object()
        .bucket(stack.bucket())
        .key("uploads/a.mp4")
        .body(ByteStream::from_static(b"something else"))
        .send()
        .await
        .unwrap();
    let error = range_of(etag).await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 412);
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let first = Stack::start(StackOptions::default()).await.unwrap();
    let port: u16 = first
        .endpoint()
        .rsplit_once(':')
        .unwrap()
        .1
        .parse()
        .unwrap();
    let options = StackOptions {
        port: Some(port),
        ..StackOptions::default()
    };
    let error = format!("{:#}", Stack::start(options).await.unwrap_err());
    assert!(error.contains(&port.to_string()), "{error}");
    assert!(error.contains("already in use"), "{error}");
}

#[tokio::test]
async fn a_dropped_stack_no_longer_listens() {
    let stack = Stack::start(StackOptions::default()).await.unwrap();
    let address = stack.endpoint().strip_prefix("http://").unwrap().to_owned();
    TcpStream::connect(&address).unwrap();
    drop(stack);
    TcpStream::connect(&address).unwrap_err();
}

/// Not a test: what [`a_stack_ends_with_its_killed_owner`] runs in another process.
#[tokio::test]
#[ignore = "run by another test, to be killed by it"]
async fn hold_a_stack() {
    let stack = Stack::start(StackOptions::default()).await.unwrap();
    println!("\nendpoint {}", stack.endpoint());
    std::future::pending::<()>().await;
}

#[test]
fn a_stack_ends_with_its_killed_owner() {
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--exact", "hold_a_stack", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let address = BufReader::new(owner.stdout.take().unwrap())
        .lines()
        .find_map(|line| Some(line.unwrap().strip_prefix("endpoint http://")?.to_owned()))
        .unwrap();
    TcpStream::connect(&address).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "the server outlives its owner");
        std::thread::sleep(Duration::from_millis(20));
    }
}
