//! The opened keys of this process: loaded from the database on first use, then kept. A key never
//! changes under its id, so none of them can be stale.

use std::sync::{Arc, OnceLock};

use dashmap::DashMap;
use diesel::prelude::*;

use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{data_key, service_state, signing_key};
use crate::store::entrypoints::directory::Directory;
use crate::vault::{Ad, DataKey, MasterKey, SIGNING_KEY_BYTES, SealKey, SigningKey, random};

/// The entrypoint id of the service's own data key.
pub(crate) const SERVICE_ENTRYPOINT: i64 = 0;
/// The salt of data that belongs to an entrypoint or the service, and not to a customer.
pub(crate) const ENTRYPOINT_SALT: &[u8] = b"entrypoint";
const CHECK_NAME: &str = "master_key_check";

/// The public properties of a data key.
#[derive(Debug, Clone)]
pub struct DataKeyRecord {
    /// Its id.
    pub key_id: i64,
    /// Its number among the keys of its entrypoint, from 1.
    pub epoch: i64,
    /// The id of the master key that wraps it.
    pub master_key_id: String,
    /// When the service made it.
    pub created_at: Micros,
}

/// The data keys of an entrypoint, newest first.
pub(crate) fn data_keys(conn: &mut Conn, entrypoint_id: i64) -> Result<Vec<DataKeyRecord>, StoreError> {
    let rows: Vec<(i64, i64, String, i64)> = on!(conn, |c| data_key::table
        .filter(data_key::entrypoint_id.eq(entrypoint_id))
        .order(data_key::epoch.desc())
        .select((data_key::key_id, data_key::epoch, data_key::master_key_id, data_key::created_at_us))
        .load(c))?;
    let record = |(key_id, epoch, master_key_id, created_at)| DataKeyRecord {
        key_id,
        epoch,
        master_key_id,
        created_at: Micros(created_at),
    };
    Ok(rows.into_iter().map(record).collect())
}

/// Opened keys and the directory of entrypoints, shared by all threads of a process.
#[derive(Debug)]
pub struct KeyRing {
    master: MasterKey,
    data: DashMap<i64, Arc<DataKey>>,
    signing: DashMap<String, Arc<SigningKey>>,
    /// The data key of this process's newest write, by entrypoint.
    newest: DashMap<i64, Arc<DataKey>>,
    /// The service's data key, which never changes.
    service: OnceLock<Arc<DataKey>>,
    /// Entrypoints by name and id.
    pub(crate) directory: Directory,
}

impl KeyRing {
    /// An empty ring, which opens keys with a master key.
    pub fn new(master: MasterKey) -> KeyRing {
        KeyRing {
            master,
            data: DashMap::default(),
            signing: DashMap::default(),
            newest: DashMap::default(),
            service: OnceLock::new(),
            directory: Directory::default(),
        }
    }

    /// Refuses a master key other than the database's; an empty database takes this one. The caller
    /// must have begun a write transaction.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with a sentence for the operator; the database's.
    pub fn check_master(&self, conn: &mut Conn) -> Result<(), StoreError> {
        let ad = Ad::new(CHECK_NAME, &[]);
        let stored: Option<Vec<u8>> = on!(conn, |c| service_state::table
            .filter(service_state::name.eq(CHECK_NAME))
            .select(service_state::value)
            .first(c)
            .optional())?;
        match stored {
            Some(wrapped) => self.master.unwrap_data_key(0, &ad, &wrapped).map(|_| ()).map_err(|_| {
                StoreError::Unfit(format!(
                    "the master key (id {}) is not the one of this database, which was made with another; give that one \
                     by --master-key-file or CUSTOMARY_MASTER_KEY, or name another database",
                    self.master.id()
                ))
            }),
            None => {
                let wrapped = self.master.new_data_key(&ad)?;
                on!(conn, |c| diesel::insert_into(service_state::table)
                    .values((service_state::name.eq(CHECK_NAME), service_state::value.eq(&wrapped)))
                    .execute(c))?;
                Ok(())
            }
        }
    }

    /// Makes the data key of an entrypoint with the number `epoch`, and returns its id.
    ///
    /// # Errors
    /// The database's.
    pub fn create_data_key(
        &self,
        conn: &mut Conn,
        entrypoint_id: i64,
        epoch: i64,
        now: Micros,
    ) -> Result<i64, StoreError> {
        let wrapped = self.master.new_data_key(&key_ad(entrypoint_id, epoch))?;
        let key_id = on!(conn, |c| diesel::insert_into(data_key::table)
            .values((
                data_key::entrypoint_id.eq(entrypoint_id),
                data_key::epoch.eq(epoch),
                data_key::master_key_id.eq(self.master.id()),
                data_key::wrapped.eq(&wrapped),
                data_key::created_at_us.eq(now.0),
            ))
            .returning(data_key::key_id)
            .get_result(c))?;
        Ok(key_id)
    }

