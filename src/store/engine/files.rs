//! Checks that the files of a SQLite database are still in place. SQLite goes on with a file that somebody removed or
//! replaced, and what it writes then is lost.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::StoreError;

/// The device and the number of a file.
type Identity = (u64, u64);

/// The database files that this process opened, as they were then.
static OPENED: Mutex<BTreeMap<PathBuf, Identity>> = Mutex::new(BTreeMap::new());

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// The name of a file beside the database, such as its write-ahead log.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// The bytes of a file; `None` if there is none.
pub(crate) fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|file| file.len())
}

/// The error of a database whose file is no longer the one that this process opened first.
pub(crate) fn gone(path: &Path) -> String {
    format!(
        "somebody moved, removed or replaced {} or a file beside it while this process used it; stop every process that \
         uses it, put the files back (or a backup), and start again",
        path.display()
    )
}

/// Refuses to open a database file that this process opened before and that is another one now. SQLite would make an
/// empty file in its place.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub(crate) fn must_be_known(path: &Path) -> Result<(), StoreError> {
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    match opened.get(path) {
        Some(known) if identity(path) != Some(*known) => Err(StoreError::Unavailable(gone(path))),
        _ => Ok(()),
    }
}

/// The files of an open connection.
#[derive(Debug)]
pub(crate) struct Files {
    path: PathBuf,
    files: Vec<(PathBuf, Identity)>,
}

impl Files {
    /// The files of a connection that was just opened; they are those of the first connection of this process.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the database file is another one now.
    pub(crate) fn of(path: &Path) -> Result<Files, StoreError> {
        let Some(found) = identity(path) else { return Err(StoreError::Unavailable(gone(path))) };
        let known = {
            let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
            *opened.entry(path.to_owned()).or_insert(found)
        };
        if found != known {
            return Err(StoreError::Unavailable(gone(path)));
        }
        // While a connection is open, nobody else may remove its log and its shared memory.
        let others = ["-wal", "-shm"].map(|ending| beside(path, ending));
        let others = others.into_iter().filter_map(|path| identity(&path).map(|found| (path, found)));
        Ok(Files { path: path.to_owned(), files: others.chain([(path.to_owned(), found)]).collect() })
    }

    /// Whether all of them are still where they were.
    pub(crate) fn are_in_place(&self) -> bool {
        self.files.iter().all(|(path, known)| identity(path).as_ref() == Some(known))
    }

    /// The database file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::super::conn::{Conn, DatabaseUrl, Purpose};
    use super::*;

    #[test]
    fn each_file_that_goes_is_missed() {
        for ending in ["", "-wal", "-shm"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.db");
            let url = DatabaseUrl::Sqlite(path.clone());
            let mut conn = Conn::open(&url, Purpose::Write).unwrap();
            let mut write = |number: i64| {
                conn.begin_write().unwrap();
                conn.batch(&format!("CREATE TABLE t{number} (x)")).unwrap();
                conn.commit()
            };
            write(1).unwrap();
            let (file, away) = (beside(&path, ending), folder.path().join("away"));
            fs::rename(&file, &away).unwrap();
            let told = write(2).unwrap_err().to_string();
            assert!(told.contains("moved, removed or replaced"), "{ending}: {told}");
            fs::copy(&away, &file).unwrap();
            write(3).unwrap_err();
            if ending.is_empty() {
                assert!(Conn::open(&url, Purpose::Write).is_err(), "a copy is another file");
            }
            fs::rename(&away, &file).unwrap();
            write(4).unwrap();
        }
    }
}
