//! The body of a queue message.
//!
//! The parser reads S3's event notifications (any number of records, and the `s3:TestEvent` that S3
//! sends when a notification is configured), the same wrapped by SNS, EventBridge's `Object
//! Created`, and a bare key typed by a person. S3 form-encodes keys in its own notifications (a
//! space is `+`); EventBridge and people do not.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::metadata::bare_etag;

/// A message, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// S3's check that the queue accepts messages.
    TestEvent,
    /// What happened to objects.
    Notification(Notification),
}

/// The records of a message, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notification {
    /// Objects that were created or overwritten; each key once, as its last record says.
    pub created: Vec<CreatedObject>,
    /// The names of events other than a creation, such as `ObjectRemoved:Delete`.
    pub ignored: Vec<String>,
    /// Records that cannot be read; the other records of the message still count.
    pub invalid: Vec<EventError>,
}

/// An object that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedObject {
    /// The key, decoded.
    pub key: String,
    /// The bucket; `None` for a bare key.
    pub bucket: Option<String>,
    /// Size in bytes, where the event tells it.
    pub size: Option<u64>,
    /// The `ETag` without quotes, where the event tells it.
    pub etag: Option<String>,
}

/// Why a message or one of its records cannot be read. A retry cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The body is empty.
    #[error("the message is empty")]
    Empty,
    /// The body begins like JSON and is not valid JSON.
    #[error("the message is not valid JSON: {reason}")]
    Json {
        /// The parser's message.
        reason: String,
    },
    /// The body is JSON of an unknown kind.
    #[error("the message is neither an S3 event nor a key: {reason}")]
    Unknown {
        /// What is missing.
        reason: String,
    },
    /// A record lacks a field or has one of the wrong type.
    #[error("record {index} of the event: {reason}")]
    Record {
        /// The record's index, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A key that does not decode to UTF-8.
    #[error("the key {raw:?} does not decode to UTF-8")]
    KeyEncoding {
        /// The key as the event has it.
        raw: String,
    },
    /// A bare key with control characters or of more bytes than S3 allows.
    #[error("the message is not a possible key: {reason}")]
    Key {
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Message {
    /// Parses a message's body.
    ///
    /// ```
    /// use contract::Message;
    ///
    /// let body = r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{
    ///     "bucket":{"name":"videos"},"object":{"key":"uploads/my+caf%C3%A9.mp4","eTag":"e"}}}]}"#;
    /// let Message::Notification(event) = Message::parse(body)? else { panic!() };
    /// assert_eq!(event.created[0].key, "uploads/my café.mp4");
    /// # Ok::<(), contract::EventError>(())
    /// ```
    ///
    /// # Errors
    /// [`EventError`] if nothing in the body can be read; a single bad record goes to
    /// [`Notification::invalid`] instead.
    pub fn parse(body: &str) -> Result<Self, EventError> {
        let body = body.trim();
        match body.as_bytes().first() {
            None => Err(EventError::Empty),
            Some(b'{' | b'[') => from_json(body, true),
            Some(b'"') => {
                let key: String = serde_json::from_str(body).map_err(|error| json_error(&error))?;
                bare_key(&key)
            }
            Some(_) => bare_key(body),
        }
    }
}

fn json_error(error: &serde_json::Error) -> EventError {
    EventError::Json {
        reason: error.to_string(),
    }
}

fn bare_key(key: &str) -> Result<Message, EventError> {
    if key.is_empty() {
        return Err(EventError::Empty);
    }
    if key.len() > crate::naming::MAX_KEY_BYTES {
        return Err(EventError::Key {
            reason: "longer than 1024 bytes",
        });
    }
    if key.chars().any(char::is_control) {
        return Err(EventError::Key {
            reason: "control characters",
        });
    }
    Ok(Message::Notification(Notification {
        created: vec![CreatedObject {
            key: key.to_owned(),
            bucket: None,
            size: None,
            etag: None,
        }],
        ..Notification::default()
    }))
}

/// The union of the shapes that a JSON body can have, told apart by which fields are present.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Records")]
    records: Option<Vec<serde_json::Value>>,
    #[serde(rename = "Event")]
    event: Option<String>,
    #[serde(rename = "Type")]
    sns_type: Option<String>,
    #[serde(rename = "Message")]
    sns_message: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    detail: Option<Entity>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    s3: Option<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Option<Bucket>,
    object: Option<Object>,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    // A size that is no number is as good as none: the key and the version are what counts.
    size: Option<serde_json::Value>,
    // S3 writes eTag, EventBridge etag.
    #[serde(alias = "eTag")]
    etag: Option<String>,
}

fn from_json(body: &str, may_be_wrapped: bool) -> Result<Message, EventError> {
    let envelope: Envelope = serde_json::from_str(body).map_err(|error| json_error(&error))?;
    if let Some(records) = envelope.records {
        return Ok(Message::Notification(sort_records(records)));
    }
    if envelope.event.as_deref() == Some("s3:TestEvent") {
        return Ok(Message::TestEvent);
    }
    if may_be_wrapped
        && envelope.sns_type.as_deref() == Some("Notification")
        && let Some(message) = envelope.sns_message
    {
        return from_json(&message, false);
    }
    if let (Some(detail_type), Some(detail)) = (envelope.detail_type, envelope.detail) {
        return from_event_bridge(detail_type, detail);
    }
    Err(EventError::Unknown {
        reason: "no Records, Event, Message or detail".to_owned(),
    })
}

fn sort_records(records: Vec<serde_json::Value>) -> Notification {
    let mut notification = Notification::default();
    for (index, record) in records.into_iter().enumerate() {
        let invalid = |reason: String| EventError::Record { index, reason };
        let record: Record = match serde_json::from_value(record) {
            Ok(record) => record,
            Err(error) => {
                notification.invalid.push(invalid(error.to_string()));
                continue;
            }
        };
        let name = record
            .event_name
            .strip_prefix("s3:")
            .unwrap_or(&record.event_name);
        if !name.starts_with("ObjectCreated:") {
            notification.ignored.push(record.event_name);
            continue;
        }
        let Some((bucket, object)) = record.s3.and_then(|s3| Some((s3.bucket, s3.object?))) else {
            notification
                .invalid
                .push(invalid("no s3.object".to_owned()));
            continue;
        };
        match decode_key(&object.key) {
            Ok(key) if key.is_empty() => {
                notification.invalid.push(invalid("empty key".to_owned()));
            }
            Ok(key) => notification.add(CreatedObject {
                key,
                bucket: bucket.map(|bucket| bucket.name),
                size: object.size.and_then(|size| size.as_u64()),
                etag: object.etag.as_deref().map(|e| bare_etag(e).to_owned()),
            }),
            Err(error) => notification.invalid.push(error),
        }
    }
    notification
}

fn from_event_bridge(detail_type: String, detail: Entity) -> Result<Message, EventError> {
    let mut notification = Notification::default();
    if detail_type == "Object Created" {
        let object = detail.object.filter(|object| !object.key.is_empty());
        let object = object.ok_or_else(|| EventError::Unknown {
            reason: "no detail.object.key".to_owned(),
        })?;
        notification.add(CreatedObject {
            key: object.key,
            bucket: detail.bucket.map(|bucket| bucket.name),
            size: object.size.and_then(|size| size.as_u64()),
            etag: object.etag.as_deref().map(|e| bare_etag(e).to_owned()),
        });
    } else {
        notification.ignored.push(detail_type);
    }
    Ok(Message::Notification(notification))
}

impl Notification {
    fn add(&mut self, object: CreatedObject) {
        let same =
            |other: &&mut CreatedObject| other.key == object.key && other.bucket == object.bucket;
        match self.created.iter_mut().find(same) {
            Some(earlier) => *earlier = object,
            None => self.created.push(object),
        }
    }
}

/// Undoes S3's form encoding: `+` is a space, `%XX` a byte of UTF-8.
fn decode_key(raw: &str) -> Result<String, EventError> {
    let spaced = if raw.contains('+') {
        Cow::Owned(raw.replace('+', " "))
    } else {
        Cow::Borrowed(raw)
    };
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(Cow::into_owned)
        .map_err(|_| EventError::KeyEncoding {
            raw: raw.to_owned(),
        })
}

#[cfg(test)]
mod tests;
