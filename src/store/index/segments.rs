//! Where terms are kept: a customer's terms first in a row of `term_pending` (`pending`), soon as a part of a segment.
//!
//! A segment is never changed. It holds the terms of many customers as packed lists (`blocks`), in blocks that are
//! found by their first term. A search looks at what is pending and at every live segment. Terms that a customer no
//! longer has stay where they are until segments are merged: the index proposes, and a proposal too many is refused
//! when the record is opened. `term_dead` says which may be left out then: those of a customer in segments of a
//! lower age. Ages are numbers of `term_pending`; a segment has the highest of its rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::blocks::{Block, pack};
use super::memtable::{self, MemtableRow, entries, insert_memtable_rows};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::insert;
use crate::store::engine::schema::{term_dead, term_pending, term_segment, term_work};

/// From this many customers at once on, a segment of their own is made at once.
const DIRECT_MIN: usize = 512;
/// How many rows may be pending before a write moves them itself; a search reads them all, about 8 MB.
const PENDING_MAX: i64 = 1_024;
/// The most rows that become one segment, and from how many customers on no further row goes in: each who had other terms
/// before is written down by itself.
const FLUSH_MAX: i64 = 512;
const FLUSH_CUSTOMERS: usize = 4_096;
/// The age of a person's end: no segment reaches it.
pub(super) const FOREVER: i64 = i64::MAX;

/// Segments that searches look at; those under way, and those that are not looked at any more.
pub(super) const LIVE: &str = "live";
pub(super) const BUILDING: &str = "building";
pub(super) const RETIRED: &str = "retired";

/// The terms of a customer from now on; none for one that is not to be found any more.
#[derive(Debug, Clone)]
pub(crate) struct Indexed {
    pub customer_id: i64,
    pub terms: Vec<u64>,
    /// Whether the customer may have had others before.
    pub replaces: bool,
    /// Whether the person was erased: what was pending goes at once.
    pub erased: bool,
}

/// What to do where the index is broken.
pub(super) const MAKE_ANEW: &str =
    "rebuild the index as docs/operations.md describes under \"Rebuild the search index\"";

struct NewBlock {
    segment_id: i64,
    first_term: i64,
    first_customer: i64,
    data: Vec<u8>,
}

insert! {
    fn insert_new_blocks(&[NewBlock]) by NewBlocks, "INSERT" "term_block" "",
    segment_id: i64 as BigInt,
    first_term: i64 as BigInt,
    first_customer: i64 as BigInt,
    data: Vec<u8> as Binary,
}

/// A term as a column holds it: in the same order.
pub(super) fn signed(term: u64) -> i64 {
    i64::from_ne_bytes((term ^ (1 << 63)).to_ne_bytes())
}

pub(super) fn broken(_: super::blocks::Broken) -> StoreError {
    StoreError::Corrupt("a block of the search index".into())
}

/// Indexes customers anew.
///
/// # Errors
/// The database's.
pub(crate) fn add(conn: &mut Conn, entrypoint_id: i64, rows: &[Indexed]) -> Result<(), StoreError> {
    let rows = begin(conn, entrypoint_id, rows)?;
    insert_memtable_rows(conn, &rows)?;
    let pending = memtable::rows(conn)?;
    bound(conn, pending)
}

/// Does what must be done before the terms of some customers are appended to what is pending; what to append: nothing
/// where they are so many that they became a segment.
///
/// # Errors
/// The database's.
pub(crate) fn begin(
    conn: &mut Conn,
    entrypoint_id: i64,
    rows: &[Indexed],
) -> Result<Vec<MemtableRow>, StoreError> {
    let erased: BTreeSet<i64> = rows.iter().filter(|row| row.erased).map(|row| row.customer_id).collect();
    if !erased.is_empty() {
        memtable::remove(conn, entrypoint_id, &erased)?;
    }
    for customer_id in erased {
        add_tombstone(conn, customer_id, FOREVER)?;
    }
    if rows.len() >= DIRECT_MIN {
        let age = next_age(conn, entrypoint_id)?;
        for row in rows.iter().filter(|row| row.replaces) {
            add_tombstone(conn, row.customer_id, age)?;
        }
        let customers: Vec<(i64, &[u64])> =
            rows.iter().map(|row| (row.customer_id, row.terms.as_slice())).collect();
        make_segment(conn, &customers, age)?;
        return Ok(Vec::new());
    }
    Ok(memtable::packed(entrypoint_id, rows))
}

/// How many rows of this process become pending between two looks at how many there are.
const LOOK_EVERY: usize = 64;

/// Whether to look how many rows are pending, now that some more will be. The oldest is found behind all that were moved
/// and whose room was not yet given back, so that each look takes PostgreSQL a tenth of a millisecond.
pub(crate) fn is_look_due(rows: usize) -> bool {
    static APPENDED: AtomicUsize = AtomicUsize::new(0);
    let before = APPENDED.fetch_add(rows, Ordering::Relaxed);
    before / LOOK_EVERY != before.wrapping_add(rows) / LOOK_EVERY
}

