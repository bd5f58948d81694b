//! Where subscriptions are. They are sealed beside their customers (`customers::rows`); a row of `subscription` leads from an
//! id, or from the id in another system, to the customer, and has what lists filter by.

mod handle;

use diesel::prelude::*;

pub use self::handle::{SubscriptionPage, SubscriptionRequest};

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::subscription;
use super::keys::index_keys::{IndexKey, IndexKeys};
use crate::domain::customers::record::Stored;
use crate::domain::references::Reference;
use crate::domain::subscriptions::Subscription;

/// What the hash of a subscription's id elsewhere is of; no identifier has this name.
const PURPOSE: &str = "subscription/";

/// A row of `subscription`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = subscription)]
struct SubscriptionRow {
    entrypoint_id: i64,
    subscription_id: i64,
    customer_id: i64,
    digest: Vec<u8>,
    status: i16,
    next_at_us: Option<i64>,
}

impl SubscriptionRow {
    fn of(entrypoint_id: i64, customer_id: i64, one: &Subscription, key: &IndexKey) -> SubscriptionRow {
        SubscriptionRow {
            entrypoint_id,
            subscription_id: one.id,
            customer_id,
            digest: digest(key, &one.external),
            status: one.status.number(),
            next_at_us: one.next_date.map(|at| at.0),
        }
    }
}

fn digest(key: &IndexKey, external: &Reference) -> Vec<u8> {
    key.key.identities().identity(PURPOSE, &[&external.system, &external.external_id]).to_vec()
}

/// The customer and the id of a subscription, by the system that keeps it and its id there.
///
/// # Errors
/// The database's.
pub(crate) fn find(
    conn: &mut Conn,
    entrypoint_id: i64,
    keys: &IndexKeys,
    external: &Reference,
) -> Result<Option<(i64, i64)>, StoreError> {
    for key in keys.all() {
        let digest = digest(key, external);
        let found = on!(conn, |c| subscription::table
            .filter(subscription::entrypoint_id.eq(entrypoint_id))
            .filter(subscription::digest.eq(&digest))
            .select((subscription::customer_id, subscription::subscription_id))
            .first::<(i64, i64)>(c)
            .optional())?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Says where the subscriptions of a customer are, in the place of what was said before. `key` is that of the customer's row.
///
/// # Errors
/// The database's.
pub(crate) fn place(
    conn: &mut Conn,
    entrypoint_id: i64,
    stored: &Stored,
    key: &IndexKey,
) -> Result<(), StoreError> {
    remove(conn, entrypoint_id, stored.id)?;
    if stored.erased {
        return Ok(());
    }
    let all = &stored.customer.subscriptions;
    for row in all.iter().map(|one| SubscriptionRow::of(entrypoint_id, stored.id, one, key)) {
        on!(conn, |c| diesel::insert_into(subscription::table).values(&row).execute(c))?;
    }
    Ok(())
}

/// Removes what is said of the subscriptions of a customer.
///
/// # Errors
/// The database's.
pub(crate) fn remove(conn: &mut Conn, entrypoint_id: i64, customer_id: i64) -> Result<(), StoreError> {
    let rows = subscription::table.filter(subscription::entrypoint_id.eq(entrypoint_id));
    on!(conn, |c| diesel::delete(rows.filter(subscription::customer_id.eq(customer_id))).execute(c))?;
    Ok(())
}

/// Checks that the rows lead to the subscriptions of some customers, each with the key of its row, and to no others.
///
/// # Errors
/// [`StoreError::Corrupt`] if not; the database's.
pub(crate) fn examine(
    conn: &mut Conn,
    entrypoint_id: i64,
    customers: &[(i64, &IndexKey, Vec<Subscription>)],
) -> Result<(), StoreError> {
    let ids: Vec<i64> = customers.iter().map(|(id, _, _)| *id).collect();
    let mut there: Vec<SubscriptionRow> = on!(conn, |c| subscription::table
        .filter(subscription::entrypoint_id.eq(entrypoint_id))
        .filter(subscription::customer_id.eq_any(&ids))
        .select(SubscriptionRow::as_select())
        .load(c))?;
    let rows = customers
        .iter()
        .flat_map(|(id, key, all)| all.iter().map(|one| SubscriptionRow::of(entrypoint_id, *id, one, key)));
    let mut wanted: Vec<SubscriptionRow> = rows.collect();
    there.sort_unstable_by_key(|row| row.subscription_id);
    wanted.sort_unstable_by_key(|row| row.subscription_id);
    if there == wanted {
        return Ok(());
    }
    let wrong = wanted.iter().chain(&there).find(|row| !(there.contains(row) && wanted.contains(row)));
    let id = wrong.map_or(0, |row| row.customer_id);
    Err(StoreError::Corrupt(format!(
        "the subscriptions of customer {id} are not found by their ids; customary keys rotate makes their places anew"
    )))
}
