//! The addresses of a customer (rules 11): one storage in two views.
//!
//! The flat fields of the contract (`address`, `shippingCity`, …) **are** the default billing and shipping address.
//! [`book`] is what the record keeps beside them, [`view`] shows both as one list and writes the list back, and [`draft`]
//! is an address as a request sends it.

pub mod book;
pub mod column;
pub mod draft;
pub mod fields;
#[cfg(test)]
mod properties;
pub mod view;
pub mod write;
