//! Customers as a file, for HTTP and the command line. An export fixes its customers and their order at the start, then
//! reads and writes them slice by slice and holds no transaction between slices. Memory holds the ids and one slice.
//! Nothing here writes to disk.

mod csv;
mod invoices;
mod outlet;
mod payments;
mod xlsx;

use std::collections::HashMap;
use std::fmt::Debug;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::vec::IntoIter;

use self::csv::CsvSheet;
pub use self::invoices::{InvoiceExport, InvoiceFormat};
pub use self::payments::{PaymentExport, PaymentOrder};
use self::xlsx::XlsxSheet;
use crate::domain::exports::{Cell, CellKind, Column, ExportColumn, Format};
use crate::domain::filter::{Standing, StandingField};
use crate::domain::kernel::money::Money;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::Micros;
use crate::domain::methods;
use crate::store::{ListRequest, Store, StoreError};

/// How many customers to read at once.
const SLICE: usize = 500;

/// How many rows to write before other work of the thread gets its turn.
const ROWS_AT_ONCE: usize = 50;

/// What to export.
#[derive(Debug)]
pub struct Order {
    /// The list of customers to export.
    pub request: ListRequest,
    /// The file format.
    pub format: Format,
    /// The parameter that chose the format, for error messages.
    pub parameter: &'static str,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// The time, on which statuses of stored methods depend.
    pub now: Micros,
}

/// An export in progress.
#[derive(Debug)]
pub struct Export {
    store: Arc<Store>,
    request: ListRequest,
    columns: Vec<Column>,
    ids: IntoIter<(i64, i64)>,
    written: usize,
    /// When it began.
    now: Micros,
    /// `None` after the end of the file.
    sheet: Option<Box<dyn Sheet>>,
}

impl Export {
    /// Finds the customers. Writes no byte of the file yet.
    ///
    /// # Errors
    /// The database fails; [`Rejection::Invalid`] if the format cannot hold so many customers.
    pub async fn begin(store: Arc<Store>, order: Order) -> Result<Export, StoreError> {
        let Order { request, format, parameter, columns, now } = order;
        let ids = store.customers().id_page(request.clone()).await?.ids;
        format.check_rows(ids.len()).map_err(|why| {
            let problem = Problem::parameter(parameter, "too_many_rows", why);
            StoreError::Rejected(Rejection::Invalid(vec![problem]))
        })?;
        let headings = columns.iter().map(|column| column.heading.as_str());
        let sheet = begin(format, "customers", headings).map_err(unwritten)?;
        let ids = ids.into_iter();
        Ok(Export { store, request, columns, ids, written: 0, now, sheet: Some(sheet) })
    }

    /// How many customers the export has yet to read.
    pub fn remaining(&self) -> usize {
        self.ids.len()
    }

    /// How many customers the file holds so far.
    pub fn written(&self) -> usize {
        self.written
    }

