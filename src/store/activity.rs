//! What members of staff did in an entrypoint: versions of records and events, merged by their numbers.

use std::cmp::Reverse;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use crate::domain::decide::command::Actor;
use crate::domain::kernel::time::Micros;

/// What is wanted of the changes by staff.
#[derive(Debug, Clone)]
pub struct ActivityRequest {
    /// The entrypoint.
    pub entrypoint_id: i64,
    /// Only changes by this member.
    pub member: Option<String>,
    /// Only changes with a number below this one.
    pub before: Option<i64>,
    /// How many to read.
    pub limit: i64,
    /// The kinds of events that stand among them.
    pub kinds: Vec<&'static str>,
}

/// A change by a member of staff. It names ids and fields, never a value.
#[derive(Debug, Clone)]
pub struct ActivityEntry {
    /// Its number among all changes of the entrypoint.
    pub seq: i64,
    /// When it happened.
    pub at: Micros,
    /// The operation on a record, or the kind of an event.
    pub operation: String,
    /// The customer; `None` for what belongs to nobody.
    pub customer_id: Option<i64>,
    /// The id of what changed, where it was not the record.
    pub subject_id: Option<String>,
    /// The fields that an event names.
    pub changed: Vec<String>,
    /// What the change is a part of, such as `import:7`.
    pub cause: Option<String>,
    /// Who made it.
    pub actor: Actor,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    at_us: i64,
    #[diesel(sql_type = Text)]
    operation: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    customer_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    subject_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    changed: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    cause: Option<String>,
    #[diesel(sql_type = Text)]
    actor_name: String,
    #[diesel(sql_type = Text)]
    actor_jti: String,
}

/// The newest changes by staff, newest first, and whether there are more.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(crate) fn of_staff(
    conn: &mut Conn,
    request: &ActivityRequest,
) -> Result<(Vec<ActivityEntry>, bool), StoreError> {
    let mut rows = read(
        conn,
        request,
        "seq, at_us, operation, customer_id, CAST(NULL AS TEXT) AS subject_id, CAST(NULL AS TEXT) AS changed, cause, \
         token_name AS actor_name, token_jti AS actor_jti FROM history",
        "history.token_jti",
        "",
    )?;
    if !request.kinds.is_empty() {
        let kinds = format!("AND kind IN ('{}')", request.kinds.join("', '"));
        rows.extend(read(
            conn,
            request,
            "seq, at_us, kind AS operation, customer_id, subject_id, changed, CAST(NULL AS TEXT) AS cause, actor_name, \
             actor_jti FROM event",
            "event.actor_jti",
            &kinds,
        )?);
    }
    // Both are the newest of their kind, so the newest of all are among them.
    rows.sort_unstable_by_key(|row| Reverse(row.seq));
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let entry = |row: Row| {
        Ok(ActivityEntry {
            seq: row.seq,
            at: Micros(row.at_us),
            operation: row.operation,
            customer_id: row.customer_id,
            subject_id: row.subject_id,
            changed: row.changed.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
            cause: row.cause,
            actor: Actor { name: row.actor_name, jti: row.actor_jti },
        })
    };
    Ok((rows.into_iter().map(entry).collect::<Result<_, StoreError>>()?, has_more))
}

/// One more row than wanted of one table. The bounds stand in the text as the partial indexes have them, so that planners use these;
/// on PostgreSQL they compare bytes, whatever the language of the database.
fn read(
    conn: &mut Conn,
    request: &ActivityRequest,
    columns: &str,
    jti: &str,
    more: &str,
) -> Result<Vec<Row>, StoreError> {
    let collation = if matches!(conn, Conn::Postgres(_)) { " COLLATE \"C\"" } else { "" };
    let sql = format!(
        "SELECT {columns} WHERE entrypoint_id = $1 AND seq < $2 AND ($3 = '' OR {jti} = $3) \
         AND {jti}{collation} >= 'staff-' AND {jti}{collation} < 'staff.' {more} ORDER BY seq DESC LIMIT $4"
    );
    let member = request.member.as_deref().unwrap_or_default();
    Ok(on!(conn, |c| diesel::sql_query(sql)
        .bind::<BigInt, _>(request.entrypoint_id)
        .bind::<BigInt, _>(request.before.unwrap_or(i64::MAX))
        .bind::<Text, _>(member)
        .bind::<BigInt, _>(request.limit.saturating_add(1))
        .load(c))?)
}