    /// The data key with an id; opens it on first use.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is missing or does not open under the master key; the database's.
    pub fn data_key(&self, conn: &mut Conn, key_id: i64) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.data.get(&key_id) {
            return Ok(Arc::clone(&key));
        }
        let (entrypoint_id, epoch, wrapped): (i64, i64, Vec<u8>) = on!(conn, |c| data_key::table
            .filter(data_key::key_id.eq(key_id))
            .select((data_key::entrypoint_id, data_key::epoch, data_key::wrapped))
            .first(c)
            .optional())?
        .ok_or_else(|| StoreError::Corrupt(format!("data key {key_id} is gone")))?;
        let key = Arc::new(self.master.unwrap_data_key(key_id, &key_ad(entrypoint_id, epoch), &wrapped)?);
        self.data.insert(key_id, Arc::clone(&key));
        Ok(key)
    }

    /// Remembers the data key of an entrypoint's newest write.
    pub(crate) fn remember_newest(&self, entrypoint_id: i64, key: &Arc<DataKey>) {
        let known = self.newest_key(entrypoint_id).is_some_and(|known| known.id == key.id);
        if !known {
            self.newest.insert(entrypoint_id, Arc::clone(key));
        }
    }

    /// The data key of this process's newest write to an entrypoint; a rotation may have replaced it since.
    pub(crate) fn newest_key(&self, entrypoint_id: i64) -> Option<Arc<DataKey>> {
        self.newest.get(&entrypoint_id).map(|key| Arc::clone(&key))
    }

    /// Forgets a data key that a rotation deleted.
    pub(crate) fn forget(&self, key_id: i64) {
        self.data.remove(&key_id);
    }

    /// The key of data that belongs to the service itself.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub fn service_key(&self, conn: &mut Conn) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.service.get() {
            return Ok(Arc::clone(key));
        }
        let key_id: i64 = on!(conn, |c| data_key::table
            .filter(data_key::entrypoint_id.eq(SERVICE_ENTRYPOINT))
            .select(data_key::key_id)
            .order(data_key::epoch.desc())
            .first(c)
            .optional())?
        .ok_or_else(|| StoreError::Corrupt("the service's own data key is gone".into()))?;
        let key = self.data_key(conn, key_id)?;
        Ok(Arc::clone(self.service.get_or_init(|| key)))
    }

    /// The service's key, if this process has opened it.
    pub(crate) fn cached_service_key(&self) -> Option<&Arc<DataKey>> {
        self.service.get()
    }

    /// Makes a signing key.
    ///
    /// # Errors
    /// The database's.
    pub fn create_signing_key(&self, conn: &mut Conn, kid: &str, now: Micros) -> Result<(), StoreError> {
        let service = self.service_key(conn)?;
        let secret: [u8; SIGNING_KEY_BYTES] = random()?;
        let sealed = service.seal_key(ENTRYPOINT_SALT)?.seal(&signing_ad(kid), &secret)?;
        on!(conn, |c| diesel::insert_into(signing_key::table)
            .values((
                signing_key::kid.eq(kid),
                signing_key::key_id.eq(service.id),
                signing_key::secret.eq(&sealed),
                signing_key::created_at_us.eq(now.0),
            ))
            .execute(c))?;
        Ok(())
    }

    /// The signing key of a `kid`, if this process has opened it.
    pub fn cached_signing_key(&self, kid: &str) -> Option<Arc<SigningKey>> {
        self.signing.get(kid).map(|key| Arc::clone(&key))
    }

    /// Opens all signing keys, and returns the newest, which signs.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub fn load_signing_keys(&self, conn: &mut Conn) -> Result<Arc<SigningKey>, StoreError> {
        let rows: Vec<(String, i64, Vec<u8>)> = on!(conn, |c| signing_key::table
            .select((signing_key::kid, signing_key::key_id, signing_key::secret))
            .order(signing_key::created_at_us.asc())
            .load(c))?;
        let mut newest = None;
        for (kid, key_id, sealed) in rows {
            let key = match self.cached_signing_key(&kid) {
                Some(key) => key,
                None => {
                    let seal: SealKey = self.data_key(conn, key_id)?.seal_key(ENTRYPOINT_SALT)?;
                    let secret = seal.open(&signing_ad(&kid), &sealed)?;
                    let key = Arc::new(SigningKey::new(kid.clone(), &secret));
                    self.signing.insert(kid, Arc::clone(&key));
                    key
                }
            };
            newest = Some(key);
        }
        newest.ok_or_else(|| StoreError::Corrupt("there is no signing key".into()))
    }
}

fn key_ad(entrypoint_id: i64, epoch: i64) -> Ad {
    Ad::new("data_key", &[entrypoint_id, epoch])
}

fn signing_ad(kid: &str) -> Ad {
    Ad::new("signing_key", &[]).and(kid.as_bytes())
}
