//! A small catalogue (rules 18): what a shop sells, at which price. Lines of orders copy from it.

pub mod draft;

use serde::{Deserialize, Serialize};

use super::kernel::money::Money;
use super::kernel::percent::Percent;
use super::kernel::time::Micros;
use super::transactions::currency::Currency;
use super::transactions::id::TransId;

/// The id of a product, in the form of a transaction's.
pub type ProductId = TransId;

/// The most products of an entrypoint (rules 18).
pub const PRODUCTS_MAX: i64 = 10_000;
/// The most options of a product (rules 18).
pub const OPTIONS_MAX: usize = 10;
/// The most values of an option (rules 18).
pub const OPTION_VALUES_MAX: usize = 50;

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// 1 at first; every change that has an effect adds one.
    pub version: i64,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// What one costs, before tax.
    pub unit_price: Money,
    /// The currency of the price.
    pub currency: Currency,
    /// The tax on it; `None` where the shop does not say.
    pub tax_rate: Option<Percent>,
    /// In which forms it comes, such as sizes.
    pub options: Vec<ProductOption>,
    /// Whether it is on sale.
    pub active: bool,
    /// When it was made.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

/// What a customer chooses of a product, such as a size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProductOption {
    /// What is chosen.
    #[schema(max_length = 100)]
    pub name: String,
    /// The values to choose from, at least one and at most 50, each once.
    pub values: Vec<String>,
}
