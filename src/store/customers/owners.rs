//! The keys of the customers of a batch while it is saved.

use std::collections::HashMap;

use super::load::Loaded;
use crate::store::engine::error::StoreError;
use crate::vault::{SALT_BYTES, SealKey, random};

/// The salt of a customer and the key derived from it, during the save of a batch.
pub(super) struct Owner {
    pub(super) salt: Vec<u8>,
    pub(super) seal: SealKey,
}

/// The salt of a customer: the stored salt, or a new one for a new customer.
pub(super) fn owner<'a>(
    loaded: &Loaded,
    owners: &'a mut HashMap<i64, Owner>,
    id: i64,
) -> Result<&'a Owner, StoreError> {
    match owners.entry(id) {
        std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
        std::collections::hash_map::Entry::Vacant(entry) => {
            let known = loaded.rows.get(&id).map(|row| &row.salt);
            let known = known.or_else(|| loaded.payers.get(&id).map(|payer| &payer.salt));
            let salt = match known.and_then(Clone::clone) {
                Some(salt) => salt,
                None => random::<SALT_BYTES>()?.to_vec(),
            };
            let seal = loaded.keys.new.key.seal_key(&salt)?;
            Ok(entry.insert(Owner { salt, seal }))
        }
    }
}
