use super::*;

fn record(name: &str, key: &str) -> String {
    format!(
        r#"{{"eventVersion":"2.1","eventName":"{name}","s3":{{"bucket":{{"name":"b"}},"object":{{"key":"{key}","size":1,"eTag":"e","sequencer":"0"}}}}}}"#
    )
}

fn parse(body: &str) -> Notification {
    match Message::parse(body).unwrap() {
        Message::Notification(notification) => notification,
        Message::TestEvent => panic!("a test event"),
    }
}

fn keys(notification: &Notification) -> Vec<&str> {
    notification
        .created
        .iter()
        .map(|o| o.key.as_str())
        .collect()
}

#[test]
fn every_record_counts_once() {
    let body = format!(
        r#"{{"Records":[{},{},{},{}]}}"#,
        record("ObjectCreated:Put", "uploads/a+b.mp4"),
        record("ObjectCreated:CompleteMultipartUpload", "uploads/1%2B1.mp4"),
        record("ObjectCreated:Copy", "uploads/a%20b.mp4"),
        record("ObjectRemoved:Delete", "uploads/c.mp4"),
    );
    let notification = parse(&body);
    assert_eq!(keys(&notification), ["uploads/a b.mp4", "uploads/1+1.mp4"]);
    assert_eq!(notification.created[0].bucket.as_deref(), Some("b"));
    assert_eq!(notification.created[0].etag.as_deref(), Some("e"));
    assert_eq!(notification.created[0].size, Some(1));
    assert_eq!(notification.ignored, ["ObjectRemoved:Delete"]);
    assert!(notification.invalid.is_empty());
}

#[test]
fn a_bad_record_does_not_hide_the_others() {
    let body = format!(
        r#"{{"Records":[{},{},{{"eventName":"ObjectCreated:Put"}},7,{}]}}"#,
        record("ObjectCreated:Put", "uploads/%FF.mp4"),
        record("ObjectCreated:Put", ""),
        record("ObjectCreated:Put", "uploads/ok.mp4"),
    );
    let notification = parse(&body);
    assert_eq!(keys(&notification), ["uploads/ok.mp4"]);
    assert_eq!(notification.invalid.len(), 4);
    assert_eq!(
        notification.invalid[0].to_string(),
        r#"the key "uploads/%FF.mp4" does not decode to UTF-8"#
    );
}

#[test]
fn a_size_that_is_no_number_is_left_out() {
    for size in ["\"5\"", "-5", "1.5", "null"] {
        let body = record("ObjectCreated:Put", "uploads/a.mp4")
            .replace("\"size\":1", &format!("\"size\":{size}"));
        let notification = parse(&format!(r#"{{"Records":[{body}]}}"#));
        assert_eq!(keys(&notification), ["uploads/a.mp4"], "{size}");
        assert_eq!(notification.created[0].size, None, "{size}");
    }
}

#[test]
fn test_events() {
    let body = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"b","RequestId":"1","HostId":"2"}"#;
    assert_eq!(Message::parse(body), Ok(Message::TestEvent));
    let wrapped = serde_json::json!({"Type": "Notification", "Message": body}).to_string();
    assert_eq!(Message::parse(&wrapped), Ok(Message::TestEvent));
}

#[test]
fn wrapped_events() {
    let event = format!(
        r#"{{"Records":[{}]}}"#,
        record("ObjectCreated:Put", "uploads/a+b.ts")
    );
    let sns = serde_json::json!({"Type": "Notification", "Message": event}).to_string();
    assert_eq!(keys(&parse(&sns)), ["uploads/a b.ts"]);

    let bridge = r#"{"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{
        "bucket":{"name":"b"},"object":{"key":"uploads/a+b.ts","size":5,"etag":"e"}}}"#;
    let notification = parse(bridge);
    // EventBridge does not encode keys.
    assert_eq!(keys(&notification), ["uploads/a+b.ts"]);
    assert_eq!(notification.created[0].etag.as_deref(), Some("e"));
    assert_eq!(notification.created[0].size, Some(5));
}

#[test]
fn bare_keys_are_taken_literally() {
    for (body, key) in [
        ("uploads/a+b%20c.mp4", "uploads/a+b%20c.mp4"),
        (" uploads/ü x.mp4\n", "uploads/ü x.mp4"),
        (r#""uploads/quoted.mp4""#, "uploads/quoted.mp4"),
    ] {
        let notification = parse(body);
        assert_eq!(keys(&notification), [key]);
        assert_eq!(notification.created[0].bucket, None);
    }
}

#[test]
fn what_is_none_of_these_is_an_error() {
    for body in [
        "",
        " \n",
        "\"\"",
        "{",
        "{}",
        r#"{"Records":7}"#,
        r#"{"Event":"s3:Other"}"#,
        "uploads/a\u{0}.mp4",
        "two\nlines",
    ] {
        assert!(Message::parse(body).is_err(), "{body:?}");
    }
    assert!(Message::parse(&"x".repeat(1025)).is_err());
    // SNS in SNS in SNS is nobody's configuration, and would recurse as deep as the sender
    // likes.
    let inner = serde_json::json!({"Type": "Notification", "Message": "{}"}).to_string();
    let nested = serde_json::json!({"Type": "Notification", "Message": inner}).to_string();
    assert!(Message::parse(&nested).is_err());
}

#[test]
fn no_records_is_an_empty_notification() {
    assert_eq!(parse(r#"{"Records":[]}"#), Notification::default());
}
