//! The hidden folder in which a storyboard is made.
//!
//! A sheet counts once the state names it, which is written after the sheet and replaced as a
//! whole. So whatever moment a run is stopped at, what the state names is whole, and at most one
//! sheet is made again.

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs::{self, File, TryLockError},
    io::{self, BufWriter, Seek, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use thumbcore::storyboard::{Index, Layout, Sheet, bif, dash, hls, jellyfin, json, vtt};

use super::{
    Files,
    publish::{link, publish},
    state::State,
};
use crate::{
    output::{failure, temporary_file, write_file},
    report::Failure,
};

/// The name of a file of state.
const STATE: &str = ".thumb.json";

/// The name of the playlist of keyframes.
pub(super) const IFRAMES: &str = "iframes.m3u8";

/// Where one storyboard goes.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) out: PathBuf,
    /// What the names begin with.
    pub(super) base: OsString,
    /// What `iframes.m3u8` calls the video: a URL relative to the storyboard's folder.
    pub(super) film: String,
    pub(super) files: Files,
    /// What the storyboard depends on.
    pub(super) fingerprint: String,
}

/// A storyboard that an earlier run finished.
pub(super) struct Published {
    pub(super) index: Index,
    pub(super) files: Vec<PathBuf>,
}

impl Place {
    fn named(&self, before: &str, after: &str) -> PathBuf {
        let mut name = OsString::from(before);
        name.push(&self.base);
        name.push(after);
        self.out.join(name)
    }

    /// The finished storyboard, for all but Jellyfin.
    fn folder(&self) -> PathBuf {
        self.named("", ".storyboard")
    }

    /// Jellyfin's folder of the video, and the sheets' folder in it.
    fn trickplay(&self, layout: &Layout) -> (PathBuf, PathBuf) {
        let sheets = self
            .out
            .join(jellyfin::folder(&self.base.to_string_lossy(), layout));
        (self.named("", ".trickplay"), sheets)
    }

    /// Whether only Jellyfin's folder is wanted.
    fn is_jellyfin_alone(&self) -> bool {
        let Files {
            vtt,
            jellyfin,
            hls,
            dash,
            bif,
            json,
        } = self.files;
        jellyfin && !(vtt || hls || dash || bif || json)
    }

    /// The files beside the sheets.
    fn texts(&self, index: &Index) -> Vec<(&'static str, String)> {
        let name = |nth: usize| index.layout().file_name(nth);
        let texts: [(bool, &str, &dyn Fn() -> String); 5] = [
            (self.files.vtt, "index.vtt", &|| vtt::write(index, name)),
            (self.files.hls, "index.m3u8", &|| hls::write(index, name)),
            (self.files.hls, "master.m3u8", &|| {
                hls::master(index, "index.m3u8", IFRAMES)
            }),
            (self.files.dash, "index.mpd", &|| dash::write(index)),
            (self.files.json, "index.json", &|| json::write(index, name)),
        ];
        let wanted = texts.into_iter().filter(|(wanted, ..)| *wanted);
        let texts = wanted.map(|(_, name, text)| (name, text()));
        let iframes = self
            .files
            .hls
            .then(|| hls::iframes(index, &self.film))
            .flatten();
        texts.chain(iframes.map(|text| (IFRAMES, text))).collect()
    }

    /// The finished storyboard of an earlier run with the same options, if all of it is there.
    pub(super) fn published(&self, layout: &Layout) -> Option<Published> {
        let (trickplay, _) = self.trickplay(layout);
        let mut found = None;
        let folders = [
            (!self.is_jellyfin_alone(), self.folder()),
            (self.files.jellyfin, trickplay),
        ];
        for (_, folder) in folders.iter().filter(|(wanted, _)| *wanted) {
            let (_, index) = State::read(&folder.join(STATE), &self.fingerprint, layout)?;
            found = Some(index);
        }
        let index = found.filter(Index::is_complete)?;
        let files = self.paths(&index);
        files
            .iter()
            .all(|file| file.exists())
            .then_some(Published { index, files })
    }

    /// The paths of all files of a finished storyboard.
    fn paths(&self, index: &Index) -> Vec<PathBuf> {
        let layout = index.layout();
        let sheets = (0..layout.sheets()).map(|nth| layout.file_name(nth));
        let mut paths = Vec::new();
        if !self.is_jellyfin_alone() {
            let folder = self.folder();
            paths.extend(sheets.clone().map(|name| folder.join(name)));
            paths.extend(
                self.texts(index)
                    .into_iter()
                    .map(|(name, _)| folder.join(name)),
            );
            if self.files.bif {
                paths.push(folder.join(self.bif_name(layout)));
            }
        }
        if self.files.jellyfin {
            let (_, folder) = self.trickplay(layout);
            paths.extend(sheets.map(|name| folder.join(name)));
        }
        paths
    }

    fn bif_name(&self, layout: &Layout) -> String {
        bif::file_name(&self.base.to_string_lossy(), layout)
    }
}

/// A storyboard that is being made.
#[derive(Debug)]
pub(super) struct Work {
    place: Place,
    /// The hidden folder.
    folder: PathBuf,
    /// Bytes of each tile's own picture so far.
    single_tiles: Vec<usize>,
    /// Keeps other runs from the same folder.
    _lock: File,
}

