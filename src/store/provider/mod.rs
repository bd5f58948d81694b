//! Calls of payment providers: rows of their own, sealed under the customer's salt. `customers::save` writes them in the
//! transaction of their command; a job makes the calls that are due (see `work.rs`).

mod handle;
pub(crate) mod sealed;
mod work;

pub use self::handle::{DueCall, FoundCall};

use diesel::prelude::*;

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{customer, provider_call};
use super::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::domain::entrypoints::provider::Provider;
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::provider::{CallContent, CallId, CallKind, CallState, ProviderCall};
use crate::domain::requests::RequestId;
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;
use crate::vault::{Ad, Plain, SealKey};

/// A row of `provider_call`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = provider_call, treat_none_as_null = true)]
pub(crate) struct CallRow {
    #[diesel(skip_update)]
    entrypoint_id: i64,
    #[diesel(skip_update)]
    call_id: Vec<u8>,
    charge_id: Vec<u8>,
    customer_id: Option<i64>,
    request_id: Option<Vec<u8>>,
    version: i64,
    provider: i16,
    kind: i16,
    state: i16,
    currency: String,
    amount_units: i64,
    valid_until_us: i64,
    created_at_us: i64,
    updated_at_us: i64,
    // Whoever takes the call counts it, without the entrypoint's lock.
    #[diesel(skip_update)]
    attempts: i64,
    due_at_us: Option<i64>,
    key_id: i64,
    document: Option<Vec<u8>>,
}

impl CallRow {
    /// A row of a call. `seal` is the key of its customer, or of the entrypoint while there is none; `None` once the person is
    /// erased.
    ///
    /// # Errors
    /// The seal's.
    pub(crate) fn seal(
        entrypoint_id: i64,
        call: &ProviderCall,
        key_id: i64,
        seal: Option<&SealKey>,
    ) -> Result<CallRow, StoreError> {
        let mut row = CallRow {
            entrypoint_id,
            call_id: call.id.0.to_vec(),
            charge_id: call.charge_id.0.to_vec(),
            customer_id: call.customer_id,
            request_id: call.request_id.map(|id| id.0.to_vec()),
            version: call.version,
            provider: call.provider.number(),
            kind: call.kind.number(),
            state: call.state.number(),
            currency: call.currency.code().to_owned(),
            amount_units: call.amount.units(),
            valid_until_us: call.valid_until.0,
            created_at_us: call.created_at.0,
            updated_at_us: call.updated_at.0,
            attempts: call.attempts,
            due_at_us: call.due_at.map(|at| at.0),
            key_id,
            document: None,
        };
        if let (Some(seal), Some(content)) = (seal, &call.content) {
            row.document = Some(seal.seal(&row.ad(), &Plain::from(serde_json::to_vec(content)?))?);
        }
        Ok(row)
    }

    /// Binds the sealed part to its place and to the columns beside it. When it is asked next and how often it was asked moves
    /// without the key.
    fn ad(&self) -> Ad {
        let place = [
            self.entrypoint_id,
            self.customer_id.unwrap_or(0),
            self.version,
            i64::from(self.provider),
            i64::from(self.kind),
            i64::from(self.state),
            self.amount_units,
            self.valid_until_us,
            self.created_at_us,
            self.updated_at_us,
            self.key_id,
        ];
        Ad::new("provider call", &place)
            .and(&self.call_id)
            .and(&self.charge_id)
            .and(self.request_id.as_deref().unwrap_or_default())
            .and(self.currency.as_bytes())
    }

    fn id(&self) -> CallId {
        id_of(&self.call_id)
    }

