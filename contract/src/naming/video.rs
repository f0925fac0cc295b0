//! Which names are those of videos.

use super::file_name;

/// The file extensions of the videos that the pipeline processes, in lower case, each with the
/// media type of its objects.
///
/// These are the extensions of all containers that thumbcore finds keyframes in without reading
/// them front to back. Of those, `m4s` is left out, since a segment alone has no index, and `ogg`,
/// which is music as a rule.
pub const VIDEO_TYPES: [(&str, &str); 19] = [
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("avi", "video/x-msvideo"),
    ("webm", "video/webm"),
    ("wmv", "video/x-ms-wmv"),
    ("flv", "video/x-flv"),
    ("m4v", "video/mp4"),
    ("ts", "video/mp2t"),
    ("3gp", "video/3gpp"),
    ("3g2", "video/3gpp2"),
    ("f4v", "video/mp4"),
    ("mts", "video/mp2t"),
    ("m2ts", "video/mp2t"),
    ("mpg", "video/mpeg"),
    ("mpeg", "video/mpeg"),
    ("vob", "video/mpeg"),
    ("asf", "video/x-ms-asf"),
    ("ogv", "video/ogg"),
];

/// The extensions of [`VIDEO_TYPES`].
pub const VIDEO_EXTENSIONS: [&str; VIDEO_TYPES.len()] = {
    let mut extensions = [""; VIDEO_TYPES.len()];
    let mut index = 0;
    while index < extensions.len() {
        extensions[index] = VIDEO_TYPES[index].0;
        index += 1;
    }
    extensions
};

/// The extension of `key` as it is written there, if it is one of [`VIDEO_EXTENSIONS`] in any case.
///
/// A name that is nothing but an extension (`.mp4`) is a hidden file and has none.
///
/// ```
/// assert_eq!(contract::video_extension("uploads/Clip.MP4"), Some("MP4"));
/// assert_eq!(contract::video_extension("uploads/notes.txt"), None);
/// ```
#[must_use]
pub fn video_extension(key: &str) -> Option<&str> {
    let (stem, extension) = file_name(key).rsplit_once('.')?;
    let known = VIDEO_EXTENSIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(extension));
    (known && !stem.is_empty()).then_some(extension)
}

/// The media type of a video by its key; `None` for what is no video by its name.
///
/// ```
/// assert_eq!(contract::naming::video_type("uploads/Clip.MKV"), Some("video/x-matroska"));
/// ```
#[must_use]
pub fn video_type(key: &str) -> Option<&'static str> {
    let extension = video_extension(key)?;
    let types = VIDEO_TYPES.iter();
    let mut found = types.filter(|(known, _)| known.eq_ignore_ascii_case(extension));
    found.next().map(|(_, media_type)| *media_type)
}
