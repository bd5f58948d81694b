//! What the decisions of a batch know of orders, and what they change of them (rules 18).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::missing::Missing;
use crate::domain::orders::{Order, OrderId};

/// The orders of one entrypoint within one batch.
#[derive(Debug, Default)]
pub struct OrderBook {
    /// `None` if there is none.
    known: HashMap<OrderId, Option<Arc<Order>>>,
    changed: BTreeSet<OrderId>,
    made: BTreeSet<OrderId>,
}

impl OrderBook {
    /// Adds an order as stored; `None` if there is none with this id. What the batch changed stays.
    pub fn add(&mut self, id: OrderId, order: Option<Order>) {
        self.known.entry(id).or_insert_with(|| order.map(Arc::new));
    }

    /// An order.
    ///
    /// # Errors
    /// [`Missing::Order`] if it is not loaded.
    pub fn get(&self, id: OrderId) -> Result<Option<&Arc<Order>>, Missing> {
        self.known.get(&id).map(Option::as_ref).ok_or(Missing::Order(id))
    }

    /// Puts a new or changed order in its place.
    pub fn put(&mut self, order: Order) {
        if self.known.get(&order.id).is_none_or(Option::is_none) {
            self.made.insert(order.id);
        }
        self.changed.insert(order.id);
        self.known.insert(order.id, Some(Arc::new(order)));
    }

    /// The changed orders, each with whether it is new.
    pub fn changed(&self) -> impl Iterator<Item = (&Arc<Order>, bool)> {
        self.changed.iter().filter_map(|id| Some((self.known.get(id)?.as_ref()?, self.made.contains(id))))
    }
}
