//! Coupons and redemptions in the register of sealed tables.

use std::collections::BTreeMap;

use diesel::dsl::count_star;
use diesel::prelude::*;

use super::rows::{CouponRow, RedemptionRow, code_digest, id_of, keep, keep_redemption, reference_digest};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{coupon, coupon_customer, coupon_redemption};
use crate::store::entrypoints::lock_row::read_lock_row;
use crate::store::keys::keyring::KeyRing;
use crate::store::keys::sealed_table::{Erased, Rekeying, SLICE, SealedTable, Walked};
use crate::store::transactions::load::payers;

/// The coupons, under the keys of entrypoints. They are nobody's personal data.
pub(crate) struct CouponTable;

/// The next coupons of an entrypoint after an id.
fn coupons_after(
    conn: &mut Conn,
    entrypoint_id: i64,
    id: &[u8],
    most: i64,
) -> Result<Vec<CouponRow>, StoreError> {
    Ok(on!(conn, |c| coupon::table
        .filter(coupon::entrypoint_id.eq(entrypoint_id))
        .filter(coupon::coupon_id.gt(id))
        .order(coupon::coupon_id)
        .limit(most)
        .select(CouponRow::as_select())
        .load(c))?)
}

fn walked(rows: usize, last: Option<&Vec<u8>>) -> Option<Walked> {
    last.map(|id| Walked { rows, cursor: id.clone() })
}

/// How many redemptions of a coupon take a place, and how many there are; then the same as its customers count them.
fn recounted(conn: &mut Conn, entrypoint_id: i64, id: &[u8]) -> Result<[(i64, i64); 2], StoreError> {
    let of_coupon = || {
        coupon_redemption::table
            // The sum keeps the planner from the primary key.
            .filter((coupon_redemption::entrypoint_id + 0_i64).eq(entrypoint_id))
            .filter(coupon_redemption::coupon_id.eq(id))
    };
    let there: i64 = on!(conn, |c| of_coupon().select(count_star()).first(c))?;
    let taken: i64 = on!(conn, |c| of_coupon()
        .filter(coupon_redemption::released_at_us.is_null())
        .select(count_star())
        .first(c))?;
    let uses: Vec<(i64, i64)> = on!(conn, |c| coupon_customer::table
        .filter((coupon_customer::entrypoint_id + 0_i64).eq(entrypoint_id))
        .filter(coupon_customer::coupon_id.eq(id))
        .filter(coupon_customer::redemptions.gt(0))
        .select((coupon_customer::redeemed, coupon_customer::redemptions))
        .load(c))?;
    let by_customers = uses.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    Ok([(taken, there), by_customers])
}

impl SealedTable for CouponTable {
    fn name(&self) -> &'static str {
        "coupons"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["coupon.document"]
    }

    /// Does nothing: the change that erases takes the customer's coupons away.
    fn erase(&self, _: &mut Conn, _: &KeyRing, _: &Erased<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn is_rotated(&self) -> bool {
        true
    }

    fn rekey(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        to: &Rekeying<'_>,
    ) -> Result<Option<Walked>, StoreError> {
        let new = &to.keys.new.key;
        let rows = coupons_after(conn, to.entrypoint_id, to.cursor, to.most)?;
        for row in rows.iter().filter(|row| row.key_id != new.id) {
            let opened = row.open(conn, ring)?;
            keep(conn, &CouponRow::seal(row.entrypoint_id, &opened, new)?)?;
        }
        Ok(walked(rows.len(), rows.last().map(|row| &row.coupon_id)))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| coupon::table
            .filter(coupon::entrypoint_id.eq(entrypoint_id))
            .filter(coupon::key_id.eq(key_id))
            .count()
            .get_result(c))?)
    }

    /// Opens each coupon, finds it by its code, and counts its redemptions anew.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let Some(lock_row) = read_lock_row(conn, entrypoint_id)? else { return Ok(None) };
        let keys = lock_row.keys(conn, ring)?;
        let rows = coupons_after(conn, entrypoint_id, cursor, SLICE)?;
        for row in &rows {
            let opened = row.open(conn, ring)?;
            let id = opened.id.show(entrypoint_id);
            let key = &keys.of_row(row.key_id).key;
            if code_digest(key, &opened.code.to_ascii_lowercase()) != row.digest {
                return Err(StoreError::Corrupt(format!("coupon {id} is not found by its code")));
            }
            let counted = (row.redeemed, row.redemptions);
            let [there, by_customers] = recounted(conn, entrypoint_id, &row.coupon_id)?;
            if there != counted || by_customers != counted {
                return Err(StoreError::Corrupt(format!(
                    "the redemptions of coupon {id} are counted wrongly"
                )));
            }
        }
        Ok(walked(rows.len(), rows.last().map(|row| &row.coupon_id)))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open, and a recount of their redemptions agrees")
    }
}

/// The redemptions, under the keys of entrypoints and the customers' salts.
pub(crate) struct RedemptionTable;

