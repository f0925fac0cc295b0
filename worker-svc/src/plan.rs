//! From a message's body to the videos to process.

use contract::{CreatedObject, EventError, Message, NamingError, OutputName, Prefixes};
use thumbcore::{Stat, Validator};

use crate::failure::Failure;

/// One video to process.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) key: String,
    /// Size in bytes of the version that the event names, where the event tells.
    pub(crate) size: Option<u64>,
    /// The version that the event names, without quotes, where the event tells.
    pub(crate) etag: Option<String>,
    /// The names its outputs may take, in the order to try them.
    pub(crate) names: [OutputName; 3],
}

impl Job {
    /// Length and version of the video as the event has them, if it tells both. They may be
    /// outdated: the video may have been overwritten since.
    pub(crate) fn stat(&self) -> Option<Stat> {
        let (len, etag) = (self.size?, self.etag.as_deref()?);
        Some(Stat::new(len, Some(Validator(etag.to_owned()))))
    }
}

/// The records of a message, sorted.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Videos to process.
    pub(crate) jobs: Vec<Job>,
    /// Records to skip, with the reason.
    pub(crate) ignored: Vec<(String, String)>,
    /// Records that cannot be processed, now or ever.
    pub(crate) failures: Vec<Failure>,
}

impl Plan {
    pub(crate) fn new(body: &str, bucket: &str, prefixes: &Prefixes) -> Self {
        let mut plan = Self::default();
        match Message::parse(body) {
            Err(error) => plan.failures.push(Failure::Foreign(error)),
            Ok(Message::TestEvent) => {
                let why = "S3 sends it when a notification is configured".to_owned();
                plan.ignored.push(("s3:TestEvent".to_owned(), why));
            }
            Ok(Message::Notification(event)) => {
                for name in event.ignored {
                    plan.ignored.push((name, "not a creation".to_owned()));
                }
                plan.failures
                    .extend(event.invalid.into_iter().map(Failure::from));
                for object in event.created {
                    plan.add(object, bucket, prefixes);
                }
            }
        }
        plan
    }

    fn add(&mut self, object: CreatedObject, bucket: &str, prefixes: &Prefixes) {
        let named = object.bucket.as_deref();
        // A failure and not ignored: a worker with a wrong S3_BUCKET must not empty the queue.
        if let Some(named) = named.filter(|named| *named != bucket) {
            self.failures.push(Failure::WrongBucket {
                named: named.to_owned(),
                configured: bucket.to_owned(),
            });
            return;
        }
        match prefixes.candidates(&object.key) {
            Ok(names) => self.jobs.push(Job {
                key: object.key,
                size: object.size,
                etag: object.etag,
                names,
            }),
            Err(error @ NamingError::NotAVideo { .. }) => {
                self.ignored.push((object.key, error.to_string()));
            }
            // An output of a worker. Keys elsewhere are failures: a worker with a wrong
            // S3_UPLOAD_PREFIX must not empty the queue.
            Err(error @ NamingError::NotAnUpload { .. })
                if object.key.starts_with(prefixes.thumbnails()) =>
            {
                self.ignored.push((object.key, error.to_string()));
            }
            // A text that nobody took for an event, and that is no key of an upload either.
            Err(error @ NamingError::NotAnUpload { .. }) if object.bucket.is_none() => {
                let reason = error.to_string();
                self.failures
                    .push(Failure::Foreign(EventError::Unknown { reason }));
            }
            Err(error) => self.failures.push(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(body: &str) -> Plan {
        Plan::new(body, "videos", &Prefixes::default())
    }

    fn event(bucket: &str, key: &str) -> String {
        format!(
            r#"{{"Records":[{{"eventName":"ObjectCreated:Put","s3":{{"bucket":{{"name":"{bucket}"}},"object":{{"key":"{key}","size":7,"eTag":"e"}}}}}}]}}"#
        )
    }

    #[test]
    fn videos_become_jobs() {
        let plan = plan(&event("videos", "uploads/a+b.mp4"));
        assert_eq!(plan.jobs[0].key, "uploads/a b.mp4");
        assert_eq!(plan.jobs[0].etag.as_deref(), Some("e"));
        let stat = plan.jobs[0].stat().unwrap();
        assert_eq!(stat, Stat::new(7, Some(Validator("e".to_owned()))));
        assert!(plan.ignored.is_empty() && plan.failures.is_empty());
    }

    #[test]
    fn records_about_no_video_are_skipped_with_the_reason() {
        for body in [
            r#"{"Event":"s3:TestEvent"}"#.to_owned(),
            event("videos", "uploads/notes.txt"),
            event("videos", "thumbnails/a_1.mp4"),
            r#"{"Records":[{"eventName":"ObjectRemoved:Delete"}]}"#.to_owned(),
        ] {
            let plan = plan(&body);
            assert_eq!(plan.ignored.len(), 1, "{body}");
            assert!(plan.jobs.is_empty() && plan.failures.is_empty(), "{body}");
        }
    }

    #[test]
    fn unreadable_records_fail_permanently() {
        for (body, kind) in [
            ("{".to_owned(), "event"),
            ("hello".to_owned(), "event"),
            ("elsewhere/a.mp4".to_owned(), "event"),
            ("<xml/>".to_owned(), "event"),
            (event("videos", "uploads/%FF.mp4"), "event"),
            (
                event("videos", &format!("uploads/{}.ts", "x".repeat(1010))),
                "naming",
            ),
        ] {
            let plan = plan(&body);
            assert_eq!(plan.failures.len(), 1, "{body}");
            assert_eq!(plan.failures[0].kind(), kind);
            assert!(!plan.failures[0].is_transient());
        }
    }

    #[test]
    fn records_that_a_wrong_setting_explains_may_succeed_later() {
        for (body, kind) in [
            (event("other", "uploads/a.mp4"), "wrong_bucket"),
            (event("videos", "elsewhere/a.mp4"), "naming"),
        ] {
            let plan = plan(&body);
            assert!(plan.ignored.is_empty() && plan.jobs.is_empty(), "{body}");
            assert_eq!(plan.failures[0].kind(), kind);
            assert!(plan.failures[0].is_transient());
        }
    }
}
