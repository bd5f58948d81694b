//! Links for staff: issue, look up, use. The database holds only the hash of each token.

use diesel::prelude::*;

use crate::clock;
use crate::domain::accounts::sign_in::RESET_SECS;
use crate::domain::accounts::staff::{Member, StaffLinkKind};
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::domain::mail::{MailKind, StaffEnclosed};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{entrypoint, organisation, staff_link};
use crate::store::keys::keyring::KeyRing;
use crate::store::mail;
use crate::vault::{new_secret, secret_hash};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = staff_link)]
pub(super) struct LinkRow {
    pub(super) org_id: i64,
    pub(super) member_id: Option<String>,
    kind: String,
}

impl LinkRow {
    /// Its purpose.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for an unknown one.
    pub(super) fn kind(&self) -> Result<StaffLinkKind, StoreError> {
        self.kind.parse().map_err(|_| StoreError::Corrupt(format!("a link of unknown kind {}", self.kind)))
    }
}

/// The valid link of a token.
macro_rules! valid {
    ($token:expr, $now:expr) => {
        staff_link::table
            .filter(staff_link::token_hash.eq(secret_hash($token).to_vec()))
            .filter(staff_link::expires_at_us.gt($now.0))
    };
}

/// Issues a link and ends the earlier links of the same member; without one, those that make the first owner. The
/// organisation is locked. Returns the token.
///
/// # Errors
/// Database errors.
pub(super) fn issue(
    conn: &mut Conn,
    org_id: i64,
    member_id: Option<&str>,
    kind: StaffLinkKind,
    now: Micros,
    ttl_secs: i64,
) -> Result<String, StoreError> {
    revoke(conn, org_id, member_id)?;
    let token = new_secret()?;
    on!(conn, |c| diesel::insert_into(staff_link::table)
        .values((
            staff_link::token_hash.eq(secret_hash(&token).to_vec()),
            staff_link::org_id.eq(org_id),
            staff_link::member_id.eq(member_id),
            staff_link::kind.eq(kind.name()),
            staff_link::expires_at_us.eq(now.0.saturating_add(ttl_secs.saturating_mul(SECOND_US))),
        ))
        .execute(c))?;
    Ok(token.to_string())
}

/// Ends the links of a member, and takes back the unsent mails that bring them; without a member, those that make the first owner.
///
/// # Errors
/// Database errors.
pub(super) fn revoke(conn: &mut Conn, org_id: i64, member_id: Option<&str>) -> Result<(), StoreError> {
    let theirs = staff_link::table.filter(staff_link::org_id.eq(org_id));
    match member_id {
        Some(id) => {
            on!(conn, |c| diesel::delete(theirs.filter(staff_link::member_id.eq(id))).execute(c))?;
            mail::drop_of_member(conn, id, clock::now())?;
        }
        None => {
            on!(conn, |c| diesel::delete(theirs.filter(staff_link::member_id.is_null())).execute(c))?;
        }
    }
    Ok(())
}

/// The valid link of a token.
///
/// # Errors
/// Database errors.
pub(super) fn find(conn: &mut Conn, token: &str, now: Micros) -> Result<Option<LinkRow>, StoreError> {
    Ok(on!(conn, |c| valid!(token, now).select(LinkRow::as_select()).first(c).optional())?)
}

/// Uses a valid link: only one caller ever gets it.
///
/// # Errors
/// Database errors.
pub(super) fn consume(conn: &mut Conn, token: &str, now: Micros) -> Result<bool, StoreError> {
    Ok(on!(conn, |c| diesel::delete(valid!(token, now)).execute(c))? == 1)
}

/// Removes expired links; returns how many.
///
/// # Errors
/// Database errors.
pub(crate) fn purge(conn: &mut Conn, now: Micros) -> Result<usize, StoreError> {
    Ok(on!(conn, |c| diesel::delete(staff_link::table.filter(staff_link::expires_at_us.le(now.0)))
        .execute(c))?)
}

/// A link by which a member who is locked sets a password: the first one, or another one. A mail brings it to the member, in this
/// language, or else in that of the first entrypoint that the member sees.
///
/// # Errors
/// [`Rejection::State`] for a disabled member; database errors.
pub(super) fn issue_to(
    conn: &mut Conn,
    ring: &KeyRing,
    member: &Member,
    now: Micros,
    invitation_secs: i64,
    language: Option<Language>,
) -> Result<String, StoreError> {
    if member.is_disabled {
        let problem = Problem::field(&[], "disabled", "the member is disabled; enable it first");
        return Err(Rejection::State(vec![problem]).into());
    }
    let (kind, mail_kind, ttl_secs) = if member.has_password {
        (StaffLinkKind::Reset, MailKind::StaffReset, RESET_SECS)
    } else {
        (StaffLinkKind::Invitation, MailKind::StaffInvitation, invitation_secs)
    };
    let token = issue(conn, member.org_id, Some(&member.id), kind, now, ttl_secs)?;
    let (organisation, of_store) = place_of(conn, member)?;
    let staff = StaffEnclosed { organisation, language: language.unwrap_or(of_store) };
    mail::enqueue_to_member(conn, ring, member, mail_kind, &token, staff, now)?;
    Ok(token)
}

/// The name of a member's organisation, and the language of the first entrypoint that the member sees.
fn place_of(conn: &mut Conn, member: &Member) -> Result<(String, Language), StoreError> {
    let (name, stores): (String, Vec<(String, String)>) = on!(conn, |c| {
        let name = organisation::table.find(member.org_id).select(organisation::name).first(c)?;
        let stores = entrypoint::table
            .filter(entrypoint::org_id.eq(member.org_id))
            .order(entrypoint::entrypoint_id)
            .select((entrypoint::entry, entrypoint::language))
            .load(c)?;
        Ok::<_, diesel::result::Error>((name, stores))
    })?;
    let first = stores.into_iter().find(|(entry, _)| member.entries.contains(entry));
    Ok((name, first.and_then(|(_, language)| language.parse().ok()).unwrap_or_default()))
}
