//! Rules 1: who is let in, to what, and what is seen there. `operations` holds the table of all operations; the other
//! modules ask about one right each.

mod granting;
mod operations;
mod revocation;
mod views;
