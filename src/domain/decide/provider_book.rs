//! What the decisions of a batch know of calls of payment providers, and what they change of them (rules 20).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::missing::Missing;
use crate::domain::provider::{CallId, ProviderCall};
use crate::domain::requests::RequestId;

/// The calls of one entrypoint within one batch.
#[derive(Debug, Default)]
pub struct ProviderBook {
    /// `None` if there is none.
    known: HashMap<CallId, Option<Arc<ProviderCall>>>,
    /// The calls about a charge, the charge among them.
    of_charges: HashMap<CallId, BTreeSet<CallId>>,
    /// The calls that answer a request and were not through as stored.
    of_requests: HashMap<RequestId, BTreeSet<CallId>>,
    /// The calls that move money of a customer and were not through as stored.
    of_customers: HashMap<i64, BTreeSet<CallId>>,
    changed: BTreeSet<CallId>,
    made: BTreeSet<CallId>,
}

impl ProviderBook {
    /// Adds a call as stored; `None` if there is none with this id. What the batch changed stays.
    pub fn add(&mut self, id: CallId, call: Option<ProviderCall>) {
        self.known.entry(id).or_insert_with(|| call.map(Arc::new));
    }

    /// Adds all calls about a charge, as stored.
    pub fn add_of_charge(&mut self, charge_id: CallId, calls: Vec<ProviderCall>) {
        let mut ids: BTreeSet<CallId> = calls.iter().map(|call| call.id).collect();
        for call in calls {
            self.add(call.id, Some(call));
        }
        let known = self.known.values().flatten().filter(|call| call.charge_id == charge_id);
        ids.extend(known.map(|call| call.id));
        self.of_charges.entry(charge_id).or_insert(ids);
    }

    /// A call.
    ///
    /// # Errors
    /// [`Missing::ProviderCall`] if it is not loaded.
    pub fn get(&self, id: CallId) -> Result<Option<&Arc<ProviderCall>>, Missing> {
        self.known.get(&id).map(Option::as_ref).ok_or(Missing::ProviderCall(id))
    }

    /// The calls about a charge, the charge among them.
    ///
    /// # Errors
    /// [`Missing::CallsOfCharge`] if they are not loaded.
    pub fn of_charge(&self, charge_id: CallId) -> Result<Vec<Arc<ProviderCall>>, Missing> {
        let ids = self.of_charges.get(&charge_id).ok_or(Missing::CallsOfCharge(charge_id))?;
        Ok(ids.iter().filter_map(|id| self.known.get(id)?.as_ref()).map(Arc::clone).collect())
    }

    /// Adds the calls that answer a request and are not through yet, as stored.
    pub fn add_running(&mut self, request_id: RequestId, calls: Vec<ProviderCall>) {
        let mut ids: BTreeSet<CallId> = calls.iter().map(|call| call.id).collect();
        for call in calls {
            self.add(call.id, Some(call));
        }
        let known = self.known.values().flatten().filter(|call| call.request_id == Some(request_id));
        ids.extend(known.map(|call| call.id));
        self.of_requests.entry(request_id).or_insert(ids);
    }

    /// The calls that answer a request and are not through yet, oldest first.
    ///
    /// # Errors
    /// [`Missing::RunningCalls`] if they are not loaded.
    pub fn running_of(&self, request_id: RequestId) -> Result<Vec<Arc<ProviderCall>>, Missing> {
        let ids = self.of_requests.get(&request_id).ok_or(Missing::RunningCalls(request_id))?;
        let known = ids.iter().filter_map(|id| self.known.get(id)?.as_ref());
        Ok(known.filter(|call| !call.state.is_final()).map(Arc::clone).collect())
    }

    /// Adds the calls that move money of a customer and are not through yet, as stored.
    pub fn add_running_by(&mut self, customer_id: i64, calls: Vec<ProviderCall>) {
        let mut ids: BTreeSet<CallId> = calls.iter().map(|call| call.id).collect();
        for call in calls {
            self.add(call.id, Some(call));
        }
        let known = self.known.values().flatten().filter(|call| call.customer_id == Some(customer_id));
        ids.extend(known.map(|call| call.id));
        self.of_customers.entry(customer_id).or_insert(ids);
    }

    /// The calls that move money of a customer and are not through yet, oldest first.
    ///
    /// # Errors
    /// [`Missing::RunningCallsBy`] if they are not loaded.
    pub fn running_by(&self, customer_id: i64) -> Result<Vec<Arc<ProviderCall>>, Missing> {
        let ids = self.of_customers.get(&customer_id).ok_or(Missing::RunningCallsBy(customer_id))?;
        let known = ids.iter().filter_map(|id| self.known.get(id)?.as_ref());
        Ok(known.filter(|call| !call.state.is_final()).map(Arc::clone).collect())
    }

    /// Puts a new or changed call in its place.
    pub fn put(&mut self, call: ProviderCall) {
        if self.known.get(&call.id).is_none_or(Option::is_none) {
            self.made.insert(call.id);
            if let Some(ids) = self.of_charges.get_mut(&call.charge_id) {
                ids.insert(call.id);
            }
            if let Some(ids) = call.customer_id.and_then(|id| self.of_customers.get_mut(&id)) {
                ids.insert(call.id);
            }
            if let Some(ids) = call.request_id.and_then(|id| self.of_requests.get_mut(&id)) {
                ids.insert(call.id);
            }
        }
        self.changed.insert(call.id);
        self.known.insert(call.id, Some(Arc::new(call)));
    }

    /// The changed calls, each with whether it is new.
    pub fn changed(&self) -> impl Iterator<Item = (&Arc<ProviderCall>, bool)> {
        self.changed.iter().filter_map(|id| Some((self.known.get(id)?.as_ref()?, self.made.contains(id))))
    }
}