    /// The next bytes of the file, at least one; `None` after its end. Skips customers who no longer match the list.
    ///
    /// # Errors
    /// The database fails, or [`StoreError::Corrupt`]. The bytes so far are then an incomplete file.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        while let Some(sheet) = &mut self.sheet {
            let slice: Vec<(i64, i64)> = self.ids.by_ref().take(SLICE).collect();
            let is_end = slice.is_empty();
            let shows_comments = self.columns.iter().any(|column| column.source == ExportColumn::Comment);
            let comments = if shows_comments {
                self.store.comments().first_of(slice.clone()).await?
            } else {
                HashMap::new()
            };
            let shows_totals = self.columns.iter().any(|column| column.source.standing().is_some());
            let standings = if shows_totals || self.request.filter.needs_standing() {
                self.store.customers().standings(slice.clone()).await?
            } else {
                HashMap::new()
            };
            for (record, entrypoint) in self.store.customers().records(slice).await? {
                let stored = &record.stored;
                let standing = standings.get(&stored.id).copied().unwrap_or_default();
                let is_listed = self.request.filter.matches(stored, &entrypoint)
                    && self.request.filter.holds_for(standing)
                    && self.request.search.matches(&stored.customer, self.request.masked);
                if is_listed {
                    let masked = self.request.masked;
                    let comment = comments.get(&(entrypoint.id, stored.id)).map(String::as_str);
                    let mut cells = self.columns.iter().map(|column| match &column.source {
                        ExportColumn::Comment => comment_cell(comment),
                        ExportColumn::PaymentMethodStatus => {
                            let status = methods::status_of(&stored.customer.methods, self.now);
                            Cell { kind: CellKind::Text, text: methods::status_word(status).into() }
                        }
                        source => match source.standing() {
                            Some(field) => standing_cell(standing, field),
                            None => source.cell(stored, &entrypoint, masked),
                        },
                    });
                    sheet.row(&mut cells).map_err(unwritten)?;
                    self.written += 1;
                    if self.written.is_multiple_of(ROWS_AT_ONCE) {
                        others_turn().await;
                    }
                }
            }
            let bytes = if is_end {
                self.sheet.take().map(Sheet::end).transpose().map_err(unwritten)?.unwrap_or_default()
            } else {
                sheet.written().map_err(unwritten)?
            };
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

/// What a column of comments shows. Only those who may read comments ask for it.
fn comment_cell(comment: Option<&str>) -> Cell<'_> {
    Cell { kind: CellKind::Text, text: comment.unwrap_or_default().into() }
}

/// What a column of totals shows.
fn standing_cell(standing: Standing, field: StandingField) -> Cell<'static> {
    let number = standing.number(field);
    let (kind, text) = match field {
        StandingField::Count => (CellKind::Number, number.map(|number| number.to_string())),
        StandingField::Spent => {
            (CellKind::Number, number.and_then(Money::from_units).map(|money| money.to_string()))
        }
        StandingField::Last => (CellKind::Text, number.map(|at| Micros(at).to_rfc3339())),
    };
    Cell { kind, text: text.unwrap_or_default().into() }
}

/// Lets other work of the thread have its turn.
async fn others_turn() {
    let mut had_turn = false;
    poll_fn(|context| {
        if std::mem::replace(&mut had_turn, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A write to memory fails only through a defect or when a sheet exceeds the limits of its format.
#[expect(clippy::needless_pass_by_value, reason = "what map_err gives")]
fn unwritten(error: io::Error) -> StoreError {
    StoreError::Bug(format!("cannot write an export: {error}"))
}

/// The file name, such as `customers-demo-2026-03-01.csv`.
pub fn file_name(place: &str, now: Micros, format: Format) -> String {
    dated("customers", place, now, format)
}

/// The file name of an export of transactions, such as `transactions-demo-2026-03-01.csv`.
pub fn payment_file_name(place: &str, now: Micros, format: Format) -> String {
    dated("transactions", place, now, format)
}

fn dated(what: &str, place: &str, now: Micros, format: Format) -> String {
    dated_name(what, place, now, format.name())
}

fn dated_name(what: &str, place: &str, now: Micros, ending: &str) -> String {
    format!("{what}-{place}-{}.{ending}", now.day())
}

/// A file that is being written. The caller takes its bytes as they come.
trait Sheet: Debug + Send {
    fn row(&mut self, cells: &mut dyn Iterator<Item = Cell<'_>>) -> io::Result<()>;

    /// The bytes since the last call. A compressing format may hold some back.
    fn written(&mut self) -> io::Result<Vec<u8>>;

    /// The last bytes.
    fn end(self: Box<Self>) -> io::Result<Vec<u8>>;
}

fn begin<'a>(
    format: Format,
    name: &str,
    headings: impl Iterator<Item = &'a str>,
) -> io::Result<Box<dyn Sheet>> {
    Ok(match format {
        Format::Csv => Box::new(CsvSheet::begin(headings)?),
        Format::Xlsx => Box::new(XlsxSheet::begin(name, headings)?),
    })
}
