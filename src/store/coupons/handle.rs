//! The interface to coupons: reads by code and lists. `customers` writes them as commands.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::rows::{CouponRow, RedemptionRow, UseRow, id_of};
use super::with_code;
use crate::domain::coupons::{Coupon, CouponId, CouponUse, Redemption};
use crate::store::Coupons;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{coupon, coupon_customer, coupon_redemption};
use crate::store::entrypoints::lock_row::read_lock_row;
use crate::store::keys::keyring::KeyRing;
use crate::store::transactions::load::payers;

/// How many redemptions a customer's list shows of a coupon, the newest ones.
const REDEMPTIONS_SHOWN: i64 = 10;

/// Which part of a list to read. Lists begin with the newest.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// Only what comes after the one with this id.
    pub before: Option<CouponId>,
    /// How many to skip.
    pub skip: i64,
    /// How many to read at most.
    pub limit: i64,
}

/// A page of a list of coupons.
#[derive(Debug, Clone)]
pub struct CouponRequest {
    /// Their entrypoint.
    pub entrypoint_id: i64,
    /// Only those that are online, or only the others.
    pub online: Option<bool>,
    /// Which part.
    pub slice: Slice,
}

/// A page of coupons, the newest first.
#[derive(Debug, Clone, Default)]
pub struct CouponPage {
    /// The coupons.
    pub records: Vec<Coupon>,
    /// How many there are on all pages.
    pub total: i64,
    /// Whether there are more.
    pub has_more: bool,
}

/// A page of the redemptions of a coupon, the newest first.
#[derive(Debug, Clone)]
pub struct RedemptionPage {
    /// The redemptions.
    pub records: Vec<Redemption>,
    /// How many there are on all pages.
    pub total: i64,
    /// Whether there are more.
    pub has_more: bool,
}

/// A coupon that is assigned to a customer, or that the customer used.
#[derive(Debug, Clone)]
pub struct CustomerCoupon {
    /// The coupon.
    pub coupon: Coupon,
    /// What it has to do with the customer.
    pub of: CouponUse,
    /// The newest redemptions by the customer, at most ten.
    pub redemptions: Vec<Redemption>,
}

/// Coupons of a customer, the newest first.
#[derive(Debug, Clone, Default)]
pub struct CustomerCoupons {
    /// The coupons.
    pub records: Vec<CustomerCoupon>,
    /// How many there are on all pages.
    pub total: i64,
    /// Whether there are more.
    pub has_more: bool,
}

/// Cuts off the row that tells whether there are more.
fn cut<T>(mut rows: Vec<T>, limit: i64) -> (Vec<T>, bool) {
    let limit = usize::try_from(limit).unwrap_or(0);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    (rows, has_more)
}

/// The rows that a request asks for.
macro_rules! asked {
    ($request:expr) => {{
        let mut rows = coupon::table.filter(coupon::entrypoint_id.eq($request.entrypoint_id)).into_boxed();
        if let Some(online) = $request.online {
            rows = rows.filter(coupon::online.eq(online));
        }
        rows
    }};
}

fn page(conn: &mut Conn, ring: &KeyRing, request: &CouponRequest) -> Result<CouponPage, StoreError> {
    let slice = request.slice;
    let rows: Vec<CouponRow> = on!(conn, |c| {
        let mut rows = asked!(request);
        if let Some(before) = slice.before {
            rows = rows.filter(coupon::coupon_id.lt(before.0.to_vec()));
        }
        rows.order(coupon::coupon_id.desc())
            .offset(slice.skip)
            .limit(slice.limit.saturating_add(1))
            .select(CouponRow::as_select())
            .load(c)
    })?;
    let total = on!(conn, |c| asked!(request).count().get_result(c))?;
    let (rows, has_more) = cut(rows, slice.limit);
    let records = rows.iter().map(|row| row.open(conn, ring)).collect::<Result<_, _>>()?;
    Ok(CouponPage { records, total, has_more })
}

