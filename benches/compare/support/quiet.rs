//! For machines that several people share: `BENCH_LOCK` names a file, which a bench locks while it measures.

use std::fs::File;

/// Takes the lock exclusively until the value is dropped. Does nothing without `BENCH_LOCK`.
pub fn machine() -> Option<File> {
    let path = std::env::var_os("BENCH_LOCK")?;
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .expect("the lock's file");
    file.lock().expect("the lock");
    Some(file)
}

/// Like [`machine`], but shares the lock with other preparations.
pub fn shared() -> Option<File> {
    let path = std::env::var_os("BENCH_LOCK")?;
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .expect("the lock's file");
    file.lock_shared().expect("the lock");
    Some(file)
}
