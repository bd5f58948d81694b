//! The interface to subscriptions: reads by id and lists. `customers` writes them with their customers.

use diesel::prelude::*;

use crate::domain::subscriptions::filter::SubscriptionFilter;
use crate::store::Subscriptions;
use crate::store::customers::find::{Found, find, find_each};
use crate::store::customers::record_cache::RecordCache;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::subscription;
use crate::store::keys::keyring::KeyRing;

/// A page of a list of subscriptions.
#[derive(Debug, Clone)]
pub struct SubscriptionRequest {
    /// The entrypoints; the token sees all of them.
    pub entrypoints: Vec<i64>,
    /// Which ones.
    pub filter: SubscriptionFilter,
    /// Only those with a lower id.
    pub before: Option<i64>,
    /// How many to skip.
    pub skip: i64,
    /// How many to read at most.
    pub limit: i64,
    /// Whether to count them.
    pub counts: bool,
}

/// A page of a list: the newest first.
#[derive(Debug, Clone)]
pub struct SubscriptionPage {
    /// The ids, each with its customer.
    pub records: Vec<(i64, Found)>,
    /// How many there are on all pages, if they were counted.
    pub total: Option<i64>,
    /// Whether there are more.
    pub has_more: bool,
}

/// The rows that a request asks for, in one entrypoint or several.
macro_rules! asked {
    ($request:expr) => {{
        let request = $request;
        let filter = &request.filter;
        let mut rows =
            subscription::table.filter(subscription::entrypoint_id.eq_any(&request.entrypoints)).into_boxed();
        if let Some(statuses) = &filter.statuses {
            rows = rows.filter(subscription::status.eq_any(statuses.iter().map(|status| status.number())));
        }
        if let Some(customers) = &filter.customers {
            rows = rows.filter(subscription::customer_id.eq_any(customers));
        }
        if let Some(from) = filter.next.from {
            rows = rows.filter(subscription::next_at_us.ge(from));
        }
        if let Some(before) = filter.next.before {
            rows = rows.filter(subscription::next_at_us.lt(before));
        }
        rows
    }};
}

fn page(
    conn: &mut Conn,
    ring: &KeyRing,
    request: &SubscriptionRequest,
) -> Result<SubscriptionPage, StoreError> {
    let places: Vec<(i64, i64, i64)> = on!(conn, |c| {
        let mut rows = asked!(request);
        if let Some(before) = request.before {
            rows = rows.filter(subscription::subscription_id.lt(before));
        }
        rows.order(subscription::subscription_id.desc())
            .offset(request.skip)
            .limit(request.limit.saturating_add(1))
            .select((subscription::subscription_id, subscription::entrypoint_id, subscription::customer_id))
            .load(c)
    })?;
    let total =
        if request.counts { Some(on!(conn, |c| asked!(request).count().get_result(c))?) } else { None };
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let has_more = places.len() > limit;
    let shown: Vec<(i64, i64, i64)> = places.into_iter().take(limit).collect();
    let customers: Vec<(i64, i64)> = shown.iter().map(|(_, place, customer)| (*place, *customer)).collect();
    let mut records = Vec::with_capacity(shown.len());
    if !customers.is_empty() {
        let found = find_each(conn, ring, &RecordCache::none(), &customers)?;
        for ((id, _, _), found) in shown.into_iter().zip(found) {
            records.extend(found?.map(|found| (id, found)));
        }
    }
    Ok(SubscriptionPage { records, total, has_more })
}

impl Subscriptions<'_> {
    /// The customer of a subscription of an entrypoint.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn find(self, entrypoint_id: i64, id: i64) -> Result<Option<Found>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let customer: Option<i64> = on!(conn, |c| subscription::table
                    .find((entrypoint_id, id))
                    .select(subscription::customer_id)
                    .first(c)
                    .optional())?;
                let Some(customer) = customer else { return Ok(None) };
                find(conn, ring, entrypoint_id, customer)
            })
            .await
    }

    /// A page of a list, the newest first, read from one state of the database.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn page(self, request: SubscriptionRequest) -> Result<SubscriptionPage, StoreError> {
        self.0.read(move |conn, ring| page(conn, ring, &request)).await
    }
}
