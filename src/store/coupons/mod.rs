//! Coupons and their redemptions. `customers::save` writes them in the transaction of their command. Coupons are sealed under
//! the entrypoint's key, references of redemptions under the customer's salt.

mod handle;
pub(crate) mod rows;
pub(crate) mod sealed;

use diesel::prelude::*;

pub use self::handle::{CouponPage, CouponRequest, CustomerCoupon, CustomerCoupons, RedemptionPage, Slice};

pub(crate) use self::handle::of_customer;
use self::rows::{CouponRow, RedemptionRow, UseRow, code_digest, reference_digest};
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{coupon, coupon_customer, coupon_redemption};
use super::keys::index_keys::IndexKeys;
use super::keys::keyring::KeyRing;
use crate::domain::coupons::{Coupon, CouponId, CouponUse, RedemptionId};

/// The coupon with a code, in the form by which codes compare.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(crate) fn with_code(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    keys: &IndexKeys,
    code: &str,
) -> Result<Option<Coupon>, StoreError> {
    for index in keys.all() {
        let digest = code_digest(&index.key, code);
        let row: Option<CouponRow> = on!(conn, |c| coupon::table
            .filter(coupon::entrypoint_id.eq(entrypoint_id))
            .filter(coupon::digest.eq(&digest))
            .select(CouponRow::as_select())
            .first(c)
            .optional())?;
        if let Some(row) = row {
            return row.open(conn, ring).map(Some);
        }
    }
    Ok(None)
}

/// A coupon by its id.
///
/// # Errors
/// As [`with_code`].
pub(crate) fn one(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: CouponId,
) -> Result<Option<Coupon>, StoreError> {
    let row: Option<CouponRow> = on!(conn, |c| coupon::table
        .find((entrypoint_id, id.0.to_vec()))
        .select(CouponRow::as_select())
        .first(c)
        .optional())?;
    row.map(|row| row.open(conn, ring)).transpose()
}

/// What a coupon has to do with a customer.
///
/// # Errors
/// The database's.
pub(crate) fn use_of(
    conn: &mut Conn,
    entrypoint_id: i64,
    id: CouponId,
    customer_id: i64,
) -> Result<CouponUse, StoreError> {
    let row: Option<UseRow> = on!(conn, |c| coupon_customer::table
        .find((entrypoint_id, customer_id, id.0.to_vec()))
        .select(UseRow::as_select())
        .first(c)
        .optional())?;
    Ok(row.map(|row| row.shown()).unwrap_or_default())
}

/// How many coupons are assigned to a customer.
///
/// # Errors
/// The database's.
pub(crate) fn assigned(conn: &mut Conn, entrypoint_id: i64, customer_id: i64) -> Result<i64, StoreError> {
    Ok(on!(conn, |c| coupon_customer::table
        .filter(coupon_customer::entrypoint_id.eq(entrypoint_id))
        .filter(coupon_customer::customer_id.eq(customer_id))
        .filter(coupon_customer::assigned_at_us.is_not_null())
        .count()
        .get_result(c))?)
}

/// The row of the redemption that takes a place under a reference.
///
/// # Errors
/// The database's.
pub(crate) fn under_reference(
    conn: &mut Conn,
    entrypoint_id: i64,
    keys: &IndexKeys,
    (coupon_id, customer_id, reference): &(CouponId, i64, String),
) -> Result<Option<RedemptionRow>, StoreError> {
    for index in keys.all() {
        let digest = reference_digest(&index.key, *coupon_id, *customer_id, reference);
        let row: Option<RedemptionRow> = on!(conn, |c| coupon_redemption::table
            .filter(coupon_redemption::entrypoint_id.eq(entrypoint_id))
            .filter(coupon_redemption::digest.eq(&digest))
            .select(RedemptionRow::as_select())
            .first(c)
            .optional())?;
        if row.is_some() {
            return Ok(row);
        }
    }
    Ok(None)
}

/// The row of a redemption.
///
/// # Errors
/// The database's.
pub(crate) fn redemption(
    conn: &mut Conn,
    entrypoint_id: i64,
    id: RedemptionId,
) -> Result<Option<RedemptionRow>, StoreError> {
    Ok(on!(conn, |c| coupon_redemption::table
        .find((entrypoint_id, id.0.to_vec()))
        .select(RedemptionRow::as_select())
        .first(c)
        .optional())?)
}
