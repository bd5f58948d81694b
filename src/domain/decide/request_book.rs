//! What the decisions of a batch know of requests, and what they change of them (rules 13 and 20).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::missing::Missing;
use crate::domain::requests::{Request, RequestId};

/// The requests of one entrypoint within one batch.
#[derive(Debug, Default)]
pub struct RequestBook {
    /// `None` if there is none.
    known: HashMap<RequestId, Option<Arc<Request>>>,
    /// Which request has a link, by the hash of its token; `None` if none has.
    links: HashMap<[u8; 32], Option<RequestId>>,
    /// Those of a customer that wait to be answered, as stored.
    open: HashMap<i64, Vec<RequestId>>,
    changed: BTreeSet<RequestId>,
    made: BTreeSet<RequestId>,
}

impl RequestBook {
    // ---- loading -----------------------------------------------------------------------------

    /// Adds a request as stored; `None` if there is none with this id. What the batch changed stays.
    pub fn add(&mut self, id: RequestId, request: Option<Request>) {
        self.known.entry(id).or_insert_with(|| request.map(Arc::new));
    }

    /// Adds which request has a link, as stored.
    pub fn add_link(&mut self, hash: [u8; 32], id: Option<RequestId>) {
        self.links.entry(hash).or_insert(id);
    }

    /// Adds which requests of a customer wait to be answered, as stored.
    pub fn add_open(&mut self, customer_id: i64, ids: Vec<RequestId>) {
        self.open.entry(customer_id).or_insert(ids);
    }

    // ---- deciding ----------------------------------------------------------------------------

    /// A request.
    ///
    /// # Errors
    /// [`Missing::Request`] if it is not loaded.
    pub fn get(&self, id: RequestId) -> Result<Option<&Arc<Request>>, Missing> {
        self.known.get(&id).map(Option::as_ref).ok_or(Missing::Request(id))
    }

    /// The request that a link leads to, by the hash of its token.
    ///
    /// # Errors
    /// [`Missing::RequestLink`] or [`Missing::Request`] if it is not loaded.
    pub fn by_link(&self, hash: &[u8; 32]) -> Result<Option<&Arc<Request>>, Missing> {
        let id = self.links.get(hash).ok_or(Missing::RequestLink(*hash))?;
        let found = id.map_or(Ok(None), |id| self.get(id))?;
        // The batch may have given it another link.
        Ok(found.filter(|request| request.link_hash == *hash))
    }

    /// The requests of a customer that wait to be answered, whether or not their time is over.
    ///
    /// # Errors
    /// [`Missing::OpenRequests`] or [`Missing::Request`] if they are not loaded.
    pub fn open_of(&self, customer_id: i64) -> Result<Vec<Arc<Request>>, Missing> {
        let stored = self.open.get(&customer_id).ok_or(Missing::OpenRequests(customer_id))?;
        let mut ids: BTreeSet<RequestId> = stored.iter().copied().collect();
        ids.extend(&self.changed);
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.get(id)?.map(Arc::clone));
        }
        all.retain(|request| request.customer_id == Some(customer_id) && request.state.is_open());
        Ok(all)
    }

    /// Puts a new or changed request in its place.
    pub fn put(&mut self, request: Request) {
        if self.known.get(&request.id).is_none_or(Option::is_none) {
            self.made.insert(request.id);
        }
        self.links.insert(request.link_hash, Some(request.id));
        self.changed.insert(request.id);
        self.known.insert(request.id, Some(Arc::new(request)));
    }

    // ---- saving ------------------------------------------------------------------------------

    /// The changed requests, each with whether it is new.
    pub fn changed(&self) -> impl Iterator<Item = (&Arc<Request>, bool)> {
        self.changed.iter().filter_map(|id| Some((self.known.get(id)?.as_ref()?, self.made.contains(id))))
    }
}
