//! Where several people share a machine: `BENCH_LOCK` names a file that is locked while something is measured.

use std::fs::File;

/// Others wait, or are waited for, until the value is dropped. Nothing without `BENCH_LOCK`.
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

/// Like `machine`, but others may be busy as well: for what is prepared.
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
