//! The data keys under which an entrypoint's customers are sealed and indexed.

use std::sync::Arc;

use crate::domain::customers::identifier::{Identifier, MatchKey, parse_policy, reference_keys};
use crate::domain::customers::record::Customer;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::keys::keyring::KeyRing;
use crate::vault::DataKey;

/// A data key, and the identifiers for which every live customer under it has a digest.
#[derive(Debug, Clone)]
pub(crate) struct IndexKey {
    pub key: Arc<DataKey>,
    pub digests: Vec<Identifier>,
}

impl IndexKey {
    pub(crate) fn of(
        conn: &mut Conn,
        ring: &KeyRing,
        id: i64,
        digests: &str,
    ) -> Result<IndexKey, StoreError> {
        let items: Vec<String> = serde_json::from_str(digests)?;
        let digests =
            parse_policy(&items).map_err(|_| StoreError::Corrupt("the stored digest identifiers".into()))?;
        Ok(IndexKey { key: ring.data_key(conn, id)?, digests })
    }

    /// Whether every live customer has a digest for an identifier: for those of the list, and for each reference.
    pub(crate) fn has_digest(&self, identifier: &Identifier) -> bool {
        identifier.is_reference() || self.digests.contains(identifier)
    }

    /// The digests of a live customer.
    pub(crate) fn digests(&self, customer: &Customer) -> Vec<Vec<u8>> {
        let keys = self.digests.iter().flat_map(|identifier| identifier.keys(customer));
        let keys = keys.chain(reference_keys(customer));
        let mut digests: Vec<Vec<u8>> = keys.map(|key| self.digest(&key)).collect();
        digests.sort_unstable();
        digests.dedup();
        digests
    }

    pub(crate) fn digest(&self, key: &MatchKey) -> Vec<u8> {
        self.key.identities().identity(&key.identifier.to_string(), &key.values).to_vec()
    }
}

/// The data keys of an entrypoint. Each customer is sealed and indexed under one of them, which its row names.
#[derive(Debug, Clone)]
pub(crate) struct IndexKeys {
    /// The key of every write.
    pub new: IndexKey,
    /// During a rotation, the key of customers that it has not reached.
    pub old: Option<IndexKey>,
}

impl IndexKeys {
    /// All keys, the new one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &IndexKey> {
        std::iter::once(&self.new).chain(self.old.as_ref())
    }

    /// The key of a row.
    pub(crate) fn of_row(&self, key_id: i64) -> &IndexKey {
        self.old.as_ref().filter(|old| old.key.id == key_id).unwrap_or(&self.new)
    }
}
