//! The files of a drop. Folders are looked into.

use futures::{
    channel::oneshot,
    future::{LocalBoxFuture, join_all},
};
use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{
    DataTransfer, File, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry,
    FileSystemFileEntry,
};

/// What was dropped. The browser forgets it with the event: take it at once.
pub(crate) struct Dropped {
    files: Vec<File>,
    entries: Vec<FileSystemEntry>,
}

impl Dropped {
    pub(crate) fn of(data: &DataTransfer) -> Self {
        let (mut files, mut entries) = (Vec::new(), Vec::new());
        let items = data.items();
        for item in (0..items.length()).filter_map(|index| items.get(index)) {
            // Files that a script made are no entries.
            if let Ok(Some(entry)) = item.webkit_get_as_entry() {
                entries.push(entry);
            } else if let Ok(Some(file)) = item.get_as_file() {
                files.push(file);
            }
        }
        Self { files, entries }
    }

    /// Its files with their names, and the videos in and below its folders, whose names begin with
    /// the folder's. What cannot be read is left out.
    pub(crate) async fn files(self) -> Vec<(String, File)> {
        let mut found: Vec<_> = self.files.into_iter().map(|f| (f.name(), f)).collect();
        let below = self
            .entries
            .into_iter()
            .map(|entry| read(entry, String::new()));
        found.extend(join_all(below).await.into_iter().flatten());
        found
    }
}

/// The files of an entry in the folder `parent`, which is empty or ends in a slash.
fn read(entry: FileSystemEntry, parent: String) -> LocalBoxFuture<'static, Vec<(String, File)>> {
    Box::pin(async move {
        let name = format!("{parent}{}", entry.name());
        if !entry.is_directory() {
            // In a folder other files are no mistake.
            let is_wanted = parent.is_empty() || contract::video_extension(&name).is_some();
            if !is_wanted {
                return Vec::new();
            }
            let file = file(entry.unchecked_ref()).await;
            return file.map(|file| (name, file)).into_iter().collect();
        }
        let reader = entry
            .unchecked_ref::<FileSystemDirectoryEntry>()
            .create_reader();
        let mut found = Vec::new();
        // A folder is told in parts; the last one is empty.
        loop {
            let part = part(&reader).await;
            if part.is_empty() {
                return found;
            }
            let below = part
                .into_iter()
                .map(|entry| read(entry, format!("{name}/")));
            found.extend(join_all(below).await.into_iter().flatten());
        }
    })
}

async fn file(entry: &FileSystemFileEntry) -> Option<File> {
    let answer = answered(|told, failed| {
        entry.file_with_callback_and_callback(told, failed);
    });
    Some(answer.await?.unchecked_into())
}

async fn part(reader: &FileSystemDirectoryReader) -> Vec<FileSystemEntry> {
    let answer = answered(|told, failed| {
        // Only a reader that reads already refuses.
        let _ = reader.read_entries_with_callback_and_callback(told, failed);
    });
    let entries = answer.await.map(|entries| Array::from(&entries));
    let entries = entries.into_iter().flat_map(|entries| entries.to_vec());
    entries.map(JsCast::unchecked_into).collect()
}

/// What a function gives to the first of two callbacks; `None` where it calls the second.
async fn answered(ask: impl FnOnce(&js_sys::Function, &js_sys::Function)) -> Option<JsValue> {
    let (told, answer) = oneshot::channel();
    let told = Closure::once(move |value: JsValue| {
        // Nobody waits where the page is left.
        let _ = told.send(value);
    });
    let (failed, failure) = oneshot::channel::<()>();
    let failed = Closure::once(move |_: JsValue| drop(failed));
    ask(
        told.as_ref().unchecked_ref(),
        failed.as_ref().unchecked_ref(),
    );
    match futures::future::select(answer, failure).await {
        futures::future::Either::Left((answer, _)) => answer.ok(),
        futures::future::Either::Right(_) => None,
    }
}
