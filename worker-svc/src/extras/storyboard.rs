//! Storyboards in the bucket.

use bytes::Bytes;
use contract::{
    ManifestCost, ManifestStoryboard,
    metadata::{INDEX_CACHE, PICTURE_CACHE},
    naming::as_path,
};
use futures::future::try_join_all;
use thumbcore::storyboard::{Index, Layout, dash, hls, json, vtt};

use super::{ExtraError, Opened, Place, cost};
use crate::config::{PlayerFiles, StoryboardSettings};

/// The name of the index, which names the sheets that are there: some, or all.
const INDEX: &str = "index.json";

/// The names of the playlists of images and of keyframes.
const IMAGES: &str = "index.m3u8";
const IFRAMES: &str = "iframes.m3u8";

/// Uploads sheet by sheet, from the first one that is missing on, then what players read.
pub(super) async fn make(
    place: &Place<'_>,
    settings: &StoryboardSettings,
    opened: &mut Opened,
) -> Result<ManifestStoryboard, ExtraError> {
    let (video, mut stats) = opened.take()?;
    let storyboard = video.storyboard(&settings.request)?;
    let mut index = earlier(place, storyboard.layout()).await?;
    let request = settings.request.clone().first_sheet(index.sheets().len());
    let mut storyboard = video.storyboard(&request)?;
    while let Some(sheet) = storyboard.next_sheet().await? {
        let name = index.layout().file_name(sheet.number);
        let media_type = index.layout().format.media_type();
        let key = place.name.storyboard(&name);
        place
            .put(key, sheet.image.clone(), (media_type, PICTURE_CACHE))
            .await?;
        stats += sheet.stats.clone();
        index.push(&sheet);
        put_text(
            place,
            (INDEX, json::MEDIA_TYPE),
            json::write(&index, name_in(&index)),
        )
        .await?;
    }
    let video = relative(&place.name.storyboard(IFRAMES), place.source);
    let texts = texts(settings, &index, &video);
    let keys = texts.iter().map(|((name, _), _)| *name);
    let files = [INDEX].into_iter().chain(keys);
    let files = files.map(|name| place.name.storyboard(name)).collect();
    let writes = texts
        .into_iter()
        .map(|(file, text)| put_text(place, file, text));
    try_join_all(writes).await?;
    let names = (0..index.sheets().len()).map(name_in(&index));
    Ok(ManifestStoryboard {
        sheets: names.map(|name| place.name.storyboard(&name)).collect(),
        files,
        bytes: index.sheets().iter().map(|sheet| sheet.bytes as u64).sum(),
        cost: cost(&stats),
        ..none()
    })
}

/// No storyboard.
pub(super) fn none() -> ManifestStoryboard {
    ManifestStoryboard {
        settings: String::new(),
        sheets: Vec::new(),
        files: Vec::new(),
        bytes: 0,
        cost: ManifestCost::default(),
        failure: None,
    }
}

/// The sheets that an earlier delivery has uploaded.
async fn earlier(place: &Place<'_>, layout: &Layout) -> Result<Index, ExtraError> {
    let text = place.earlier(&place.name.storyboard(INDEX)).await?;
    let index = text
        .as_deref()
        .and_then(|text| std::str::from_utf8(text).ok())
        .and_then(|text| json::read(text).ok());
    let index = index.filter(|(index, _)| index.layout() == layout);
    Ok(index.map_or_else(|| Index::new(layout.clone()), |(index, _)| index))
}

/// The names of the sheets, beside the files that name them.
fn name_in(index: &Index) -> impl Fn(usize) -> String + '_ {
    |sheet| index.layout().file_name(sheet)
}

/// The URL of the object `to`, relative to the object `from` of the same bucket.
fn relative(from: &str, to: &str) -> String {
    let up = "../".repeat(from.matches('/').count());
    format!("{up}{}", as_path(to))
}

/// The files for players but for the index: name, media type and text of each. `video` is the
/// video's URL.
fn texts(
    settings: &StoryboardSettings,
    index: &Index,
    video: &str,
) -> Vec<((&'static str, &'static str), String)> {
    let PlayerFiles { vtt, hls, dash } = settings.files;
    let mut texts = Vec::new();
    if vtt {
        let text = vtt::write(index, name_in(index));
        texts.push((("index.vtt", vtt::MEDIA_TYPE), text));
    }
    if hls {
        let mut playlist = |name, text| texts.push(((name, hls::MEDIA_TYPE), text));
        playlist(IMAGES, hls::write(index, name_in(index)));
        playlist("master.m3u8", hls::master(index, IMAGES, IFRAMES));
        if let Some(text) = hls::iframes(index, video) {
            playlist(IFRAMES, text);
        }
    }
    if dash {
        texts.push((("index.mpd", dash::MEDIA_TYPE), dash::write(index)));
    }
    texts
}

async fn put_text(
    place: &Place<'_>,
    (name, media_type): (&str, &'static str),
    text: String,
) -> Result<(), ExtraError> {
    let key = place.name.storyboard(name);
    place
        .put(key, Bytes::from(text), (media_type, INDEX_CACHE))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_named_from_its_storyboard() {
        let playlist = "thumbnails/a/b.storyboard/iframes.m3u8";
        assert_eq!(
            relative(playlist, "uploads/a/b #1.mp4"),
            "../../../uploads/a/b%20%231.mp4"
        );
    }
}
