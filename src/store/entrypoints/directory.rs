//! The directory of this process: which entrypoints exist, who owns which block of ids, and the settings.
//!
//! Settings are cached under the version in the entrypoint's lock row. Every change raises that version under the lock.
//! So a cached value counts only together with the lock row, and statements on customers need no other table.

use std::sync::Arc;

use dashmap::DashMap;

use super::entrypoint;
use crate::domain::entrypoints::Entrypoint;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;

/// See the module documentation.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// Ids and organisations of entrypoints, by name; neither ever changes.
    pub names: DashMap<String, (i64, i64)>,
    /// The entrypoints of blocks of customer ids; they never change.
    pub blocks: DashMap<i64, i64>,
    /// The newest known settings with their version, by entrypoint.
    settings: DashMap<i64, (i64, Arc<Entrypoint>)>,
}

impl Directory {
    /// The newest known settings; they may be slightly old.
    pub(crate) fn newest(&self, id: i64) -> Option<Arc<Entrypoint>> {
        self.settings.get(&id).map(|known| Arc::clone(&known.1))
    }

    /// Forgets settings after a change.
    pub(crate) fn forget(&self, id: i64) {
        self.settings.remove(&id);
    }

    /// Remembers settings of a version.
    pub(crate) fn learn(&self, version: i64, found: &Arc<Entrypoint>) {
        let mut known = self.settings.entry(found.id).or_insert_with(|| (version, Arc::clone(found)));
        if known.0 < version {
            *known = (version, Arc::clone(found));
        }
    }

    /// An entrypoint with the settings of the version in its lock row; reads them if they are not cached.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub(crate) fn at(&self, conn: &mut Conn, id: i64, version: i64) -> Result<Arc<Entrypoint>, StoreError> {
        if let Some(known) = self.settings.get(&id).filter(|known| known.0 == version) {
            return Ok(Arc::clone(&known.1));
        }
        let found = entrypoint(conn, id)?;
        let (version, found) = found.ok_or_else(|| StoreError::Bug(format!("entrypoint {id} is gone")))?;
        let found = Arc::new(found);
        self.learn(version, &found);
        Ok(found)
    }
}
