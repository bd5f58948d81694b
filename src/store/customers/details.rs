//! A customer and what hangs on it, read from one state of the database.

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Nullable};

use super::find::{Found, checked, find_each};
use super::record_cache::RecordCache;
use super::rows::{Versioned, VersionedColumns};
use crate::domain::requests::{Request, RequestKind};
use crate::store::comments::{self, CommentColumns, CommentPage, CommentRow, comment_columns};
use crate::store::coupons::{self, CustomerCoupons, Slice};
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask;
use crate::store::invoices::{self, FoundInvoice};
use crate::store::keys::keyring::KeyRing;
use crate::store::orders::{self, FoundOrder};
use crate::store::requests;
use crate::store::transactions::summary::{self, CustomerMoney};

/// A customer with the number of its comments, the version of their book, and one of the comments.
type Row = (Versioned, Option<(i64, i64)>, Option<CommentRow>);
type Columns = (VersionedColumns, Nullable<(BigInt, BigInt)>, Nullable<CommentColumns>);

ask! {
    /// A customer with the first comments of its list: one row for each comment, at least one.
    fn with_comments<'a> of PgConnection(
        concat!(
            "SELECT ", customer_columns!(), ", ", newest_version!(), ", ", settings_version!(), ", ", transactions!(),
            ", b.comments, b.version, ", comment_columns!(),
            " FROM customer c LEFT JOIN comment_book b ON b.entrypoint_id = c.entrypoint_id AND b.customer_id = c.customer_id \
             LEFT JOIN LATERAL (SELECT * FROM comment WHERE comment.entrypoint_id = c.entrypoint_id \
             AND comment.customer_id = c.customer_id AND b.comments > 0 \
             ORDER BY comment.pinned DESC, comment.comment_id DESC LIMIT "
        ), limit: i64 as BigInt,
        ") m ON TRUE WHERE c.customer_id = ", id: i64 as BigInt,
        " AND c.entrypoint_id = ", entrypoint_id: i64 as BigInt;
        " ORDER BY m.pinned DESC, m.comment_id DESC"
    ) -> Row as Columns
}

/// What hangs on a customer besides its record.
#[derive(Debug, Clone)]
pub struct Details {
    /// The first comments of its list.
    pub comments: CommentPage,
    /// What it paid; `None` without transactions.
    pub money: Option<CustomerMoney>,
    /// What the shop sells it; `None` if the reader does not see money.
    pub shop: Option<Shop>,
}

/// What a shop sells to a customer.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The first coupons of its list.
    pub coupons: CustomerCoupons,
    /// The newest invoices, and how many there are.
    pub invoices: (Vec<FoundInvoice>, i64),
    /// The newest orders, and how many there are.
    pub orders: (Vec<FoundOrder>, i64),
    /// The newest payment requests, and how many there are.
    pub requests: (Vec<Request>, i64),
    /// The newest links for payment methods, and how many there are.
    pub links: (Vec<Request>, i64),
}

/// A customer of an entrypoint with the first entries of each list, and what it paid; without what the shop sells it unless
/// `sees_money`. PostgreSQL reads the record and the comments in one statement, and nothing in a transaction.
///
/// # Errors
/// Database errors; [`StoreError::Corrupt`] if somebody tampered with the record or with a comment.
pub(crate) fn details(
    conn: &mut Conn,
    ring: &KeyRing,
    record_cache: &RecordCache,
    entrypoint_id: i64,
    id: i64,
    (limit, sees_money): (i64, bool),
) -> Result<Option<(Found, Details)>, StoreError> {
    let Conn::Postgres(c) = conn else {
        let found = find_each(conn, ring, record_cache, &[(entrypoint_id, id)])?.pop();
        let Some(found) = found.transpose()?.flatten() else { return Ok(None) };
        let money = money_of(conn, ring, &found)?;
        let shop = sees_money.then(|| shop_of(conn, ring, &found, limit)).transpose()?;
        let comments = comments::page(conn, ring, entrypoint_id, id, 0, limit)?;
        return Ok(Some((found, Details { comments, money, shop })));
    };
    let rows: Vec<Row> = with_comments(c, limit, id, entrypoint_id)?;
    let Some((customer, book, _)) = rows.first() else { return Ok(None) };
    let entrypoint = checked(conn, ring, customer)?;
    let record = record_cache.open(conn, ring, &customer.0)?;
    let (total, version) = book.unwrap_or_default();
    let mut page = CommentPage { comments: Vec::with_capacity(rows.len()), total, version };
    if let Some(salt) = &customer.0.salt {
        for comment in rows.iter().filter_map(|(_, _, comment)| comment.as_ref()) {
            page.comments.push(comment.open(conn, ring, salt)?);
        }
    }
    let found = Found { record, entrypoint, has_money: customer.3.is_some() };
    let money = money_of(conn, ring, &found)?;
    let shop = sees_money.then(|| shop_of(conn, ring, &found, limit)).transpose()?;
    Ok(Some((found, Details { comments: page, money, shop })))
}

fn shop_of(conn: &mut Conn, ring: &KeyRing, found: &Found, limit: i64) -> Result<Shop, StoreError> {
    let first = Slice { before: None, skip: 0, limit };
    let place = (found.entrypoint.id, found.record.stored.id);
    Ok(Shop {
        coupons: coupons::of_customer(conn, ring, place, first)?,
        invoices: invoices::of_customer(conn, ring, found, limit)?,
        orders: orders::of_customer(conn, ring, found, limit)?,
        requests: requests::of_customer(conn, ring, found, RequestKind::Payment, limit)?,
        links: requests::of_customer(conn, ring, found, RequestKind::Method, limit)?,
    })
}

/// The totals and the last transactions of a customer; `None` without any.
///
/// # Errors
/// As [`details`].
pub(crate) fn money_of(
    conn: &mut Conn,
    ring: &KeyRing,
    found: &Found,
) -> Result<Option<CustomerMoney>, StoreError> {
    if !found.has_money {
        return Ok(None);
    }
    let id = found.record.stored.id;
    Ok(summary::of(conn, ring, &[(found.entrypoint.id, id)])?.remove(&id))
}
