//! Events of changes that are no new versions of a customer; `domain::decide::events` says what they are.

use diesel::sql_types::{BigInt, Nullable, Text};

use super::engine::conn::Conn;
use super::engine::error::StoreError;
use super::engine::prepared::new_row;
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
