//! The console (rules 25): pages where staff look after customers, driven over HTTP as a browser without script does.

mod customer;
mod customers;
mod money;
mod office;
