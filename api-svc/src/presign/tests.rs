//! URLs against a provider whose credentials change.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::{error::CredentialsError, future};
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, ProvideCredentials, Region, SharedCredentialsProvider},
};

use super::*;

/// Provides what a test sets; an error until then.
#[derive(Debug, Clone, Default)]
struct Vault(Arc<Mutex<Option<Credentials>>>);

impl ProvideCredentials for Vault {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let held = self.0.lock().unwrap().clone();
        future::ProvideCredentials::ready(held.ok_or_else(|| CredentialsError::not_loaded("none")))
    }
}

impl Vault {
    fn set(&self, key: &str, end: Option<SystemTime>) {
        let token = Some("token".to_owned());
        let credentials = Credentials::new(key, "secret", token, end, "test");
        *self.0.lock().unwrap() = Some(credentials);
    }

    fn break_down(&self) {
        *self.0.lock().unwrap() = None;
    }

    fn sessions(&self) -> Arc<Sessions> {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .build();
        let provider = SharedCredentialsProvider::new(self.clone());
        Arc::new(Sessions::new(&Client::from_conf(config), Some(provider)))
    }

    fn urls(&self) -> ThumbnailUrls {
        ThumbnailUrls::new(self.sessions(), "b".to_owned())
    }
}

/// A time so many minutes after a full half hour.
fn minute(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + minutes * 60)
}

#[tokio::test]
async fn urls_end_with_the_half_hour_or_the_session() {
    let vault = Vault::default();
    vault.set("FOREVER", None);
    let signed = vault.urls().at(&["a"], minute(10)).await.unwrap();
    assert_eq!(signed.end, minute(90));
    vault.set("SHORT", Some(minute(70)));
    let urls = vault.urls();
    let signed = urls.at(&["a"], minute(10)).await.unwrap();
    assert_eq!(signed.end, minute(70));
    assert!(signed.urls[0].contains("X-Amz-Expires=4200"), "{signed:?}");
    let same = urls.at(&["a"], minute(29)).await.unwrap();
    assert_eq!(same, signed, "a picture keeps its URL");
    let next = urls.at(&["a"], minute(31)).await.unwrap();
    assert_ne!(next.urls, signed.urls);
}

#[tokio::test]
async fn a_session_is_renewed_before_it_ends() {
    let vault = Vault::default();
    vault.set("OLD", Some(minute(40)));
    let urls = vault.urls();
    let old = urls.at(&["a"], minute(1)).await.unwrap();
    assert_eq!(old.end, minute(40));
    vault.set("NEW", Some(minute(80)));
    assert_eq!(urls.at(&["a"], minute(19)).await.unwrap(), old);
    let new = urls.at(&["a"], minute(21)).await.unwrap();
    assert_eq!(new.end, minute(80));
    assert!(new.urls[0].contains("NEW"), "{new:?}");
    // A provider that fails leaves the session as long as it lasts, and no longer.
    vault.break_down();
    assert_eq!(urls.at(&["a"], minute(29)).await.unwrap(), new);
    assert_eq!(urls.at(&["a"], minute(79)).await.unwrap().end, minute(80));
    assert!(urls.at(&["a"], minute(81)).await.is_err());
    vault.set("LAST", Some(minute(180)));
    assert!(urls.at(&["a"], minute(82)).await.is_ok());
}

#[tokio::test]
async fn no_url_of_an_earlier_session_is_served() {
    let vault = Vault::default();
    vault.set("OLD", Some(minute(25)));
    let urls = vault.urls();
    // A slow call that began with the old session…
    let slow = urls.batch_at(minute(1)).await.unwrap();
    vault.set("NEW", Some(minute(80)));
    let end = urls.at::<&str>(&[], minute(6)).await.unwrap().end;
    assert_eq!(end, minute(80));
    // …signs and caches its URL after others have moved on.
    assert!(slow.url("b", "a".into()).await.unwrap().contains("OLD"));
    let signed = urls.at(&["a"], minute(6)).await.unwrap();
    assert!(signed.urls[0].contains("NEW"), "{signed:?}");
}

#[tokio::test]
async fn a_chosen_picture_has_a_url_of_its_own() {
    let vault = Vault::default();
    vault.set("FOREVER", None);
    let urls = vault.urls();
    let of = async |revision| {
        let picture = Signable {
            key: "a b_1.jpg",
            revision,
        };
        let signed = urls.at(&[picture], minute(1)).await.unwrap();
        signed.urls[0].clone()
    };
    let (own, first, second) = (of(None).await, of(Some("1")).await, of(Some("2")).await);
    assert!(
        first.contains("x-revision=1&") || first.ends_with("x-revision=1"),
        "{first}"
    );
    assert!(!own.contains("x-revision"), "{own}");
    let signature = |url: &str| url.split_once("X-Amz-Signature=").unwrap().1[..64].to_owned();
    assert_ne!(
        signature(&first),
        signature(&second),
        "the parameter is signed"
    );
    assert_ne!(signature(&first), signature(&own));
    assert_eq!(of(Some("1")).await, first, "a revision keeps its URL");
    assert_eq!(of(None).await, own);
}
