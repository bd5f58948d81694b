//! Checks that the files of a SQLite database are still in place. SQLite goes on with a file that somebody removed or
//! replaced, and what it writes then is lost.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::StoreError;

/// The device and the number of a file.
type Identity = (u64, u64);

/// What this process knows of a database that it opened.
struct Known {
    /// The database file, as the first connection found it.
    main: Identity,
    /// The log and the shared memory of the open connections.
    others: Vec<(PathBuf, Identity)>,
    /// How many connections are open.
    open: usize,
    /// Whether a connection missed a file. New connections then need the same files again.
    is_missed: bool,
}

/// The databases that this process opened.
static OPENED: Mutex<BTreeMap<PathBuf, Known>> = Mutex::new(BTreeMap::new());

impl Known {
    /// Whether the files are those of the open connections. Without any, SQLite may have made the other files anew.
    fn is_in_place(&self, path: &Path) -> bool {
        let has_others = self.open == 0 && !self.is_missed || are(&self.others);
        identity(path) == Some(self.main) && has_others
    }
}

fn opened() -> MutexGuard<'static, BTreeMap<PathBuf, Known>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn are(files: &[(PathBuf, Identity)]) -> bool {
    files.iter().all(|(path, known)| identity(path).as_ref() == Some(known))
}

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

/// Refuses to open a database whose files are not those that this process knows. SQLite would make new ones in their
/// place.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub(crate) fn must_be_known(path: &Path) -> Result<(), StoreError> {
    match opened().get(path) {
        Some(known) if !known.is_in_place(path) => Err(StoreError::Unavailable(gone(path))),
        _ => Ok(()),
    }
}

/// The files of an open connection.
#[derive(Debug)]
pub(crate) struct Files {
    path: PathBuf,
    main: Identity,
    others: Vec<(PathBuf, Identity)>,
}

impl Files {
    /// The files of a connection that was just opened.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if they are not those that this process knows.
    pub(crate) fn of(path: &Path) -> Result<Files, StoreError> {
        let refused = || StoreError::Unavailable(gone(path));
        let main = identity(path).ok_or_else(refused)?;
        // While a connection is open, nobody else may remove its log and its shared memory.
        let others = ["-wal", "-shm"].map(|ending| beside(path, ending));
        let others: Vec<_> =
            others.into_iter().filter_map(|path| identity(&path).map(|found| (path, found))).collect();
        let mut opened = opened();
        let known = opened.entry(path.to_owned()).or_insert_with(|| Known {
            main,
            others: others.clone(),
            open: 0,
            is_missed: false,
        });
        if !known.is_in_place(path) {
            return Err(refused());
        }
        known.others.clone_from(&others);
        known.is_missed = false;
        known.open += 1;
        Ok(Files { path: path.to_owned(), main, others })
    }

    /// Whether all of them are still where they were.
    pub(crate) fn are_in_place(&self) -> bool {
        let are_all = identity(&self.path) == Some(self.main) && are(&self.others);
        if !are_all && let Some(known) = opened().get_mut(&self.path) {
            known.is_missed = true;
        }
        are_all
    }

    /// The database file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Some(known) = opened().get_mut(&self.path) {
            known.open = known.open.saturating_sub(1);
        }
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
            assert!(Conn::open(&url, Purpose::Write).is_err(), "a copy is another file");
            fs::rename(&away, &file).unwrap();
            write(4).unwrap();
        }
    }
}
