//! Mails as files, for a trial or for another program that sends them.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Composed;

/// A folder of `.eml` files. Only its owner can read the folder and the files.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens the folder; creates it if it does not exist.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn open(path: &Path) -> io::Result<Folder> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Folder(path.to_owned()))
    }

    /// Writes a mail as a file, completely or not at all. Another write of the same mail replaces the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(&self, mail: &Composed) -> io::Result<()> {
        let draft = self.0.join(format!(".{}.{}", mail.file_name, std::process::id()));
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let written = file.write_all(&mail.bytes).and_then(|()| file.sync_all());
        let done = written.and_then(|()| fs::rename(&draft, self.0.join(&mail.file_name)));
        if done.is_err() {
            let _ = fs::remove_file(&draft);
        }
        done
    }

    /// Removes the file of a mail that must not go out.
    pub fn take_back(&self, mail: &Composed) {
        let _ = fs::remove_file(self.0.join(&mail.file_name));
    }
}
