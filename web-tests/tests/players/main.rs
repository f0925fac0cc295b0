//! Storyboards in the players of others, in a real Chromium: of a film whose frames carry their
//! number, every tile that a player shows for a time is read, and has to be the right one.
//!
//! `cargo xtask players` gets the players and runs these tests.

mod film;

use std::path::Path;

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tower_http::services::ServeDir;
use web_tests::{Browser, BrowserOptions, Screen};

use self::film::Film;

/// Seeks over the whole film.
const SEEKS: u32 = 100;

/// The players, of npm.
const PLAYERS: [&str; 4] = [
    "shaka-player@5.2.12",
    "dashjs@5.2.1",
    "video.js@7.21.7",
    "videojs-vtt-thumbnails@0.0.13",
];

/// A folder that is served, and a browser.
struct Cinema {
    browser: Browser,
    url: String,
    _server: AbortOnDropHandle<()>,
}

impl Cinema {
    async fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::write(folder.join("page.html"), include_str!("page.html"))?;
        std::fs::write(folder.join("page.js"), include_str!("page.js"))?;
        let players = devstack::npm("players", &PLAYERS)?;
        std::os::unix::fs::symlink(players, folder.join("players"))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let site = Router::new().fallback_service(ServeDir::new(folder));
        let server = tokio::spawn(async move {
            // Ends with the test.
            let _ = axum::serve(listener, site).await;
        });
        Ok(Self {
            browser: Browser::start(BrowserOptions::default()).await?,
            url,
            _server: AbortOnDropHandle::new(server),
        })
    }

    /// What `player` shows of the film for each of `times`, by what lies at `source`: the number
    /// on the frame.
    async fn numbers(&self, player: &str, source: &str, times: &[f64]) -> anyhow::Result<Vec<u64>> {
        let page = format!("{}/page.html", self.url);
        self.browser.open(&page, Screen::WIDE).await?;
        self.browser.until("window.players !== undefined").await?;
        let ask = "const tile = await window.players[argument.player](argument.source); \
                   const numbers = []; \
                   for (const time of argument.times) numbers.push(await window.read(await tile(time))); \
                   return numbers;";
        let argument = json!({"player": player, "source": source, "times": times});
        let numbers = self.browser.run(ask, argument).await?;
        Ok(serde_json::from_value(numbers)?)
    }
}

/// Every tile that `player` shows is the one of its time, as the index tells it.
async fn assert_shows(player: &str, source: &str) -> anyhow::Result<()> {
    let film = Film::make()?;
    let cinema = Cinema::open(film.folder()).await?;
    let index: Value = serde_json::from_slice(&std::fs::read(film.file("index.json"))?)?;
    let tiles = index["tiles"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(tiles.len(), film::TILES);
    let times: Vec<f64> = (0..SEEKS)
        .map(|nth| (f64::from(nth) + 0.37) * film::SECONDS / f64::from(SEEKS))
        .collect();
    let numbers = cinema.numbers(player, source, &times).await?;
    for (time, number) in times.iter().zip(numbers) {
        let nth = (time / film::INTERVAL) as usize;
        let shown = number as f64 / film::FPS;
        let told = tiles[nth]["actual_s"].as_f64().unwrap_or(f64::NAN);
        let off = (shown - told).abs();
        assert!(
            off < 0.5 / film::FPS,
            "{player} at {time} s shows {shown} s, not {told} s"
        );
        let interval = nth as f64 * film::INTERVAL..(nth + 1) as f64 * film::INTERVAL;
        assert!(
            interval.contains(&shown),
            "{shown} s is not within {interval:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "gets players from npm: cargo xtask players"]
async fn shaka_player_shows_webvtt() -> anyhow::Result<()> {
    assert_shows("shakaVtt", "film.storyboard/index.vtt").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "gets players from npm: cargo xtask players"]
async fn shaka_player_shows_images_of_hls() -> anyhow::Result<()> {
    assert_shows("shaka", "hls/master.m3u8").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "gets players from npm: cargo xtask players"]
async fn shaka_player_shows_thumbnails_of_dash() -> anyhow::Result<()> {
    assert_shows("shaka", "dash/film.mpd").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "gets players from npm: cargo xtask players"]
async fn dash_js_shows_thumbnails() -> anyhow::Result<()> {
    assert_shows("dashJs", "dash/film.mpd").await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "gets players from npm: cargo xtask players"]
async fn video_js_shows_webvtt() -> anyhow::Result<()> {
    assert_shows("videoJs", "film.storyboard/index.vtt").await
}
