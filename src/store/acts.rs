//! What members of staff did to settings, tokens and each other, by organisation: written with the change, read newest first.

use diesel::prelude::*;
use serde_json::{from_str, to_string};

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::staff_act;
use crate::domain::accounts::acts::Act;
use crate::domain::accounts::token::Claims;
use crate::domain::decide::command::Actor;
use crate::domain::kernel::time::Micros;

/// How many rows a statement reads.
const SLICE: i64 = 250;

/// Where an act stands among those of its organisation: its time and its id.
pub(crate) type ActPlace = (i64, String);

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = staff_act)]
struct ActRow {
    org_id: i64,
    at_us: i64,
    act_id: String,
    kind: String,
    entries: String,
    subject_id: Option<String>,
    changed: String,
    actor_name: String,
    actor_jti: String,
}

/// Writes down what a member of staff did; what others did, such as programs, is left out.
///
/// # Errors
/// Database errors.
pub(crate) fn note(conn: &mut Conn, act: Act, now: Micros) -> Result<(), StoreError> {
    if !act.is_by_staff() {
        return Ok(());
    }
    let row = ActRow {
        org_id: act.org_id,
        at_us: now.0,
        act_id: uuid::Uuid::new_v4().simple().to_string(),
        kind: act.kind.name().to_owned(),
        entries: to_string(&act.entries)?,
        subject_id: act.subject_id,
        changed: to_string(&act.changed)?,
        actor_name: act.actor.name,
        actor_jti: act.actor.jti,
    };
    on!(conn, |c| diesel::insert_into(staff_act::table).values(&row).execute(c))?;
    Ok(())
}

/// The newest acts before a place that a token sees at an entrypoint, newest first, at most `limit`; those of one member if it is
/// named, and those that `wanted` takes.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`].
pub(crate) fn newest(
    conn: &mut Conn,
    (claims, entry): (&Claims, &str),
    member: Option<&str>,
    before: Option<&ActPlace>,
    limit: usize,
    wanted: impl Fn(&Act) -> bool,
) -> Result<Vec<(ActPlace, Act)>, StoreError> {
    let mut found = Vec::new();
    let mut before = before.cloned();
    while found.len() < limit {
        let rows: Vec<ActRow> = on!(conn, |c| {
            let mut acts = staff_act::table
                .filter(staff_act::org_id.eq(claims.org))
                .order((staff_act::at_us.desc(), staff_act::act_id.desc()))
                .limit(SLICE)
                .select(ActRow::as_select())
                .into_boxed();
            if let Some((at_us, act_id)) = &before {
                let is_earlier = staff_act::at_us.lt(*at_us).or(staff_act::act_id.lt(act_id));
                acts = acts.filter(staff_act::at_us.le(*at_us)).filter(is_earlier);
            }
            if let Some(member) = member {
                acts = acts.filter(staff_act::actor_jti.eq(member));
            }
            acts.load(c)
        })?;
        let is_end = rows.len() < usize::try_from(SLICE).unwrap_or(usize::MAX);
        before = rows.last().map(|row| (row.at_us, row.act_id.clone()));
        for row in rows {
            let (place, act) = open(row)?;
            if found.len() < limit && act.is_shown(claims, entry) && wanted(&act) {
                found.push((place, act));
            }
        }
        if is_end {
            break;
        }
    }
    Ok(found)
}

fn open(row: ActRow) -> Result<(ActPlace, Act), StoreError> {
    let kind = row.kind.parse().map_err(|_| StoreError::Corrupt(format!("an act of kind {}", row.kind)))?;
    let act = Act {
        kind,
        org_id: row.org_id,
        entries: from_str(&row.entries)?,
        subject_id: row.subject_id,
        changed: from_str(&row.changed)?,
        actor: Actor { name: row.actor_name, jti: row.actor_jti },
    };
    Ok(((row.at_us, row.act_id), act))
}
