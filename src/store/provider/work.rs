//! Takes the calls that are due. Whoever takes a call moves its time ahead, so that nobody else takes it meanwhile; if that
//! worker dies, the call is due again then. Workers need no other agreement: the provider knows each call by its id.

use diesel::prelude::*;

use super::CallRow;
use crate::domain::kernel::time::Micros;
use crate::domain::provider::ProviderCall;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::provider_call;
use crate::store::keys::keyring::KeyRing;

/// A call to be made, of an entrypoint.
#[derive(Debug, Clone)]
pub struct DueCall {
    /// The entrypoint.
    pub entrypoint_id: i64,
    /// The call; the attempt at hand counts.
    pub call: ProviderCall,
}

/// Takes calls that are due, for `lease_us`: at most `firsts` that were never made, and at most `others`.
///
/// # Errors
/// The database's.
pub(super) fn take(
    conn: &mut Conn,
    ring: &KeyRing,
    now: Micros,
    lease_us: i64,
    (firsts, others): (i64, i64),
) -> Result<Vec<DueCall>, StoreError> {
    /// The calls that are due, the longest ago first: those that were never made, or the others.
    macro_rules! due {
        ($conn:expr, $now:expr, $attempts:expr, $limit:expr) => {{
            let due = provider_call::table
                .filter(provider_call::due_at_us.le($now.0))
                .filter($attempts)
                .order((provider_call::due_at_us, provider_call::entrypoint_id, provider_call::call_id))
                .limit($limit);
            let rows: Vec<CallRow> = match $conn {
                Conn::Sqlite(c, ..) => due.select(CallRow::as_select()).load(c)?,
                Conn::Postgres(c) => due.select(CallRow::as_select()).for_update().skip_locked().load(c)?,
            };
            rows
        }};
    }
    let now = conn.shared_now(now)?;
    let mut rows = due!(conn, now, provider_call::attempts.eq(0), firsts);
    rows.extend(due!(conn, now, provider_call::attempts.gt(0), others));
    let mut calls = Vec::with_capacity(rows.len());
    for mut row in rows {
        row.attempts += 1;
        on!(conn, |c| diesel::update(provider_call::table.find((row.entrypoint_id, &row.call_id)))
            .set((
                provider_call::attempts.eq(row.attempts),
                provider_call::due_at_us.eq(now.0.saturating_add(lease_us)),
            ))
            .execute(c))?;
        match row.open(conn, ring) {
            Ok(call) => calls.push(DueCall { entrypoint_id: row.entrypoint_id, call }),
            // A damaged call must not hold up the others; the doctor tells of it.
            Err(StoreError::Corrupt(why)) => {
                tracing::error!(why, "a call of a payment provider cannot be made");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(calls)
}
