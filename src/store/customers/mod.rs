//! Customers in the database: rows and history, one write path ([`load`], [`save`]), reads ([`find`], [`lists`]).

// The modules below use the macros of this one.
#[macro_use]
pub(crate) mod rows;

mod coupons;
pub(crate) mod details;
pub(crate) mod find;
mod handle;
mod ledger;
pub(crate) mod lists;
pub(crate) mod load;
mod owners;
pub(crate) mod record_cache;
pub(crate) mod save;
pub(crate) mod sealed;
pub(crate) mod tx;
