//! Mails as files, for a trial or for another program that sends them.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Composed;
use crate::domain::kernel::time::{Micros, SECOND_US};

/// A mail that is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMail {
    /// The entrypoint of the recipient.
    pub entry: String,
    /// The recipient.
    pub customer_id: i64,
    path: PathBuf,
}

impl KeptMail {
    /// Removes the file.
    ///
    /// # Errors
    /// The file cannot be removed; a file that is gone already is no error.
    pub fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The entrypoint and the customer in a file's name, also in that of a draft that a killed process left.
fn owner(name: &str) -> Option<(&str, i64)> {
    // The random part of the Message-ID is a UUID.
    const UUID_CHARS: usize = 36;
    let stem = name.trim_start_matches('.').split_once(".eml")?.0;
    let (rest, _) = stem.split_at_checked(stem.len().checked_sub(UUID_CHARS)?)?;
    let (rest, customer) = rest.strip_suffix('-')?.rsplit_once('-')?;
    let (rest, _kind) = rest.rsplit_once('-')?;
    let (_time, entry) = rest.split_once('-')?;
    Some((entry, customer.parse().ok()?))
}

/// Whether a file's name is that of a draft: the name of a mail after a dot, and the id of the process that wrote it.
fn is_draft(name: &str) -> bool {
    let id = name.strip_prefix('.').and_then(|rest| rest.split_once(".eml.")).map(|(_, id)| id);
    id.is_some_and(|id| id.parse::<u32>().is_ok()) && owner(name).is_some()
}

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

    /// Removes the drafts that were last written before a time: those that killed processes left. If another process still
    /// writes one of them, it finds it gone and writes that mail again.
    ///
    /// # Errors
    /// The folder cannot be read, or a file not be removed.
    pub fn remove_drafts(&self, before: Micros) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if !is_draft(&entry.file_name().to_string_lossy()) {
                continue;
            }
            let is_old = |file: &fs::Metadata| {
                file.mtime().saturating_mul(SECOND_US).saturating_add(file.mtime_nsec() / 1000) < before.0
            };
            if entry.metadata().is_ok_and(|file| is_old(&file)) {
                remove(&entry.path())?;
            }
        }
        Ok(())
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

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The mails in it, as far as their names say whose they are.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn kept(&self) -> io::Result<Vec<KeptMail>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if let Some((entry, customer_id)) = owner(&name) {
                found.push(KeptMail { entry: entry.to_owned(), customer_id, path });
            }
        }
        Ok(found)
    }

    /// Removes the file of a mail that must not go out.
    pub fn take_back(&self, mail: &Composed) {
        let _ = fs::remove_file(self.0.join(&mail.file_name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_a_mail_is() {
        let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        let name = format!("20260301T100000Z-my-shop_1-passwordChanged-42-{uuid}.eml");
        assert_eq!(owner(&name), Some(("my-shop_1", 42)));
        assert_eq!(owner(&format!(".{name}.1234")), Some(("my-shop_1", 42)));
        for other in ["", "notes.txt", "a.eml", &format!("{uuid}.eml"), &format!("x-y-{uuid}.eml"), "é.eml"]
        {
            assert_eq!(owner(other), None, "{other}");
        }
        assert!(is_draft(&format!(".{name}.1234")));
        for other in [&name, &format!(".{name}"), &format!("{name}.1234"), &format!(".{name}.x"), ".a.eml.12"]
        {
            assert!(!is_draft(other), "{other}");
        }
    }

    #[test]
    fn only_old_drafts_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mail = "20260301T100000Z-demo-invitation-42-67e55044-10b1-426f-9247-bb680e5fe0c8.eml";
        let draft = format!(".{mail}.1234");
        let others = [mail, ".notes.eml.12", "notes.txt"];
        for name in others.iter().chain([&draft.as_str()]) {
            fs::write(folder.path().join(name), "Subject: x").unwrap();
        }
        let path = |name: &str| folder.path().join(name);
        let written = path(&draft).metadata().unwrap();
        let written_at = Micros(written.mtime() * SECOND_US + written.mtime_nsec() / 1000);
        let opened = Folder::open(folder.path()).unwrap();
        opened.remove_drafts(written_at).unwrap();
        assert!(path(&draft).exists(), "it may be another process's");
        opened.remove_drafts(Micros(written_at.0 + 1)).unwrap();
        assert!(!path(&draft).exists());
        assert!(others.iter().all(|name| path(name).exists()));
    }
}