/// Moves what is pending into a segment where that are too many rows.
///
/// # Errors
/// The database's.
pub(crate) fn bound(conn: &mut Conn, pending: i64) -> Result<(), StoreError> {
    if pending <= PENDING_MAX {
        return Ok(());
    }
    match flush(conn) {
        // Whoever writes to a customer cannot help it.
        Err(error @ StoreError::Corrupt(_)) => {
            tracing::error!(%error, "pending search terms cannot be moved");
            Ok(())
        }
        moved => moved.map(drop),
    }
}

/// A number above all that were used, as `term_pending` counts them.
fn next_age(conn: &mut Conn, entrypoint_id: i64) -> Result<i64, StoreError> {
    let no_terms: Vec<u8> = Vec::new();
    let age: i64 = on!(conn, |c| diesel::insert_into(term_pending::table)
        .values((
            term_pending::entrypoint_id.eq(entrypoint_id),
            term_pending::replaces.eq(false),
            term_pending::terms.eq(&no_terms),
        ))
        .returning(term_pending::pending_id)
        .get_result(c))?;
    on!(conn, |c| diesel::delete(term_pending::table.find(age)).execute(c))?;
    Ok(age)
}

fn add_tombstone(conn: &mut Conn, customer_id: i64, age: i64) -> Result<(), StoreError> {
    let known: Option<i64> =
        on!(conn, |c| term_dead::table.find(customer_id).select(term_dead::age).first(c).optional())?;
    match known {
        Some(known) if known >= age => {}
        Some(_) => {
            on!(conn, |c| diesel::update(term_dead::table.find(customer_id))
                .set(term_dead::age.eq(age))
                .execute(c))?;
        }
        None => {
            on!(conn, |c| diesel::insert_into(term_dead::table)
                .values((term_dead::customer_id.eq(customer_id), term_dead::age.eq(age)))
                .on_conflict_do_nothing()
                .execute(c))?;
        }
    }
    Ok(())
}

/// Makes a live segment.
fn make_segment(conn: &mut Conn, customers: &[(i64, &[u64])], age: i64) -> Result<(), StoreError> {
    let (blocks, postings) = pack(customers);
    write_segment(conn, blocks, i64::try_from(postings).unwrap_or(i64::MAX), age)
}

fn write_segment(conn: &mut Conn, blocks: Vec<Block>, postings: i64, age: i64) -> Result<(), StoreError> {
    if blocks.is_empty() {
        return Ok(());
    }
    let segment_id = new_segment(conn, LIVE, age, postings)?;
    insert_blocks(conn, segment_id, blocks)
}

pub(super) fn new_segment(conn: &mut Conn, state: &str, age: i64, postings: i64) -> Result<i64, StoreError> {
    Ok(on!(conn, |c| diesel::insert_into(term_segment::table)
        .values((
            term_segment::state.eq(state),
            term_segment::age.eq(age),
            term_segment::postings.eq(postings)
        ))
        .returning(term_segment::segment_id)
        .get_result(c))?)
}

pub(super) fn insert_blocks(conn: &mut Conn, segment_id: i64, blocks: Vec<Block>) -> Result<(), StoreError> {
    let rows: Vec<NewBlock> = blocks
        .into_iter()
        .map(|block| NewBlock {
            segment_id,
            first_term: signed(block.first_term),
            first_customer: block.first_customer,
            data: block.data,
        })
        .collect();
    Ok(insert_new_blocks(conn, &rows)?)
}

/// Whether this transaction is the one that moves rows and segments: on PostgreSQL others may.
pub(super) fn lock(conn: &mut Conn) -> Result<bool, StoreError> {
    match conn {
        Conn::Sqlite(..) => Ok(true),
        Conn::Postgres(c) => {
            let row: Option<i64> = term_work::table
                .select(term_work::lease_no)
                .for_update()
                .skip_locked()
                .first(c)
                .optional()?;
            Ok(row.is_some())
        }
    }
}

/// A segment made of pending rows, not yet written.
#[derive(Debug)]
pub(crate) struct Flush {
    /// The rows.
    ids: Vec<i64>,
    /// How long they were: an erase takes somebody out of a row.
    bytes: usize,
    /// Whose earlier terms are void, with the row that says so.
    replaced: Vec<(i64, i64)>,
    blocks: Vec<Block>,
    postings: i64,
}

type PendingRow = (i64, bool, Vec<u8>);

impl Flush {
    fn of(rows: &[PendingRow]) -> Result<Flush, StoreError> {
        let mut ids = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        let mut replaced = Vec::new();
        // What the newest row of a customer says is what counts.
        let mut newest: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
        for (id, replaces, terms) in rows {
            if newest.len() >= FLUSH_CUSTOMERS {
                break;
            }
            ids.push(*id);
            bytes += terms.len();
            for entry in entries(terms) {
                let entry = entry?;
                if *replaces {
                    replaced.push((entry.customer_id, *id));
                }
                newest.insert(entry.customer_id, entry.terms());
            }
        }
        let customers: Vec<(i64, &[u64])> =
            newest.iter().map(|(id, terms)| (*id, terms.as_slice())).collect();
        let (blocks, postings) = pack(&customers);
        Ok(Flush { ids, bytes, replaced, blocks, postings: i64::try_from(postings).unwrap_or(i64::MAX) })
    }

