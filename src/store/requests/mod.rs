//! Requests for money and for payment methods: rows of their own, sealed under the customer's salt, or the entrypoint's for a
//! reusable one. `customers::save` writes them in the transaction of their command.

mod handle;
pub(crate) mod sealed;

use diesel::prelude::*;

pub(crate) use self::handle::of_customer;
pub use self::handle::{LookedRequest, RequestPage, RequestRequest};

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{customer, payment_request};
use super::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::time::Micros;
use crate::domain::requests::{Request, RequestContent, RequestId, RequestKind, RequestState};
use crate::domain::transactions::currency::Currency;
use crate::domain::transactions::id::TransId;
use crate::vault::{Ad, Plain, SealKey};

/// A row of `payment_request`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = payment_request, treat_none_as_null = true)]
pub(crate) struct RequestRow {
    #[diesel(skip_update)]
    entrypoint_id: i64,
    #[diesel(skip_update)]
    request_id: Vec<u8>,
    kind: i16,
    customer_id: Option<i64>,
    version: i64,
    state: i16,
    currency: String,
    amount_units: Option<i64>,
    min_units: Option<i64>,
    max_units: Option<i64>,
    uses: i64,
    max_uses: Option<i64>,
    invoice_id: Option<i64>,
    order_id: Option<Vec<u8>>,
    link_hash: Vec<u8>,
    expires_at_us: i64,
    created_at_us: i64,
    updated_at_us: i64,
    last_trans_id: Option<Vec<u8>>,
    key_id: i64,
    document: Option<Vec<u8>>,
}

fn id_of(bytes: &[u8]) -> TransId {
    TransId(bytes.try_into().unwrap_or_default())
}

impl RequestRow {
    /// A row of a request. `seal` is the key of its customer, or of the entrypoint for a reusable one; `None` once the person is
    /// erased.
    ///
    /// # Errors
    /// The seal's.
    pub(crate) fn seal(
        entrypoint_id: i64,
        request: &Request,
        key_id: i64,
        seal: Option<&SealKey>,
    ) -> Result<RequestRow, StoreError> {
        let units = |amount: Option<Money>| amount.map(Money::units);
        let mut row = RequestRow {
            entrypoint_id,
            request_id: request.id.0.to_vec(),
            kind: request.kind.number(),
            customer_id: request.customer_id,
            version: request.version,
            state: request.state.number(),
            currency: request.currency.code().to_owned(),
            amount_units: units(request.amount),
            min_units: units(request.min),
            max_units: units(request.max),
            uses: request.uses,
            max_uses: request.max_uses,
            invoice_id: request.invoice_id,
            order_id: request.order_id.map(|id| id.0.to_vec()),
            link_hash: request.link_hash.to_vec(),
            expires_at_us: request.expires_at.0,
            created_at_us: request.created_at.0,
            updated_at_us: request.updated_at.0,
            last_trans_id: request.last_trans_id.map(|id| id.0.to_vec()),
            key_id,
            document: None,
        };
        if let (Some(seal), Some(content)) = (seal, &request.content) {
            row.document = Some(seal.seal(&row.ad(), &Plain::from(serde_json::to_vec(content)?))?);
        }
        Ok(row)
    }

    /// Binds the sealed part to its place and to the columns beside it.
    fn ad(&self) -> Ad {
        // No column has this value.
        let number = |column: Option<i64>| column.unwrap_or(-1);
        let place = [
            self.entrypoint_id,
            i64::from(self.kind),
            number(self.customer_id),
            self.version,
            i64::from(self.state),
            number(self.amount_units),
            number(self.min_units),
            number(self.max_units),
            self.uses,
            number(self.max_uses),
            number(self.invoice_id),
            self.expires_at_us,
            self.created_at_us,
            self.updated_at_us,
            self.key_id,
        ];
        Ad::new("request", &place)
            .and(&self.request_id)
            .and(self.currency.as_bytes())
            .and(self.order_id.as_deref().unwrap_or_default())
            .and(&self.link_hash)
            .and(self.last_trans_id.as_deref().unwrap_or_default())
    }

    fn id(&self) -> RequestId {
        id_of(&self.request_id)
    }