    /// Opens the row with the salt of its customer; `None` once the person is erased.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    fn open(&self, conn: &mut Conn, ring: &KeyRing) -> Result<ProviderCall, StoreError> {
        let shown = || self.id().show(self.entrypoint_id);
        let corrupt = || StoreError::Corrupt(format!("provider call {} does not open", shown()));
        let salt = self.salt(conn)?;
        let content: Option<CallContent> = match (&self.document, salt) {
            (Some(document), Some(salt)) => {
                let seal = ring.data_key(conn, self.key_id)?.seal_key(&salt)?;
                let plain = seal.open(&self.ad(), document).map_err(|_| corrupt())?;
                Some(serde_json::from_slice(&plain)?)
            }
            _ => None,
        };
        Ok(ProviderCall {
            id: self.id(),
            charge_id: id_of(&self.charge_id),
            customer_id: self.customer_id,
            request_id: self.request_id.as_deref().map(id_of),
            version: self.version,
            provider: Provider::from_repr(self.provider).ok_or_else(corrupt)?,
            kind: CallKind::from_repr(self.kind).ok_or_else(corrupt)?,
            state: CallState::from_repr(self.state).ok_or_else(corrupt)?,
            currency: Currency::parse(&self.currency).map_err(|_| corrupt())?,
            amount: Money::from_units(self.amount_units).ok_or_else(corrupt)?,
            valid_until: Micros(self.valid_until_us),
            created_at: Micros(self.created_at_us),
            updated_at: Micros(self.updated_at_us),
            attempts: self.attempts,
            due_at: self.due_at_us.map(Micros),
            content,
        })
    }

    /// The salt under which it is sealed; `None` once the person is erased.
    fn salt(&self, conn: &mut Conn) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(customer_id) = self.customer_id else { return Ok(Some(ENTRYPOINT_SALT.to_vec())) };
        let found: Option<Option<Vec<u8>>> = on!(conn, |c| customer::table
            .find((self.entrypoint_id, customer_id))
            .select(customer::salt)
            .first(c)
            .optional())?;
        Ok(found.flatten())
    }
}

fn id_of(bytes: &[u8]) -> CallId {
    TransId(bytes.try_into().unwrap_or_default())
}

/// A call of an entrypoint.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(crate) fn one(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: CallId,
) -> Result<Option<ProviderCall>, StoreError> {
    let row: Option<CallRow> = on!(conn, |c| provider_call::table
        .find((entrypoint_id, id.0.to_vec()))
        .select(CallRow::as_select())
        .first(c)
        .optional())?;
    row.map(|row| row.open(conn, ring)).transpose()
}

/// All calls about a charge, oldest first.
///
/// # Errors
/// As [`one`].
pub(crate) fn of_charge(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    charge_id: CallId,
) -> Result<Vec<ProviderCall>, StoreError> {
    let rows: Vec<CallRow> = on!(conn, |c| provider_call::table
        .filter(provider_call::entrypoint_id.eq(entrypoint_id))
        .filter(provider_call::charge_id.eq(charge_id.0.to_vec()))
        .order(provider_call::call_id)
        .select(CallRow::as_select())
        .load(c))?;
    rows.iter().map(|row| row.open(conn, ring)).collect()
}

/// The calls that answer a request and are not through yet, oldest first.
///
/// # Errors
/// As [`one`].
pub(crate) fn running_of_request(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    request_id: RequestId,
) -> Result<Vec<ProviderCall>, StoreError> {
    let rows: Vec<CallRow> = on!(conn, |c| provider_call::table
        .filter(provider_call::entrypoint_id.eq(entrypoint_id))
        .filter(provider_call::request_id.eq(request_id.0.to_vec()))
        .filter(provider_call::due_at_us.is_not_null())
        .order(provider_call::call_id)
        .select(CallRow::as_select())
        .load(c))?;
    rows.iter().map(|row| row.open(conn, ring)).collect()
}

/// The calls that move money of a customer and are not through yet, oldest first.
///
/// # Errors
/// As [`one`].
pub(crate) fn running_of_customer(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    customer_id: i64,
) -> Result<Vec<ProviderCall>, StoreError> {
    let rows: Vec<CallRow> = on!(conn, |c| provider_call::table
        .filter(provider_call::entrypoint_id.eq(entrypoint_id))
        .filter(provider_call::customer_id.eq(customer_id))
        .filter(provider_call::due_at_us.is_not_null())
        .order(provider_call::call_id)
        .select(CallRow::as_select())
        .load(c))?;
    rows.iter().map(|row| row.open(conn, ring)).collect()
}

/// Writes a row under the entrypoint's lock.
///
/// # Errors
/// The database's; [`StoreError::Bug`] if a call to change is not there.
pub(crate) fn save(conn: &mut Conn, row: &CallRow, is_new: bool) -> Result<(), StoreError> {
    let there = provider_call::table.find((row.entrypoint_id, &row.call_id));
    let number = if is_new {
        on!(conn, |c| diesel::insert_into(provider_call::table).values(row).execute(c))?
    } else {
        on!(conn, |c| diesel::update(there).set(row).execute(c))?
    };
    if number == 1 { Ok(()) } else { Err(StoreError::Bug("a provider call vanished".into())) }
}
