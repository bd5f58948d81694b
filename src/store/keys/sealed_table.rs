//! The interface of tables with sealed columns, so that erase, rotation and doctor need not name them.

use super::index_keys::IndexKeys;
use super::keyring::KeyRing;
use crate::domain::customers::record::Customer;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;

/// How many rows [`SealedTable::examine`] reads at once.
pub(crate) const SLICE: i64 = 500;

/// The sealed data of a subject, in one table or several.
pub(crate) trait SealedTable: Sync {
    /// Its name in findings.
    fn name(&self) -> &'static str;

    /// Its sealed columns, as `table.column`.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test compares them with the schema"))]
    fn columns(&self) -> &'static [&'static str];

    /// Wipes the data of a person.
    fn erase(&self, conn: &mut Conn, ring: &KeyRing, person: &Erased<'_>) -> Result<(), StoreError>;

    /// Whether it is sealed under the keys of entrypoints, which rotations replace, and not under the service's.
    fn is_rotated(&self) -> bool {
        false
    }

    /// Seals at most `most` rows of an entrypoint after a cursor under its new key; `None` at the end. An empty cursor
    /// begins.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a row that does not open; the database's.
    fn rekey(&self, _: &mut Conn, _: &KeyRing, _: &Rekeying<'_>) -> Result<Option<Walked>, StoreError> {
        Ok(None)
    }

    /// How many rows of an entrypoint are under a key.
    fn under_key(&self, _: &mut Conn, _entrypoint_id: i64, _key_id: i64) -> Result<i64, StoreError> {
        Ok(0)
    }

    /// Checks that some rows of an entrypoint after a cursor open, and that look-ups find them; `None` at the end.
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

    /// The finding for `rows` sound rows.
    fn is_well(&self, rows: usize) -> String;
}

/// A person to erase.
pub(crate) struct Erased<'a> {
    pub entrypoint_id: i64,
    pub id: i64,
    /// The record before the erase.
    pub person: &'a Customer,
    pub now: Micros,
}

/// The next rows that a rotation moves.
pub(crate) struct Rekeying<'a> {
    pub entrypoint_id: i64,
    pub keys: &'a IndexKeys,
    pub cursor: &'a [u8],
    pub most: i64,
}

/// The rows of a table in an entrypoint after the cursor of a walk in the order of ids.
macro_rules! by_id_after {
    ($table:ident, $id:ident, $entrypoint_id:expr, $cursor:expr) => {
        $table::table
            .filter($table::entrypoint_id.eq($entrypoint_id))
            .filter($table::$id.gt($crate::store::keys::sealed_table::id_at($cursor)))
            .order($table::$id)
    };
}
pub(crate) use by_id_after;

/// The id at the cursor of a walk in the order of ids. An empty cursor begins.
pub(crate) fn id_at(cursor: &[u8]) -> i64 {
    cursor.try_into().map_or(0, i64::from_be_bytes)
}

/// The rows of one step of a walk.
pub(crate) struct Walked {
    pub rows: usize,
    /// The cursor of the last one.
    pub cursor: Vec<u8>,
}

impl Walked {
    /// A step over some rows in the order of their ids; `None` if there are none, at the end.
    pub(crate) fn by_id(rows: usize, last: Option<i64>) -> Option<Walked> {
        last.map(|last| Walked { rows, cursor: last.to_be_bytes().to_vec() })
    }
}
