//! Data keys and signing keys: opens them, keeps them in memory, and rotates data keys.

mod handle;
pub(crate) mod index_keys;
pub(crate) mod keyring;
pub(crate) mod rotation;
pub(crate) mod sealed_table;
