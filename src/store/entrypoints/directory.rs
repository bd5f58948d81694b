//! The directory of this process: which entrypoints exist, who owns which block of ids, and the settings.
//!
//! Settings are cached under the version in the entrypoint's lock row. Every change raises that version under the lock.
//! So a cached value counts only together with the lock row, and statements on customers need no other table.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError, RwLock};

use super::entrypoint;
use crate::domain::entrypoints::Entrypoint;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;

/// See the module documentation.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// Ids and organisations of entrypoints by name, and the owners of id blocks; neither ever changes.
    names: RwLock<HashMap<String, (i64, i64)>>,
    blocks: RwLock<HashMap<i64, i64>>,
    /// The newest known settings with their version, by entrypoint.
    settings: RwLock<HashMap<i64, (i64, Arc<Entrypoint>)>>,
}

fn get<K: std::hash::Hash + Eq + std::borrow::Borrow<Q>, Q: std::hash::Hash + Eq + ?Sized, V: Clone>(
    map: &RwLock<HashMap<K, V>>,
    key: &Q,
) -> Option<V> {
    map.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

fn put<K: std::hash::Hash + Eq, V>(map: &RwLock<HashMap<K, V>>, key: K, value: V) {
    map.write().unwrap_or_else(PoisonError::into_inner).insert(key, value);
}

impl Directory {
    /// Id and organisation of an entrypoint, if known.
    pub(crate) fn by_name(&self, name: &str) -> Option<(i64, i64)> {
        get(&self.names, name)
    }

    /// Remembers an entrypoint's id and organisation.
    pub(crate) fn learn_name(&self, name: &str, found: (i64, i64)) {
        put(&self.names, name.to_owned(), found);
    }

    /// The entrypoint of a block of customer ids, if known.
    pub(crate) fn of_block(&self, block: i64) -> Option<i64> {
        get(&self.blocks, &block)
    }

    /// Remembers the entrypoint of a block.
    pub(crate) fn learn_block(&self, block: i64, entrypoint_id: i64) {
        put(&self.blocks, block, entrypoint_id);
    }

    /// The newest known settings; they may be slightly old.
    pub(crate) fn newest(&self, id: i64) -> Option<Arc<Entrypoint>> {
        get(&self.settings, &id).map(|(_, found)| found)
    }

    /// Forgets settings after a change.
    pub(crate) fn forget(&self, id: i64) {
        self.settings.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Remembers settings of a version.
    pub(crate) fn learn(&self, version: i64, found: &Arc<Entrypoint>) {
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        match settings.entry(found.id) {
            Entry::Occupied(known) if known.get().0 >= version => {}
            Entry::Occupied(mut known) => drop(known.insert((version, Arc::clone(found)))),
            Entry::Vacant(new) => drop(new.insert((version, Arc::clone(found)))),
        }
    }

    /// An entrypoint with the settings of the version in its lock row; reads them if they are not cached.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub(crate) fn at(&self, conn: &mut Conn, id: i64, version: i64) -> Result<Arc<Entrypoint>, StoreError> {
        if let Some((known, found)) = get(&self.settings, &id)
            && known == version
        {
            return Ok(found);
        }
        let found = entrypoint(conn, id)?;
        let (version, found) = found.ok_or_else(|| StoreError::Bug(format!("entrypoint {id} is gone")))?;
        let found = Arc::new(found);
        self.learn(version, &found);
        Ok(found)
    }
}
