//! Rows of coupons and redemptions, and the conversion between a row and what it holds.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::domain::coupons::{Coupon, CouponId, CouponStatus, CouponUse, Redemption, RedemptionId, Worth};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::percent::Percent;
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{coupon, coupon_customer, coupon_redemption};
use crate::store::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::vault::{Ad, DataKey, Plain, SealKey};

/// What the hash of a code is of; no identifier has this name.
const CODE_PURPOSE: &str = "coupon/";
/// What the hash of a reference is of.
const REFERENCE_PURPOSE: &str = "coupon reference/";

/// A row of `coupon`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = coupon, primary_key(entrypoint_id, coupon_id))]
#[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct CouponRow {
    pub entrypoint_id: i64,
    pub coupon_id: Vec<u8>,
    pub digest: Vec<u8>,
    version: i64,
    percent_off: Option<i64>,
    amount_units: Option<i64>,
    currency: Option<String>,
    starts_at_us: Option<i64>,
    redeem_by_us: Option<i64>,
    max_redemptions: Option<i64>,
    per_customer_limit: Option<i64>,
    customers_only: bool,
    online: bool,
    pub redeemed: i64,
    pub redemptions: i64,
    created_at_us: i64,
    updated_at_us: i64,
    pub key_id: i64,
    document: Vec<u8>,
}

/// The sealed part of a coupon.
#[derive(Serialize, Deserialize)]
struct CouponDocument {
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// The hash by which a coupon is found. `code`: in the form by which codes compare.
pub(crate) fn code_digest(key: &DataKey, code: &str) -> Vec<u8> {
    key.identities().identity(CODE_PURPOSE, &[code]).to_vec()
}

/// The hash by which the redemption is found that takes a place under a reference.
pub(crate) fn reference_digest(
    key: &DataKey,
    coupon_id: CouponId,
    customer_id: i64,
    reference: &str,
) -> Vec<u8> {
    let values = [coupon_id.show(0), customer_id.to_string(), reference.to_owned()];
    key.identities().identity(REFERENCE_PURPOSE, &values).to_vec()
}

/// Some optional numbers for the data that a seal binds.
fn optional<const N: usize>(values: [Option<i64>; N]) -> impl Iterator<Item = i64> {
    values.into_iter().flat_map(|value| [i64::from(value.is_some()), value.unwrap_or(0)])
}

/// An id in a row.
pub(crate) fn id_of(bytes: &[u8]) -> TransId {
    TransId(bytes.try_into().unwrap_or_default())
}

impl CouponRow {
    /// A coupon under a key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the random generator fails.
    pub(crate) fn seal(entrypoint_id: i64, coupon: &Coupon, key: &DataKey) -> Result<CouponRow, StoreError> {
        let (percent_off, amount_units, currency) = match coupon.worth {
            Worth::Percent(percent) => (Some(percent.hundredths()), None, None),
            Worth::Amount(amount, currency) => (None, Some(amount.units()), Some(currency.code().to_owned())),
        };
        let mut row = CouponRow {
            entrypoint_id,
            coupon_id: coupon.id.0.to_vec(),
            digest: code_digest(key, &coupon.code.to_ascii_lowercase()),
            version: coupon.version,
            percent_off,
            amount_units,
            currency,
            starts_at_us: coupon.starts_at.map(|at| at.0),
            redeem_by_us: coupon.redeem_by.map(|at| at.0),
            max_redemptions: coupon.max_redemptions,
            per_customer_limit: coupon.per_customer_limit,
            customers_only: coupon.customers_only,
            online: coupon.status == CouponStatus::Online,
            redeemed: coupon.redeemed,
            redemptions: coupon.redemptions,
            created_at_us: coupon.created_at.0,
            updated_at_us: coupon.updated_at.0,
            key_id: key.id,
            document: Vec::new(),
        };
        let document = CouponDocument {
            code: coupon.code.clone(),
            name: coupon.name.clone(),
            description: coupon.description.clone(),
        };
        let plain = Plain::from(serde_json::to_vec(&document)?);
        row.document = key.seal_key(ENTRYPOINT_SALT)?.seal(&row.ad(), &plain)?;
        Ok(row)
    }

    /// Binds the sealed part to its place and to the columns beside it.
    fn ad(&self) -> Ad {
        let mut place = vec![
            self.entrypoint_id,
            self.version,
            i64::from(self.customers_only),
            i64::from(self.online),
            self.redeemed,
            self.redemptions,
            self.created_at_us,
            self.updated_at_us,
            self.key_id,
        ];
        let limits = [self.max_redemptions, self.per_customer_limit];
        place.extend(optional([self.percent_off, self.amount_units, self.starts_at_us, self.redeem_by_us]));
        place.extend(optional(limits));
        let currency = self.currency.as_deref().unwrap_or_default();
        Ad::new("coupon", &place).and(&self.coupon_id).and(&self.digest).and(currency.as_bytes())
    }

