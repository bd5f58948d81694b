//! Searches bytes for many values at once, in every form in which they may have been written.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The values to search for, in every form that they could have. Forms compare without ASCII case.
pub struct Needles {
    forms: Vec<(String, Vec<u8>)>,
    /// The forms by their first two bytes.
    by_start: Vec<Vec<usize>>,
    starts: Vec<bool>,
}

fn start(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

impl Needles {
    /// Values as they were sent: the search looks for the text itself and for its hexadecimal digits, as in a dump.
    pub fn new(values: &BTreeSet<String>) -> Self {
        let mut needles =
            Self { forms: Vec::new(), by_start: vec![Vec::new(); 1 << 16], starts: vec![false; 1 << 16] };
        for value in values {
            assert!(value.len() >= 4, "{value:?} is so short that it occurs by chance");
            let lower = value.to_lowercase();
            for bytes in BTreeSet::from([
                value.to_ascii_lowercase().into_bytes(),
                lower.clone().into_bytes(),
                hex(value.as_bytes()).into_bytes(),
                hex(lower.as_bytes()).into_bytes(),
            ]) {
                needles.add(value, bytes);
            }
        }
        needles
    }

    /// Bytes that are not text.
    pub fn bytes(name: &str, bytes: &[u8]) -> Self {
        let mut needles = Self::new(&BTreeSet::new());
        needles.add(name, bytes.to_ascii_lowercase());
        needles.add(name, hex(bytes).into_bytes());
        needles
    }

    fn add(&mut self, value: &str, form: Vec<u8>) {
        let first = start(&form);
        self.by_start[first].push(self.forms.len());
        self.starts[first] = true;
        self.forms.push((value.to_owned(), form));
    }

    /// The values that occur.
    pub fn found_in(&self, haystack: &[u8]) -> BTreeSet<&str> {
        let haystack = haystack.to_ascii_lowercase();
        let mut found = BTreeSet::new();
        let last = haystack.len().saturating_sub(1);
        let mut place = 0;
        while place < last {
            let first = usize::from(haystack[place]) << 8 | usize::from(haystack[place + 1]);
            if self.starts[first] {
                for number in &self.by_start[first] {
                    let (value, form) = &self.forms[*number];
                    if haystack[place..].starts_with(form) {
                        found.insert(value.as_str());
                    }
                }
            }
            place += 1;
        }
        found
    }
}

/// Every file below a folder that was written since that time.
pub fn files_since(folder: &Path, since: SystemTime) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // A file may disappear during the search.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() && metadata.modified().is_ok_and(|time| time >= since) {
                files.push(entry.path());
            }
        }
    }
    files
}
