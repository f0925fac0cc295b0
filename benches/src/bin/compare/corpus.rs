//! Real videos: how much of each is fetched, beside what ffmpeg fetches over HTTP.

use std::{fmt::Write as _, fs, path::PathBuf, sync::Arc};

use anyhow::Context;
use benches::text::{megabytes, section};
use thumbcore::{Extractor, S3Source};

use crate::{
    measure::Meter,
    peers::Contender,
    requests::Traffic,
    server::{Network, Server},
    subject::{BUCKET, Store, Subject},
};

/// Smaller files are read in two requests, whatever they are.
const AT_LEAST: u64 = 1_000_000;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Folder of videos
    #[arg(long, env = "THUMBCORE_CORPUS", default_value = "../shared/corpus")]
    folder: PathBuf,

    /// Folder of `benchmarks.md`, into which the table is written; printed unless given
    #[arg(long)]
    docs: Option<PathBuf>,

    /// A program is ended after so many seconds
    #[arg(long, default_value_t = 60)]
    limit: u64,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join("s3");
    fs::create_dir(&root)?;
    let table = table(options, scratch.path(), &root).await?;
    if let Some(docs) = &options.docs {
        return section(&docs.join("benchmarks.md"), "corpus", &table);
    }
    println!("{table}");
    Ok(())
}

async fn table(
    options: &Options,
    scratch: &std::path::Path,
    root: &std::path::Path,
) -> anyhow::Result<String> {
    let network = Network {
        latency: 0,
        bandwidth: 1000,
    };
    let mut server = Server::start(root, network).await?;
    let store = Store::new(root, &server.endpoint)?;
    let client = Store::client_of(&server.endpoint);
    let extractor = Extractor::builder().build()?;
    let entries = fs::read_dir(&options.folder);
    let entries = entries.with_context(|| format!("no corpus {}", options.folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_video = entry.path().extension().is_some_and(|name| name != "tsv");
        if is_video && entry.metadata()?.len() > AT_LEAST {
            files.push(entry.path());
        }
    }
    files.sort();
    let mut text = String::from(
        "| video | size | ours: bytes | requests | ffmpeg: bytes | requests | ffmpeg, keyframes: bytes | requests |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let mut sums = [0u64; 4];
    for path in files {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let object = store.put(&name, &path).await?;
        let size = path.metadata()?.len();
        let subject = Subject {
            name: name.clone(),
            title: name.clone(),
            index: benches::media::Index::Small,
            objects: vec![object],
        };
        server.requests().await?;
        let source = S3Source::new(client.clone(), BUCKET, &name);
        let ours = extractor.extract(Arc::new(source)).await;
        let ours = (
            Traffic::of(&server.requests().await?),
            ours.err().map(|error| error.kind()),
        );
        let mut theirs = Vec::new();
        for contender in [Contender::Ffmpeg, Contender::FfmpegKeyframes] {
            let folder = scratch.join("pictures");
            let mut meter = Meter::new(&server.endpoint, &folder, options.limit)?;
            let made = tokio::task::block_in_place(|| contender.run(&mut meter, &subject, &[1.0]));
            let whole = made.is_ok() && meter.pictures.iter().all(|picture| picture.path.exists());
            let traffic = Traffic::of(&server.requests().await?);
            theirs.push((traffic, (!whole).then_some("pictures missing")));
        }
        write!(text, "| {name} | {}", megabytes(size as f64))?;
        sums[0] += size;
        for (n, (traffic, failure)) in [ours].into_iter().chain(theirs).enumerate() {
            sums[n + 1] += traffic.bytes;
            let failure = failure.map_or(String::new(), |failure| format!(" ({failure})"));
            let bytes = megabytes(traffic.bytes as f64);
            write!(text, " | {bytes}{failure} | {}", traffic.requests)?;
        }
        text.push_str(" |\n");
    }
    let [size, ours, exact, keyframes] = sums.map(|bytes| megabytes(bytes as f64));
    writeln!(
        text,
        "| **all** | {size} | {ours} | | {exact} | | {keyframes} | |"
    )?;
    Ok(text)
}
