//! Rules 1: which tokens open which operations, and what they see. `operations` holds the table of all operations; the
//! other modules each cover one right.

mod granting;
mod masking;
mod operations;
mod revocation;
mod two_worlds;
mod views;
