//! Rows as the tables hold them, and the way between a row and an opened record.

use diesel::prelude::*;

use super::error::StoreError;
use super::schema::{customer, history, idempotency, identity_digest};
use crate::domain::customer::{Customer, Lifecycle, Status, Stored};
use crate::domain::money::Money;
use crate::domain::time::Micros;
use crate::vault::{Ad, DataKey, SealKey};

/// A row of `customer`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = customer)]
#[diesel(treat_none_as_default_value = false)]
pub struct CustomerRow {
    pub customer_id: i64,
    pub entrypoint_id: i64,
    pub version: i64,
    pub status: i32,
    pub lifecycle: String,
    pub balance_units: i64,
    pub created_at_us: i64,
    pub updated_at_us: i64,
    pub key_id: i64,
    pub salt: Option<Vec<u8>>,
    pub document: Option<Vec<u8>>,
}

/// A row of `history` to be appended.
#[derive(Debug, Insertable)]
#[diesel(table_name = history)]
#[diesel(treat_none_as_default_value = false)]
pub struct HistoryRow {
    pub entrypoint_id: i64,
    pub customer_id: i64,
    pub version: i64,
    pub at_us: i64,
    pub operation: &'static str,
    pub token_name: String,
    pub token_jti: String,
    pub key_id: i64,
    pub document_before: Option<Vec<u8>>,
    pub key_id_before: Option<i64>,
}

/// A row of `identity_digest`.
#[derive(Debug, Insertable)]
#[diesel(table_name = identity_digest)]
pub struct DigestRow {
    pub entrypoint_id: i64,
    pub digest: Vec<u8>,
    pub customer_id: i64,
}

/// A row of `idempotency`.
#[derive(Debug, Clone, Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = idempotency)]
#[diesel(treat_none_as_default_value = false)]
pub struct IdempotencyRow {
    pub entrypoint_id: i64,
    pub key_hash: Vec<u8>,
    pub fingerprint: Vec<u8>,
    pub kind: String,
    pub customer_id: Option<i64>,
    pub version: Option<i64>,
    pub key_id: i64,
    pub detail: Vec<u8>,
    pub expires_at_us: i64,
}

/// Binds a document to its customer and version; status, balance and stage stand inside it, and the
/// columns must say the same.
pub(super) fn document_ad(entrypoint_id: i64, customer_id: i64, version: i64, key_id: i64) -> Ad {
    Ad::new("document", &[entrypoint_id, customer_id, version, key_id])
}

impl CustomerRow {
    /// A new row of a record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] without randomness.
    pub fn seal(
        entrypoint_id: i64,
        stored: &Stored,
        data_key: &DataKey,
        salt: &[u8],
        seal: &SealKey,
    ) -> Result<CustomerRow, StoreError> {
        let record = &stored.customer;
        let document = if stored.erased {
            None
        } else {
            let plain = zeroize::Zeroizing::new(serde_json::to_vec(record)?);
            Some(seal.seal(&document_ad(entrypoint_id, stored.id, stored.version, data_key.id), &plain)?)
        };
        Ok(CustomerRow {
            customer_id: stored.id,
            entrypoint_id,
            version: stored.version,
            status: record.status.code(),
            lifecycle: record.lifecycle.name().to_owned(),
            balance_units: record.balance.units(),
            created_at_us: record.created_at.0,
            updated_at_us: record.updated_at.0,
            key_id: data_key.id,
            salt: (!stored.erased).then(|| salt.to_vec()),
            document,
        })
    }

    /// Opens the row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where the document does not open, or the columns say something else.
    pub fn open(&self, data_key: &DataKey) -> Result<Stored, StoreError> {
        let (Some(salt), Some(document)) = (&self.salt, &self.document) else { return self.erased() };
        let ad = document_ad(self.entrypoint_id, self.customer_id, self.version, self.key_id);
        let record = open_document(&data_key.seal_key(salt)?, &ad, document).map_err(|_| {
            StoreError::Corrupt(format!("customer {}: the document does not open", self.customer_id))
        })?;
        let columns_agree = record.status.code() == self.status
            && record.lifecycle.name() == self.lifecycle
            && record.balance.units() == self.balance_units
            && record.created_at.0 == self.created_at_us
            && record.updated_at.0 == self.updated_at_us;
        if !columns_agree {
            let message = format!("customer {}: the columns are not those of the document", self.customer_id);
            return Err(StoreError::Corrupt(message));
        }
        Ok(Stored { id: self.customer_id, version: self.version, customer: record, erased: false })
    }

    fn erased(&self) -> Result<Stored, StoreError> {
        let unreadable = || StoreError::Corrupt(format!("customer {}: unreadable columns", self.customer_id));
        let status = Status::of_code(self.status.into()).ok_or_else(unreadable)?;
        let lifecycle = Lifecycle::of_name(&self.lifecycle).ok_or_else(unreadable)?;
        let balance = Money::from_units(self.balance_units).ok_or_else(unreadable)?;
        // Only an erased person has no document: anything else lost it.
        if lifecycle != Lifecycle::Anonymised || self.salt.is_some() || self.document.is_some() {
            return Err(StoreError::Corrupt(format!("customer {}: the document is gone", self.customer_id)));
        }
        let (created, updated) = (Micros(self.created_at_us), Micros(self.updated_at_us));
        let record = Customer::erased(status, lifecycle, balance, created, updated);
        Ok(Stored { id: self.customer_id, version: self.version, customer: record, erased: true })
    }
}

/// Opens a sealed document.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub(super) fn open_document(seal: &SealKey, ad: &Ad, sealed: &[u8]) -> Result<Customer, StoreError> {
    Ok(serde_json::from_slice(&seal.open(ad, sealed)?)?)
}
