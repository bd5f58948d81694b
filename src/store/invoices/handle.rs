//! The interface to invoices: reads by id, lists, and their documents. `customers` writes them.

use std::sync::Arc;

use diesel::prelude::*;

use super::{InvoiceRow, documents, find, one};
use crate::clock;
use crate::domain::filter::ListOrder;
use crate::domain::invoices::filter::{InvoiceField, InvoiceFilter, number_of_day};
use crate::domain::invoices::{Invoice, InvoiceState, day_of};
use crate::store::Invoices;
use crate::store::customers::find::{Found, find_each};
use crate::store::customers::record_cache::RecordCache;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::ordered::ordered;
use crate::store::engine::schema::invoice;
use crate::store::entrypoints::lock_row::{lock_entrypoint, read_lock_row};
use crate::store::keys::keyring::KeyRing;

/// A page of a list of invoices.
#[derive(Debug, Clone)]
pub struct InvoiceRequest {
    /// The entrypoints; the token sees all of them.
    pub entrypoints: Vec<i64>,
    /// Which ones.
    pub filter: InvoiceFilter,
    /// Their order.
    pub order: ListOrder<InvoiceField>,
    /// Only those after this place: the value that they are sorted by, and the id.
    pub after: Option<(i64, i64)>,
    /// How many to skip.
    pub skip: i64,
    /// How many to read at most.
    pub limit: i64,
    /// Whether to count them, and to sum them up.
    pub counts: bool,
}

impl InvoiceRequest {
    /// The newest ones of a customer. They are not counted.
    pub fn newest_of(entrypoint_id: i64, customer_id: i64, limit: i64) -> InvoiceRequest {
        InvoiceRequest {
            entrypoints: vec![entrypoint_id],
            filter: InvoiceFilter { customers: Some([customer_id].into()), ..InvoiceFilter::default() },
            order: ListOrder::default(),
            after: None,
            skip: 0,
            limit,
            counts: false,
        }
    }

    /// The place of an invoice in the order.
    pub fn place(&self, invoice: &Invoice) -> (i64, i64) {
        (self.order.by.map_or(0, |field| field.of(invoice)), invoice.id)
    }
}

/// An invoice with its customer.
#[derive(Debug, Clone)]
pub struct FoundInvoice {
    /// The invoice.
    pub invoice: Arc<Invoice>,
    /// Its customer.
    pub found: Arc<Found>,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct InvoicePage {
    /// The invoices.
    pub records: Vec<FoundInvoice>,
    /// How many there are on all pages, if they were counted.
    pub total: Option<i64>,
    /// Whether there are more.
    pub has_more: bool,
}

/// The rows that a request asks for, in one entrypoint or several.
macro_rules! asked {
    ($request:expr, $id:expr) => {{
        let filter = &$request.filter;
        let mut rows =
            invoice::table.filter(invoice::entrypoint_id.eq_any(&$request.entrypoints)).into_boxed();
        if let Some(states) = &filter.states {
            rows = rows.filter(invoice::state.eq_any(states.iter().map(|state| state.number())));
        }
        if let Some(kind) = filter.kind {
            rows = rows.filter(invoice::kind.eq(kind.number()));
        }
        if let Some(is_overdue) = filter.is_overdue {
            let today = number_of_day(day_of(clock::now()));
            let open = [InvoiceState::Open, InvoiceState::PartlyPaid].map(InvoiceState::number);
            rows = if is_overdue {
                rows.filter(invoice::state.eq_any(open)).filter(invoice::due_day.lt(today))
            } else {
                rows.filter(
                    invoice::state.ne_all(open).or(invoice::due_day.ge(today)).or(invoice::due_day.is_null()),
                )
            };
        }
        if let Some(customers) = &filter.customers {
            rows = rows.filter(invoice::customer_id.eq_any(customers));
        }
        if let Some(id) = $id {
            rows = rows.filter(invoice::invoice_id.eq_any(id));
        }
        if let Some(from) = filter.day.from {
            rows = rows.filter(invoice::day.ge(from));
        }
        if let Some(before) = filter.day.before {
            rows = rows.filter(invoice::day.lt(before));
        }
        if let Some(from) = filter.due_day.from {
            rows = rows.filter(invoice::due_day.ge(from));
        }
        if let Some(before) = filter.due_day.before {
            rows = rows.filter(invoice::due_day.lt(before));
        }
        if let Some(from) = filter.created.from {
            rows = rows.filter(invoice::created_at_us.ge(from));
        }
        if let Some(before) = filter.created.before {
            rows = rows.filter(invoice::created_at_us.lt(before));
        }
        if let Some(from) = filter.total.from {
            rows = rows.filter(invoice::total_units.ge(from));
        }
        if let Some(before) = filter.total.before {
            rows = rows.filter(invoice::total_units.lt(before));
        }
        rows
    }};
}

/// The rows of a page in the order of the request.
macro_rules! sorted {
    ($rows:expr, $request:expr) => {
        ordered!($rows, $request, id: invoice::invoice_id, key: $request.order.by.map(column), after: $request.after)
    };
}

/// What [`InvoiceField::of`] is in SQL.
const fn column(field: InvoiceField) -> &'static str {
    match field {
        InvoiceField::InvoiceDate => "coalesce(day, 9223372036854775807)",
        InvoiceField::DueDate => "coalesce(due_day, 9223372036854775807)",
        InvoiceField::CreatedAt => "invoice.created_at_us",
        InvoiceField::TotalAmount => "invoice.total_units",
    }
}

