//! Comments on customers: rows of their own, sealed under the customer's salt. `customers::save` writes them in the
//! transaction of their command.

pub(crate) mod sealed;

use std::collections::{BTreeMap, HashMap};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use serde::{Deserialize, Serialize};

use super::Comments;
use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::schema::{comment, comment_book, customer};
use super::keys::keyring::KeyRing;
use crate::domain::comments::{Comment, CommentBook, CommentChange};
use crate::domain::kernel::time::Micros;
use crate::vault::{Ad, Plain, SealKey};

/// The columns of a comment `m`.
macro_rules! comment_columns {
    () => {
        "m.entrypoint_id, m.customer_id, m.comment_id, m.version, m.key_id, m.document, m.author_jti, m.pinned, \
         m.created_at_us, m.edited_at_us"
    };
}
pub(crate) use comment_columns;

/// The types of [`comment_columns`].
pub(crate) type CommentColumns =
    (BigInt, BigInt, BigInt, BigInt, BigInt, Binary, Text, Bool, BigInt, Nullable<BigInt>);

/// A row of `comment`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = comment, treat_none_as_null = true)]
pub(crate) struct CommentRow {
    entrypoint_id: i64,
    customer_id: i64,
    comment_id: i64,
    version: i64,
    key_id: i64,
    document: Vec<u8>,
    author_jti: String,
    pinned: bool,
    created_at_us: i64,
    edited_at_us: Option<i64>,
}

/// The sealed part of a comment.
#[derive(Serialize, Deserialize)]
struct Document {
    text: String,
    author: String,
}

impl CommentRow {
    /// Binds the sealed part to its place and to the columns beside it.
    fn ad(&self) -> Ad {
        let place = [
            self.entrypoint_id,
            self.customer_id,
            self.comment_id,
            self.version,
            self.key_id,
            i64::from(self.pinned),
            self.created_at_us,
            self.edited_at_us.unwrap_or(-1),
        ];
        Ad::new("comment", &place).and(self.author_jti.as_bytes())
    }

    fn seal(owner: &Owner<'_>, comment: &Comment) -> Result<CommentRow, StoreError> {
        let mut row = CommentRow {
            entrypoint_id: owner.entrypoint_id,
            customer_id: owner.customer_id,
            comment_id: comment.id,
            version: comment.version,
            key_id: owner.key_id,
            document: Vec::new(),
            author_jti: comment.author_jti.clone(),
            pinned: comment.pinned,
            created_at_us: comment.created_at.0,
            edited_at_us: comment.edited_at.map(|at| at.0),
        };
        let document = Document { text: comment.text.clone(), author: comment.author.clone() };
        row.document = owner.seal.seal(&row.ad(), &Plain::from(serde_json::to_vec(&document)?))?;
        Ok(row)
    }

    /// Opens the row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it does not open; the database's.
    pub(crate) fn open(&self, conn: &mut Conn, ring: &KeyRing, salt: &[u8]) -> Result<Comment, StoreError> {
        let seal = ring.data_key(conn, self.key_id)?.seal_key(salt)?;
        let plain = seal.open(&self.ad(), &self.document).map_err(|_| {
            let (customer, comment) = (self.customer_id, self.comment_id);
            StoreError::Corrupt(format!("comment {comment} of customer {customer} does not open"))
        })?;
        let Document { text, author } = serde_json::from_slice(&plain)?;
        Ok(Comment {
            id: self.comment_id,
            version: self.version,
            text,
            pinned: self.pinned,
            author,
            author_jti: self.author_jti.clone(),
            created_at: Micros(self.created_at_us),
            edited_at: self.edited_at_us.map(Micros),
        })
    }
}

/// The customer whose comments change, and the key that seals them.
pub(crate) struct Owner<'a> {
    pub entrypoint_id: i64,
    pub customer_id: i64,
    pub key_id: i64,
    /// The key, with the customer's salt.
    pub seal: &'a SealKey,
}

