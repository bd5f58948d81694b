//! A document that is set on pages and not yet written.

use chrono::NaiveDate;

use super::sheet::Item;

/// What a part of a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The title.
    Title,
    /// A heading.
    Heading,
    /// Some lines of text.
    Paragraph,
    /// A table, whose first row names the columns.
    Table,
}

/// What the file says about itself.
pub(super) struct About {
    pub(super) title: String,
    pub(super) author: String,
    /// The code of the language.
    pub(super) language: &'static str,
    pub(super) date: NaiveDate,
}

/// A document that only has to be written.
pub(super) struct Composed {
    pub(super) pages: Vec<Vec<Item>>,
    pub(super) parts: Vec<Part>,
    pub(super) about: About,
}
