//! Products, sealed under the entrypoint's key. `customers::save` writes them in the transaction of their command.

mod handle;
pub(crate) mod sealed;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

pub use self::handle::{ProductPage, ProductRequest};

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::product;
use super::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::percent::Percent;
use crate::domain::kernel::time::Micros;
use crate::domain::products::{Product, ProductId, ProductOption};
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;
use crate::vault::{Ad, DataKey, Plain};

/// A row of `product`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = product, primary_key(entrypoint_id, product_id))]
#[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct ProductRow {
    entrypoint_id: i64,
    product_id: Vec<u8>,
    version: i64,
    price_units: i64,
    currency: String,
    tax_rate: Option<i64>,
    active: bool,
    created_at_us: i64,
    updated_at_us: i64,
    key_id: i64,
    document: Vec<u8>,
}

/// The sealed part of a product.
#[derive(Serialize, Deserialize)]
struct Document {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    options: Vec<ProductOption>,
}

impl ProductRow {
    /// A product under a key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the random generator fails.
    pub(crate) fn seal(
        entrypoint_id: i64,
        product: &Product,
        key: &DataKey,
    ) -> Result<ProductRow, StoreError> {
        let mut row = ProductRow {
            entrypoint_id,
            product_id: product.id.0.to_vec(),
            version: product.version,
            price_units: product.unit_price.units(),
            currency: product.currency.code().to_owned(),
            tax_rate: product.tax_rate.map(Percent::hundredths),
            active: product.active,
            created_at_us: product.created_at.0,
            updated_at_us: product.updated_at.0,
            key_id: key.id,
            document: Vec::new(),
        };
        let document = Document {
            name: product.name.clone(),
            description: product.description.clone(),
            options: product.options.clone(),
        };
        let plain = Plain::from(serde_json::to_vec(&document)?);
        row.document = key.seal_key(ENTRYPOINT_SALT)?.seal(&row.ad(), &plain)?;
        Ok(row)
    }

    /// Binds the sealed part to its place and to the columns beside it.
    fn ad(&self) -> Ad {
        let place = [
            self.entrypoint_id,
            self.version,
            self.price_units,
            self.tax_rate.unwrap_or(-1),
            i64::from(self.active),
            self.created_at_us,
            self.updated_at_us,
            self.key_id,
        ];
        Ad::new("product", &place).and(&self.product_id).and(self.currency.as_bytes())
    }

    fn id(&self) -> ProductId {
        TransId(self.product_id.as_slice().try_into().unwrap_or_default())
    }

    /// Opens the row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    pub(crate) fn open(&self, conn: &mut Conn, ring: &KeyRing) -> Result<Product, StoreError> {
        let corrupt =
            || StoreError::Corrupt(format!("product {} does not open", self.id().show(self.entrypoint_id)));
        let key = ring.data_key(conn, self.key_id)?;
        let plain = key.seal_key(ENTRYPOINT_SALT)?.open(&self.ad(), &self.document).map_err(|_| corrupt())?;
        let Document { name, description, options } = serde_json::from_slice(&plain)?;
        let percent = |hundredths| Percent::from_hundredths(hundredths).ok_or_else(corrupt);
        Ok(Product {
            id: self.id(),
            version: self.version,
            name,
            description,
            unit_price: Money::from_units(self.price_units).ok_or_else(corrupt)?,
            currency: Currency::parse(&self.currency).map_err(|_| corrupt())?,
            tax_rate: self.tax_rate.map(percent).transpose()?,
            options,
            active: self.active,
            created_at: Micros(self.created_at_us),
            updated_at: Micros(self.updated_at_us),
        })
    }
}

/// Writes the row of a product, in the place of the one with its id.
///
/// # Errors
/// The database's.
pub(crate) fn keep(conn: &mut Conn, row: &ProductRow) -> Result<(), StoreError> {
    on!(conn, |c| diesel::insert_into(product::table)
        .values(row)
        .on_conflict((product::entrypoint_id, product::product_id))
        .do_update()
        .set(row)
        .execute(c))?;
    Ok(())
}

/// Removes a product.
///
/// # Errors
/// The database's.
pub(crate) fn remove(conn: &mut Conn, entrypoint_id: i64, id: ProductId) -> Result<(), StoreError> {
    on!(conn, |c| diesel::delete(product::table.find((entrypoint_id, id.0.to_vec()))).execute(c))?;
    Ok(())
}

/// A product by its id.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(crate) fn one(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: ProductId,
) -> Result<Option<Product>, StoreError> {
    let row: Option<ProductRow> = on!(conn, |c| product::table
        .find((entrypoint_id, id.0.to_vec()))
        .select(ProductRow::as_select())
        .first(c)
        .optional())?;
    row.map(|row| row.open(conn, ring)).transpose()
}

/// How many products an entrypoint has.
///
/// # Errors
/// The database's.
pub(crate) fn count(conn: &mut Conn, entrypoint_id: i64) -> Result<i64, StoreError> {
    Ok(on!(conn, |c| product::table.filter(product::entrypoint_id.eq(entrypoint_id)).count().get_result(c))?)
}
