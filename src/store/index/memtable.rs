//! The memtable: the terms of recently written customers. A batch packs them into as few rows of `index_memtable` as
//! possible: one row per customer made up 20 % of the records in PostgreSQL's log.
//!
//! A row is a sequence of big-endian words of eight bytes. Each customer has its id, the number of its terms, and the
//! terms, sorted.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection as _;
use diesel::dsl::{max, min, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool};

use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::new_row;
use crate::store::engine::schema::index_memtable;

/// Bytes of a word.
const WORD: usize = 8;
/// The most bytes of a row with several customers; such a row fills a page of either database.
const ROW_BYTES: usize = 8_000;
/// How many rows [`examine`] reads at once.
const SLICE: i64 = 256;

type Word = [u8; WORD];

/// The new terms of a customer; none for a customer that searches must no longer find.
#[derive(Debug, Clone)]
pub(crate) struct Indexed {
    pub customer_id: i64,
    pub terms: Vec<u64>,
    /// Whether the customer may have had other terms before.
    pub replaces: bool,
    /// Whether the person was erased: the memtable then drops the old terms at once.
    pub erased: bool,
}

/// The advice for a broken index.
pub(super) const REBUILD: &str =
    "rebuild the index as docs/operations.md describes under \"Rebuild the search index\"";

new_row! {
    /// A row of `index_memtable`.
    #[derive(Debug)]
    pub(crate) struct MemtableRow of "index_memtable":
    "INSERT", fn insert_memtable_rows by NewMemtableRows;
    entrypoint_id: i64 as BigInt,
    replaces: bool as Bool,
    terms: Vec<u8> as Binary,
}

/// A customer and its terms in a row.
#[derive(Debug)]
pub(super) struct MemtableEntry<'a> {
    pub(super) customer_id: i64,
    terms: &'a [Word],
}

impl MemtableEntry<'_> {
    /// Whether it has all of `terms`.
    pub(super) fn has_all(&self, terms: &[u64]) -> bool {
        terms.iter().all(|term| self.terms.binary_search(&term.to_be_bytes()).is_ok())
    }

    pub(super) fn terms(&self) -> Vec<u64> {
        self.terms.iter().map(|term| u64::from_be_bytes(*term)).collect()
    }
}

/// The customers of a row.
///
/// # Errors
/// [`StoreError::Corrupt`] for a damaged row.
pub(super) fn entries(row: &[u8]) -> impl Iterator<Item = Result<MemtableEntry<'_>, StoreError>> {
    let (mut words, mut rest) = row.as_chunks::<WORD>();
    std::iter::from_fn(move || {
        if words.is_empty() && rest.is_empty() {
            return None;
        }
        let entry = first(words).filter(|_| rest.is_empty());
        // After a broken entry it stops.
        words = entry.as_ref().map_or(Default::default(), |(_, behind)| *behind);
        rest = &[];
        Some(entry.map(|(entry, _)| entry).ok_or_else(|| StoreError::Corrupt("a memtable row".into())))
    })
}

fn first(words: &[Word]) -> Option<(MemtableEntry<'_>, &[Word])> {
    let ([id, count], words) = words.split_first_chunk()?;
    let count = usize::try_from(u64::from_be_bytes(*count)).ok()?;
    let (terms, behind) = words.split_at_checked(count)?;
    Some((MemtableEntry { customer_id: i64::from_be_bytes(*id), terms }, behind))
}

fn put(row: &mut Vec<u8>, customer_id: i64, terms: impl ExactSizeIterator<Item = Word>) {
    row.extend_from_slice(&customer_id.to_be_bytes());
    row.extend_from_slice(&u64::try_from(terms.len()).unwrap_or(u64::MAX).to_be_bytes());
    for term in terms {
        row.extend_from_slice(&term);
    }
}

/// Packs customers into rows. Those that may have had other terms before get rows of their own.
pub(super) fn packed(entrypoint_id: i64, customers: &[Indexed]) -> Vec<MemtableRow> {
    let mut rows = Vec::new();
    for replaces in [false, true] {
        let mut row: Vec<u8> = Vec::new();
        for customer in customers.iter().filter(|customer| customer.replaces == replaces) {
            let bytes = (2 + customer.terms.len()) * WORD;
            if !row.is_empty() && row.len() + bytes > ROW_BYTES {
                rows.push(MemtableRow { entrypoint_id, replaces, terms: std::mem::take(&mut row) });
            }
            if row.is_empty() {
                row.reserve(bytes.max(ROW_BYTES));
            }
            put(&mut row, customer.customer_id, customer.terms.iter().map(|term| term.to_be_bytes()));
        }
        if !row.is_empty() {
            rows.push(MemtableRow { entrypoint_id, replaces, terms: row });
        }
    }
    rows
}

