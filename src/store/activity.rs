//! What members of staff did in an entrypoint: versions of records and events, merged by their numbers, and acts by their times.

use std::cmp::Reverse;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::acts::{self, ActPlace};
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use crate::domain::accounts::acts::{Act, Subject};
use crate::domain::accounts::token::Claims;
use crate::domain::decide::command::Actor;
use crate::domain::kernel::time::Micros;

/// Where the pages before ended: the number of their last change to a customer or its money, and the place of their last act.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityBefore {
    /// Only changes with a smaller number.
    pub seq: Option<i64>,
    /// Only acts before this one.
    pub act: Option<ActPlace>,
}

/// What is wanted of the changes by staff.
#[derive(Debug, Clone)]
pub struct ActivityRequest {
    /// The entrypoint.
    pub entrypoint_id: i64,
    /// Its name.
    pub entry: String,
    /// Who asks.
    pub claims: Claims,
    /// Only changes by this member.
    pub member: Option<String>,
    /// Only what comes after the pages before.
    pub before: ActivityBefore,
    /// How many to read.
    pub limit: i64,
    /// Whether versions of records stand among them.
    pub records: bool,
    /// The kinds of events that stand among them.
    pub kinds: Vec<&'static str>,
    /// The subject of the acts; `None` for all of them.
    pub subject: Option<Subject>,
}

/// The newest changes by staff, newest first.
#[derive(Debug, Clone)]
pub struct ActivityPage {
    /// The changes.
    pub entries: Vec<ActivityEntry>,
    /// Where the next page begins; `None` where there is none.
    pub next: Option<ActivityBefore>,
}

/// A change by a member of staff. It names ids and fields, never a value.
#[derive(Debug, Clone)]
pub struct ActivityEntry {
    /// Its number among all changes of the entrypoint; `None` for an act, which is no change of a customer or its money.
    pub seq: Option<i64>,
    /// When it happened.
    pub at: Micros,
    /// The operation on a record, or the kind of an event or an act.
    pub operation: String,
    /// The customer; `None` for what belongs to nobody.
    pub customer_id: Option<i64>,
    /// The version of the customer that it made.
    pub version: Option<i64>,
    /// The id of what changed, where it was not the record.
    pub subject_id: Option<String>,
    /// The fields or settings that changed.
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
    #[diesel(sql_type = Nullable<BigInt>)]
    version: Option<i64>,
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

/// The newest changes by staff.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(crate) fn of_staff(conn: &mut Conn, request: &ActivityRequest) -> Result<ActivityPage, StoreError> {
    let mut rows = Vec::new();
    if request.records {
        rows.extend(read(
            conn,
            request,
            "seq, at_us, operation, customer_id, version, CAST(NULL AS TEXT) AS subject_id, \
             CAST(NULL AS TEXT) AS changed, cause, token_name AS actor_name, token_jti AS actor_jti FROM history",
            "history.token_jti",
            "",
        )?);
    }
    if !request.kinds.is_empty() {
        let kinds = format!("AND kind IN ('{}')", request.kinds.join("', '"));
        rows.extend(read(
            conn,
            request,
            "seq, at_us, kind AS operation, customer_id, CAST(NULL AS BIGINT) AS version, subject_id, changed, \
             CAST(NULL AS TEXT) AS cause, actor_name, actor_jti FROM event",
            "event.actor_jti",
            &kinds,
        )?);
    }
    // All three are the newest of their kind, so the newest of all are among them.
    rows.sort_unstable_by_key(|row| Reverse(row.seq));
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let acts_max = match request.subject {
        Some(Subject::Customers | Subject::Comments | Subject::Money) => 0,
        _ => limit.saturating_add(1),
    };
    let acts = acts::newest(
        conn,
        (&request.claims, &request.entry),
        request.member.as_deref(),
        request.before.act.as_ref(),
        acts_max,
        |act| request.subject.is_none_or(|subject| subject == act.kind.subject()),
    )?;
    let has_more = rows.len() + acts.len() > limit;
    let (mut rows, mut acts) = (rows.into_iter().peekable(), acts.into_iter().peekable());
    let (mut entries, mut before) = (Vec::new(), request.before.clone());
    while entries.len() < limit {
        // Numbers say the order of changes, and times that of acts; between the two the time decides.
        let is_act_next = match (rows.peek(), acts.peek()) {
            (Some(row), Some(((at_us, _), _))) => *at_us > row.at_us,
            (None, Some(_)) => true,
            _ => false,
        };
        if is_act_next {
            let Some((place, act)) = acts.next() else { break };
            entries.push(of_act(place.0, act));
            before.act = Some(place);
        } else {
            let Some(row) = rows.next() else { break };
            before.seq = Some(row.seq);
            entries.push(of_row(row)?);
        }
    }
    Ok(ActivityPage { entries, next: has_more.then_some(before) })
}

fn of_row(row: Row) -> Result<ActivityEntry, StoreError> {
    Ok(ActivityEntry {
        seq: Some(row.seq),
        at: Micros(row.at_us),
        operation: row.operation,
        customer_id: row.customer_id,
        version: row.version,
        subject_id: row.subject_id,
        changed: row.changed.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
        cause: row.cause,
        actor: Actor { name: row.actor_name, jti: row.actor_jti },
    })
}

fn of_act(at_us: i64, act: Act) -> ActivityEntry {
    ActivityEntry {
        seq: None,
        at: Micros(at_us),
        operation: act.kind.name().to_owned(),
        customer_id: None,
        version: None,
        subject_id: act.subject_id,
        changed: act.changed,
        cause: None,
        actor: act.actor,
    }
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
        .bind::<BigInt, _>(request.before.seq.unwrap_or(i64::MAX))
        .bind::<Text, _>(member)
        .bind::<BigInt, _>(request.limit.saturating_add(1))
        .load(c))?)
}
