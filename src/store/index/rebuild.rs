//! Rebuilds the index after an upgrade from a release with another format.

use diesel::prelude::*;

use super::memtable::Indexed;
use super::of_customer;
use super::segments::add;
use crate::store::customers::rows::CustomerRow;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{customer, index_lease};
use crate::store::keys::keyring::KeyRing;

/// How many customers it reads at once; they become a segment.
const SLICE: i64 = 4_096;

/// Indexes every live customer, unless the index is built.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`] for a customer that does not open.
pub(crate) fn rebuild(conn: &mut Conn, ring: &KeyRing) -> Result<(), StoreError> {
    let is_built: bool = on!(conn, |c| index_lease::table.select(index_lease::is_built).first(c))?;
    if is_built {
        return Ok(());
    }
    let mut done = (0_i64, 0_i64);
    loop {
        let (place, last) = done;
        let rows: Vec<CustomerRow> = on!(conn, |c| customer::table
            .filter(customer::entrypoint_id.ge(place))
            .filter(customer::entrypoint_id.gt(place).or(customer::customer_id.gt(last)))
            .order((customer::entrypoint_id, customer::customer_id))
            .limit(SLICE)
            .select(CustomerRow::as_select())
            .load(c))?;
        let Some(row) = rows.last() else { break };
        done = (row.entrypoint_id, row.customer_id);
        for own in rows.chunk_by(|a, b| a.entrypoint_id == b.entrypoint_id) {
            let mut indexed = Vec::with_capacity(own.len());
            for row in own {
                let key = ring.data_key(conn, row.key_id)?;
                let stored = row.open(&key)?;
                if !stored.customer.is_deleted() {
                    indexed.push(Indexed {
                        customer_id: row.customer_id,
                        terms: of_customer(key.terms(), &stored.customer),
                        replaces: false,
                        erased: false,
                    });
                }
            }
            let Some(first) = own.first() else { continue };
            add(conn, first.entrypoint_id, &indexed)?;
        }
        tracing::info!(customer_id = done.1, "rebuilding the search index");
    }
    on!(conn, |c| diesel::update(index_lease::table).set(index_lease::is_built.eq(true)).execute(c))?;
    Ok(())
}
