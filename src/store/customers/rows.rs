//! Rows of the tables, and the conversion between a row and an opened record.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
use serde::Serialize;

use crate::domain::customers::record::{Customer, Lifecycle, Status, Stored};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::{ask, new_row, row};
use crate::store::engine::schema::customer;
use crate::store::keys::keyring::KeyRing;
use crate::vault::{Ad, DataKey, Plain, SealKey};

/// The size of most documents, in bytes, at most.
const DOCUMENT_ROOM: usize = 2_048;

row! {
    /// A row of `customer`.
    #[derive(Debug, Clone, PartialEq, Eq, Identifiable, AsChangeset)]
    #[diesel(primary_key(entrypoint_id, customer_id), treat_none_as_null = true)]
    pub(crate) struct CustomerRow of customer "customer":
    types CustomerColumns, columns customer_columns of "c", fn insert_customers by NewCustomers;
    customer_id: i64 as BigInt,
    entrypoint_id: i64 as BigInt,
    version: i64 as BigInt,
    status: i32 as Integer,
    lifecycle: String as Text,
    balance_units: i64 as BigInt,
    created_at_us: i64 as BigInt,
    updated_at_us: i64 as BigInt,
    key_id: i64 as BigInt,
    salt: Option<Vec<u8>> as Nullable<Binary>,
    document: Option<Vec<u8>> as Nullable<Binary>,
    methods: Option<Vec<u8>> as Nullable<Binary>,
    subscriptions: Option<Vec<u8>> as Nullable<Binary>,
}

/// The newest version in the history of a customer `c`.
macro_rules! newest_version {
    () => {
        "(SELECT h.version FROM history h WHERE h.entrypoint_id = c.entrypoint_id AND h.customer_id = c.customer_id \
         ORDER BY h.version DESC LIMIT 1)"
    };
}

/// The settings version of the entrypoint of a customer `c`.
macro_rules! settings_version {
    () => {
        "(SELECT l.settings_version FROM entrypoint_lock l WHERE l.entrypoint_id = c.entrypoint_id)"
    };
}

/// How many transactions a customer `c` has; NULL for none.
macro_rules! transactions {
    () => {
        "(SELECT t.transactions FROM customer_total t WHERE t.entrypoint_id = c.entrypoint_id \
         AND t.customer_id = c.customer_id AND t.currency = '')"
    };
}

/// The columns of a customer, the newest version in its history, the settings version of its entrypoint, and how many
/// transactions the customer has.
pub(crate) type Versioned = (CustomerRow, Option<i64>, Option<i64>, Option<i64>);
pub(crate) type VersionedColumns = (CustomerColumns, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>);

ask! {
    /// One customer.
    pub(crate) fn whole<'a> of Conn(
        concat!(
            "SELECT ", customer_columns!(), ", ", newest_version!(), ", ", settings_version!(), ", ", transactions!(),
            " FROM customer c WHERE c.customer_id = "
        ), id: i64 as BigInt,
        " AND c.entrypoint_id = ", entrypoint_id: i64 as BigInt;
        ""
    ) -> Versioned as VersionedColumns
}

/// Replaces the row of a customer.
///
/// # Errors
/// The database's; [`StoreError::Bug`] if there is none.
pub(crate) fn update_customer(conn: &mut Conn, row: &CustomerRow) -> Result<(), StoreError> {
    let changed = on!(conn, |c| diesel::update(row).set(row).execute(c))?;
    if changed == 1 { Ok(()) } else { Err(StoreError::Bug(format!("customer {} vanished", row.customer_id))) }
}

new_row! {
    /// A row to append to `history`.
    #[derive(Debug)]
    pub(crate) struct HistoryRow of "history":
    "INSERT", fn insert_history by NewHistory;
    entrypoint_id: i64 as BigInt,
    customer_id: i64 as BigInt,
    version: i64 as BigInt,
    /// The number of the change among all changes of the entrypoint.
    seq: i64 as BigInt,
    at_us: i64 as BigInt,
    operation: &'static str as Text,
    /// The cause of the change, such as an import.
    cause: Option<String> as Nullable<Text>,
    token_name: String as Text,
    token_jti: String as Text,
    key_id: i64 as BigInt,
    document_before: Option<Vec<u8>> as Nullable<Binary>,
    key_id_before: Option<i64> as Nullable<BigInt>,
}

/// Binds a document to its customer and version. Status, balance and stage are in the document too; the columns must
/// agree with it.
pub(crate) fn document_ad(entrypoint_id: i64, customer_id: i64, version: i64, key_id: i64) -> Ad {
    Ad::new("document", &[entrypoint_id, customer_id, version, key_id])
}

/// Binds stored methods to their customer.
fn methods_ad(entrypoint_id: i64, customer_id: i64, key_id: i64) -> Ad {
    Ad::new("methods", &[entrypoint_id, customer_id, key_id])
}

/// Binds subscriptions to their customer.
fn subscriptions_ad(entrypoint_id: i64, customer_id: i64, key_id: i64) -> Ad {
    Ad::new("subscriptions", &[entrypoint_id, customer_id, key_id])
}

