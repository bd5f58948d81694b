//! What the store answers without the writer's lock: each read is a closure on one of the reader threads.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;

use super::accounts::tokens;
use super::customers::load::block_of;
use super::customers::record_cache::RecordCache;
use super::customers::tx::EntrypointTx;
use super::customers::{find, lists};
use super::engine::conn::{Conn, DatabaseUrl, KeptConn, Purpose, on};
use super::engine::error::StoreError;
use super::engine::reader::{Sees, Size};
use super::engine::schema;
use super::entrypoints::settings;
use super::idempotency;
use super::keys::keyring::{self, KeyRing};
use super::keys::rotation;
use super::{
    DataKeyRecord, EntrypointSettings, Found, HistoryEntry, IdPage, ListPage, ListRequest, Listed,
    Organisation, Rotation, Store, TokenRecord, Watch,
};
use crate::clock;
use crate::domain::accounts::token::Claims;
use crate::domain::decide::command::{Answer, Command, KeyUse};
use crate::domain::entrypoints::is_entry_name;
use crate::vault::{Ad, DataKey, SigningKey};

impl Store {
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Conn, &KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ring = Arc::clone(&self.ring);
        self.readers.read(Size::Many, Sees::OneState, move |conn| read(conn, &ring)).await
    }

    /// As [`Store::read`], of a few rows.
    async fn look_up<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Conn, &KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ring = Arc::clone(&self.ring);
        self.readers.read(Size::Few, Sees::OneState, move |conn| read(conn, &ring)).await
    }

    /// Id and organisation of an entrypoint.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_entry(&self, entry: &str) -> Result<Option<(i64, i64)>, StoreError> {
        if let Some(found) = self.ring.directory.by_name(entry) {
            return Ok(Some(found));
        }
        if !is_entry_name(entry) {
            return Ok(None);
        }
        let name = entry.to_owned();
        let found = self.look_up(move |conn, _| settings::find(conn, &name)).await?;
        if let Some(found) = found {
            self.ring.directory.learn_name(entry, found);
        }
        Ok(found)
    }

    /// The entrypoint that a customer id belongs to, if any.
    ///
    /// # Errors
    /// The database's.
    pub async fn entrypoint_of(&self, customer_id: i64) -> Result<Option<i64>, StoreError> {
        let block = block_of(customer_id);
        if let Some(found) = self.ring.directory.of_block(block) {
            return Ok(Some(found));
        }
        let found: Option<i64> = self
            .look_up(move |conn, _| {
                Ok(on!(conn, |c| schema::id_block::table
                    .find(block)
                    .select(schema::id_block::entrypoint_id)
                    .first(c)
                    .optional())?)
            })
            .await?;
        if let Some(found) = found {
            self.ring.directory.learn_block(block, found);
        }
        Ok(found)
    }

    /// What `tell` makes of a customer with its entrypoint, on the thread that reads it.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn customer<T: Send + 'static>(
        &self,
        entrypoint_id: i64,
        id: i64,
        tell: impl FnOnce(Found) -> T + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        self.readers.look_up((entrypoint_id, id), |found| found.map(tell)).await
    }

    /// What `tell` makes of a page of a list, which is from one state of the database. It runs on the thread that
    /// reads, so that records are freed where they were made.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn list<T: Send + 'static>(
        &self,
        request: ListRequest,
        tell: impl FnOnce(&ListPage) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let plan = request.plan();
        let sees = match self.url {
            DatabaseUrl::Postgres(_) if lists::plain::asks(&request, &plan) => Sees::EachItsOwn,
            _ => Sees::OneState,
        };
        let (ring, record_cache) = (Arc::clone(&self.ring), Arc::clone(&self.record_cache));
        let read = move |conn: &mut Conn| Ok(tell(&lists::page(conn, &ring, &record_cache, &request, plan)?));
        self.readers.read(Size::Many, sees, read).await
    }

    /// Place and id of everything in a list, in its order.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn list_ids(&self, request: ListRequest) -> Result<Vec<(i64, i64)>, StoreError> {
        self.read(move |conn, ring| lists::ids(conn, ring, &request)).await
    }

    /// A page of a list for an answer that is too long for [`Store::list`], from one state of the database.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn list_id_page(&self, request: ListRequest) -> Result<IdPage, StoreError> {
        self.read(move |conn, ring| lists::id_page(conn, ring, &request)).await
    }

    /// Records by place and id, in the order asked, as they are now: deleted ones may be among them.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn list_records(&self, ids: Vec<(i64, i64)>) -> Result<Vec<Listed>, StoreError> {
        self.read(move |conn, ring| lists::by_ids(conn, ring, &RecordCache::none(), &ids)).await
    }

    /// How many customers each `status/lifecycle` of an entrypoint has.
    ///
    /// # Errors
    /// The database's.
    pub async fn counts(&self, entrypoint_id: i64) -> Result<Option<HashMap<String, i64>>, StoreError> {
        self.read(move |conn, _| lists::counts(conn, entrypoint_id)).await
    }

    /// Seals a short text under the service's key, bound to a context.
    ///
    /// # Errors
    /// The database's.
    pub async fn seal_note(
        &self,
        kind: &'static str,
        context: [u8; 32],
        text: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        self.by_service_key(move |service| {
            let seal = service.seal_key(keyring::ENTRYPOINT_SALT)?;
            Ok(seal.seal(&Ad::new(kind, &[]).and(&context), &text)?)
        })
        .await?
    }

    /// Opens what [`Store::seal_note`] sealed in the same context; `None` for anything else.
    ///
    /// # Errors
    /// The database's.
    pub async fn open_note(
        &self,
        kind: &'static str,
        context: [u8; 32],
        sealed: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.by_service_key(move |service| {
            let seal = service.seal_key(keyring::ENTRYPOINT_SALT)?;
            Ok(seal.open(&Ad::new(kind, &[]).and(&context), &sealed).ok().map(|text| text.to_vec()))
        })
        .await?
    }

    /// Entries of a customer's history, newest first, and how many there are.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub async fn history(
        &self,
        entrypoint_id: i64,
        id: i64,
        skip: i64,
        limit: i64,
    ) -> Result<Option<(Vec<HistoryEntry>, i64)>, StoreError> {
        self.read(move |conn, ring| find::entries(conn, ring, entrypoint_id, id, skip, limit)).await
    }

    /// Decides a command that changes nothing, without the writer's lock.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn consult(&self, command: Command) -> Result<Answer, StoreError> {
        self.look_up(move |conn, ring| {
            let tx = EntrypointTx::unlocked(conn, command.entrypoint_id)?;
            tx.load(conn, ring, &[&command])?.decide(conn, ring, &command)?
        })
        .await
    }

    /// The text that is kept under an idempotency key.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] for a key used otherwise; the database's.
    pub async fn kept_answer(
        &self,
        entrypoint_id: i64,
        key_use: KeyUse,
    ) -> Result<Option<String>, StoreError> {
        self.look_up(move |conn, ring| {
            let text = idempotency::text(conn, ring, entrypoint_id, key_use, clock::now())?;
            Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
        })
        .await
    }

    /// Hashes an idempotency key and what it is used for, bound to the entrypoint. Under the service's key, so
    /// that a key used before an entrypoint's keys are rotated is known after.
    ///
    /// # Errors
    /// The database's.
    pub async fn key_use(
        &self,
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
        self.by_service_key(hash).await
    }

    /// What `make` makes by the service's key, which is read once.
    async fn by_service_key<T: Send + 'static>(
        &self,
        make: impl FnOnce(&DataKey) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.ring.cached_service_key() {
            Some(service) => Ok(make(service)),
            None => self.look_up(move |conn, ring| Ok(make(&*ring.service_key(conn)?))).await,
        }
    }

    /// The country that phones of an entrypoint are read with where nobody names one. It may be that of a moment ago:
    /// the writer reads a phone again where the country is another by then. `None` where there is no such entrypoint.
    ///
    /// # Errors
    /// The database's.
    pub async fn country(&self, entrypoint_id: i64) -> Result<Option<Option<String>>, StoreError> {
        if let Some(found) = self.ring.directory.newest(entrypoint_id) {
            return Ok(Some(found.country.clone()));
        }
        let Some(settings) = self.entrypoint_settings(entrypoint_id).await? else { return Ok(None) };
        let EntrypointSettings { entrypoint, version, .. } = settings;
        let country = entrypoint.country.clone();
        self.ring.directory.learn(version, &Arc::new(entrypoint));
        Ok(Some(country))
    }

    /// The settings of an entrypoint.
    ///
    /// # Errors
    /// The database's.
    pub async fn entrypoint_settings(&self, id: i64) -> Result<Option<EntrypointSettings>, StoreError> {
        self.look_up(move |conn, _| settings::entrypoint_settings(conn, id)).await
    }

    /// The entrypoints of an organisation, or of all.
    ///
    /// # Errors
    /// The database's.
    pub async fn entrypoints(&self, org_id: Option<i64>) -> Result<Vec<EntrypointSettings>, StoreError> {
        self.read(move |conn, _| settings::entrypoints(conn, org_id)).await
    }

    /// Ids and names of the entrypoints of an organisation.
    ///
    /// # Errors
    /// The database's.
    pub async fn entries(&self, org_id: i64) -> Result<Vec<(i64, String)>, StoreError> {
        self.read(move |conn, _| settings::entries(conn, org_id)).await
    }

    /// The data keys of an entrypoint, newest first, and their newest rotation.
    ///
    /// # Errors
    /// The database's.
    pub async fn data_keys(
        &self,
        entrypoint_id: i64,
    ) -> Result<(Vec<DataKeyRecord>, Option<Rotation>), StoreError> {
        self.read(move |conn, _| {
            Ok((keyring::data_keys(conn, entrypoint_id)?, rotation::find(conn, entrypoint_id)?))
        })
        .await
    }

    /// The entrypoints whose keys are being rotated.
    ///
    /// # Errors
    /// The database's.
    pub async fn unfinished_rotations(&self) -> Result<Vec<i64>, StoreError> {
        self.read(|conn, _| rotation::unfinished(conn)).await
    }

    /// An organisation.
    ///
    /// # Errors
    /// The database's.
    pub async fn organisation(&self, org_id: i64) -> Result<Option<Organisation>, StoreError> {
        self.read(move |conn, _| settings::organisation(conn, org_id)).await
    }

    /// The tokens of an organisation, or of all, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn tokens(&self, org_id: Option<i64>) -> Result<Vec<TokenRecord>, StoreError> {
        self.read(move |conn, _| tokens::list(conn, org_id)).await
    }

    /// A token's record.
    ///
    /// # Errors
    /// The database's.
    pub async fn token(&self, jti: String) -> Result<Option<TokenRecord>, StoreError> {
        self.look_up(move |conn, _| tokens::find(conn, &jti)).await
    }

    /// Signs claims with the newest key without keeping a record.
    ///
    /// # Errors
    /// The database's.
    pub async fn sign(&self, claims: Claims) -> Result<String, StoreError> {
        self.look_up(move |conn, ring| tokens::sign(conn, ring, &claims)).await
    }

    /// The signing key of a `kid`, if it is opened.
    pub fn signing_key(&self, kid: &str) -> Option<Arc<SigningKey>> {
        self.ring.cached_signing_key(kid)
    }

    /// A connection of its own for watching the database: signing keys, revoked tokens, life.
    pub fn watch(&self) -> Watch {
        Watch { ring: Arc::clone(&self.ring), conn: KeptConn::new(self.url.clone(), Purpose::Read) }
    }
}
