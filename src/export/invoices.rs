//! Invoices as a file: a table of them, or an archive of their PDFs. An export reads and writes them page by page, the newest
//! first.

use std::io::{self, Write as _};
use std::sync::Arc;

use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::outlet::Outlet;
use super::{Sheet, begin, dated_name, others_turn, unwritten};
use crate::documents;
use crate::domain::exports::invoices::{HEADINGS, InvoiceSight, cells};
use crate::domain::exports::{Format, XLSX_ROWS_MAX};
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::kernel::time::Micros;
use crate::store::{FoundInvoice, InvoiceRequest, Store, StoreError};

/// How many invoices to read at once.
const SLICE: i64 = 200;
/// How many documents to read at once: each is much larger than a row.
const DOCUMENTS: i64 = 20;

/// The kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceFormat {
    /// A table.
    Table(Format),
    /// An archive of PDFs.
    Zip,
}

impl InvoiceFormat {
    /// Reads the name of a format.
    ///
    /// # Errors
    /// Lists the names.
    pub fn parse(text: &str) -> Result<InvoiceFormat, String> {
        if text == "zip" {
            return Ok(InvoiceFormat::Zip);
        }
        text.parse().map(InvoiceFormat::Table).map_err(|_| "must be csv, xlsx or zip".to_owned())
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            InvoiceFormat::Table(format) => format.media_type(),
            InvoiceFormat::Zip => "application/zip",
        }
    }

    /// The name of a file of this kind, such as `invoices-demo-2026-03-01.csv`.
    pub fn file_name(self, place: &str, now: Micros) -> String {
        let ending = match self {
            InvoiceFormat::Table(format) => format.name(),
            InvoiceFormat::Zip => "zip",
        };
        dated_name("invoices", place, now, ending)
    }
}

/// An archive of documents.
#[derive(Debug)]
struct Archive {
    zip: ZipWriter<StreamWriter<Outlet>>,
    outlet: Outlet,
}

impl Archive {
    fn begin() -> Archive {
        let outlet = Outlet::default();
        Archive { zip: ZipWriter::new_stream(outlet.clone()), outlet }
    }

    /// Adds a document. PDFs are compressed by themselves.
    fn add(&mut self, name: &str, pdf: &[u8]) -> io::Result<()> {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.zip.start_file(name, options)?;
        self.zip.write_all(pdf)
    }
}

#[derive(Debug)]
enum File {
    Table(Box<dyn Sheet>),
    Archive(Box<Archive>),
}

/// An export in progress.
#[derive(Debug)]
pub struct InvoiceExport {
    store: Arc<Store>,
    request: InvoiceRequest,
    sight: InvoiceSight,
    is_over: bool,
    /// `None` after the end of the file.
    file: Option<File>,
}

impl InvoiceExport {
    /// Writes no byte of the file yet.
    ///
    /// # Errors
    /// The database fails; [`Rejection::Invalid`] if the format cannot hold so many invoices.
    pub async fn begin(
        store: Arc<Store>,
        request: InvoiceRequest,
        format: InvoiceFormat,
        sight: InvoiceSight,
    ) -> Result<InvoiceExport, StoreError> {
        let file = match format {
            InvoiceFormat::Zip => File::Archive(Box::new(Archive::begin())),
            InvoiceFormat::Table(format) => {
                if format == Format::Xlsx {
                    let counted = InvoiceRequest { limit: 0, counts: true, ..request.clone() };
                    let total = store.invoices().page(counted).await?.total.unwrap_or(0);
                    if usize::try_from(total).is_ok_and(|total| total > XLSX_ROWS_MAX) {
                        let why = format!(
                            "xlsx holds at most {XLSX_ROWS_MAX} invoices, and these are {total}; take csv or filters"
                        );
                        let problem = Problem::parameter("format", "too_many_rows", why);
                        return Err(Rejection::Invalid(vec![problem]).into());
                    }
                }
                File::Table(begin(format, "invoices", HEADINGS.into_iter()).map_err(unwritten)?)
            }
        };
        let limit = if matches!(file, File::Archive(_)) { DOCUMENTS } else { SLICE };
        let request = InvoiceRequest { limit, counts: false, ..request };
        Ok(InvoiceExport { store, request, sight, is_over: false, file: Some(file) })
    }

    /// The next bytes of the file, at least one; `None` after its end.
    ///
    /// # Errors
    /// The database fails, or [`StoreError::Corrupt`]. The bytes so far are then an incomplete file.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        while let Some(file) = &mut self.file {
            if self.is_over {
                let bytes = match self.file.take() {
                    None => Vec::new(),
                    Some(File::Table(sheet)) => sheet.end().map_err(unwritten)?,
                    Some(File::Archive(archive)) => {
                        let Archive { zip, outlet } = *archive;
                        zip.finish().map_err(|error| unwritten(error.into()))?;
                        outlet.take()
                    }
                };
                return Ok((!bytes.is_empty()).then_some(bytes));
            }
            let page = self.store.invoices().page(self.request.clone()).await?;
            for one in &page.records {
                match file {
                    File::Table(sheet) => {
                        let mut row =
                            cells(&one.invoice, &one.found.record.stored, &one.found.entrypoint, self.sight)
                                .into_iter();
                        sheet.row(&mut row).map_err(unwritten)?;
                    }
                    File::Archive(archive) => add(&self.store, archive, one, self.sight).await?,
                }
            }
            others_turn().await;
            self.request.after = page.records.last().map(|one| self.request.place(&one.invoice));
            self.is_over = !page.has_more;
            let bytes = match file {
                File::Table(sheet) => sheet.written().map_err(unwritten)?,
                File::Archive(archive) => archive.outlet.take(),
            };
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

/// Adds the document of an invoice; one of an erased person is left out unless the reader sees such.
async fn add(
    store: &Store,
    archive: &mut Archive,
    one: &FoundInvoice,
    sight: InvoiceSight,
) -> Result<(), StoreError> {
    if one.found.record.stored.erased && !sight.sees_erased {
        return Ok(());
    }
    let entrypoint = &one.found.entrypoint;
    let Some(pdf) = documents::of_invoice(store, entrypoint.id, &one.invoice).await? else { return Ok(()) };
    // Another entrypoint may have a document with the same number.
    let name = format!("{}/{}", entrypoint.entry, documents::file_name(one.invoice.number()));
    archive.add(&name, &pdf).map_err(unwritten)
}