    /// Its id.
    pub(crate) fn id(&self) -> CouponId {
        id_of(&self.coupon_id)
    }

    /// Opens the row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    pub(crate) fn open(&self, conn: &mut Conn, ring: &KeyRing) -> Result<Coupon, StoreError> {
        let corrupt =
            || StoreError::Corrupt(format!("coupon {} does not open", self.id().show(self.entrypoint_id)));
        let key = ring.data_key(conn, self.key_id)?;
        let plain = key.seal_key(ENTRYPOINT_SALT)?.open(&self.ad(), &self.document).map_err(|_| corrupt())?;
        let CouponDocument { code, name, description } = serde_json::from_slice(&plain)?;
        let worth = match (self.percent_off, self.amount_units, &self.currency) {
            (Some(percent), None, None) => {
                Worth::Percent(Percent::from_hundredths(percent).ok_or_else(corrupt)?)
            }
            (None, Some(units), Some(currency)) => Worth::Amount(
                Money::from_units(units).ok_or_else(corrupt)?,
                Currency::parse(currency).map_err(|_| corrupt())?,
            ),
            _ => return Err(corrupt()),
        };
        Ok(Coupon {
            id: self.id(),
            version: self.version,
            code,
            name,
            description,
            worth,
            starts_at: self.starts_at_us.map(Micros),
            redeem_by: self.redeem_by_us.map(Micros),
            max_redemptions: self.max_redemptions,
            per_customer_limit: self.per_customer_limit,
            customers_only: self.customers_only,
            status: if self.online { CouponStatus::Online } else { CouponStatus::Offline },
            redeemed: self.redeemed,
            redemptions: self.redemptions,
            created_at: Micros(self.created_at_us),
            updated_at: Micros(self.updated_at_us),
        })
    }
}

/// A row of `coupon_customer`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = coupon_customer, primary_key(entrypoint_id, customer_id, coupon_id))]
#[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct UseRow {
    entrypoint_id: i64,
    customer_id: i64,
    pub coupon_id: Vec<u8>,
    assigned_at_us: Option<i64>,
    redeemed: i64,
    redemptions: i64,
}

impl UseRow {
    pub(crate) fn new(
        entrypoint_id: i64,
        (coupon_id, customer_id): (CouponId, i64),
        of: CouponUse,
    ) -> UseRow {
        UseRow {
            entrypoint_id,
            customer_id,
            coupon_id: coupon_id.0.to_vec(),
            assigned_at_us: of.assigned_at.map(|at| at.0),
            redeemed: of.redeemed,
            redemptions: of.redemptions,
        }
    }

    pub(crate) fn shown(&self) -> CouponUse {
        CouponUse {
            assigned_at: self.assigned_at_us.map(Micros),
            redeemed: self.redeemed,
            redemptions: self.redemptions,
        }
    }
}

/// A row of `coupon_redemption`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = coupon_redemption, primary_key(entrypoint_id, redemption_id))]
#[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct RedemptionRow {
    pub entrypoint_id: i64,
    pub redemption_id: Vec<u8>,
    pub coupon_id: Vec<u8>,
    pub customer_id: i64,
    pub digest: Option<Vec<u8>>,
    amount_units: i64,
    discount_units: i64,
    currency: String,
    redeemed_at_us: i64,
    pub released_at_us: Option<i64>,
    pub key_id: i64,
    pub document: Option<Vec<u8>>,
}

/// The sealed part of a redemption.
#[derive(Serialize, Deserialize)]
struct RedemptionDocument {
    reference: Option<String>,
}

impl RedemptionRow {
    /// A redemption under a key. `seal` is that of the customer; `None` once the person is erased.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the random generator fails.
    pub(crate) fn seal(
        entrypoint_id: i64,
        redemption: &Redemption,
        key: &DataKey,
        seal: Option<&SealKey>,
    ) -> Result<RedemptionRow, StoreError> {
        let reference = redemption.reference.as_deref().filter(|_| redemption.released_at.is_none());
        let of_reference =
            |reference: &str| reference_digest(key, redemption.coupon_id, redemption.customer_id, reference);
        let mut row = RedemptionRow {
            entrypoint_id,
            redemption_id: redemption.id.0.to_vec(),
            coupon_id: redemption.coupon_id.0.to_vec(),
            customer_id: redemption.customer_id,
            digest: reference.map(of_reference),
            amount_units: redemption.amount.units(),
            discount_units: redemption.discount.units(),
            currency: redemption.currency.code().to_owned(),
            redeemed_at_us: redemption.redeemed_at.0,
            released_at_us: redemption.released_at.map(|at| at.0),
            key_id: key.id,
            document: None,
        };
        if let Some(seal) = seal {
            let document = RedemptionDocument { reference: redemption.reference.clone() };
            let plain = Plain::from(serde_json::to_vec(&document)?);
            row.document = Some(seal.seal(&row.ad(), &plain)?);
        }
        Ok(row)
    }

