//! Invoices: rows of their own, each sealed under a key of its own, so that an erase leaves those that the law keeps, and
//! throwing a row's salt away destroys it. `customers::save` writes them in the transaction of their command.

pub(crate) mod documents;
mod handle;
pub(crate) mod sealed;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) use self::handle::of_customer;
pub use self::handle::{FoundInvoice, InvoicePage, InvoiceRequest};

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{invoice, invoice_series};
use super::keys::index_keys::{IndexKey, IndexKeys};
use super::keys::keyring::KeyRing;
use crate::domain::decide::invoice_book::InvoiceBook;
use crate::domain::entrypoints::numbering::Series;
use crate::domain::invoices::filter::number_of_day;
use crate::domain::invoices::{Content, Credit, Invoice, InvoiceKind, InvoiceState, Issue, Payment};
use crate::domain::kernel::time::Micros;
use crate::domain::transactions::currency::Currency;
use crate::vault::{Ad, DataKey, Plain, SALT_BYTES, random};

/// What the hash of a number is of; no identifier has this name.
const PURPOSE: &str = "invoice/";
/// How many customers one statement names.
const CHUNK: usize = 500;

/// A row of `invoice`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = invoice, treat_none_as_null = true)]
pub(crate) struct InvoiceRow {
    #[diesel(skip_update)]
    entrypoint_id: i64,
    #[diesel(skip_update)]
    invoice_id: i64,
    customer_id: i64,
    version: i64,
    kind: i16,
    state: i16,
    currency: String,
    total_units: i64,
    paid_units: i64,
    day: Option<i64>,
    due_day: Option<i64>,
    issued_at_us: Option<i64>,
    number_digest: Option<Vec<u8>>,
    created_at_us: i64,
    updated_at_us: i64,
    sent_at_us: Option<i64>,
    key_id: i64,
    salt: Vec<u8>,
    document: Vec<u8>,
}

/// The sealed part of an invoice.
#[derive(Serialize, Deserialize)]
struct Document {
    content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issue: Option<Issue>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    payments: Vec<Payment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    credits: Vec<Credit>,
}

/// The hash by which an invoice is found by its number.
fn digest(key: &IndexKey, number: &str) -> Vec<u8> {
    key.key.identities().identity(PURPOSE, &[number]).to_vec()
}

impl InvoiceRow {
    /// A row of an invoice, sealed under a new salt.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the random generator fails.
    fn seal(entrypoint_id: i64, one: &Invoice, key: &IndexKey) -> Result<InvoiceRow, StoreError> {
        let issue = one.issue.as_ref();
        let mut row = InvoiceRow {
            entrypoint_id,
            invoice_id: one.id,
            customer_id: one.customer_id,
            version: one.version,
            kind: one.kind.number(),
            state: one.state().number(),
            currency: one.currency.code().to_owned(),
            total_units: one.content.sums.total.units(),
            paid_units: one.paid().units(),
            day: issue.map(|issue| number_of_day(issue.day)),
            due_day: issue.map(|issue| number_of_day(issue.due_day)),
            issued_at_us: issue.map(|issue| issue.at.0),
            number_digest: issue.map(|issue| digest(key, &issue.number)),
            created_at_us: one.created_at.0,
            updated_at_us: one.updated_at.0,
            sent_at_us: one.sent_at.map(|at| at.0),
            key_id: key.key.id,
            salt: random::<SALT_BYTES>()?.to_vec(),
            document: Vec::new(),
        };
        let document = Document {
            content: one.content.clone(),
            issue: one.issue.clone(),
            payments: one.payments.clone(),
            credits: one.credits.clone(),
        };
        let plain = Plain::from(serde_json::to_vec(&document)?);
        row.document = key.key.seal_key(&row.salt)?.seal(&row.ad(), &plain)?;
        Ok(row)
    }

    /// Binds the sealed part to its place and to the columns beside it.
    fn ad(&self) -> Ad {
        let optional = |value: Option<i64>| [i64::from(value.is_some()), value.unwrap_or(0)];
        let mut place = vec![
            self.entrypoint_id,
            self.invoice_id,
            self.customer_id,
            self.version,
            i64::from(self.kind),
            i64::from(self.state),
            self.total_units,
            self.paid_units,
            self.created_at_us,
            self.updated_at_us,
            self.key_id,
        ];
        for value in [self.day, self.due_day, self.issued_at_us, self.sent_at_us] {
            place.extend(optional(value));
        }
        let ad = Ad::new("invoice", &place).and(self.currency.as_bytes());
        ad.and(self.number_digest.as_deref().unwrap_or_default())
    }

    fn corrupt(&self) -> StoreError {
        StoreError::Corrupt(format!("invoice {} does not open", self.invoice_id))
    }

    /// Opens the row with its data key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open.
    fn open(&self, key: &DataKey) -> Result<Invoice, StoreError> {
        let plain = key.seal_key(&self.salt)?.open(&self.ad(), &self.document).map_err(|_| self.corrupt())?;
        let Document { content, issue, payments, credits } = serde_json::from_slice(&plain)?;
        let state = InvoiceState::from_repr(self.state).ok_or_else(|| self.corrupt())?;
        Ok(Invoice {
            id: self.invoice_id,
            version: self.version,
            customer_id: self.customer_id,
            kind: InvoiceKind::from_repr(self.kind).ok_or_else(|| self.corrupt())?,
            currency: Currency::parse(&self.currency).map_err(|_| self.corrupt())?,
            content,
            issue,
            is_cancelled: state == InvoiceState::Cancelled,
            payments,
            credits,
            created_at: Micros(self.created_at_us),
            updated_at: Micros(self.updated_at_us),
            sent_at: self.sent_at_us.map(Micros),
        })
    }
}

