//! The calls on idempotency keys.

use crate::clock;
use crate::domain::decide::command::KeyUse;
use crate::store::IdempotencyKeys;
use crate::store::engine::error::StoreError;
use crate::vault::DataKey;

impl IdempotencyKeys<'_> {
    /// Removes some expired idempotency records; returns how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn purge(self) -> Result<usize, StoreError> {
        self.0.administer(|conn, _| super::remove_expired(conn, clock::now())).await
    }

    /// The answer's text stored under an idempotency key.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the key was used for another request; the database's.
    pub async fn kept_answer(
        self,
        entrypoint_id: i64,
        key_use: KeyUse,
    ) -> Result<Option<String>, StoreError> {
        self.0.look_up(move |conn, ring| super::text(conn, ring, entrypoint_id, key_use, clock::now())).await
    }

    /// Hashes an idempotency key and the request it is used for, bound to the entrypoint. The hash is keyed by the
    /// service's key, so that a rotation of the entrypoint's data key does not change it.
    ///
    /// # Errors
    /// The database's.
    pub async fn key_use(
        self,
        entrypoint_id: i64,
        scope: Vec<Vec<u8>>,
        content: Vec<Vec<u8>>,
    ) -> Result<KeyUse, StoreError> {
        let hash = move |service: &DataKey| {
            let place = entrypoint_id.to_be_bytes();
            let hashed = |parts: &[Vec<u8>]| {
                let parts = parts.iter().map(Vec::as_slice);
                service.key_uses().digest_parts(std::iter::once(place.as_slice()).chain(parts))
            };
            KeyUse { key: hashed(&scope), fingerprint: hashed(&content) }
        };
        self.0.by_service_key(hash).await
    }
}