    /// Binds the sealed part to its place and to the columns beside it.
    fn ad(&self) -> Ad {
        let mut place = vec![
            self.entrypoint_id,
            self.customer_id,
            self.amount_units,
            self.discount_units,
            self.redeemed_at_us,
            self.key_id,
        ];
        place.extend(optional([self.released_at_us]));
        let digest = self.digest.as_deref().unwrap_or_default();
        let ad = Ad::new("coupon redemption", &place).and(&self.redemption_id).and(&self.coupon_id);
        ad.and(digest).and(self.currency.as_bytes())
    }

    /// Its id.
    pub(crate) fn id(&self) -> RedemptionId {
        id_of(&self.redemption_id)
    }

    /// Opens the row. `salt` is that of the customer; `None` once the person is erased.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    pub(crate) fn open(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        salt: Option<&[u8]>,
    ) -> Result<Redemption, StoreError> {
        let corrupt = || {
            let id = self.id().show(self.entrypoint_id);
            StoreError::Corrupt(format!("redemption {id} does not open"))
        };
        let reference = match (&self.document, salt) {
            (Some(document), Some(salt)) => {
                let seal = ring.data_key(conn, self.key_id)?.seal_key(salt)?;
                let plain = seal.open(&self.ad(), document).map_err(|_| corrupt())?;
                serde_json::from_slice::<RedemptionDocument>(&plain)?.reference
            }
            // An erase removes both, and a read without a snapshot may see one of them. `sealed` examines that.
            _ => None,
        };
        let money = |units: i64| Money::from_units(units).ok_or_else(corrupt);
        Ok(Redemption {
            id: self.id(),
            coupon_id: id_of(&self.coupon_id),
            customer_id: self.customer_id,
            reference,
            amount: money(self.amount_units)?,
            discount: money(self.discount_units)?,
            currency: Currency::parse(&self.currency).map_err(|_| corrupt())?,
            redeemed_at: Micros(self.redeemed_at_us),
            released_at: self.released_at_us.map(Micros),
        })
    }
}

/// Writes the row of a coupon, in the place of the one with its id.
///
/// # Errors
/// The database's.
pub(crate) fn keep(conn: &mut Conn, row: &CouponRow) -> Result<(), StoreError> {
    on!(conn, |c| diesel::insert_into(coupon::table)
        .values(row)
        .on_conflict((coupon::entrypoint_id, coupon::coupon_id))
        .do_update()
        .set(row)
        .execute(c))?;
    Ok(())
}

/// Removes a coupon, and whom it is assigned to. Nobody has redeemed it.
///
/// # Errors
/// The database's.
pub(crate) fn remove(conn: &mut Conn, entrypoint_id: i64, id: CouponId) -> Result<(), StoreError> {
    let bytes = id.0.to_vec();
    on!(conn, |c| {
        diesel::delete(coupon::table.find((entrypoint_id, &bytes))).execute(c)?;
        let uses = coupon_customer::table
            // The sum keeps the planner from the primary key.
            .filter((coupon_customer::entrypoint_id + 0_i64).eq(entrypoint_id))
            .filter(coupon_customer::coupon_id.eq(&bytes));
        diesel::delete(uses).execute(c)
    })?;
    Ok(())
}

/// Writes what a coupon has to do with a customer.
///
/// # Errors
/// The database's.
pub(crate) fn keep_use(conn: &mut Conn, row: &UseRow) -> Result<(), StoreError> {
    let key = (coupon_customer::entrypoint_id, coupon_customer::customer_id, coupon_customer::coupon_id);
    on!(conn, |c| diesel::insert_into(coupon_customer::table)
        .values(row)
        .on_conflict(key)
        .do_update()
        .set(row)
        .execute(c))?;
    Ok(())
}

/// Writes the row of a redemption, in the place of the one with its id.
///
/// # Errors
/// The database's.
pub(crate) fn keep_redemption(conn: &mut Conn, row: &RedemptionRow) -> Result<(), StoreError> {
    on!(conn, |c| diesel::insert_into(coupon_redemption::table)
        .values(row)
        .on_conflict((coupon_redemption::entrypoint_id, coupon_redemption::redemption_id))
        .do_update()
        .set(row)
        .execute(c))?;
    Ok(())
}

/// Takes a customer's coupons away; how often the customer redeemed them stays.
///
/// # Errors
/// The database's.
pub(crate) fn forget_customer(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
) -> Result<(), StoreError> {
    let own = || {
        coupon_customer::table
            .filter(coupon_customer::entrypoint_id.eq(entrypoint_id))
            .filter(coupon_customer::customer_id.eq(customer_id))
    };
    on!(conn, |c| {
        diesel::delete(own().filter(coupon_customer::redemptions.eq(0))).execute(c)?;
        diesel::update(own()).set(coupon_customer::assigned_at_us.eq(None::<i64>)).execute(c)
    })?;
    Ok(())
}