/// A row of `invoice_series`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = invoice_series, treat_none_as_null = true)]
struct SeriesRow {
    entrypoint_id: i64,
    kind: i16,
    year: i64,
    next_number: i64,
    last_day: Option<i64>,
}

/// An invoice of an entrypoint.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(crate) fn one(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    id: i64,
) -> Result<Option<Invoice>, StoreError> {
    let row: Option<InvoiceRow> = on!(conn, |c| invoice::table
        .find((entrypoint_id, id))
        .select(InvoiceRow::as_select())
        .first(c)
        .optional())?;
    let Some(row) = row else { return Ok(None) };
    let key = ring.data_key(conn, row.key_id)?;
    row.open(&key).map(Some)
}

/// The id of the invoice with a number.
///
/// # Errors
/// The database's.
pub(crate) fn find(
    conn: &mut Conn,
    entrypoint_id: i64,
    keys: &IndexKeys,
    number: &str,
) -> Result<Option<i64>, StoreError> {
    for key in keys.all() {
        let digest = digest(key, number);
        let found: Option<i64> = on!(conn, |c| invoice::table
            .filter(invoice::entrypoint_id.eq(entrypoint_id))
            .filter(invoice::number_digest.eq(&digest))
            .select(invoice::invoice_id)
            .first(c)
            .optional())?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Where a series of numbers stands.
///
/// # Errors
/// [`StoreError::Corrupt`] for a year or a day that is none; the database's.
pub(crate) fn series(conn: &mut Conn, entrypoint_id: i64, kind: InvoiceKind) -> Result<Series, StoreError> {
    let row: Option<SeriesRow> = on!(conn, |c| invoice_series::table
        .find((entrypoint_id, kind.number()))
        .select(SeriesRow::as_select())
        .first(c)
        .optional())?;
    let Some(row) = row else { return Ok(Series::default()) };
    let corrupt = || StoreError::Corrupt("a series of invoice numbers".into());
    let day = |number: i64| {
        let days = chrono::Days::new(u64::try_from(number).ok()?);
        chrono::NaiveDate::default().checked_add_days(days)
    };
    Ok(Series {
        year: i32::try_from(row.year).map_err(|_| corrupt())?,
        next: row.next_number,
        last_day: row.last_day.map(|number| day(number).ok_or_else(corrupt)).transpose()?,
    })
}

/// The invoices of a customer that are drafts or wait for money.
///
/// # Errors
/// The database's.
pub(crate) fn unsettled(
    conn: &mut Conn,
    entrypoint_id: i64,
    customer_id: i64,
) -> Result<Vec<i64>, StoreError> {
    let states =
        [InvoiceState::Draft, InvoiceState::Open, InvoiceState::PartlyPaid].map(InvoiceState::number);
    Ok(on!(conn, |c| invoice::table
        .filter(invoice::entrypoint_id.eq(entrypoint_id))
        .filter(invoice::customer_id.eq(customer_id))
        .filter(invoice::state.eq_any(states))
        .order(invoice::invoice_id)
        .select(invoice::invoice_id)
        .load(c))?)
}

/// When the last invoice of each of some customers was issued, where one was that is not taken back.
///
/// # Errors
/// The database's.
pub(crate) fn last_issued(
    conn: &mut Conn,
    entrypoint_id: i64,
    customers: &[i64],
) -> Result<Vec<(i64, Micros)>, StoreError> {
    let mut all = Vec::new();
    for chunk in customers.chunks(CHUNK) {
        let found: Vec<(i64, Option<i64>)> = on!(conn, |c| invoice::table
            .filter(invoice::entrypoint_id.eq(entrypoint_id))
            .filter(invoice::customer_id.eq_any(chunk))
            .filter(invoice::kind.eq(InvoiceKind::Invoice.number()))
            .filter(invoice::state.ne(InvoiceState::Cancelled.number()))
            .group_by(invoice::customer_id)
            .select((invoice::customer_id, diesel::dsl::max(invoice::issued_at_us)))
            .load(c))?;
        all.extend(found.into_iter().filter_map(|(id, at)| Some((id, Micros(at?)))));
    }
    Ok(all)
}

/// Saves the changes of a batch, under the entrypoint's lock.
///
/// # Errors
/// The database's; [`StoreError::Bug`] if an invoice to change is not there.
pub(crate) fn save(
    conn: &mut Conn,
    entrypoint_id: i64,
    key: &IndexKey,
    book: &InvoiceBook,
) -> Result<(), StoreError> {
    for (id, changed, is_new) in book.changed() {
        let there = invoice::table.find((entrypoint_id, id));
        let number = match changed {
            None => on!(conn, |c| diesel::delete(there).execute(c))?,
            Some(one) => {
                let row = InvoiceRow::seal(entrypoint_id, one, key)?;
                if is_new {
                    on!(conn, |c| diesel::insert_into(invoice::table).values(&row).execute(c))?
                } else {
                    on!(conn, |c| diesel::update(there).set(&row).execute(c))?
                }
            }
        };
        if number != 1 {
            return Err(StoreError::Bug(format!("invoice {id} vanished")));
        }
    }
    for (kind, series) in book.changed_series() {
        let row = SeriesRow {
            entrypoint_id,
            kind: kind.number(),
            year: i64::from(series.year),
            next_number: series.next,
            last_day: series.last_day.map(number_of_day),
        };
        on!(conn, |c| diesel::insert_into(invoice_series::table)
            .values(&row)
            .on_conflict((invoice_series::entrypoint_id, invoice_series::kind))
            .do_update()
            .set(&row)
            .execute(c))?;
    }
    Ok(())
}
