//! Events of changes that are no new versions of a customer; `domain::decide::events` says what they are.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::prepared::new_row;
use super::engine::schema::event;
use crate::domain::decide::command::Actor;
use crate::domain::decide::events::Event;
use crate::domain::kernel::time::Micros;

new_row! {
    /// A row to append to `event`.
    #[derive(Debug)]
    pub(crate) struct EventRow of "event":
    "INSERT", fn insert_events by NewEvents;
    entrypoint_id: i64 as BigInt,
    seq: i64 as BigInt,
    at_us: i64 as BigInt,
    kind: &'static str as Text,
    customer_id: Option<i64> as Nullable<BigInt>,
    subject_id: Option<String> as Nullable<Text>,
    changed: Option<String> as Nullable<Text>,
    actor_name: String as Text,
    actor_jti: String as Text,
}

/// Appends events of an entrypoint with their numbers, under its lock.
///
/// # Errors
/// The database's.
pub(crate) fn add(
    conn: &mut Conn,
    entrypoint_id: i64,
    events: &[(i64, &Event)],
    now: Micros,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(events.len());
    for (seq, event) in events {
        let changed =
            (!event.changed.is_empty()).then(|| serde_json::to_string(&event.changed)).transpose()?;
        rows.push(EventRow {
            entrypoint_id,
            seq: *seq,
            at_us: now.0,
            kind: event.kind.name(),
            customer_id: event.customer_id,
            subject_id: event.subject_id.clone(),
            changed,
            actor_name: event.actor.name.clone(),
            actor_jti: event.actor.jti.clone(),
        });
    }
    Ok(insert_events(conn, &rows)?)
}

/// An event as it was written down.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    /// Its number among all changes of the entrypoint.
    pub seq: i64,
    /// When it happened.
    pub at: Micros,
    /// What happened.
    pub kind: String,
    /// The id of what changed.
    pub subject_id: Option<String>,
    /// The fields that changed; empty where the kind says all.
    pub changed: Vec<String>,
    /// Who made the change.
    pub actor: Actor,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = event)]
struct LoggedRow {
    seq: i64,
    at_us: i64,
    kind: String,
    subject_id: Option<String>,
    changed: Option<String>,
    actor_name: String,
    actor_jti: String,
}

/// The numbers of the newest events of a customer, newest first, and how many there are in all. Only those of some kinds.
///
/// # Errors
/// The database's.
pub(crate) fn newest(
    conn: &mut Conn,
    (entrypoint_id, customer_id): (i64, i64),
    kinds: &[&'static str],
    most: i64,
) -> Result<(Vec<i64>, i64), StoreError> {
    if kinds.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let count = on!(conn, |c| event::table
        .filter(event::entrypoint_id.eq(entrypoint_id))
        .filter(event::customer_id.eq(customer_id))
        .filter(event::kind.eq_any(kinds))
        .count()
        .get_result(c))?;
    let numbers = on!(conn, |c| event::table
        .filter(event::entrypoint_id.eq(entrypoint_id))
        .filter(event::customer_id.eq(customer_id))
        .filter(event::kind.eq_any(kinds))
        .order(event::seq.desc())
        .limit(most)
        .select(event::seq)
        .load(c))?;
    Ok((numbers, count))
}

/// Events of an entrypoint by their numbers, in no order.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(crate) fn read(conn: &mut Conn, entrypoint_id: i64, numbers: &[i64]) -> Result<Vec<Logged>, StoreError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<LoggedRow> = on!(conn, |c| event::table
        .filter(event::entrypoint_id.eq(entrypoint_id))
        .filter(event::seq.eq_any(numbers))
        .select(LoggedRow::as_select())
        .load(c))?;
    let logged = |row: LoggedRow| {
        Ok(Logged {
            seq: row.seq,
            at: Micros(row.at_us),
            kind: row.kind,
            subject_id: row.subject_id,
            changed: row.changed.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
            actor: Actor { name: row.actor_name, jti: row.actor_jti },
        })
    };
    rows.into_iter().map(logged).collect()
}
