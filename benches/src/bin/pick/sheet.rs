//! The pictures that `nearest` and `best` choose of real videos, side by side, for people to look
//! at.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use benches::text::section;
use image::{
    ImageFormat, RgbImage, codecs::jpeg::JpegEncoder, imageops, load_from_memory_with_format,
};
use thumbcore::{Extraction, Extractor, FileSource, Pick, Request};

/// Size of a cell, in pixels.
const CELL: (u32, u32) = (160, 96);

/// Width of the gap between the two halves, in pixels.
const GAP: u32 = 16;

/// JPEG quality of the sheet.
const QUALITY: u8 = 75;

#[derive(clap::Args)]
#[group(id = "sheet")]
pub(crate) struct Options {
    /// Folder of real videos
    #[arg(long, env = "THUMBCORE_CORPUS", default_value = "../shared/corpus")]
    corpus: PathBuf,

    /// The sheet, a JPEG
    #[arg(long, default_value = "target/pick.jpg")]
    out: PathBuf,

    /// Also the videos of which both choose the same pictures
    #[arg(long)]
    all: bool,

    /// Folder of `benchmarks.md`, into which the rows are listed, and whose `pictures/best.jpg` is
    /// the sheet instead
    #[arg(long)]
    docs: Option<PathBuf>,
}

/// A video of which both choices could be made.
struct Row {
    name: String,
    nearest: Extraction,
    best: Extraction,
}

impl Row {
    fn differs(&self) -> bool {
        let mut pairs = self.nearest.thumbnails.iter().zip(&self.best.thumbnails);
        pairs.any(|(a, b)| a.actual != b.actual)
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut rows = rows(&options.corpus).await?;
    let count = rows.len();
    rows.retain(|row| options.all || row.differs());
    let listing = listing(&rows, count);
    let Some(docs) = &options.docs else {
        draw(&rows, &options.out)?;
        println!("{listing}");
        return Ok(());
    };
    draw(&rows, &docs.join("pictures/best.jpg"))?;
    section(&docs.join("benchmarks.md"), "pick-sheet", &listing)
}

async fn rows(corpus: &Path) -> anyhow::Result<Vec<Row>> {
    let entries = fs::read_dir(corpus);
    let entries = entries.with_context(|| format!("no corpus {}", corpus.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|name| name != "tsv"));
    paths.sort();
    let mut rows = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().display().to_string();
        // What cannot be decoded at all has no picture to look at.
        if let (Ok(nearest), Ok(best)) = (
            extract(&path, Pick::Nearest).await,
            extract(&path, Pick::BEST).await,
        ) {
            rows.push(Row {
                name,
                nearest,
                best,
            });
        }
    }
    Ok(rows)
}

async fn extract(path: &Path, pick: Pick) -> anyhow::Result<Extraction> {
    let request = Request::new().pick(pick).widths([CELL.0]);
    let extractor = Extractor::builder().request(request).build()?;
    Ok(extractor
        .extract(Arc::new(FileSource::open(path).await?))
        .await?)
}

/// A row for each video: three pictures of `nearest`, then three of `best`.
fn draw(rows: &[Row], out: &Path) -> anyhow::Result<()> {
    let width = 6 * CELL.0 + GAP;
    let height = CELL.1 * rows.len().max(1) as u32;
    let mut sheet = RgbImage::from_pixel(width, height, image::Rgb([255; 3]));
    for (nth, row) in rows.iter().enumerate() {
        let top = i64::from(CELL.1) * nth as i64 + 2;
        for (half, of) in [&row.nearest, &row.best].into_iter().enumerate() {
            for (column, thumbnail) in of.thumbnails.iter().take(3).enumerate() {
                let picture = load_from_memory_with_format(thumbnail.image(), ImageFormat::Jpeg)?;
                let filter = imageops::FilterType::Triangle;
                let picture = picture.resize(CELL.0 - 4, CELL.1 - 4, filter);
                let cells = (3 * half + column) as i64;
                let left = i64::from(CELL.0) * cells + i64::from(GAP) * half as i64 + 2;
                imageops::overlay(&mut sheet, &picture.to_rgb8(), left, top);
            }
        }
    }
    let file = fs::File::create(out).with_context(|| format!("cannot write {}", out.display()))?;
    Ok(JpegEncoder::new_with_quality(file, QUALITY).encode_image(&sheet)?)
}

/// The rows' names, with the score of each picture.
fn listing(rows: &[Row], count: usize) -> String {
    let mut text = format!(
        "{} of {count} videos that can be decoded, from the top:\n\n| video | scores: nearest | best |\n| --- | --- | --- |\n",
        rows.len()
    );
    for row in rows {
        let scores = |of: &Extraction| {
            let scores = of
                .thumbnails
                .iter()
                .map(|it| format!("{:.2}", it.score.value));
            scores.collect::<Vec<_>>().join(" ")
        };
        let (nearest, best) = (scores(&row.nearest), scores(&row.best));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | {nearest} | {best} |", row.name);
    }
    text
}
