//! The reads of transactions.

use std::collections::HashMap;

use super::load::{Opener, by_id, payers};
use super::summary::{self, CustomerMoney};
use crate::domain::transactions::Transaction;
use crate::domain::transactions::id::TransId;
use crate::store::Transactions;
use crate::store::engine::error::StoreError;

impl Transactions<'_> {
    /// The totals and the last transactions of those among some customers, by entrypoint and id, that have some.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a transaction does not open; the database's.
    pub async fn of_customers(
        self,
        places: Vec<(i64, i64)>,
    ) -> Result<HashMap<i64, CustomerMoney>, StoreError> {
        self.0.look_up(move |conn, ring| summary::of(conn, ring, &places)).await
    }

    /// A transaction of an entrypoint.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    pub async fn find(self, entrypoint_id: i64, id: TransId) -> Result<Option<Transaction>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let Some(row) = by_id(conn, entrypoint_id, id)? else { return Ok(None) };
                let owners: Vec<i64> = row.customer_id.into_iter().collect();
                let salt = payers(conn, entrypoint_id, &owners)?.pop().and_then(|payer| payer.salt);
                let salt_of = |_| salt.clone();
                Opener::new(ring, &salt_of).open(conn, &row).map(Some)
            })
            .await
    }
}