    /// The salt under which the document is sealed; none if the person is erased.
    ///
    /// # Errors
    /// The database's.
    fn salt(&self, conn: &mut Conn) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(customer_id) = self.customer_id else { return Ok(Some(ENTRYPOINT_SALT.to_vec())) };
        let found: Option<Option<Vec<u8>>> = on!(conn, |c| customer::table
            .find((self.entrypoint_id, customer_id))
            .select(customer::salt)
            .first(c)
            .optional())?;
        Ok(found.flatten())
    }

    /// Opens the row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    fn open(&self, conn: &mut Conn, ring: &KeyRing) -> Result<Request, StoreError> {
        let salt = if self.document.is_some() { self.salt(conn)? } else { None };
        self.open_with(conn, ring, salt.as_deref())
    }

    /// As [`RequestRow::open`], with the salt under which the document is sealed.
    fn open_with(&self, conn: &mut Conn, ring: &KeyRing, salt: Option<&[u8]>) -> Result<Request, StoreError> {
        let shown = || self.id().show(self.entrypoint_id);
        let corrupt = || StoreError::Corrupt(format!("request {} does not open", shown()));
        let content: Option<RequestContent> = match (&self.document, salt) {
            (Some(document), Some(salt)) => {
                let seal = ring.data_key(conn, self.key_id)?.seal_key(salt)?;
                let plain = seal.open(&self.ad(), document).map_err(|_| corrupt())?;
                Some(serde_json::from_slice(&plain)?)
            }
            _ => None,
        };
        let amount =
            |units: Option<i64>| units.map(|units| Money::from_units(units).ok_or_else(corrupt)).transpose();
        Ok(Request {
            id: self.id(),
            version: self.version,
            kind: RequestKind::from_repr(self.kind).ok_or_else(corrupt)?,
            customer_id: self.customer_id,
            state: RequestState::from_repr(self.state).ok_or_else(corrupt)?,
            currency: Currency::parse(&self.currency).map_err(|_| corrupt())?,
            amount: amount(self.amount_units)?,
            min: amount(self.min_units)?,
            max: amount(self.max_units)?,
            uses: self.uses,
            max_uses: self.max_uses,
            invoice_id: self.invoice_id,
            order_id: self.order_id.as_deref().map(id_of),
            link_hash: self.link_hash.as_slice().try_into().map_err(|_| corrupt())?,
            expires_at: Micros(self.expires_at_us),
            created_at: Micros(self.created_at_us),
            updated_at: Micros(self.updated_at_us),
            last_trans_id: self.last_trans_id.as_deref().map(id_of),
            content,
        })
    }
}

/// A request of an entrypoint.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(crate) fn one(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: RequestId,
) -> Result<Option<Request>, StoreError> {
    let row: Option<RequestRow> = on!(conn, |c| payment_request::table
        .find((entrypoint_id, id.0.to_vec()))
        .select(RequestRow::as_select())
        .first(c)
        .optional())?;
    row.map(|row| row.open(conn, ring)).transpose()
}

/// Which request of an entrypoint has a link, by the hash of its token.
///
/// # Errors
/// The database's.
pub(crate) fn with_link(
    conn: &mut Conn,
    entrypoint_id: i64,
    hash: &[u8; 32],
) -> Result<Option<RequestId>, StoreError> {
    let found: Option<Vec<u8>> = on!(conn, |c| payment_request::table
        .filter(payment_request::entrypoint_id.eq(entrypoint_id))
        .filter(payment_request::link_hash.eq(hash.to_vec()))
        .select(payment_request::request_id)
        .first(c)
        .optional())?;
    Ok(found.as_deref().map(id_of))
}

/// The requests of a customer that wait to be answered, whether or not their time is over.
///
/// # Errors
/// The database's.
pub(crate) fn open_of(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
) -> Result<Vec<RequestId>, StoreError> {
    let open =
        [RequestState::New, RequestState::InProgress, RequestState::Declined].map(RequestState::number);
    let found: Vec<Vec<u8>> = on!(conn, |c| payment_request::table
        .filter(payment_request::entrypoint_id.eq(entrypoint_id))
        .filter(payment_request::customer_id.eq(customer_id))
        .filter(payment_request::state.eq_any(open))
        .select(payment_request::request_id)
        .load(c))?;
    Ok(found.iter().map(|id| id_of(id)).collect())
}

/// Writes a row under the entrypoint's lock.
///
/// # Errors
/// The database's; [`StoreError::Bug`] if a request to change is not there.
pub(crate) fn save(conn: &mut Conn, row: &RequestRow, is_new: bool) -> Result<(), StoreError> {
    let there = payment_request::table.find((row.entrypoint_id, &row.request_id));
    let number = if is_new {
        on!(conn, |c| diesel::insert_into(payment_request::table).values(row).execute(c))?
    } else {
        on!(conn, |c| diesel::update(there).set(row).execute(c))?
    };
    if number == 1 { Ok(()) } else { Err(StoreError::Bug("a request vanished".into())) }
}
