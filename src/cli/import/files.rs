//! The file that comes in and the file of rejected rows that goes out.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use customary::domain::import::JobState;

use super::{End, Import, Job, system};
use crate::cli::complain;

/// Ending of the file of rejected rows.
const ENDING: &str = "rejected.csv";
/// How many names are tried for it.
const NAMES_MAX: u32 = 1000;

impl Import {
    fn is_standard_input(&self) -> bool {
        self.file.as_os_str() == "-"
    }

    /// The file and, where that is known, its size.
    pub(super) fn open(&self) -> Result<(Box<dyn Read + Send>, Option<u64>), End> {
        if self.is_standard_input() {
            return Ok((Box::new(io::stdin()), None));
        }
        let refused = |error| system(&error, format!("{} cannot be read", self.file.display()));
        let file = File::open(&self.file).map_err(refused)?;
        let metadata = file.metadata().map_err(refused)?;
        Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
    }

    /// Writes the rejected rows with `fill`, if there are any and none is to come; where they are then. If that
    /// fails, the import is done all the same.
    pub(super) fn rejected_file(
        &self,
        job: &Job,
        fill: impl FnOnce(&mut File) -> Result<(), End>,
    ) -> Option<PathBuf> {
        if job.rejected == 0 || job.state == JobState::Cancelled {
            return None;
        }
        match self.keep_rejected(fill) {
            Ok(path) => return Some(path),
            Err(End::Failed(error)) => complain(&error.to_string()),
            Err(End::Refused(reasons)) => complain(&reasons.join("; ")),
            Err(End::Interrupted) => {}
        }
        None
    }

    /// Writes to a file that only its owner reads. One that is there already may hold somebody's corrections:
    /// unless it was named, it stays.
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

/// Gives a file a name that is free, unless it is there already.
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
            // Some file systems know no links.
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
