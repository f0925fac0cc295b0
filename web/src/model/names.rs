//! What thumbnails and their videos are called.

use contract::ThumbnailKey;

/// The name of a thumbnail's video, without prefix and number: `thumbnails/a/b_1.jpg` is of `a/b`.
pub(crate) fn video_name(key: &str) -> &str {
    let name = key.split_once('/').map_or(key, |(_, name)| name);
    name.rsplit_once('_').map_or(name, |(name, _)| name)
}

/// The key of the manifest of a thumbnail's video.
pub(crate) fn manifest_key(key: &str) -> String {
    ThumbnailKey::parse(key).map_or_else(|| format!("{key}.json"), |key| key.name.manifest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_videos() {
        assert_eq!(video_name("thumbnails/a/b_c_1.jpg"), "a/b_c");
        assert_eq!(
            manifest_key("thumbnails/a/b.mov_3.jpg"),
            "thumbnails/a/b.mov.json"
        );
    }
}
