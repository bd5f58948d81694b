//! Links in mails to customers: issue, look up, use. Every write here happens under the lock of the entrypoint.

use diesel::prelude::*;

use crate::domain::accounts::link::LinkKind;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::portal_link;
use crate::vault::{new_secret, secret_hash};

/// A stored link, without its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The customer who got the link.
    pub customer_id: i64,
    /// The purpose of the link.
    pub kind: LinkKind,
    /// The time of issue.
    pub issued_at: Micros,
    /// The time from which the link is invalid.
    pub expires_at: Micros,
    /// When somebody first sent the form of its page and did not use it up, as with a weak password.
    pub opened_at: Option<Micros>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = portal_link)]
struct LinkRow {
    customer_id: i64,
    kind: String,
    issued_at_us: i64,
    expires_at_us: i64,
    opened_at_us: Option<i64>,
}

fn link(row: LinkRow) -> Result<Link, StoreError> {
    let LinkRow { customer_id, kind, issued_at_us, expires_at_us, opened_at_us } = row;
    let kind = kind.parse().map_err(|_| StoreError::Corrupt(format!("a link of unknown kind {kind}")))?;
    Ok(Link {
        customer_id,
        kind,
        issued_at: Micros(issued_at_us),
        expires_at: Micros(expires_at_us),
        opened_at: opened_at_us.map(Micros),
    })
}

/// The valid link of a token at an entrypoint.
macro_rules! valid {
    ($entrypoint_id:expr, $token:expr, $now:expr) => {
        portal_link::table
            .filter(portal_link::token_hash.eq(secret_hash($token).to_vec()))
            .filter(portal_link::entrypoint_id.eq($entrypoint_id))
            .filter(portal_link::expires_at_us.gt($now.0))
    };
}

/// Issues a link and ends the earlier link of the same kind. Returns the token; only a hash is stored.
///
/// # Errors
/// Database errors.
pub(crate) fn issue(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    kind: LinkKind,
    now: Micros,
    ttl_secs: i64,
) -> Result<String, StoreError> {
    let token = new_secret()?;
    revoke(conn, entrypoint_id, customer_id, &[kind])?;
    on!(conn, |c| diesel::insert_into(portal_link::table)
        .values((
            portal_link::entrypoint_id.eq(entrypoint_id),
            portal_link::customer_id.eq(customer_id),
            portal_link::kind.eq(kind.name()),
            portal_link::token_hash.eq(secret_hash(&token).to_vec()),
            portal_link::issued_at_us.eq(now.0),
            portal_link::expires_at_us.eq(now.0.saturating_add(ttl_secs.saturating_mul(SECOND_US))),
        ))
        .execute(c))?;
    Ok(token.to_string())
}

/// The valid link of a token at this entrypoint.
///
/// # Errors
/// Database errors.
pub(crate) fn find(
    conn: &mut Conn,
    entrypoint_id: i64,
    token: &str,
    now: Micros,
) -> Result<Option<Link>, StoreError> {
    let found =
        on!(conn, |c| valid!(entrypoint_id, token, now).select(LinkRow::as_select()).first(c).optional())?;
    found.map(link).transpose()
}

/// Records that somebody sent the form of a link. The link stays valid.
///
/// # Errors
/// Database errors.
pub(crate) fn set_opened(
    conn: &mut Conn,
    entrypoint_id: i64,
    token: &str,
    now: Micros,
) -> Result<(), StoreError> {
    let unopened = valid!(entrypoint_id, token, now).filter(portal_link::opened_at_us.is_null());
    on!(conn, |c| diesel::update(unopened).set(portal_link::opened_at_us.eq(Some(now.0))).execute(c))?;
    Ok(())
}

/// Uses a valid link: only one caller ever gets it.
///
/// # Errors
/// Database errors.
pub(crate) fn consume(
    conn: &mut Conn,
    entrypoint_id: i64,
    token: &str,
    now: Micros,
) -> Result<Option<Link>, StoreError> {
    let used = on!(conn, |c| diesel::delete(valid!(entrypoint_id, token, now))
        .returning(LinkRow::as_returning())
        .get_result(c)
        .optional())?;
    used.map(link).transpose()
}

/// The newest unused link of a kind that was sent to a customer, expired or not.
///
/// # Errors
/// Database errors.
pub(crate) fn latest(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    kind: LinkKind,
) -> Result<Option<Link>, StoreError> {
    let found = on!(conn, |c| portal_link::table
        .find((entrypoint_id, customer_id, kind.name()))
        .select(LinkRow::as_select())
        .first(c)
        .optional())?;
    found.map(link).transpose()
}

/// Ends a customer's links of some kinds.
///
/// # Errors
/// Database errors.
pub(crate) fn revoke(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    kinds: &[LinkKind],
) -> Result<(), StoreError> {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    on!(conn, |c| diesel::delete(
        portal_link::table
            .filter(portal_link::entrypoint_id.eq(entrypoint_id))
            .filter(portal_link::customer_id.eq(customer_id))
            .filter(portal_link::kind.eq_any(&names)),
    )
    .execute(c))?;
    Ok(())
}
