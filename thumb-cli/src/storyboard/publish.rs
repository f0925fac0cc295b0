//! How a finished folder gets its name: at once, so that nobody ever sees a part of it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

/// Gives the folder `from` the name `to`. A folder of that name is replaced and removed.
pub(super) fn publish(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE) {
        // The older one has the name `from` now.
        Ok(()) => fs::remove_dir_all(from),
        Err(Errno::NOENT) => fs::rename(from, to),
        // The file system cannot exchange names: there is a moment without a folder.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            let mut older = from.as_os_str().to_owned();
            older.push("-older");
            let older = PathBuf::from(older);
            fs::rename(to, &older)?;
            fs::rename(from, to)?;
            fs::remove_dir_all(older)
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives `from` a second name, or copies it where the file system has no links.
pub(super) fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_folder_is_replaced_as_a_whole() {
        let base = tempfile::tempdir().unwrap();
        let (from, to) = (base.path().join("from"), base.path().join("to"));
        for text in ["one", "two"] {
            fs::create_dir(&from).unwrap();
            fs::write(from.join(text), text).unwrap();
            publish(&from, &to).unwrap();
            assert!(!from.exists());
        }
        let names: Vec<_> = fs::read_dir(&to)
            .unwrap()
            .map(|it| it.unwrap().file_name())
            .collect();
        assert_eq!(names, ["two"]);
    }
}
