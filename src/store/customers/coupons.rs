//! Loads and saves what decisions about coupons and products need.

use std::collections::HashMap;

use super::load::Loaded;
use super::owners::{Owner, owner};
use crate::domain::coupons::Redemption;
use crate::domain::decide::ledger::Payer;
use crate::domain::decide::missing::CouponFact;
use crate::domain::products::ProductId;
use crate::store::coupons::rows::{self, CouponRow, RedemptionRow, UseRow};
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::keys::keyring::KeyRing;
use crate::store::{coupons, products};

impl Loaded {
    /// Loads a fact of the coupons into the working set.
    pub(crate) fn load_coupon_fact(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        fact: CouponFact,
    ) -> Result<(), StoreError> {
        let place = self.lock_row.entrypoint_id;
        match fact {
            CouponFact::Code(code) => {
                let found = coupons::with_code(conn, ring, place, &self.keys, &code)?;
                self.working_set.coupons.add_code(code, found);
            }
            CouponFact::Id(id) => {
                let found = coupons::one(conn, ring, place, id)?;
                self.working_set.coupons.add(id, found);
            }
            CouponFact::Use(id, customer_id) => {
                let found = coupons::use_of(conn, place, id, customer_id)?;
                self.working_set.coupons.add_use(id, customer_id, found);
            }
            CouponFact::Reference(id, customer_id, reference) => {
                let key = (id, customer_id, reference);
                let row = coupons::under_reference(conn, place, &self.keys, &key)?;
                let found = row.map(|row| self.open_redemption(conn, ring, &row)).transpose()?;
                self.working_set.coupons.add_reference(key, found);
            }
            CouponFact::Redemption(id) => {
                let row = coupons::redemption(conn, place, id)?;
                let found = row.map(|row| self.open_redemption(conn, ring, &row)).transpose()?;
                self.working_set.coupons.add_redemption(id, found);
            }
            CouponFact::Assigned(customer_id) => {
                let number = coupons::assigned(conn, place, customer_id)?;
                self.working_set.coupons.add_assigned(customer_id, number);
            }
        }
        Ok(())
    }

    /// Opens a redemption with the salt of its customer.
    fn open_redemption(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        row: &RedemptionRow,
    ) -> Result<Redemption, StoreError> {
        let id = row.customer_id;
        self.load_payers(conn, &[id])?;
        let of_row = self.rows.get(&id).map(|row| &row.salt);
        let salt = of_row.or_else(|| self.payers.get(&id).map(|payer| &payer.salt)).and_then(Clone::clone);
        row.open(conn, ring, salt.as_deref())
    }

    /// Loads a product into the working set.
    pub(crate) fn load_product(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        id: ProductId,
    ) -> Result<(), StoreError> {
        let found = products::one(conn, ring, self.lock_row.entrypoint_id, id)?;
        self.working_set.catalogue.add(id, found);
        Ok(())
    }

    /// Loads how many products there are into the working set.
    pub(crate) fn load_product_count(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let number = products::count(conn, self.lock_row.entrypoint_id)?;
        self.working_set.catalogue.add_count(number);
        Ok(())
    }
}

/// Saves the changes of coupons and products of a batch.
pub(super) fn save(
    conn: &mut Conn,
    loaded: &Loaded,
    owners: &mut HashMap<i64, Owner>,
) -> Result<(), StoreError> {
    let (place, key) = (loaded.lock_row.entrypoint_id, &loaded.keys.new.key);
    let book = &loaded.working_set.coupons;
    // A code that is free now may be that of a new coupon.
    for (id, _) in book.changed().filter(|(_, coupon)| coupon.is_none()) {
        rows::remove(conn, place, id)?;
    }
    for coupon in book.changed().filter_map(|(_, coupon)| coupon) {
        rows::keep(conn, &CouponRow::seal(place, coupon, key)?)?;
    }
    for (of, now) in book.uses_changed() {
        rows::keep_use(conn, &UseRow::new(place, of, now))?;
    }
    // A reference that is free now may be that of a new redemption.
    let (released, taking): (Vec<_>, Vec<_>) =
        book.redemptions_changed().partition(|redemption| redemption.released_at.is_some());
    for redemption in released.into_iter().chain(taking) {
        let id = redemption.customer_id;
        let seal = match loaded.working_set.payer(id) {
            Ok(Payer::Live | Payer::Deleted) => Some(&owner(loaded, owners, id)?.seal),
            _ => None,
        };
        rows::keep_redemption(conn, &RedemptionRow::seal(place, redemption, key, seal)?)?;
    }
    for (id, product) in loaded.working_set.catalogue.changed() {
        match product {
            Some(product) => products::keep(conn, &products::ProductRow::seal(place, product, key)?)?,
            None => products::remove(conn, place, id)?,
        }
    }
    Ok(())
}
