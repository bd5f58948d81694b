//! Customers in the database: their rows and history, one write road ([`load`], [`save`]), and reads ([`find`], [`lists`]).

// Its macros are for the modules after it.
#[macro_use]
pub(crate) mod rows;

pub(crate) mod find;
mod handle;
pub(crate) mod lists;
pub(crate) mod load;
pub(crate) mod record_cache;
pub(crate) mod save;
pub(crate) mod sealed;
pub(crate) mod tx;
