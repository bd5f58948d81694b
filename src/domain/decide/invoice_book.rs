//! What the decisions of a batch know of invoices, and what they change of them (rules 19).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::missing::Missing;
use crate::domain::entrypoints::numbering::Series;
use crate::domain::invoices::{Invoice, InvoiceKind};

/// The invoices of one entrypoint within one batch.
#[derive(Debug, Default)]
pub struct InvoiceBook {
    /// `None` if there is none.
    known: HashMap<i64, Option<Arc<Invoice>>>,
    /// Which invoice has a number; `None` if none has.
    numbers: HashMap<String, Option<i64>>,
    series: BTreeMap<InvoiceKind, Series>,
    /// Those of a customer that are drafts or wait for money, as stored.
    unsettled: HashMap<i64, Vec<i64>>,
    changed: BTreeSet<i64>,
    /// Those that were made by this batch.
    made: BTreeSet<i64>,
    series_changed: BTreeSet<InvoiceKind>,
}

impl InvoiceBook {
    // ---- loading -----------------------------------------------------------------------------

    /// Adds an invoice as stored; `None` if there is none with this id. What the batch changed stays.
    pub fn add(&mut self, id: i64, invoice: Option<Invoice>) {
        self.known.entry(id).or_insert_with(|| invoice.map(Arc::new));
    }

    /// Adds which invoice has a number, as stored.
    pub fn add_number(&mut self, number: String, id: Option<i64>) {
        self.numbers.entry(number).or_insert(id);
    }

    /// Adds where a series stands, as stored.
    pub fn add_series(&mut self, kind: InvoiceKind, series: Series) {
        self.series.entry(kind).or_insert(series);
    }

    /// Adds which invoices of a customer are drafts or wait for money, as stored.
    pub fn add_unsettled(&mut self, customer_id: i64, ids: Vec<i64>) {
        self.unsettled.entry(customer_id).or_insert(ids);
    }

    // ---- deciding ----------------------------------------------------------------------------

    /// An invoice.
    ///
    /// # Errors
    /// [`Missing::Invoice`] if it is not loaded.
    pub fn get(&self, id: i64) -> Result<Option<&Arc<Invoice>>, Missing> {
        self.known.get(&id).map(Option::as_ref).ok_or(Missing::Invoice(id))
    }

    /// The invoice with a number.
    ///
    /// # Errors
    /// [`Missing::InvoiceNumber`] or [`Missing::Invoice`] if it is not loaded.
    pub fn numbered(&self, number: &str) -> Result<Option<&Arc<Invoice>>, Missing> {
        let id = self.numbers.get(number).ok_or_else(|| Missing::InvoiceNumber(number.to_owned()))?;
        id.map_or(Ok(None), |id| self.get(id))
    }

    /// Where a series stands.
    ///
    /// # Errors
    /// [`Missing::InvoiceSeries`] if that is not loaded.
    pub fn series(&self, kind: InvoiceKind) -> Result<Series, Missing> {
        self.series.get(&kind).copied().ok_or(Missing::InvoiceSeries(kind))
    }

    /// The invoices of a customer that are drafts or wait for money.
    ///
    /// # Errors
    /// [`Missing::UnsettledInvoices`] or [`Missing::Invoice`] if they are not loaded.
    pub fn unsettled(&self, customer_id: i64) -> Result<Vec<Arc<Invoice>>, Missing> {
        let stored = self.unsettled.get(&customer_id).ok_or(Missing::UnsettledInvoices(customer_id))?;
        let mut ids: BTreeSet<i64> = stored.iter().copied().collect();
        ids.extend(&self.changed);
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.get(id)?.map(Arc::clone));
        }
        all.retain(|invoice| {
            invoice.customer_id == customer_id && (invoice.issue.is_none() || invoice.state().is_open())
        });
        Ok(all)
    }

    /// Puts a new or changed invoice in its place.
    pub fn put(&mut self, invoice: Invoice) {
        let id = invoice.id;
        let is_new = self.known.get(&id).is_none_or(Option::is_none);
        if is_new {
            self.made.insert(id);
        }
        if let Some(issue) = &invoice.issue {
            self.numbers.insert(issue.number.clone(), Some(id));
        }
        self.changed.insert(id);
        self.known.insert(id, Some(Arc::new(invoice)));
    }

    /// Takes a draft away.
    pub fn remove(&mut self, id: i64) {
        self.changed.insert(id);
        self.known.insert(id, None);
    }

    /// Moves a series on.
    pub fn put_series(&mut self, kind: InvoiceKind, series: Series) {
        self.series.insert(kind, series);
        self.series_changed.insert(kind);
    }

    // ---- saving ------------------------------------------------------------------------------

    /// The changed invoices by id, each with whether it is new; `None` for a draft that was taken away. One that was made and
    /// taken away in the same batch is not among them.
    pub fn changed(&self) -> impl Iterator<Item = (i64, Option<&Arc<Invoice>>, bool)> {
        let of = |id: &i64| (*id, self.known.get(id).and_then(Option::as_ref), self.made.contains(id));
        self.changed.iter().map(of).filter(|(_, invoice, is_new)| invoice.is_some() || !is_new)
    }

    /// The series that moved on.
    pub fn changed_series(&self) -> impl Iterator<Item = (InvoiceKind, Series)> {
        self.series_changed.iter().filter_map(|kind| Some((*kind, *self.series.get(kind)?)))
    }
}
