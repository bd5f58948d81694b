//! What erased people were found by, as hashes, so that no payment registers them again (rules 14).

use diesel::prelude::*;

use crate::domain::customers::identifier::{MatchKey, reference_keys};
use crate::domain::customers::record::Customer;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::erased_payer;
use crate::store::keys::index_keys::IndexKey;
use crate::store::keys::keyring::KeyRing;

/// The hash of a key. The service's key makes it, since a rotation could not make it anew: the values are gone.
fn digest(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    key: &MatchKey,
) -> Result<Vec<u8>, StoreError> {
    let place = format!("erased {entrypoint_id} {}", key.identifier);
    Ok(ring.service_key(conn)?.identities().identity(&place, &key.values).to_vec())
}

/// Remembers what an erased person was found by.
///
/// # Errors
/// The database's.
pub(crate) fn remember(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    index: &IndexKey,
    person: &Customer,
) -> Result<(), StoreError> {
    let keys = index.digests.iter().flat_map(|identifier| identifier.keys(person));
    let keys: Vec<MatchKey> = keys.chain(reference_keys(person)).collect();
    for key in keys {
        let row = (
            erased_payer::entrypoint_id.eq(entrypoint_id),
            erased_payer::digest.eq(digest(conn, ring, entrypoint_id, &key)?),
        );
        on!(conn, |c| diesel::insert_into(erased_payer::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// Whether an erased person was found by a key.
///
/// # Errors
/// The database's.
pub(crate) fn was_erased(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    key: &MatchKey,
) -> Result<bool, StoreError> {
    let digest = digest(conn, ring, entrypoint_id, key)?;
    let found: Option<i64> = on!(conn, |c| erased_payer::table
        .find(digest)
        .select(erased_payer::entrypoint_id)
        .first(c)
        .optional())?;
    Ok(found.is_some())
}