/// The row without the customers `ids`; `None` if it has none of them.
fn without(row: &[u8], ids: &BTreeSet<i64>) -> Result<Option<Vec<u8>>, StoreError> {
    let mut left = Vec::with_capacity(row.len());
    for entry in entries(row) {
        let entry = entry?;
        if !ids.contains(&entry.customer_id) {
            put(&mut left, entry.customer_id, entry.terms.iter().copied());
        }
    }
    Ok((left.len() < row.len()).then_some(left))
}

/// Removes customers of an entrypoint from the memtable, under its lock. The rows keep their sequence, which says
/// what is newer.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`].
pub(super) fn remove(conn: &mut Conn, entrypoint_id: i64, ids: &BTreeSet<i64>) -> Result<(), StoreError> {
    let rows: Vec<(i64, Vec<u8>)> = on!(conn, |c| index_memtable::table
        .filter(index_memtable::entrypoint_id.eq(entrypoint_id))
        .select((index_memtable::sequence, index_memtable::terms))
        .load(c))?;
    for (sequence, row) in rows {
        let Some(left) = without(&row, ids)? else { continue };
        // If a flush removed the row meanwhile, this changes nothing: the tombstone covers the segment.
        on!(conn, |c| if left.is_empty() {
            diesel::delete(index_memtable::table.find(sequence)).execute(c)
        } else {
            diesel::update(index_memtable::table.find(sequence))
                .set(index_memtable::terms.eq(&left))
                .execute(c)
        })?;
    }
    Ok(())
}

/// An upper bound of the number of rows in the memtable.
pub(super) fn rows(conn: &mut Conn) -> Result<i64, StoreError> {
    let (first, last): (Option<i64>, Option<i64>) = match conn {
        // SQLite uses the index for one end only per query.
        Conn::Sqlite(c, ..) => (
            index_memtable::table.select(min(index_memtable::sequence)).first(c)?,
            index_memtable::table.select(max(index_memtable::sequence)).first(c)?,
        ),
        Conn::Postgres(c) => index_memtable::table
            .select((min(index_memtable::sequence), max(index_memtable::sequence)))
            .first(c)?,
    };
    Ok(first.zip(last).map_or(0, |(first, last)| last - first + 1))
}

/// The size of the memtable in bytes.
pub(super) fn bytes(conn: &mut Conn) -> Result<i64, StoreError> {
    let bytes = || sql::<BigInt>("coalesce(sum(length(terms)), 0)");
    Ok(on!(conn, |c| index_memtable::table.select(bytes()).first(c))?)
}

/// Reads the whole memtable and returns the number of its entries.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`] with the damaged row.
pub(super) fn examine(conn: &mut Conn) -> Result<usize, StoreError> {
    let (mut after, mut count) = (i64::MIN, 0);
    loop {
        let rows: Vec<(i64, Vec<u8>)> = on!(conn, |c| index_memtable::table
            .filter(index_memtable::sequence.gt(after))
            .order(index_memtable::sequence)
            .limit(SLICE)
            .select((index_memtable::sequence, index_memtable::terms))
            .load(c))?;
        for (sequence, row) in &rows {
            for entry in entries(row) {
                let place = || format!("row {sequence} of index_memtable; {REBUILD}");
                entry.map_err(|_| StoreError::Corrupt(place()))?;
                count += 1;
            }
            after = *sequence;
        }
        // A shorter slice ends it: writers may append all the time.
        if i64::try_from(rows.len()).is_ok_and(|rows| rows < SLICE) {
            return Ok(count);
        }
    }
}

