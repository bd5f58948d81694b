//! The imported file, and the file of rejected rows.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use customary::api::JobOut;
use customary::domain::imports::JobState;
use customary::jobs::StopSignal;

use super::{End, Import, system};
use crate::cli::complain;

/// The extension of the file of rejected rows.
const ENDING: &str = "rejected.csv";
/// How much of the file to read at once.
const PIECE_BYTES: usize = 256 << 10;
/// How many pieces to read ahead.
const PIECES_AHEAD: usize = 4;
/// How often a wait checks for Ctrl-C.
const LISTEN_EVERY: Duration = Duration::from_millis(100);
/// How many names to try for the file of rejected rows.
const NAMES_MAX: u32 = 1000;

/// A file that a thread of its own reads. Reading standard input may block for ever.
pub(super) struct Pieces {
    name: String,
    read: Receiver<io::Result<Vec<u8>>>,
    interrupt: StopSignal,
}

impl Pieces {
    fn read(mut file: impl Read + Send + 'static, name: String, interrupt: &StopSignal) -> Pieces {
        let (send, read) = sync_channel(PIECES_AHEAD);
        thread::spawn(move || {
            loop {
                let mut piece = Vec::with_capacity(PIECE_BYTES);
                let limit = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
                let done = file.by_ref().take(limit).read_to_end(&mut piece).map(|_| piece);
                let is_last = done.as_ref().map_or(true, |piece| piece.len() < PIECE_BYTES);
                if send.send(done).is_err() || is_last {
                    return;
                }
            }
        });
        Pieces { name, read, interrupt: interrupt.clone() }
    }

    /// The next piece; an empty one at the end of the file.
    ///
    /// # Errors
    /// The file cannot be read, or the user pressed Ctrl-C.
    pub(super) fn next(&self) -> Result<Vec<u8>, End> {
        loop {
            let read = self.read.recv_timeout(LISTEN_EVERY);
            if self.interrupt.is_asked() {
                return Err(End::Interrupted);
            }
            match read {
                Ok(read) => {
                    return read.map_err(|error| system(&error, format!("{} cannot be read", self.name)));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
            }
        }
    }
}

impl Import {
    fn is_standard_input(&self) -> bool {
        self.file.as_os_str() == "-"
    }

    /// The file, and its size in bytes if it has one.
    pub(super) fn open(&self, interrupt: &StopSignal) -> Result<(Pieces, Option<u64>), End> {
        let name = self.file.display().to_string();
        if self.is_standard_input() {
            return Ok((Pieces::read(io::stdin(), "standard input".into(), interrupt), None));
        }
        let refused = |error| system(&error, format!("{} cannot be read", self.file.display()));
        let file = File::open(&self.file).map_err(refused)?;
        let metadata = file.metadata().map_err(refused)?;
        let bytes = metadata.is_file().then_some(metadata.len());
        Ok((Pieces::read(file, name, interrupt), bytes))
    }

    /// Writes the rejected rows with `fill` and returns the file. `None` if there are none, or if the import was cancelled.
    /// A failure prints an error and does not fail the import.
    pub(super) fn rejected_file(
        &self,
        job: &JobOut,
        fill: impl FnOnce(&mut File) -> Result<(), End>,
    ) -> Option<PathBuf> {
        if job.rejected == 0 || job.state == JobState::Cancelled {
            return None;
        }
        match self.keep_rejected(fill) {
            Ok(path) => Some(path),
            Err(end) => {
                complain(&end.to_string());
                None
            }
        }
    }

    /// Writes a file that only its owner can read. Replaces an existing file only if the user named it: the file may hold
    /// corrections.
    fn keep_rejected(&self, fill: impl FnOnce(&mut File) -> Result<(), End>) -> Result<PathBuf, End> {
        let place = match &self.rejected {
            Some(path) => path.clone(),
            None if self.is_standard_input() => PathBuf::from("import.csv").with_extension(ENDING),
            None => self.file.with_extension(ENDING),
        };
        let refused =
            |error| system(&error, format!("the rejected rows cannot be written to {}", place.display()));
        let draft = place.with_extension(format!("{}.new", std::process::id()));
        let mut file =
            File::options().write(true).create_new(true).mode(0o600).open(&draft).map_err(refused)?;
        let kept = fill(&mut file).and_then(|()| {
            if self.rejected.is_some() {
                fs::rename(&draft, &place).map_err(refused)?;
                return Ok(place.clone());
            }
            link_anew(&draft, &place).map_err(refused)
        });
        let _ = fs::remove_file(&draft);
        kept
    }
}

/// Gives a file a free name. Keeps an existing file with the same content instead.
fn link_anew(draft: &Path, place: &Path) -> io::Result<PathBuf> {
    let mut path = place.to_owned();
    for number in 2..NAMES_MAX {
        match fs::hard_link(draft, &path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_same(draft, &path)? {
                    return Ok(path);
                }
            }
            // Some file systems have no hard links.
            Err(_) if !path.exists() => return fs::rename(draft, &path).map(|()| path),
            Err(error) => return Err(error),
        }
        path = place.with_extension("").with_extension(format!("rejected-{number}.csv"));
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let mut others = BufReader::new(other).bytes();
    for byte in BufReader::new(one).bytes() {
        if others.next().transpose()? != Some(byte?) {
            return Ok(false);
        }
    }
    Ok(true)
}
