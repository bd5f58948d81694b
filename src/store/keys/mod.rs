//! Data keys and signing keys: opened, kept in memory, rotated.

mod handle;
pub(crate) mod index_keys;
pub(crate) mod keyring;
pub(crate) mod rotation;
pub(crate) mod sealed_table;
