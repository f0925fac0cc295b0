//! Storyboards in the bucket.

use bytes::Bytes;
use contract::{ManifestCost, ManifestStoryboard};
use futures::future::try_join_all;
use thumbcore::storyboard::{Index, Layout, dash, hls, json, vtt};

use super::{ExtraError, INDEX_CACHE, Opened, Place, SHEET_CACHE, cost};
use crate::config::StoryboardSettings;

/// The name of the index, which names the sheets that are there: some, or all.
const INDEX: &str = "index.json";

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
            .put(key, sheet.image.clone(), (media_type, SHEET_CACHE))
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
    let texts = texts(settings, &index);
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

/// The files for players but for the index: name, media type and text of each.
fn texts(
    settings: &StoryboardSettings,
    index: &Index,
) -> Vec<((&'static str, &'static str), String)> {
    let files = settings.files;
    let mut texts = Vec::new();
    if files.vtt {
        texts.push((
            ("index.vtt", vtt::MEDIA_TYPE),
            vtt::write(index, name_in(index)),
        ));
    }
    if files.hls {
        texts.push((
            ("index.m3u8", hls::MEDIA_TYPE),
            hls::write(index, name_in(index)),
        ));
    }
    if files.dash {
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
