//! What the decisions of a batch know of products, and what they change of them (rules 18).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::missing::Missing;
use crate::domain::products::{Product, ProductId};

/// A change of a product to save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductEffect {
    /// The product as it is now; a new one too.
    Kept(Product),
    /// No product with this id.
    Removed(ProductId),
}

/// The products of one entrypoint within one batch.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// `None` if there is none.
    products: HashMap<ProductId, Option<Arc<Product>>>,
    count: Option<i64>,
    changed: BTreeSet<ProductId>,
}

impl Catalogue {
    /// Adds the product with an id, as stored. What the batch changed stays.
    pub fn add(&mut self, id: ProductId, product: Option<Product>) {
        self.products.entry(id).or_insert_with(|| product.map(Arc::new));
    }

    /// Adds how many products are stored. Changes of this batch may not be counted.
    pub fn add_count(&mut self, stored: i64) {
        self.count.get_or_insert(stored);
    }

    /// The product with an id.
    ///
    /// # Errors
    /// [`Missing::Product`] if that is not loaded.
    pub fn get(&self, id: ProductId) -> Result<Option<&Arc<Product>>, Missing> {
        self.products.get(&id).map(Option::as_ref).ok_or(Missing::Product(id))
    }

    /// How many products there are.
    ///
    /// # Errors
    /// [`Missing::ProductCount`] if that is not loaded.
    pub fn count(&self) -> Result<i64, Missing> {
        self.count.ok_or(Missing::ProductCount)
    }

    /// Applies a change, so that later decisions of the batch see it.
    pub(super) fn take(&mut self, effect: ProductEffect) {
        let (id, after) = match effect {
            ProductEffect::Kept(product) => (product.id, Some(Arc::new(product))),
            ProductEffect::Removed(id) => (id, None),
        };
        let is_there = after.is_some();
        let was_there = self.products.insert(id, after).flatten().is_some();
        if let Some(count) = &mut self.count {
            *count += i64::from(is_there) - i64::from(was_there);
        }
        self.changed.insert(id);
    }

    /// The products that changed; `None` for those that are deleted.
    pub fn changed(&self) -> impl Iterator<Item = (ProductId, Option<&Arc<Product>>)> {
        self.changed.iter().map(|id| (*id, self.products.get(id).and_then(Option::as_ref)))
    }
}
