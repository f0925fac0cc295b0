//! A message of the dead-letter queue, read.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as System};
use contract::api::Failure;

use crate::time::rfc3339;

/// What a message tells; `None` if it has no id.
pub(super) fn failure(message: &Message) -> Option<Failure> {
    let body = message.body().unwrap_or_default();
    let keys = match contract::Message::parse(body) {
        Ok(contract::Message::Notification(event)) => {
            event.created.into_iter().map(|object| object.key).collect()
        }
        _ => Vec::new(),
    };
    let attribute = |name: &str| {
        let attributes: &HashMap<_, _> = message.message_attributes.as_ref()?;
        Some(attributes.get(name)?.string_value()?.to_owned())
    };
    Some(Failure {
        id: message.message_id()?.to_owned(),
        keys,
        kind: attribute("error-kind"),
        message: attribute("error-message"),
        sent_at: sent(message).map(rfc3339),
        receive_count: system(message, &System::ApproximateReceiveCount).unwrap_or(0),
    })
}

/// When a message was sent first.
pub(super) fn sent(message: &Message) -> Option<SystemTime> {
    let millis = system(message, &System::SentTimestamp)?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
}

fn system<T: std::str::FromStr>(message: &Message, name: &System) -> Option<T> {
    message.attributes.as_ref()?.get(name)?.parse().ok()
}