fn page(conn: &mut Conn, ring: &KeyRing, request: &InvoiceRequest) -> Result<InvoicePage, StoreError> {
    let numbered: Option<Vec<i64>> = match &request.filter.number {
        None => None,
        Some(number) => {
            let mut ids = Vec::new();
            for place in &request.entrypoints {
                let Some(lock_row) = read_lock_row(conn, *place)? else { continue };
                let keys = lock_row.keys(conn, ring)?;
                ids.extend(find(conn, *place, &keys, number)?);
            }
            Some(ids)
        }
    };
    let mut rows: Vec<InvoiceRow> =
        on!(conn, |c| sorted!(asked!(request, &numbered), request).select(InvoiceRow::as_select()).load(c))?;
    let total = if request.counts {
        Some(on!(conn, |c| asked!(request, &numbered).count().get_result(c))?)
    } else {
        None
    };
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok(InvoicePage { records: with_customers(conn, ring, &rows)?, total, has_more })
}

/// The newest invoices of a customer, and how many there are.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(crate) fn of_customer(
    conn: &mut Conn,
    ring: &KeyRing,
    found: &Found,
    limit: i64,
) -> Result<(Vec<FoundInvoice>, i64), StoreError> {
    let request = InvoiceRequest::newest_of(found.entrypoint.id, found.record.stored.id, limit);
    let numbered = None::<Vec<i64>>;
    let total: i64 = on!(conn, |c| asked!(request, &numbered).count().get_result(c))?;
    if total == 0 {
        return Ok((Vec::new(), 0));
    }
    let rows: Vec<InvoiceRow> = on!(conn, |c| sorted!(asked!(request, &numbered), request)
        .limit(limit)
        .select(InvoiceRow::as_select())
        .load(c))?;
    let found = Arc::new(found.clone());
    let open = |row: &InvoiceRow| {
        let invoice = row.open(&*ring.data_key(conn, row.key_id)?)?;
        Ok(FoundInvoice { invoice: Arc::new(invoice), found: Arc::clone(&found) })
    };
    Ok((rows.iter().map(open).collect::<Result<_, StoreError>>()?, total))
}

fn with_customers(
    conn: &mut Conn,
    ring: &KeyRing,
    rows: &[InvoiceRow],
) -> Result<Vec<FoundInvoice>, StoreError> {
    let mut records = Vec::with_capacity(rows.len());
    if rows.is_empty() {
        return Ok(records);
    }
    let places: Vec<(i64, i64)> = rows.iter().map(|row| (row.entrypoint_id, row.customer_id)).collect();
    let customers = find_each(conn, ring, &RecordCache::none(), &places)?;
    for (row, customer) in rows.iter().zip(customers) {
        let key = ring.data_key(conn, row.key_id)?;
        let Some(found) = customer? else { continue };
        records.push(FoundInvoice { invoice: Arc::new(row.open(&key)?), found: Arc::new(found) });
    }
    Ok(records)
}

impl Invoices<'_> {
    /// An invoice of an entrypoint, with its customer.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn find(self, entrypoint_id: i64, id: i64) -> Result<Option<FoundInvoice>, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let row: Option<InvoiceRow> = on!(conn, |c| invoice::table
                    .find((entrypoint_id, id))
                    .select(InvoiceRow::as_select())
                    .first(c)
                    .optional())?;
                let rows: Vec<InvoiceRow> = row.into_iter().collect();
                Ok(with_customers(conn, ring, &rows)?.pop())
            })
            .await
    }

    /// The number that the next invoice of an entrypoint gets if it is issued today. It reserves nothing.
    ///
    /// # Errors
    /// Database errors.
    pub async fn next_number(self, entrypoint_id: i64) -> Result<Option<String>, StoreError> {
        use crate::domain::invoices::InvoiceKind;
        self.0
            .look_up(move |conn, ring| {
                let Some(lock_row) = read_lock_row(conn, entrypoint_id)? else { return Ok(None) };
                let entrypoint = ring.directory.at(conn, entrypoint_id, lock_row.settings_version)?;
                let series = super::series(conn, entrypoint_id, InvoiceKind::Invoice)?;
                let invoicing = &entrypoint.invoicing;
                let today = day_of(clock::now()).max(series.last_day.unwrap_or_default());
                let pattern = InvoiceKind::Invoice.pattern(invoicing);
                Ok(Some(series.take(&pattern, invoicing.restart, today).number))
            })
            .await
    }

    /// A page of a list, read from one state of the database.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn page(self, request: InvoiceRequest) -> Result<InvoicePage, StoreError> {
        self.0.read(move |conn, ring| page(conn, ring, &request)).await
    }

    /// The document of an issued invoice, if it is made.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn document(self, entrypoint_id: i64, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.look_up(move |conn, ring| documents::of(conn, ring, (entrypoint_id, id))).await
    }

    /// Keeps the document of an issued invoice unless one is kept, and returns the one that is.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn keep_document(
        self,
        entrypoint_id: i64,
        id: i64,
        pdf: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.0
            .administer(move |conn, ring| {
                let lock_row = lock_entrypoint(conn, entrypoint_id)?;
                let issued = one(conn, ring, entrypoint_id, id)?.filter(|invoice| invoice.issue.is_some());
                if issued.is_none() {
                    return Ok(None);
                }
                let keys = lock_row.keys(conn, ring)?;
                documents::keep(conn, (entrypoint_id, id), pdf, &keys.new.key)?;
                documents::of(conn, ring, (entrypoint_id, id))
            })
            .await
    }
}
