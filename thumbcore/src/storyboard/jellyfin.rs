//! Jellyfin's trickplay folder: names, and when a server takes a folder that it did not make.
//!
//! A folder holds sheets alone, without a manifest. Jellyfin 12 works out the interval of such a
//! folder from the number of its sheets and the length of the film, and takes the folder if its own
//! interval is possible: [`adopted_intervals`].
//!
//! Source: `PathManager` and `TrickplayManager` of [Jellyfin](https://github.com/jellyfin/jellyfin).

use std::{ops::RangeInclusive, time::Duration};

use super::Layout;

/// The folder for sheets of this layout, beside the video `<stem>.mp4`:
/// `<stem>.trickplay/320 - 10x10`.
#[must_use]
pub fn folder(stem: &str, layout: &Layout) -> String {
    let Layout {
        tile_width,
        columns,
        rows,
        ..
    } = layout;
    format!("{stem}.trickplay/{tile_width} - {columns}x{rows}")
}

/// The intervals with which a server may be set up to take `sheets` sheets of a film that lasts
/// `duration`; empty where it takes them with none.
#[must_use]
pub fn adopted_intervals(layout: &Layout) -> RangeInclusive<Duration> {
    /// Shortest interval of a server, in milliseconds.
    const SHORTEST: u64 = 1000;
    let film = layout.duration.as_millis() as u64;
    let (sheets, each) = (layout.sheets() as u64, layout.tiles_a_sheet() as u64);
    let least = film.div_ceil(sheets * each).max(SHORTEST);
    let most = film / ((sheets - 1) * each + 1);
    Duration::from_millis(least)..=Duration::from_millis(most)
}

#[cfg(test)]
mod tests {
    use super::{super::StoryboardRequest, *};

    fn layout(film: u64) -> Layout {
        let film = Duration::from_secs(film);
        Layout::new(&StoryboardRequest::new(), (1920, 1080), film, film).unwrap()
    }

    #[test]
    fn a_server_takes_sheets_of_its_own_interval() {
        assert_eq!(
            folder("a film", &layout(60)),
            "a film.trickplay/320 - 10x10"
        );
        for film in [60, 995, 1000, 1010, 1500, 7200, 36_000] {
            let taken = adopted_intervals(&layout(film));
            assert!(
                taken.contains(&Duration::from_secs(10)),
                "{film}: {taken:?}"
            );
        }
    }

    #[test]
    fn two_sheets_of_half_an_hour_are_of_nine_to_seventeen_seconds() {
        let taken = adopted_intervals(&layout(1800));
        let millis = Duration::from_millis;
        assert_eq!(taken, millis(9000)..=millis(17_821));
        assert!(!taken.contains(&millis(5000)));
    }
}
