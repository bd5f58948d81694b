//! The console (rules 25): pages where staff look after customers, driven over HTTP as a browser without script does.

mod activity;
mod customer;
mod customers;
mod leaving;
mod money;
pub mod office;
