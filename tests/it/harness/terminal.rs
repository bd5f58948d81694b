//! A terminal for programs that print something else to a terminal than to a file.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Our side of a terminal.
pub struct Terminal {
    ours: File,
    theirs: PathBuf,
}

impl Terminal {
    pub fn open() -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ptsname(&ours, Vec::new()).unwrap().into_string().expect("a path of text").into();
        Self { ours: ours.into(), theirs }
    }

    /// The side of the program.
    pub fn end(&self) -> File {
        File::options().read(true).write(true).open(&self.theirs).expect("the terminal opens")
    }

    /// Types a text.
    pub fn write(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).unwrap();
    }

    /// Reads until a text appears, or the program ends.
    pub fn read_until(&mut self, text: &str) -> String {
        let mut shown = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let found = String::from_utf8_lossy(&shown).into_owned();
            if found.contains(text) {
                return found;
            }
            match self.ours.read(&mut piece) {
                Ok(0) | Err(_) => return found,
                Ok(count) => shown.extend_from_slice(&piece[..count]),
            }
        }
    }
}
