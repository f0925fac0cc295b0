//! What counts as a video is the same everywhere, and the images hold what they need.

use std::collections::BTreeSet;

use crate::repository::{attribute, block, read, terraform};

/// Names are told apart by workers, which take what the contract calls a video.
#[test]
fn the_bucket_announces_every_upload() {
    let bucket = terraform("terraform/pipeline/bucket.tf");
    let labels = ["aws_s3_bucket_notification", "uploads"];
    let rules = block(&bucket, "resource", &labels).body();
    assert_eq!(rules.blocks().count(), 1);
    let rule = block(rules, "queue", &[]).body();
    let prefix = attribute(rule, "filter_prefix").to_string();
    assert_eq!(prefix, "local.upload_prefix");
    let mut keys = rule.attributes().map(hcl::Attribute::key);
    assert!(keys.all(|key| key != "filter_suffix"));
}

/// What the services take is what docs/formats.md says they do: all that is read without going
/// through the whole file, but for what the document excepts.
#[test]
fn every_documented_extension_is_taken() {
    let extensions = |text: &str| -> Vec<String> {
        let words = text.split([' ', '`', ',', ':']);
        let words = words.filter_map(|word| word.strip_prefix('.'));
        words.map(ToOwned::to_owned).collect()
    };
    let document = read("docs/formats.md");
    let (_, taken) = document.split_once("whose names end in\n").unwrap();
    let (taken, rest) = taken.split_once('\n').unwrap();
    assert_eq!(extensions(taken), contract::VIDEO_EXTENSIONS);

    let (excepted, table) = rest.split_once("| --- |").unwrap();
    let (excepted, _) = excepted.split_once("\n\n").unwrap();
    let rows = table.lines().take_while(|line| !line.is_empty());
    let read: BTreeSet<_> = rows
        .filter_map(|row| row.split('|').nth(2))
        .flat_map(extensions)
        .collect();
    let mut either = extensions(excepted);
    either.extend(contract::VIDEO_EXTENSIONS.map(ToOwned::to_owned));
    let count = either.len();
    assert_eq!(either.into_iter().collect::<BTreeSet<_>>(), read);
    assert_eq!(count, read.len(), "taken and excepted");
}

/// What docs/api.md says that the bucket must allow browsers, Terraform allows.
#[test]
fn browsers_may_send_what_uploads_are_signed_with() {
    let quoted = |file: &str, start: &str| -> BTreeSet<String> {
        let text = read(file);
        let (_, words) = text.split_once(start).unwrap();
        let (words, _) = words.split_once(']').unwrap();
        let words = words.split('"').skip(1).step_by(2);
        words.map(ToOwned::to_owned).collect()
    };
    let documented = quoted("docs/api.md", "\"AllowedHeaders\": [");
    let allowed = quoted("terraform/pipeline/bucket.tf", "allowed_headers = [");
    assert!(!documented.is_empty());
    assert!(documented.is_subset(&allowed), "{documented:?} {allowed:?}");
}

/// Entries of the journal go by themselves.
#[test]
fn the_journal_expires() {
    let prefixes = contract::Prefixes::default();
    let recent = prefixes.recent();
    let below = recent.strip_prefix(prefixes.thumbnails()).unwrap();
    let rule = format!("expire_days = {{ \"${{local.thumbnail_prefix}}{below}\" = 1 }}");
    assert!(
        read("terraform/pipeline/bucket.tf").contains(&rule),
        "{rule}"
    );
}

/// An image is built from the whole workspace: cargo reads every member's manifest.
#[test]
fn images_are_built_from_every_member_of_the_workspace() {
    let manifest = read("Cargo.toml");
    let (_, members) = manifest.split_once("members = [").unwrap();
    let (members, _) = members.split_once(']').unwrap();
    let context = read(".dockerignore");
    let context: BTreeSet<_> = context.lines().collect();
    let members = members.split('"').skip(1).step_by(2);
    for member in members {
        // A folder brings what lies below it.
        let folder = member.split('/').next().unwrap_or(member);
        assert!(
            context.contains(format!("!{folder}").as_str()),
            ".dockerignore leaves {member} out"
        );
    }
}

/// thumbcore's allow-list and the FFmpeg of the images; names of the first that are not the
/// component's are translated.
#[test]
fn the_images_decode_what_thumbcore_allows() {
    let source = read("thumbcore/src/container/mod.rs");
    let script = read("docker/build-ffmpeg.sh");

    let mut demuxers = list(&source, "const DEMUXERS: &str = \"", ',');
    demuxers.extend(list(&source, "CONFINED_DEMUXERS: &str = \"", ','));
    let mut built = list(&script, "\ndemuxers=\"", ' ');
    built.extend(list(&script, "confined_demuxers=\"", ' '));
    let translated = demuxers.into_iter().filter_map(|name| match name.as_str() {
        "mpeg" => Some("mpegps".to_owned()),
        // The same component as matroska.
        "webm" => None,
        _ => Some(name),
    });
    assert_eq!(translated.collect::<BTreeSet<_>>(), built);

    let decoders = decoders(&read("thumbcore/src/codec/list.rs"));
    let mut built = list(&script, "\ndecoders=\"", ' ');
    built.extend(list(&script, "confined_decoders=\"", ' '));
    let translated: BTreeSet<_> = decoders
        .into_iter()
        .filter(|name| {
            // AV1, VP8 and VP9 by other libraries than those that are built in.
            !["libaom-av1", "av1", "libvpx", "libvpx-vp9"].contains(&name.as_str())
        })
        .map(|name| match name.as_str() {
            "msmpeg4" => "msmpeg4v3".to_owned(),
            "camtasia" => "tscc".to_owned(),
            "camstudio" => "cscd".to_owned(),
            "ultimotion" => "ulti".to_owned(),
            "8bps" => "eightbps".to_owned(),
            "012v" => "zero12v".to_owned(),
            _ => name,
        })
        .collect();
    assert_eq!(translated, built);
}

/// The decoders of the table of codecs, whose lines are `Variant = "name" by ["decoder", …],
/// Access;`.
fn decoders(source: &str) -> BTreeSet<String> {
    let lists = source.split(" by [").skip(1);
    let decoders: BTreeSet<_> = lists
        .filter_map(|rest| rest.split_once(']'))
        .flat_map(|(list, _)| list.split('"').skip(1).step_by(2))
        .map(ToOwned::to_owned)
        .collect();
    assert!(decoders.contains("h264"), "no codecs in the table");
    decoders
}

/// The words from `start` to the next quotation mark.
fn list(text: &str, start: &str, separator: char) -> BTreeSet<String> {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start}"));
    let (words, _) = rest.split_once('"').unwrap();
    let words = words.replace(['\\', '\n'], " ");
    words
        .split([separator, ' '])
        .filter(|word| !word.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}