/// The next redemptions of an entrypoint after an id.
fn redemptions_after(
    conn: &mut Conn,
    entrypoint_id: i64,
    id: &[u8],
    most: i64,
) -> Result<Vec<RedemptionRow>, StoreError> {
    Ok(on!(conn, |c| coupon_redemption::table
        .filter(coupon_redemption::entrypoint_id.eq(entrypoint_id))
        .filter(coupon_redemption::redemption_id.gt(id))
        .order(coupon_redemption::redemption_id)
        .limit(most)
        .select(RedemptionRow::as_select())
        .load(c))?)
}

/// The salts of the customers of some rows; that of an erased person is `None`.
fn salts(
    conn: &mut Conn,
    entrypoint_id: i64,
    rows: &[RedemptionRow],
) -> Result<BTreeMap<i64, Option<Vec<u8>>>, StoreError> {
    let mut ids: Vec<i64> = rows.iter().map(|row| row.customer_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = payers(conn, entrypoint_id, &ids)?;
    Ok(found.into_iter().map(|payer| (payer.customer_id, payer.salt)).collect())
}

impl SealedTable for RedemptionTable {
    fn name(&self) -> &'static str {
        "redemptions of coupons"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["coupon_redemption.document"]
    }

    /// Amounts, times and the customer's id stay, so that limits hold.
    fn erase(&self, conn: &mut Conn, _: &KeyRing, erased: &Erased<'_>) -> Result<(), StoreError> {
        let nothing: Option<Vec<u8>> = None;
        on!(conn, |c| {
            let own = coupon_redemption::table
                // The sum keeps the planner from the primary key.
                .filter((coupon_redemption::entrypoint_id + 0_i64).eq(erased.entrypoint_id))
                .filter(coupon_redemption::customer_id.eq(erased.id));
            diesel::update(own)
                .set((coupon_redemption::document.eq(&nothing), coupon_redemption::digest.eq(&nothing)))
                .execute(c)
        })?;
        Ok(())
    }

    fn is_rotated(&self) -> bool {
        true
    }

    fn rekey(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        to: &Rekeying<'_>,
    ) -> Result<Option<Walked>, StoreError> {
        let new = &to.keys.new.key;
        let rows = redemptions_after(conn, to.entrypoint_id, to.cursor, to.most)?;
        let salts = salts(conn, to.entrypoint_id, &rows)?;
        for row in rows.iter().filter(|row| row.key_id != new.id) {
            let salt = salts.get(&row.customer_id).and_then(Option::as_deref);
            let opened = row.open(conn, ring, salt)?;
            let seal = salt.map(|salt| new.seal_key(salt)).transpose()?;
            keep_redemption(conn, &RedemptionRow::seal(row.entrypoint_id, &opened, new, seal.as_ref())?)?;
        }
        Ok(walked(rows.len(), rows.last().map(|row| &row.redemption_id)))
    }

    fn under_key(&self, conn: &mut Conn, entrypoint_id: i64, key_id: i64) -> Result<i64, StoreError> {
        Ok(on!(conn, |c| coupon_redemption::table
            .filter(coupon_redemption::entrypoint_id.eq(entrypoint_id))
            .filter(coupon_redemption::key_id.eq(key_id))
            .count()
            .get_result(c))?)
    }

    /// Opens each redemption, and finds it by its reference while it takes a place.
    fn examine(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        entrypoint_id: i64,
        cursor: &[u8],
    ) -> Result<Option<Walked>, StoreError> {
        let Some(lock_row) = read_lock_row(conn, entrypoint_id)? else { return Ok(None) };
        let keys = lock_row.keys(conn, ring)?;
        let rows = redemptions_after(conn, entrypoint_id, cursor, SLICE)?;
        let salts = salts(conn, entrypoint_id, &rows)?;
        for row in &rows {
            let id = row.id().show(entrypoint_id);
            let Some(salt) = salts.get(&row.customer_id) else {
                let message = format!("redemption {id} belongs to nobody that there is");
                return Err(StoreError::Corrupt(message));
            };
            if row.document.is_some() != salt.is_some() {
                let message = format!("redemption {id} is sealed without its customer, or not sealed at all");
                return Err(StoreError::Corrupt(message));
            }
            let opened = row.open(conn, ring, salt.as_deref())?;
            let key = &keys.of_row(row.key_id).key;
            let reference = opened.reference.as_deref().filter(|_| opened.released_at.is_none());
            let wanted = reference
                .map(|reference| reference_digest(key, id_of(&row.coupon_id), row.customer_id, reference));
            if wanted != row.digest {
                return Err(StoreError::Corrupt(format!("redemption {id} is not found by its reference")));
            }
        }
        Ok(walked(rows.len(), rows.last().map(|row| &row.redemption_id)))
    }

    fn is_well(&self, rows: usize) -> String {
        format!("all {rows} open and are found by their references")
    }
}