/// Vacuums the memtable on PostgreSQL; with `whole` it also truncates the file, unless there are rows again. Returns
/// whether the file still has pages.
pub(super) fn vacuum(conn: &mut Conn, whole: bool) -> Result<bool, StoreError> {
    // Truncation may wait some seconds for other writers.
    let is_whole = whole && rows(conn)? == 0;
    let Conn::Postgres(c) = conn else { return Ok(false) };
    let truncate = if is_whole { "TRUE" } else { "FALSE" };
    quietly(c, &format!("VACUUM (SKIP_LOCKED, TRUNCATE {truncate}) index_memtable"))?;
    let has_room = sql::<Bool>("pg_relation_size('index_memtable') > 0");
    Ok(diesel::select(has_room).get_result(c)?)
}

/// Runs a VACUUM. If autovacuum is at work on the table, it skips the table with a warning that nobody needs.
pub(super) fn quietly(c: &mut PgConnection, vacuum: &str) -> Result<(), StoreError> {
    c.batch_execute("SET client_min_messages = error")?;
    let vacuumed = c.batch_execute(vacuum);
    c.batch_execute("SET client_min_messages = warning")?;
    Ok(vacuumed?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexed(customer_id: i64, terms: usize, replaces: bool) -> Indexed {
        let terms = (0..terms).map(|term| u64::try_from(term * 7).unwrap()).collect();
        Indexed { customer_id, terms, replaces, erased: false }
    }

    fn read(row: &[u8]) -> Vec<(i64, Vec<u64>)> {
        entries(row).map(|entry| entry.map(|entry| (entry.customer_id, entry.terms())).unwrap()).collect()
    }

    #[test]
    fn customers_share_rows_that_fit_into_pages() {
        let mut customers: Vec<Indexed> = (1..=40).map(|id| indexed(id, 60, id % 8 == 0)).collect();
        customers.push(indexed(41, 0, true));
        customers.push(indexed(42, 5_000, false));
        customers.push(indexed(43, 1, false));
        let rows = packed(7, &customers);
        assert!(rows.iter().all(|row| row.entrypoint_id == 7));
        let by_id = |rows: Vec<(i64, Vec<u64>)>| {
            let mut rows = rows;
            rows.sort_unstable();
            rows
        };
        for replaces in [false, true] {
            let own = rows.iter().filter(|row| row.replaces == replaces);
            let expected = customers.iter().filter(|customer| customer.replaces == replaces);
            assert_eq!(
                by_id(own.flat_map(|row| read(&row.terms)).collect()),
                by_id(expected.map(|customer| (customer.customer_id, customer.terms.clone())).collect()),
            );
        }
        let large: Vec<usize> =
            rows.iter().map(|row| row.terms.len()).filter(|bytes| *bytes > ROW_BYTES).collect();
        assert_eq!(large, [5_002 * WORD], "a customer of many terms has a row of its own");
        // 35 customers of 62 words, the large one and the last; then five customers and one without terms.
        assert_eq!(rows.len(), 3 + 2 + 1);
        assert!(packed(7, &[]).is_empty());
    }

    #[test]
    fn a_customer_has_the_terms_of_its_own_entry() {
        let rows = packed(1, &[indexed(5, 3, false), indexed(6, 2, false)]);
        let found: Vec<(i64, bool, bool)> = entries(&rows[0].terms)
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.customer_id, entry.has_all(&[0, 7]), entry.has_all(&[7, 14])))
            .collect();
        assert_eq!(found, [(5, true, true), (6, true, false)]);
    }

    #[test]
    fn who_is_taken_out_leaves_the_others() {
        let row =
            packed(1, &[indexed(5, 3, false), indexed(6, 2, false), indexed(7, 0, false)]).remove(0).terms;
        let without = |ids: &[i64]| without(&row, &ids.iter().copied().collect()).unwrap();
        assert_eq!(without(&[8]), None);
        assert_eq!(read(&without(&[6]).unwrap()), [(5, vec![0, 7, 14]), (7, vec![])]);
        assert_eq!(without(&[5, 6, 7]), Some(Vec::new()));
    }

    #[test]
    fn what_is_broken_is_told() {
        let row = packed(1, &[indexed(5, 3, false), indexed(6, 2, false)]).remove(0).terms;
        for length in 0..row.len() {
            let read: Result<Vec<MemtableEntry<'_>>, StoreError> = entries(&row[..length]).collect();
            assert_eq!(read.is_ok(), length == 0 || length == 5 * WORD, "{length}");
        }
        assert!(entries(&[255; 16]).next().unwrap().is_err());
    }
}