/// Opens redemptions of any customers.
fn opened(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    rows: &[RedemptionRow],
) -> Result<Vec<Redemption>, StoreError> {
    let mut ids: Vec<i64> = rows.iter().map(|row| row.customer_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = payers(conn, entrypoint_id, &ids)?;
    let salts: BTreeMap<i64, Option<Vec<u8>>> =
        found.into_iter().map(|payer| (payer.customer_id, payer.salt)).collect();
    let salt = |id: i64| salts.get(&id).and_then(Option::as_deref);
    rows.iter().map(|row| row.open(conn, ring, salt(row.customer_id))).collect()
}

fn redemptions(
    conn: &mut Conn,
    ring: &KeyRing,
    coupon: &Coupon,
    entrypoint_id: i64,
    slice: Slice,
) -> Result<RedemptionPage, StoreError> {
    let rows: Vec<RedemptionRow> = on!(conn, |c| {
        let mut rows = coupon_redemption::table
            // The sum keeps the planner from the primary key.
            .filter((coupon_redemption::entrypoint_id + 0_i64).eq(entrypoint_id))
            .filter(coupon_redemption::coupon_id.eq(coupon.id.0.to_vec()))
            .into_boxed();
        if let Some(before) = slice.before {
            rows = rows.filter(coupon_redemption::redemption_id.lt(before.0.to_vec()));
        }
        rows.order(coupon_redemption::redemption_id.desc())
            .offset(slice.skip)
            .limit(slice.limit.saturating_add(1))
            .select(RedemptionRow::as_select())
            .load(c)
    })?;
    let (rows, has_more) = cut(rows, slice.limit);
    let records = opened(conn, ring, entrypoint_id, &rows)?;
    Ok(RedemptionPage { records, total: coupon.redemptions, has_more })
}

/// The newest redemptions of a coupon by a customer.
fn of_both(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
    coupon_id: &[u8],
) -> Result<Vec<RedemptionRow>, StoreError> {
    Ok(on!(conn, |c| coupon_redemption::table
        .filter((coupon_redemption::entrypoint_id + 0_i64).eq(entrypoint_id))
        .filter(coupon_redemption::customer_id.eq(customer_id))
        .filter(coupon_redemption::coupon_id.eq(coupon_id))
        .order(coupon_redemption::redemption_id.desc())
        .limit(REDEMPTIONS_SHOWN)
        .select(RedemptionRow::as_select())
        .load(c))?)
}

/// The coupons that are assigned to a customer and those that the customer used.
///
/// # Errors
/// [`StoreError::Corrupt`] if one does not open; the database's.
pub(crate) fn of_customer(
    conn: &mut Conn,
    ring: &KeyRing,
    (entrypoint_id, customer_id): (i64, i64),
    slice: Slice,
) -> Result<CustomerCoupons, StoreError> {
    let own = || {
        coupon_customer::table
            .filter(coupon_customer::entrypoint_id.eq(entrypoint_id))
            .filter(coupon_customer::customer_id.eq(customer_id))
    };
    let uses: Vec<UseRow> = on!(conn, |c| {
        let mut rows = own().into_boxed();
        if let Some(before) = slice.before {
            rows = rows.filter(coupon_customer::coupon_id.lt(before.0.to_vec()));
        }
        rows.order(coupon_customer::coupon_id.desc())
            .offset(slice.skip)
            .limit(slice.limit.saturating_add(1))
            .select(UseRow::as_select())
            .load(c)
    })?;
    if uses.is_empty() && slice.skip == 0 && slice.before.is_none() {
        return Ok(CustomerCoupons::default());
    }
    let total = on!(conn, |c| own().count().get_result(c))?;
    let (uses, has_more) = cut(uses, slice.limit);
    let ids: Vec<&[u8]> = uses.iter().map(|row| row.coupon_id.as_slice()).collect();
    let rows: Vec<CouponRow> = on!(conn, |c| coupon::table
        .filter(coupon::entrypoint_id.eq(entrypoint_id))
        .filter(coupon::coupon_id.eq_any(&ids))
        .select(CouponRow::as_select())
        .load(c))?;
    let mut coupons: BTreeMap<CouponId, Coupon> = BTreeMap::new();
    for row in rows {
        coupons.insert(row.id(), row.open(conn, ring)?);
    }
    let mut records = Vec::with_capacity(uses.len());
    for row in uses {
        let Some(coupon) = coupons.remove(&id_of(&row.coupon_id)) else { continue };
        let of = row.shown();
        let redeemed = if of.redemptions > 0 {
            of_both(conn, entrypoint_id, customer_id, &row.coupon_id)?
        } else {
            Vec::new()
        };
        let redemptions = opened(conn, ring, entrypoint_id, &redeemed)?;
        records.push(CustomerCoupon { coupon, of, redemptions });
    }
    Ok(CustomerCoupons { records, total, has_more })
}

/// The coupon of an entrypoint with a code.
fn find(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    code: &str,
) -> Result<Option<Coupon>, StoreError> {
    let Some(lock_row) = read_lock_row(conn, entrypoint_id)? else { return Ok(None) };
    let keys = lock_row.keys(conn, ring)?;
    with_code(conn, ring, entrypoint_id, &keys, code)
}

impl Coupons<'_> {
    /// The coupon with a code, in the form by which codes compare.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    pub async fn find(self, entrypoint_id: i64, code: String) -> Result<Option<Coupon>, StoreError> {
        self.0.look_up(move |conn, ring| find(conn, ring, entrypoint_id, &code)).await
    }

    /// A page of coupons, read from one state of the database.
    ///
    /// # Errors
    /// As [`Coupons::find`].
    pub async fn page(self, request: CouponRequest) -> Result<CouponPage, StoreError> {
        self.0.read(move |conn, ring| page(conn, ring, &request)).await
    }

    /// A page of the redemptions of the coupon with a code, read from one state of the database.
    ///
    /// # Errors
    /// As [`Coupons::find`].
    pub async fn redemptions(
        self,
        entrypoint_id: i64,
        code: String,
        slice: Slice,
    ) -> Result<Option<(Coupon, RedemptionPage)>, StoreError> {
        self.0
            .read(move |conn, ring| {
                let Some(coupon) = find(conn, ring, entrypoint_id, &code)? else { return Ok(None) };
                let page = redemptions(conn, ring, &coupon, entrypoint_id, slice)?;
                Ok(Some((coupon, page)))
            })
            .await
    }

    /// A page of the coupons of a customer, read from one state of the database.
    ///
    /// # Errors
    /// As [`Coupons::find`].
    pub async fn of_customer(
        self,
        entrypoint_id: i64,
        customer_id: i64,
        slice: Slice,
    ) -> Result<CustomerCoupons, StoreError> {
        self.0.read(move |conn, ring| of_customer(conn, ring, (entrypoint_id, customer_id), slice)).await
    }
}