impl Work {
    /// Opens the hidden folder, and the index of the sheets that an earlier run left there, if they
    /// are to be gone on with and are of the same storyboard. Whatever else is there is removed.
    pub(super) fn begin(
        place: Place,
        layout: &Layout,
        resume: bool,
    ) -> Result<(Self, Index), Failure> {
        let folder = place.named(".", ".storyboard-partial");
        let lock = locked(&folder)?;
        let left = State::read(&folder.join(STATE), &place.fingerprint, layout);
        let (single_tiles, index) = match left.filter(|_| resume) {
            Some((state, index)) => (state.single_tiles, index),
            None => (Vec::new(), Index::new(layout.clone())),
        };
        let work = Self {
            place,
            folder,
            single_tiles,
            _lock: lock,
        };
        let known = work.known(&index);
        clear(&work.folder, |name| known.contains(name))
            .map_err(|error| failure(&work.folder, &error))?;
        Ok((work, index))
    }

    /// The names of the files that are whole once `index` has been written.
    fn known(&self, index: &Index) -> HashSet<OsString> {
        let layout = index.layout();
        let sheets = 0..index.sheets().len();
        let sheets = sheets.flat_map(|nth| [layout.file_name(nth), tiles_of(nth)]);
        let state = (!index.sheets().is_empty()).then(|| STATE.to_owned());
        let bif = index.is_complete().then(|| self.place.bif_name(layout));
        let names = sheets.chain(state).chain(bif);
        names.map(OsString::from).collect()
    }

    /// Adds a sheet, which `index` names by now.
    pub(super) fn add(mut self, sheet: &Sheet, index: &Index) -> Result<Self, Failure> {
        let name = index.layout().file_name(sheet.number);
        write_file(&self.folder.join(name), &sheet.image)?;
        if self.place.files.bif {
            let tiles = self.folder.join(tiles_of(sheet.number));
            write_file(&tiles, &sheet.single_tiles.concat())?;
            self.single_tiles
                .extend(sheet.single_tiles.iter().map(Bytes::len));
        }
        self.write_state(&self.folder.join(STATE), index)?;
        Ok(self)
    }

    fn write_state(&self, path: &Path, index: &Index) -> Result<(), Failure> {
        let state = State::new(&self.place.fingerprint, index, self.single_tiles.clone());
        let text = state.text().map_err(|error| failure(path, &error))?;
        write_file(path, text.as_bytes())
    }

    /// Writes what players read, and gives all folders their names. The paths of all files.
    pub(super) fn publish(self, index: &Index) -> Result<Vec<PathBuf>, Failure> {
        for (name, text) in self.place.texts(index) {
            write_file(&self.folder.join(name), text.as_bytes())?;
        }
        if self.place.files.bif {
            let path = self.folder.join(self.place.bif_name(index.layout()));
            self.finish_bif(&path, index)
                .map_err(|error| failure(&path, &error))?;
        }
        if self.place.files.jellyfin {
            self.publish_trickplay(index)?;
        }
        let to = self.place.folder();
        let published = if self.place.is_jellyfin_alone() {
            fs::remove_dir_all(&self.folder)
        } else {
            publish(&self.folder, &to)
        };
        published.map_err(|error| failure(&to, &error))?;
        Ok(self.place.paths(index))
    }

    /// Puts the tiles' own pictures into one file, and removes them. An earlier run may have been
    /// stopped as it removed them: then the file is there, and some of them are not.
    fn finish_bif(&self, path: &Path, index: &Index) -> io::Result<()> {
        if !path.exists() {
            let mut file = temporary_file(&self.folder)?;
            self.write_bif(BufWriter::new(&mut file), index)?;
            file.persist(path)?;
        }
        for sheet in 0..index.layout().sheets() {
            match fs::remove_file(self.folder.join(tiles_of(sheet))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn write_bif(&self, out: impl Write + Seek, index: &Index) -> io::Result<()> {
        let mut file = bif::Writer::new(out, index.layout())?;
        let mut lengths = self.single_tiles.iter();
        for sheet in 0..index.layout().sheets() {
            let tiles = fs::read(self.folder.join(tiles_of(sheet)))?;
            let mut rest = &tiles[..];
            for length in lengths.by_ref().take(index.layout().tiles_of(sheet).len()) {
                let (tile, others) = rest.split_at_checked(*length).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::UnexpectedEof, "tiles are missing")
                })?;
                file.push(tile)?;
                rest = others;
            }
        }
        file.finish()?;
        Ok(())
    }

    /// Links the sheets into a folder of Jellyfin's name, and publishes that. The media server may
    /// have folders of other sizes beside it.
    fn publish_trickplay(&self, index: &Index) -> Result<(), Failure> {
        let layout = index.layout();
        let partial = self.place.named(".", ".trickplay-partial");
        let (trickplay, sheets) = self.place.trickplay(layout);
        let published = || {
            fs::create_dir_all(&partial)?;
            clear(&partial, |_| false)?;
            for name in (0..layout.sheets()).map(|nth| layout.file_name(nth)) {
                link(&self.folder.join(&name), &partial.join(&name))?;
            }
            fs::create_dir_all(&trickplay)?;
            publish(&partial, &sheets)
        };
        published().map_err(|error| failure(&sheets, &error))?;
        self.write_state(&trickplay.join(STATE), index)
    }
}

/// Where the tiles' own pictures of a sheet are kept until all are there.
fn tiles_of(sheet: usize) -> String {
    format!(".tiles-{sheet}")
}

/// Creates a folder if it is missing, and keeps other runs from it.
fn locked(folder: &Path) -> Result<File, Failure> {
    let failed = |error: io::Error| failure(folder, &error);
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = File::open(folder).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Failure {
            kind: "output",
            message: format!("another run is writing {}", folder.display()),
        }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Removes everything in a folder but what `is_kept`.
fn clear(folder: &Path, is_kept: impl Fn(&OsStr) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_kept(&entry.file_name()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
