//! For machines that several people share: `BENCH_LOCK` names a file, which a bench locks while it measures.

use std::fs::File;
use std::io::Result;

/// Takes the lock exclusively until the value is dropped. Does nothing without `BENCH_LOCK`.
pub fn machine() -> Option<File> {
    locked(File::lock)
}

/// Like [`machine`], but shares the lock with other preparations.
pub fn shared() -> Option<File> {
    locked(File::lock_shared)
}

fn locked(lock: fn(&File) -> Result<()>) -> Option<File> {
    let path = std::env::var_os("BENCH_LOCK")?;
    let mut options = File::options();
    let file =
        options.read(true).write(true).create(true).truncate(false).open(path).expect("the lock's file");
    lock(&file).expect("the lock");
    Some(file)
}
