//! The PDF of each issued invoice: made once, and kept sealed.

use diesel::prelude::*;

use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::invoice_document;
use crate::store::keys::keyring::KeyRing;
use crate::vault::{Ad, DataKey, Plain, SALT_BYTES, random};

/// A row of `invoice_document`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = invoice_document)]
struct DocumentRow {
    #[diesel(skip_update)]
    entrypoint_id: i64,
    #[diesel(skip_update)]
    invoice_id: i64,
    key_id: i64,
    salt: Vec<u8>,
    document: Vec<u8>,
}

impl DocumentRow {
    fn seal(
        (entrypoint_id, invoice_id): (i64, i64),
        pdf: &Plain,
        key: &DataKey,
    ) -> Result<DocumentRow, StoreError> {
        let salt = random::<SALT_BYTES>()?.to_vec();
        let mut row = DocumentRow { entrypoint_id, invoice_id, key_id: key.id, salt, document: Vec::new() };
        row.document = key.seal_key(&row.salt)?.seal(&row.ad(), pdf)?;
        Ok(row)
    }

    fn ad(&self) -> Ad {
        Ad::new("invoice document", &[self.entrypoint_id, self.invoice_id, self.key_id])
    }

    fn open(&self, conn: &mut Conn, ring: &KeyRing) -> Result<Plain, StoreError> {
        let seal = ring.data_key(conn, self.key_id)?.seal_key(&self.salt)?;
        let corrupt =
            |_| StoreError::Corrupt(format!("the document of invoice {} does not open", self.invoice_id));
        seal.open(&self.ad(), &self.document).map_err(corrupt)
    }
}

fn row(conn: &mut Conn, place: (i64, i64)) -> Result<Option<DocumentRow>, StoreError> {
    Ok(on!(conn, |c| invoice_document::table
        .find(place)
        .select(DocumentRow::as_select())
        .first(c)
        .optional())?)
}

/// The document of an invoice, if it is made.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(crate) fn of(conn: &mut Conn, ring: &KeyRing, place: (i64, i64)) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(row) = row(conn, place)? else { return Ok(None) };
    Ok(Some(row.open(conn, ring)?.to_vec()))
}

/// Keeps the document of an invoice, unless one is kept.
///
/// # Errors
/// The database's.
pub(crate) fn keep(
    conn: &mut Conn,
    place: (i64, i64),
    pdf: Vec<u8>,
    key: &DataKey,
) -> Result<(), StoreError> {
    let row = DocumentRow::seal(place, &Plain::from(pdf), key)?;
    on!(conn, |c| diesel::insert_into(invoice_document::table)
        .values(&row)
        .on_conflict((invoice_document::entrypoint_id, invoice_document::invoice_id))
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Seals the document of an invoice under another key.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(super) fn rekey(
    conn: &mut Conn,
    ring: &KeyRing,
    place: (i64, i64),
    new: &DataKey,
) -> Result<(), StoreError> {
    let Some(old) = row(conn, place)?.filter(|row| row.key_id != new.id) else { return Ok(()) };
    let plain = old.open(conn, ring)?;
    let moved = DocumentRow::seal(place, &plain, new)?;
    on!(conn, |c| diesel::update(invoice_document::table.find(place)).set(&moved).execute(c))?;
    Ok(())
}

/// Opens the document of an invoice.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(super) fn examine(conn: &mut Conn, ring: &KeyRing, place: (i64, i64)) -> Result<(), StoreError> {
    row(conn, place)?.map_or(Ok(()), |row| row.open(conn, ring).map(drop))
}