/// Saves a change of a customer's comments, under the entrypoint's lock.
///
/// # Errors
/// The database's; [`StoreError::Bug`] if the comment to change is not there.
pub(crate) fn save(conn: &mut Conn, owner: &Owner<'_>, change: &CommentChange) -> Result<(), StoreError> {
    let (place, id) = (owner.entrypoint_id, owner.customer_id);
    let there = comment::table.find((place, id, change.comment_id()));
    let changed = match change {
        CommentChange::Add(new) => {
            let row = CommentRow::seal(owner, new)?;
            on!(conn, |c| diesel::insert_into(comment::table).values(&row).execute(c))?
        }
        CommentChange::Replace(new) => {
            let row = CommentRow::seal(owner, new)?;
            on!(conn, |c| diesel::update(there).set(&row).execute(c))?
        }
        CommentChange::Remove(_) => on!(conn, |c| diesel::delete(there).execute(c))?,
    };
    if changed != 1 {
        return Err(StoreError::Bug(format!("comment {} of customer {id} vanished", change.comment_id())));
    }
    let book = book(conn, place, id)?.after(change);
    let values = (
        comment_book::next_comment_id.eq(book.next_id),
        comment_book::comments.eq(book.count),
        comment_book::version.eq(book.version),
    );
    let place = (comment_book::entrypoint_id.eq(place), comment_book::customer_id.eq(id));
    on!(conn, |c| diesel::insert_into(comment_book::table)
        .values((place, values))
        .on_conflict((comment_book::entrypoint_id, comment_book::customer_id))
        .do_update()
        .set(values)
        .execute(c))?;
    Ok(())
}

/// How many comments a customer has.
///
/// # Errors
/// The database's.
pub(crate) fn book(conn: &mut Conn, entrypoint_id: i64, customer_id: i64) -> Result<CommentBook, StoreError> {
    let newest = sql::<Nullable<BigInt>>(
        "(SELECT c.created_at_us FROM comment c WHERE c.entrypoint_id = comment_book.entrypoint_id \
         AND c.customer_id = comment_book.customer_id ORDER BY c.comment_id DESC LIMIT 1)",
    );
    let found: Option<(i64, i64, i64, Option<i64>)> = on!(conn, |c| comment_book::table
        .find((entrypoint_id, customer_id))
        .select((comment_book::next_comment_id, comment_book::comments, comment_book::version, newest))
        .first(c)
        .optional())?;
    Ok(found.map_or_else(CommentBook::default, |(next_id, count, version, newest)| CommentBook {
        next_id,
        count,
        version,
        newest_at: Micros(newest.unwrap_or(0)),
    }))
}

/// The salt of a customer; none if the person is erased.
fn salt_of(conn: &mut Conn, entrypoint_id: i64, customer_id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let found: Option<Option<Vec<u8>>> = on!(conn, |c| customer::table
        .find((entrypoint_id, customer_id))
        .select(customer::salt)
        .first(c)
        .optional())?;
    Ok(found.flatten())
}

/// One comment.
///
/// # Errors
/// [`StoreError::Corrupt`] if it does not open; the database's.
pub(crate) fn one(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    customer_id: i64,
    comment_id: i64,
) -> Result<Option<Comment>, StoreError> {
    let row: Option<CommentRow> = on!(conn, |c| comment::table
        .find((entrypoint_id, customer_id, comment_id))
        .select(CommentRow::as_select())
        .first(c)
        .optional())?;
    let Some(row) = row else { return Ok(None) };
    let Some(salt) = salt_of(conn, entrypoint_id, customer_id)? else { return Ok(None) };
    row.open(conn, ring, &salt).map(Some)
}

/// Some comments of a customer.
#[derive(Debug, Clone)]
pub struct CommentPage {
    /// Those that are pinned first, then the newest.
    pub comments: Vec<Comment>,
    /// How many there are.
    pub total: i64,
    /// How many changes there were.
    pub version: i64,
}

