//! Rules 7: what was sent about a person stands in no file and no log (`files`), what was tampered with is noticed
//! (`tampering`), and what was erased is gone (`erasing`). The same of imported files (`imports`).

mod erasing;
mod files;
mod imports;
mod search;
mod tampering;
