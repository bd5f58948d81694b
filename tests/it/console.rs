//! The console (rules 25): pages where staff look after customers, driven over HTTP as a browser without script does.

mod money;
mod office;
//! The console: pages of staff, driven over HTTP as a browser without scripts does.

mod customer;