/// A page of a customer's comments: those that are pinned first, then the newest.
///
/// # Errors
/// [`StoreError::Corrupt`] if one does not open; the database's.
pub(crate) fn page(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    customer_id: i64,
    skip: i64,
    limit: i64,
) -> Result<CommentPage, StoreError> {
    let book = book(conn, entrypoint_id, customer_id)?;
    let mut page = CommentPage { comments: Vec::new(), total: book.count, version: book.version };
    if book.count <= skip {
        return Ok(page);
    }
    let Some(salt) = salt_of(conn, entrypoint_id, customer_id)? else { return Ok(page) };
    let rows: Vec<CommentRow> = on!(conn, |c| comment::table
        .filter(comment::entrypoint_id.eq(entrypoint_id))
        .filter(comment::customer_id.eq(customer_id))
        .order((comment::pinned.desc(), comment::comment_id.desc()))
        .offset(skip)
        .limit(limit)
        .select(CommentRow::as_select())
        .load(c))?;
    for row in rows {
        page.comments.push(row.open(conn, ring, &salt)?);
    }
    Ok(page)
}

/// The first comment of each of some customers of an entrypoint, in the order of [`page`].
fn first_of(
    conn: &mut Conn,
    ring: &KeyRing,
    entrypoint_id: i64,
    ids: &[i64],
) -> Result<Vec<(i64, Comment)>, StoreError> {
    let places: Vec<(i64, i64)> = on!(conn, |c| comment::table
        .filter(comment::entrypoint_id.eq(entrypoint_id))
        .filter(comment::customer_id.eq_any(ids))
        .order((comment::customer_id, comment::pinned.desc(), comment::comment_id.desc()))
        .select((comment::customer_id, comment::comment_id))
        .load(c))?;
    let mut firsts: BTreeMap<i64, i64> = BTreeMap::new();
    for (customer_id, comment_id) in places {
        firsts.entry(customer_id).or_insert(comment_id);
    }
    let (customers, numbers): (Vec<i64>, Vec<i64>) = firsts.iter().map(|(id, number)| (*id, *number)).unzip();
    // It finds other comments with these numbers too.
    let rows: Vec<CommentRow> = on!(conn, |c| comment::table
        .filter(comment::entrypoint_id.eq(entrypoint_id))
        .filter(comment::customer_id.eq_any(&customers))
        .filter(comment::comment_id.eq_any(&numbers))
        .select(CommentRow::as_select())
        .load(c))?;
    let salts: Vec<(i64, Option<Vec<u8>>)> = on!(conn, |c| customer::table
        .filter(customer::entrypoint_id.eq(entrypoint_id))
        .filter(customer::customer_id.eq_any(&customers))
        .select((customer::customer_id, customer::salt))
        .load(c))?;
    let salts: BTreeMap<i64, Option<Vec<u8>>> = salts.into_iter().collect();
    let mut found = Vec::with_capacity(customers.len());
    for row in rows.iter().filter(|row| firsts.get(&row.customer_id) == Some(&row.comment_id)) {
        if let Some(Some(salt)) = salts.get(&row.customer_id) {
            found.push((row.customer_id, row.open(conn, ring, salt)?));
        }
    }
    Ok(found)
}

impl Comments<'_> {
    /// The text of the first comment of each of some customers, by entrypoint and id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if one does not open; the database's.
    pub async fn first_of(self, ids: Vec<(i64, i64)>) -> Result<HashMap<(i64, i64), String>, StoreError> {
        let mut places: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (place, id) in ids {
            places.entry(place).or_default().push(id);
        }
        self.0
            .read(move |conn, ring| {
                let mut texts = HashMap::new();
                for (place, ids) in places {
                    let found = first_of(conn, ring, place, &ids)?;
                    texts.extend(found.into_iter().map(|(id, comment)| ((place, id), comment.text)));
                }
                Ok(texts)
            })
            .await
    }

    /// A page of a customer's comments: those that are pinned first, then the newest.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if one does not open; the database's.
    pub async fn page(
        self,
        entrypoint_id: i64,
        customer_id: i64,
        skip: i64,
        limit: i64,
    ) -> Result<CommentPage, StoreError> {
        self.0.read(move |conn, ring| page(conn, ring, entrypoint_id, customer_id, skip, limit)).await
    }
}
