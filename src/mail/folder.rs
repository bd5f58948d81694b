//! Mails as files: for trying out, and for whoever sends them by other means.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Composed;

/// A folder that only its owner reads, of `.eml` files that only their owner reads.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes the folder where it is not there.
    ///
    /// # Errors
    /// The operating system's.
    pub fn open(path: &Path) -> io::Result<Folder> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Folder(path.to_owned()))
    }

    /// Writes a mail: whole or not at all, and once however often it is written.
    ///
    /// # Errors
    /// The operating system's.
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

    /// Takes a mail back that should not have been written.
    pub fn take_back(&self, mail: &Composed) {
        let _ = fs::remove_file(self.0.join(&mail.file_name));
    }
}
