//! The calls on keys.

use std::sync::Arc;

use super::keyring::{self, DataKeyRecord};
use super::rotation::{self, Rotation, RotationPhase};
use crate::clock;
use crate::domain::accounts::acts::Act;
use crate::domain::decide::command::KeyUse;
use crate::store::engine::error::StoreError;
use crate::store::{Keys, acts};
use crate::vault::{Ad, SigningKey};

impl Keys<'_> {
    /// Begins to rotate an entrypoint's data key, unless a rotation runs, and writes down the act. `render` makes the answer, stored under the
    /// idempotency key. Also returns whether the answer is from an earlier call.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such entrypoint.
    pub async fn start_rotation(
        self,
        entrypoint_id: i64,
        act: Option<Act>,
        key_use: Option<KeyUse>,
        render: impl FnOnce(Rotation) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        self.0
            .administer_once(key_use, move |conn, ring| {
                let now = clock::now();
                let rotation = rotation::start(conn, ring, entrypoint_id, now)?;
                if let Some(act) = act {
                    acts::note(conn, act, now)?;
                }
                Ok(render(rotation))
            })
            .await
    }

    /// Takes the next step of a rotation, of at most `most` rows, and returns its progress. Any number of processes may
    /// do this at once.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no rotation; [`StoreError::Corrupt`] for a customer that does not open.
    pub async fn step_rotation(self, entrypoint_id: i64, most: i64) -> Result<Rotation, StoreError> {
        let now = clock::now();
        let rotation =
            self.0.administer(move |conn, ring| rotation::step(conn, ring, entrypoint_id, most)).await?;
        if rotation.phase != RotationPhase::Check {
            return Ok(rotation);
        }
        // It counts without the lock, because nothing is sealed under the old key any more.
        let left = self.0.read(move |conn, _| rotation::leftovers(conn, &rotation)).await?;
        self.0.administer(move |conn, ring| rotation::finish(conn, ring, entrypoint_id, left, now)).await
    }

    /// Seals a short text under the service's key, bound to a kind and a context.
    ///
    /// # Errors
    /// The database's.
    pub async fn seal_note(
        self,
        kind: &'static str,
        context: [u8; 32],
        text: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        self.0
            .by_service_key(move |service| {
                let seal = service.seal_key(keyring::ENTRYPOINT_SALT)?;
                Ok(seal.seal(&Ad::new(kind, &[]).and(&context), &text)?)
            })
            .await?
    }

    /// Opens a text that [`Keys::seal_note`] sealed with the same kind and context; `None` for anything else.
    ///
    /// # Errors
    /// The database's.
    pub async fn open_note(
        self,
        kind: &'static str,
        context: [u8; 32],
        sealed: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.0
            .by_service_key(move |service| {
                let seal = service.seal_key(keyring::ENTRYPOINT_SALT)?;
                Ok(seal.open(&Ad::new(kind, &[]).and(&context), &sealed).ok().map(|text| text.to_vec()))
            })
            .await?
    }

    /// The data keys of an entrypoint, newest first, and their newest rotation.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(
        self,
        entrypoint_id: i64,
    ) -> Result<(Vec<DataKeyRecord>, Option<Rotation>), StoreError> {
        self.0
            .read(move |conn, _| {
                Ok((keyring::data_keys(conn, entrypoint_id)?, rotation::find(conn, entrypoint_id)?))
            })
            .await
    }

    /// The entrypoints with an unfinished rotation.
    ///
    /// # Errors
    /// The database's.
    pub async fn unfinished_rotations(self) -> Result<Vec<i64>, StoreError> {
        self.0.read(|conn, _| rotation::unfinished(conn)).await
    }

    /// The signing key of a `kid`, if this process has opened it.
    pub fn signing_key(self, kid: &str) -> Option<Arc<SigningKey>> {
        self.0.ring.cached_signing_key(kid)
    }
}
