//! The console (rules 25): pages where staff look after customers, driven over HTTP as a browser without script does.

mod money;
mod office;
