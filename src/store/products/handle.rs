//! The interface to products: reads by id and lists. `customers` writes them as commands.

use diesel::prelude::*;

use super::{ProductRow, one};
use crate::domain::products::{Product, ProductId};
use crate::store::Products;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::product;
use crate::store::keys::keyring::KeyRing;

/// A page of a list of products, which begins with the newest.
#[derive(Debug, Clone)]
pub struct ProductRequest {
    /// Their entrypoint.
    pub entrypoint_id: i64,
    /// Only those that are on sale, or only the others.
    pub active: Option<bool>,
    /// Only what comes after the one with this id.
    pub before: Option<ProductId>,
    /// How many to skip.
    pub skip: i64,
    /// How many to read at most.
    pub limit: i64,
}

/// A page of products, the newest first.
#[derive(Debug, Clone)]
pub struct ProductPage {
    /// The products.
    pub records: Vec<Product>,
    /// How many there are on all pages.
    pub total: i64,
    /// Whether there are more.
    pub has_more: bool,
}

/// The rows that a request asks for.
macro_rules! asked {
    ($request:expr) => {{
        let mut rows = product::table.filter(product::entrypoint_id.eq($request.entrypoint_id)).into_boxed();
        if let Some(active) = $request.active {
            rows = rows.filter(product::active.eq(active));
        }
        rows
    }};
}

fn page(conn: &mut Conn, ring: &KeyRing, request: &ProductRequest) -> Result<ProductPage, StoreError> {
    let mut rows: Vec<ProductRow> = on!(conn, |c| {
        let mut rows = asked!(request);
        if let Some(before) = request.before {
            rows = rows.filter(product::product_id.lt(before.0.to_vec()));
        }
        rows.order(product::product_id.desc())
            .offset(request.skip)
            .limit(request.limit.saturating_add(1))
            .select(ProductRow::as_select())
            .load(c)
    })?;
    let total = on!(conn, |c| asked!(request).count().get_result(c))?;
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let records = rows.iter().map(|row| row.open(conn, ring)).collect::<Result<_, _>>()?;
    Ok(ProductPage { records, total, has_more })
}

impl Products<'_> {
    /// A product by its id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    pub async fn find(self, entrypoint_id: i64, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.0.look_up(move |conn, ring| one(conn, ring, entrypoint_id, id)).await
    }

    /// A page of products, read from one state of the database.
    ///
    /// # Errors
    /// As [`Products::find`].
    pub async fn page(self, request: ProductRequest) -> Result<ProductPage, StoreError> {
        self.0.read(move |conn, ring| page(conn, ring, &request)).await
    }
}
