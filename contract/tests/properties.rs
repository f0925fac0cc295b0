//! Properties of the naming scheme and the event parser, over generated keys and bodies.

use contract::{
    Message, OutputName, Prefixes, ThumbnailKey, VIDEO_EXTENSIONS, metadata,
    naming::{MAX_NUMBER, MIN_RENDITION_WIDTH},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::{prelude::*, sample::select};

/// Path segments as people and mischief write them.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c_.]{0,4}",
        "[a-zA-Z0-9 +%&=_.~-]{1,12}",
        "\\PC{1,6}".prop_map(|s: String| s.replace('/', "_")),
        select(vec!["..", ".", "", "%2E%2E", "..."]).prop_map(str::to_owned),
    ]
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(segment(), 1..5).prop_map(|segments| segments.join("/"))
}

/// (path without its extension, extension)
fn video() -> impl Strategy<Value = (String, &'static str)> {
    let named = path().prop_filter("a video has a name", |path| {
        !path.is_empty() && !path.ends_with('/')
    });
    (named, select(VIDEO_EXTENSIONS.to_vec()))
}

fn outputs(name: &OutputName) -> Vec<String> {
    let mut keys: Vec<String> = (1..=3).map(|n| name.thumbnail(n, "jpg")).collect();
    keys.extend((1..=3).map(|n| name.rendition(n, 320, "jpg")));
    keys.push(name.manifest());
    keys
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn outputs_stay_below_their_prefix((stem, extension) in video()) {
        let prefixes = Prefixes::default();
        for name in prefixes.candidates(&format!("uploads/{stem}.{extension}")).unwrap() {
            for key in outputs(&name) {
                prop_assert!(key.starts_with("thumbnails/"), "{key}");
                prop_assert!(!key.split('/').any(|s| s == ".." || s == "."), "{key}");
                // No loops: what the worker writes is nothing it would process.
                prop_assert!(prefixes.candidates(&key).is_err(), "{key}");
                prop_assert!(key.len() <= 1024);
            }
        }
    }

    #[test]
    fn different_stems_never_share_an_output((a, _) in video(), (b, _) in video()) {
        // The escape of dot segments is the one thing that is not injective; the worker resolves
        // it like any other collision.
        if a == b || a.contains("%2E") || b.contains("%2E") {
            return Ok(());
        }
        let prefixes = Prefixes::default();
        let [a, ..] = prefixes.candidates(&format!("uploads/{a}.mp4")).unwrap();
        let [b, ..] = prefixes.candidates(&format!("uploads/{b}.mov")).unwrap();
        let b = outputs(&b);
        for key in outputs(&a) {
            prop_assert!(!b.contains(&key), "{key}");
        }
    }

    #[test]
    fn the_last_candidate_is_nobody_elses((a, x) in video(), (b, y) in video()) {
        let a = format!("uploads/{a}.{x}");
        let b = format!("uploads/{b}.{y}");
        if a == b {
            return Ok(());
        }
        let prefixes = Prefixes::default();
        let [.., a] = prefixes.candidates(&a).unwrap();
        let [.., b] = prefixes.candidates(&b).unwrap();
        prop_assert_ne!(a, b);
    }

    #[test]
    fn thumbnail_keys_read_back(
        (stem, extension) in video(),
        number in 1..=MAX_NUMBER,
        width in MIN_RENDITION_WIDTH..=8192,
    ) {
        for name in Prefixes::default().candidates(&format!("uploads/{stem}.{extension}")).unwrap() {
            let parsed = ThumbnailKey::parse(&name.thumbnail(number, "webp")).unwrap();
            prop_assert_eq!((parsed.number, parsed.extension.as_str()), (number, "webp"));
            prop_assert_eq!((&parsed.name, parsed.width), (&name, None));

            let parsed = ThumbnailKey::parse(&name.rendition(number, width, "webp")).unwrap();
            prop_assert_eq!((parsed.number, parsed.width), (number, Some(width)));
            prop_assert_eq!(parsed.name, name);
        }
    }

    #[test]
    fn any_key_is_a_name_or_an_error(key in "\\PC{0,40}", uploads in path(), thumbnails in path()) {
        if let Ok(prefixes) = Prefixes::new(&uploads, &thumbnails)
            && let Ok(names) = prefixes.candidates(&key)
        {
            for name in names {
                prop_assert!(name.to_string().starts_with(prefixes.thumbnails()));
            }
        }
    }

    #[test]
    fn the_parser_never_panics(body in prop_oneof![
        "\\PC{0,200}",
        any::<Vec<u8>>().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "[{}\\[\\]\":,]{0,40}(\"Records\"|\"eventName\"|\"s3\"|%FF|null|1e999)?[{}\\[\\]\":,]{0,40}",
    ]) {
        let _ = Message::parse(&body);
    }

    #[test]
    fn encoded_keys_come_back(key in "\\PC{1,60}", plus in any::<bool>()) {
        let mut encoded = utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string();
        if plus {
            encoded = encoded.replace("%20", "+");
        }
        let body = serde_json::json!({"Records": [{
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "b"}, "object": {"key": encoded}},
        }]});
        let Message::Notification(notification) = Message::parse(&body.to_string()).unwrap() else {
            panic!("a test event");
        };
        prop_assert_eq!(&notification.created[0].key, &key);
    }

    #[test]
    fn metadata_is_ascii_and_short(key in "\\PC{1,256}") {
        let encoded = metadata::encode_key(&key);
        prop_assert!(encoded.is_ascii() && encoded.len() <= 1601);
        if let Some(decoded) = metadata::decode_key(&encoded) {
            prop_assert_eq!(decoded, key);
        }
    }
}
