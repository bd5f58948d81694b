//! Rules 7: what was sent about a person stands in no file and no log (`files`), what was tampered with is noticed
//! (`tampering`), and what was erased is gone (`erasing`).

mod erasing;
mod files;
mod search;
mod tampering;
