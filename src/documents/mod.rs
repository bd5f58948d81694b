//! Invoices and credit notes as PDF files.
//!
//! [`render`] turns an [`Invoice`] into the bytes of a file. It reads no clock and no random numbers: the same invoice always
//! gives the same bytes. All fonts are in the program.
//!
//! The way of a text: `clean` takes out what is not printed, `fonts` and `shaping` find the glyphs, `paragraph` breaks it into
//! lines, `sheet` puts the lines on pages, and `drawing` writes the pages. `compose` and `table` know what an invoice looks like.

mod clean;
mod compose;
mod composed;
mod drawing;
mod fonts;
mod invoice;
mod paragraph;
mod print;
mod shaping;
mod sheet;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use self::invoice::{Buyer, Color, Currency, Invoice, Kind, Line, PaymentState, Seller, TaxSum};
pub use self::print::{enclosed, file_name, of_invoice};

/// The most lines of an invoice.
pub const LINES_MAX: usize = 5_000;
/// The most bytes of all texts of an invoice together.
pub const TEXT_BYTES_MAX: usize = 4_000_000;

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The invoice has more than [`LINES_MAX`] lines or rates of tax, more than [`TEXT_BYTES_MAX`] bytes of text, or would have
    /// more than 2000 pages.
    #[error("the document is too long")]
    TooLong,
    /// A font of the program cannot be read.
    #[error("a font cannot be read")]
    Font,
    /// The file cannot be written. The text is for the log.
    #[error("the file cannot be written: {0}")]
    File(String),
}

/// Makes the PDF file of an invoice or a credit note.
///
/// # Errors
/// The invoice is too long. The other errors are faults of the program.
pub fn render(document: &Invoice) -> Result<Vec<u8>, Error> {
    let lists = [document.lines.len(), document.taxes.len()];
    if lists.into_iter().any(|length| length > LINES_MAX) || text_bytes(document) > TEXT_BYTES_MAX {
        return Err(Error::TooLong);
    }
    drawing::write(&compose::compose(document)?)
}

/// How long all texts of an invoice are together.
fn text_bytes(document: &Invoice) -> usize {
    let (seller, buyer) = (&document.seller, &document.buyer);
    let texts = [
        &document.number,
        &document.currency.code,
        &document.store,
        &seller.name,
        &buyer.name,
        &document.notes,
        &document.footer,
    ];
    let options = [
        &document.corrects,
        &document.purchase_order,
        &seller.vat_number,
        &seller.email,
        &buyer.company,
        &buyer.vat_number,
        &buyer.email,
    ];
    let descriptions = document.lines.iter().map(|line| &line.description);
    let all = texts.into_iter().chain(options.into_iter().flatten()).chain(descriptions);
    // Each line of an address counts, even an empty one.
    let addresses = seller.address.iter().chain(&buyer.address).map(|line| line.len() + 1);
    all.map(String::len).chain(addresses).sum()
}
