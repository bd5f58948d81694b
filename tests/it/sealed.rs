//! Rules 7: no file and no log contains what was sent about a person (`files`), nor do imported files lie open
//! (`imports`); the service notices tampering (`tampering`); an erase leaves nothing (`erasing`), also in
//! reports of imports (`erased_rows`); and the search index
//! reveals no more than documented (`terms`).

mod byte_search;
mod erased_rows;
mod erasing;
mod files;
mod imports;
mod tampering;
mod terms;
mod trickle;