/// Seals what hangs on a customer as a list; `None` for an empty one, and for an erased person.
fn seal_list<T: Serialize>(
    stored: &Stored,
    list: &[T],
    seal: &SealKey,
    ad: &Ad,
) -> Result<Option<Vec<u8>>, StoreError> {
    if stored.erased || list.is_empty() {
        return Ok(None);
    }
    let plain = Plain::from(serde_json::to_vec(list)?);
    Ok(Some(seal.seal(ad, &plain)?))
}

impl CustomerRow {
    /// A new row of a record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the random generator fails.
    pub(crate) fn seal(
        entrypoint_id: i64,
        stored: &Stored,
        data_key: &DataKey,
        salt: &[u8],
        seal: &SealKey,
    ) -> Result<CustomerRow, StoreError> {
        let record = &stored.customer;
        let ad = methods_ad(entrypoint_id, stored.id, data_key.id);
        let methods = seal_list(stored, &record.methods, seal, &ad)?;
        let ad = subscriptions_ad(entrypoint_id, stored.id, data_key.id);
        let subscriptions = seal_list(stored, &record.subscriptions, seal, &ad)?;
        let document = if stored.erased {
            None
        } else {
            let mut plain = Plain::with_room(DOCUMENT_ROOM);
            serde_json::to_writer(plain.bytes(), record)?;
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
            methods,
            subscriptions,
        })
    }

    /// Checks that the row is the newest version in its history. Detects an old row that somebody put back.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub(crate) fn must_be_newest(&self, newest: Option<i64>) -> Result<(), StoreError> {
        if newest == Some(self.version) {
            return Ok(());
        }
        Err(StoreError::Corrupt(format!("customer {}: the row is not its newest version", self.customer_id)))
    }

    /// Opens the row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the document does not open, or the columns disagree with it.
    pub(crate) fn open(&self, data_key: &DataKey) -> Result<Stored, StoreError> {
        let (Some(salt), Some(document)) = (&self.salt, &self.document) else { return self.erased() };
        let ad = document_ad(self.entrypoint_id, self.customer_id, self.version, self.key_id);
        let seal = data_key.seal_key(salt)?;
        let mut record = open_document(&seal, &ad, document).map_err(|_| {
            StoreError::Corrupt(format!("customer {}: the document does not open", self.customer_id))
        })?;
        if let Some(methods) = &self.methods {
            let ad = methods_ad(self.entrypoint_id, self.customer_id, self.key_id);
            let plain = seal.open(&ad, methods).map_err(|_| {
                StoreError::Corrupt(format!("customer {}: the stored methods do not open", self.customer_id))
            })?;
            record.methods = serde_json::from_slice(&plain)?;
        }
        if let Some(subscriptions) = &self.subscriptions {
            let ad = subscriptions_ad(self.entrypoint_id, self.customer_id, self.key_id);
            let plain = seal.open(&ad, subscriptions).map_err(|_| {
                StoreError::Corrupt(format!("customer {}: the subscriptions do not open", self.customer_id))
            })?;
            record.subscriptions = serde_json::from_slice(&plain)?;
        }
        let columns_agree = record.status.code() == self.status
            && record.lifecycle.name() == self.lifecycle
            && record.balance.units() == self.balance_units
            && record.created_at.0 == self.created_at_us
            && record.updated_at.0 == self.updated_at_us;
        if !columns_agree {
            let message = format!("customer {}: the columns disagree with the document", self.customer_id);
            return Err(StoreError::Corrupt(message));
        }
        Ok(Stored { id: self.customer_id, version: self.version, customer: record, erased: false })
    }

    /// Opens an earlier version of the customer: the image in the entry of the next version, and the id of its key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`]; the database's.
    pub(crate) fn open_image(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        version: i64,
        image: (Option<Vec<u8>>, Option<i64>),
    ) -> Result<Option<Customer>, StoreError> {
        let (Some(salt), (Some(document), Some(key_id))) = (&self.salt, image) else { return Ok(None) };
        let seal = ring.data_key(conn, key_id)?.seal_key(salt)?;
        let ad = document_ad(self.entrypoint_id, self.customer_id, version, key_id);
        Ok(Some(open_document(&seal, &ad, &document)?))
    }

    fn erased(&self) -> Result<Stored, StoreError> {
        let unreadable = || StoreError::Corrupt(format!("customer {}: unreadable columns", self.customer_id));
        let status = Status::of_code(self.status.into()).ok_or_else(unreadable)?;
        let lifecycle: Lifecycle = self.lifecycle.parse().map_err(|_| unreadable())?;
        let balance = Money::from_units(self.balance_units).ok_or_else(unreadable)?;
        // Only an erased person has no document; otherwise the document was lost.
        let sealed = [&self.salt, &self.document, &self.methods, &self.subscriptions];
        let is_left = sealed.into_iter().any(Option::is_some);
        if lifecycle != Lifecycle::Anonymised || is_left {
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
pub(crate) fn open_document(seal: &SealKey, ad: &Ad, sealed: &[u8]) -> Result<Customer, StoreError> {
    let plain = seal.open(ad, sealed)?;
    // Check UTF-8 once for the whole text, instead of once for each string.
    let text = std::str::from_utf8(&plain);
    let text = text.map_err(|_| StoreError::Corrupt("a document is not UTF-8".into()))?;
    Ok(serde_json::from_str(text)?)
}