    fn write(self, conn: &mut Conn) -> Result<usize, StoreError> {
        let Some(age) = self.ids.last().copied() else { return Ok(0) };
        for (customer_id, id) in self.replaced {
            add_tombstone(conn, customer_id, id)?;
        }
        write_segment(conn, self.blocks, self.postings, age)?;
        match conn {
            // One writer, and the lowest numbers were taken.
            Conn::Sqlite(c, ..) => {
                diesel::delete(term_pending::table.filter(term_pending::pending_id.le(age))).execute(c)?
            }
            Conn::Postgres(c) => {
                diesel::delete(term_pending::table.filter(term_pending::pending_id.eq_any(&self.ids)))
                    .execute(c)?
            }
        };
        Ok(self.ids.len())
    }
}

/// Makes a segment of what is pending, without writing it: a read.
///
/// # Errors
/// The database's.
pub(super) fn prepare_flush(conn: &mut Conn) -> Result<Flush, StoreError> {
    let columns = (term_pending::pending_id, term_pending::replaces, term_pending::terms);
    let rows: Vec<PendingRow> = on!(conn, |c| term_pending::table
        .select(columns)
        .order(term_pending::pending_id)
        .limit(FLUSH_MAX)
        .load(c))?;
    Flush::of(&rows)
}

/// Writes a segment that was made beforehand, or makes another where its rows are not what they were; how many rows it
/// was.
///
/// # Errors
/// The database's.
pub(super) fn finish_flush(conn: &mut Conn, prepared: Flush) -> Result<usize, StoreError> {
    if !lock(conn)? {
        return Ok(0);
    }
    let length = || sql::<BigInt>("CAST(length(terms) AS bigint)");
    let still: Vec<i64> = match conn {
        // Rows are only ever removed or shortened, and new ones have higher numbers.
        Conn::Sqlite(c, ..) => term_pending::table
            .filter(term_pending::pending_id.le(prepared.ids.last().copied().unwrap_or(0)))
            .select(length())
            .load(c)?,
        // What an erase is changing is left to it; whoever erases later waits, and finds the segment.
        Conn::Postgres(c) => term_pending::table
            .filter(term_pending::pending_id.eq_any(&prepared.ids))
            .select(length())
            .for_update()
            .skip_locked()
            .load(c)?,
    };
    let is_same =
        still.len() == prepared.ids.len() && usize::try_from(still.iter().sum::<i64>()) == Ok(prepared.bytes);
    if is_same { prepared.write(conn) } else { flush(conn) }
}

/// Makes a segment of what is pending; how many rows it was.
///
/// # Errors
/// The database's.
pub(super) fn flush(conn: &mut Conn) -> Result<usize, StoreError> {
    if !lock(conn)? {
        return Ok(0);
    }
    let columns = (term_pending::pending_id, term_pending::replaces, term_pending::terms);
    let oldest = term_pending::table.order(term_pending::pending_id).limit(FLUSH_MAX);
    let rows: Vec<PendingRow> = match conn {
        Conn::Sqlite(c, ..) => oldest.select(columns).load(c)?,
        Conn::Postgres(c) => {
            let ids: Vec<i64> = oldest.select(term_pending::pending_id).load(c)?;
            // As above. What is newer than a row that is left may replace some of it, and is left too.
            let rows: Vec<PendingRow> = term_pending::table
                .filter(term_pending::pending_id.eq_any(&ids))
                .order(term_pending::pending_id)
                .select(columns)
                .for_update()
                .skip_locked()
                .load(c)?;
            rows.into_iter()
                .zip(ids)
                .take_while(|((id, ..), wanted)| id == wanted)
                .map(|(row, _)| row)
                .collect()
        }
    };
    Flush::of(&rows)?.write(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_move_is_of_few_customers_however_many_share_a_row() {
        let gone: Vec<Indexed> = (1..=5_000)
            .map(|customer_id| Indexed { customer_id, terms: Vec::new(), replaces: true, erased: false })
            .collect();
        let rows: Vec<PendingRow> =
            (1..).zip(memtable::packed(1, &gone)).map(|(id, row)| row.numbered(id)).collect();
        assert_eq!(rows.len(), 10);
        let flush = Flush::of(&rows).unwrap();
        assert_eq!(flush.ids, (1..=9).collect::<Vec<_>>());
        assert_eq!((flush.replaced.len(), flush.bytes), (4_500, 4_500 * 16));
        assert_eq!(flush.replaced.last(), Some(&(4_500, 9)));
    }
}
