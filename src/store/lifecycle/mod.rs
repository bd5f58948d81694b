//! Stages of customers' lives that move with the time (rules 15): each has a row that says when. A row is a proposal: the
//! facts decide, under the lock. So a sale of an active customer, which only puts the time off, writes none.

mod work;

use std::collections::BTreeMap;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt};
use diesel::sqlite::Sqlite;

use super::customers::load::Loaded;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::lifecycle_due;
use super::keys::keyring::KeyRing;
use super::transactions::totals;
use crate::domain::accounts::sight::Sight;
use crate::domain::customers::lifecycle::{idle_at, may_leave, moves};
use crate::domain::customers::record::Lifecycle;
use crate::domain::decide::command::{Action, Actor, Command, MoveLifecycle};
use crate::domain::kernel::time::Micros;

/// How many stages a batch moves together with the sales that move them. If a large delivery moves more, they follow by the
/// job, within seconds where nobody waits: at once they would take longer than the sales themselves.
const AT_ONCE: usize = 32;

/// Moves the stages of customers whose sales of this batch may move them, once the totals are saved.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`] for a customer that does not open.
pub(crate) fn settle(conn: &mut Conn, ring: &KeyRing, loaded: &mut Loaded) -> Result<(), StoreError> {
    let (now, place) = (loaded.working_set.now, loaded.lock_row.entrypoint_id);
    // The stage, and whether a sale may have been taken back.
    let mut stages: BTreeMap<i64, (Lifecycle, bool)> = BTreeMap::new();
    for (id, currency, growth) in loaded.working_set.ledger.growth() {
        if currency.is_some() || (growth.last_sale_at == 0 && !growth.is_stale) {
            continue;
        }
        let known = loaded.working_set.customer(id).map(|stored| stored.customer.lifecycle);
        let stored = || loaded.payers.get(&id).and_then(|payer| payer.lifecycle.parse().ok());
        let Some(stage) = known.or_else(stored) else { continue };
        // The most frequent case: one more sale of an active customer.
        let stays_active = stage == Lifecycle::Active && idle_at(Micros(growth.last_sale_at)) > now;
        if moves(stage) && (growth.is_stale || !stays_active) {
            stages.insert(id, (stage, growth.is_stale));
        }
    }
    if stages.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = stages.keys().copied().collect();
    let sales = totals::last_sales(conn, place, &ids)?;
    stages.retain(|id, (stage, is_stale)| *is_stale || may_leave(*stage, sales.get(id).copied(), now));
    let ids: Vec<i64> = stages.into_keys().collect();
    if ids.len() > AT_ONCE {
        for id in ids {
            loaded.working_set.postpone(id);
        }
        return Ok(());
    }
    loaded.load_customers(conn, ring, &ids)?;
    for id in ids {
        loaded.working_set.renew_last_sale(id, sales.get(&id).copied());
        let actor = loaded.working_set.last_actor(id).cloned().unwrap_or_else(Actor::service);
        move_one(conn, ring, loaded, &command(place, id, actor))?;
    }
    Ok(())
}

/// The command that lets the stage of a customer follow from the facts.
pub(super) fn command(entrypoint_id: i64, id: i64, actor: Actor) -> Command {
    let action = Action::Lifecycle(MoveLifecycle { id });
    Command { entrypoint_id, actor, sight: Sight::FULL, idempotency: None, action }
}

pub(super) fn move_one(
    conn: &mut Conn,
    ring: &KeyRing,
    loaded: &mut Loaded,
    command: &Command,
) -> Result<(), StoreError> {
    match loaded.decide(conn, ring, command)? {
        Ok(_) | Err(StoreError::Rejected(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

const INSERT: &str = "INSERT INTO lifecycle_due (entrypoint_id, customer_id, due_at_us) ";
const OR_MOVE: &str =
    " ON CONFLICT (entrypoint_id, customer_id) DO UPDATE SET due_at_us = excluded.due_at_us";

struct One(i64, i64, i64);

impl QueryId for One {
    type QueryId = One;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<C> RunQueryDsl<C> for One {}

impl QueryFragment<Sqlite> for One {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(INSERT);
        out.push_sql("VALUES (");
        out.push_bind_param::<BigInt, _>(&self.0)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.1)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.2)?;
        out.push_sql(")");
        out.push_sql(OR_MOVE);
        Ok(())
    }
}

struct All {
    entrypoint_id: i64,
    customers: Vec<i64>,
    times: Vec<i64>,
}

impl QueryId for All {
    type QueryId = All;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<C> RunQueryDsl<C> for All {}

impl QueryFragment<Pg> for All {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(INSERT);
        out.push_sql("SELECT ");
        out.push_bind_param::<BigInt, _>(&self.entrypoint_id)?;
        out.push_sql(", unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.customers)?;
        out.push_sql("), unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        out.push_sql(")");
        out.push_sql(OR_MOVE);
        Ok(())
    }
}

/// Sets when the stages of customers are to be looked at: in one statement on PostgreSQL.
///
/// # Errors
/// The database's.
pub(crate) fn due(
    conn: &mut Conn,
    entrypoint_id: i64,
    times: &BTreeMap<i64, Micros>,
) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(c, _) => {
            for (customer_id, at) in times {
                One(entrypoint_id, *customer_id, at.0).execute(c)?;
            }
        }
        Conn::Postgres(_) if times.is_empty() => {}
        Conn::Postgres(c) => {
            let (customers, times) = times.iter().map(|(id, at)| (*id, at.0)).unzip();
            All { entrypoint_id, customers, times }.execute(c)?;
        }
    }
    Ok(())
}

/// Forgets when a customer's stage moves.
///
/// # Errors
/// The database's.
pub(crate) fn forget(conn: &mut Conn, entrypoint_id: i64, customer_id: i64) -> Result<(), StoreError> {
    on!(conn, |c| diesel::delete(lifecycle_due::table.find((entrypoint_id, customer_id))).execute(c))?;
    Ok(())
}
