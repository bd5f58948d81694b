//! The console: pages of staff, driven over HTTP as a browser without scripts does.

mod customers;
