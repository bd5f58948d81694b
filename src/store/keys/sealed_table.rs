//! What every table with sealed columns can do, so that nobody who erases, rotates or examines names one.

use super::index_keys::IndexKeys;
use super::keyring::KeyRing;
use crate::domain::customers::record::Customer;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;

/// How many rows are examined in one go.
pub(crate) const SLICE: i64 = 500;

/// What is sealed of one subject, in one table or several.
pub(crate) trait SealedTable: Sync {
    /// The name in findings.
    fn name(&self) -> &'static str;

    /// Its sealed columns, as `table.column`.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares them with the schema"))]
    fn columns(&self) -> &'static [&'static str];

    /// Wipes what it keeps of a person.
    ///
    /// # Errors
    /// The database's.
    fn erase(&self, conn: &mut Conn, ring: &KeyRing, person: &Erased<'_>) -> Result<(), StoreError>;

    /// Whether it is sealed under the keys of entrypoints, which are rotated, and not under the service's.
    fn is_rotated(&self) -> bool;

    /// Seals at most `most` rows of an entrypoint after a cursor under its new key; nothing at the end. An empty cursor
    /// begins.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for what does not open; the database's.
    fn rekey(&self, _: &mut Conn, _: &KeyRing, _: &Rekeying<'_>) -> Result<Option<Walked>, StoreError> {
        Ok(None)
    }

    /// How much of an entrypoint still stands under a key.
    ///
    /// # Errors
    /// The database's.
    fn under_key(&self, _: &mut Conn, _entrypoint_id: i64, _key_id: i64) -> Result<i64, StoreError> {
        Ok(0)
    }

    /// Looks at some rows of an entrypoint after a cursor: whether they open and are found. Nothing at the end, and where
    /// there is nothing to look at.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with what is wrong; the database's.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError>;

    /// What to say of so many rows that are well.
    fn is_well(&self, rows: usize) -> String;
}

/// A person who is erased.
pub(crate) struct Erased<'a> {
    pub entrypoint_id: i64,
    pub id: i64,
    /// As it was.
    pub person: &'a Customer,
    pub now: Micros,
}

/// Where a rotation walks on.
pub(crate) struct Rekeying<'a> {
    pub entrypoint_id: i64,
    pub keys: &'a IndexKeys,
    pub cursor: &'a [u8],
    pub most: i64,
}

/// Rows that were walked.
pub(crate) struct Walked {
    pub rows: usize,
    /// The last one.
    pub cursor: Vec<u8>,
}
