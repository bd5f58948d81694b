//! Rules 7: what was sent about a person stands in no file and no log (`files`), what was tampered with is noticed
//! (`tampering`), what was erased is gone (`erasing`), and the search index tells no more than is said of it (`terms`). The same
//! of imported files (`imports`).

mod erasing;
mod files;
mod imports;
mod search;
mod tampering;
mod terms;
