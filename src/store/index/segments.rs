//! How the index stores terms: new ones in the memtable, flushed ones in segments.
//!
//! Segments do not change. A segment holds the terms of many customers as packed lists (`blocks`), in blocks that a
//! search finds by their first term. A search reads the memtable and every live segment. Terms that a customer no
//! longer has stay in their segment until compaction: the index only proposes, and a search drops wrong proposals
//! when it opens the record. A row of `index_tombstone` lets compaction leave out a customer's terms in segments of a
//! lower sequence. Sequences number the rows of `index_memtable`; a segment has the highest of its rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::blocks::{Block, pack};
use super::memtable::{self, Indexed, MemtableRow, entries, insert_memtable_rows};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::new_row;
use crate::store::engine::schema::{index_lease, index_memtable, index_segment, index_tombstone};

/// A write of at least this many customers makes a segment directly.
const DIRECT_MIN: usize = 512;
/// If the memtable has more rows, a write flushes it. A search reads them all, about 8 MB.
const MEMTABLE_MAX: i64 = 1_024;
/// The most rows of one flush, and the number of customers after which it takes no further row: each customer that
/// replaces terms costs a statement for its tombstone.
const FLUSH_MAX: i64 = 512;
const FLUSH_CUSTOMERS: usize = 4_096;
/// The sequence of an erased person's tombstone; no segment reaches it.
pub(super) const FOREVER: i64 = i64::MAX;

/// The states of segments: searches read live ones, not those under way, and retired ones no longer.
pub(super) const LIVE: &str = "live";
pub(super) const BUILDING: &str = "building";
pub(super) const RETIRED: &str = "retired";

new_row! {
    struct NewBlock of "index_block":
    "INSERT", fn insert_new_blocks by NewBlocks;
    segment_id: i64 as BigInt,
    first_term: i64 as BigInt,
    first_customer: i64 as BigInt,
    data: Vec<u8> as Binary,
}

/// A term as its column stores it; the mapping keeps the order.
pub(super) fn signed(term: u64) -> i64 {
    i64::from_ne_bytes((term ^ (1 << 63)).to_ne_bytes())
}

pub(super) fn broken(_: super::blocks::Broken) -> StoreError {
    StoreError::Corrupt("a block of the search index".into())
}

/// Adds the new terms of customers.
pub(crate) fn add(conn: &mut Conn, entrypoint_id: i64, rows: &[Indexed]) -> Result<(), StoreError> {
    let rows = begin(conn, entrypoint_id, rows)?;
    insert_memtable_rows(conn, &rows)?;
    let rows = memtable::rows(conn)?;
    bound(conn, rows)
}

/// Prepares the terms of customers and returns the rows to append to the memtable. So many customers that they become a
/// segment need no rows.
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
        let sequence = next_sequence(conn, entrypoint_id)?;
        for row in rows.iter().filter(|row| row.replaces) {
            add_tombstone(conn, row.customer_id, sequence)?;
        }
        let customers: Vec<(i64, &[u64])> =
            rows.iter().map(|row| (row.customer_id, row.terms.as_slice())).collect();
        write_segment(conn, pack(&customers), sequence)?;
        return Ok(Vec::new());
    }
    Ok(memtable::packed(entrypoint_id, rows))
}

/// How many rows this process appends between two counts of the memtable.
const LOOK_EVERY: usize = 64;

/// Whether an append of `rows` makes it time to count the memtable. A count takes PostgreSQL about 0.1 ms, because it skips
/// the dead rows of earlier flushes to find the oldest one.
pub(crate) fn is_look_due(rows: usize) -> bool {
    static APPENDED: AtomicUsize = AtomicUsize::new(0);
    let before = APPENDED.fetch_add(rows, Ordering::Relaxed);
    before / LOOK_EVERY != before.wrapping_add(rows) / LOOK_EVERY
}

/// Flushes the memtable if it has too many rows.
pub(crate) fn bound(conn: &mut Conn, rows: i64) -> Result<(), StoreError> {
    if rows <= MEMTABLE_MAX {
        return Ok(());
    }
    match flush(conn) {
        // The caller, who writes to a customer, cannot repair it.
        Err(error @ StoreError::Corrupt(_)) => {
            tracing::error!(%error, "the memtable of the search index cannot be flushed");
            Ok(())
        }
        moved => moved.map(drop),
    }
}

/// A new sequence, higher than all before.
fn next_sequence(conn: &mut Conn, entrypoint_id: i64) -> Result<i64, StoreError> {
    let no_terms: Vec<u8> = Vec::new();
    let sequence: i64 = on!(conn, |c| diesel::insert_into(index_memtable::table)
        .values((
            index_memtable::entrypoint_id.eq(entrypoint_id),
            index_memtable::replaces.eq(false),
            index_memtable::terms.eq(&no_terms),
        ))
        .returning(index_memtable::sequence)
        .get_result(c))?;
    on!(conn, |c| diesel::delete(index_memtable::table.find(sequence)).execute(c))?;
    Ok(sequence)
}

/// Voids the terms of a customer in segments of a lower sequence.
fn add_tombstone(conn: &mut Conn, customer_id: i64, sequence: i64) -> Result<(), StoreError> {
    use diesel::query_dsl::methods::FilterDsl as _;

    on!(conn, |c| diesel::insert_into(index_tombstone::table)
        .values((index_tombstone::customer_id.eq(customer_id), index_tombstone::sequence.eq(sequence)))
        .on_conflict(index_tombstone::customer_id)
        .do_update()
        .set(index_tombstone::sequence.eq(sequence))
        .filter(index_tombstone::sequence.lt(sequence))
        .execute(c))?;
    Ok(())
}

/// Makes a live segment.
fn write_segment(
    conn: &mut Conn,
    (blocks, postings): (Vec<Block>, i64),
    sequence: i64,
) -> Result<(), StoreError> {
    if blocks.is_empty() {
        return Ok(());
    }
    let segment_id = new_segment(conn, LIVE, sequence, postings)?;
    insert_blocks(conn, segment_id, blocks)
}

pub(super) fn new_segment(
    conn: &mut Conn,
    state: &str,
    sequence: i64,
    postings: i64,
) -> Result<i64, StoreError> {
    Ok(on!(conn, |c| diesel::insert_into(index_segment::table)
        .values((
            index_segment::state.eq(state),
            index_segment::sequence.eq(sequence),
            index_segment::postings.eq(postings)
        ))
        .returning(index_segment::segment_id)
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

/// Whether this transaction may flush and compact: it takes the lock for that, unless another one holds it.
pub(super) fn lock(conn: &mut Conn) -> Result<bool, StoreError> {
    match conn {
        Conn::Sqlite(..) => Ok(true),
        Conn::Postgres(c) => {
            let row: Option<i64> = index_lease::table
                .select(index_lease::lease_no)
                .for_update()
                .skip_locked()
                .first(c)
                .optional()?;
            Ok(row.is_some())
        }
    }
}

/// A flush: the segment made of rows of the memtable, not yet written.
#[derive(Debug)]
pub(crate) struct Flush {
    /// The sequences of the rows.
    ids: Vec<i64>,
    /// The length of the rows; it shows whether an erase shortened one.
    bytes: usize,
    /// The customers that replace earlier terms, each with the row that does.
    replaced: Vec<(i64, i64)>,
    /// The blocks of the segment, and the number of their postings.
    packed: (Vec<Block>, i64),
}

type FlushRow = (i64, bool, Vec<u8>);

impl Flush {
    fn of(rows: &[FlushRow]) -> Result<Flush, StoreError> {
        let mut ids = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        let mut replaced = Vec::new();
        // The newest row of a customer counts.
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
        Ok(Flush { ids, bytes, replaced, packed: pack(&customers) })
    }

    fn write(self, conn: &mut Conn) -> Result<usize, StoreError> {
        let Some(sequence) = self.ids.last().copied() else { return Ok(0) };
        for (customer_id, id) in self.replaced {
            add_tombstone(conn, customer_id, id)?;
        }
        write_segment(conn, self.packed, sequence)?;
        match conn {
            // With one writer, the rows up to this sequence are the ones it read.
            Conn::Sqlite(c, ..) => {
                diesel::delete(index_memtable::table.filter(index_memtable::sequence.le(sequence)))
                    .execute(c)?
            }
            Conn::Postgres(c) => {
                diesel::delete(index_memtable::table.filter(index_memtable::sequence.eq_any(&self.ids)))
                    .execute(c)?
            }
        };
        Ok(self.ids.len())
    }
}

/// Reads the memtable and makes a segment of it, without writing it.
pub(super) fn prepare_flush(conn: &mut Conn) -> Result<Flush, StoreError> {
    let columns = (index_memtable::sequence, index_memtable::replaces, index_memtable::terms);
    let rows: Vec<FlushRow> = on!(conn, |c| index_memtable::table
        .select(columns)
        .order(index_memtable::sequence)
        .limit(FLUSH_MAX)
        .load(c))?;
    Flush::of(&rows)
}

/// Writes a prepared flush, or makes another if its rows have changed. Returns the number of rows.
pub(super) fn finish_flush(conn: &mut Conn, prepared: Flush) -> Result<usize, StoreError> {
    if !lock(conn)? {
        return Ok(0);
    }
    let length = || sql::<BigInt>("CAST(length(terms) AS bigint)");
    let still: Vec<i64> = match conn {
        // Rows are only removed or shortened, and new ones have a higher sequence.
        Conn::Sqlite(c, ..) => index_memtable::table
            .filter(index_memtable::sequence.le(prepared.ids.last().copied().unwrap_or(0)))
            .select(length())
            .load(c)?,
        // It skips rows that an erase has locked. A later erase waits, and its tombstone covers the segment.
        Conn::Postgres(c) => index_memtable::table
            .filter(index_memtable::sequence.eq_any(&prepared.ids))
            .select(length())
            .for_update()
            .skip_locked()
            .load(c)?,
    };
    let is_same =
        still.len() == prepared.ids.len() && usize::try_from(still.iter().sum::<i64>()) == Ok(prepared.bytes);
    if is_same { prepared.write(conn) } else { flush(conn) }
}

/// Flushes the memtable into a segment and returns the number of rows.
pub(super) fn flush(conn: &mut Conn) -> Result<usize, StoreError> {
    if !lock(conn)? {
        return Ok(0);
    }
    let columns = (index_memtable::sequence, index_memtable::replaces, index_memtable::terms);
    let oldest = index_memtable::table.order(index_memtable::sequence).limit(FLUSH_MAX);
    let rows: Vec<FlushRow> = match conn {
        Conn::Sqlite(c, ..) => oldest.select(columns).load(c)?,
        Conn::Postgres(c) => {
            let ids: Vec<i64> = oldest.select(index_memtable::sequence).load(c)?;
            // As above. Rows newer than a skipped one may replace its terms, so the flush ends before it.
            let rows: Vec<FlushRow> = index_memtable::table
                .filter(index_memtable::sequence.eq_any(&ids))
                .order(index_memtable::sequence)
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

/// Vacuums the blocks of segments on PostgreSQL.
pub(super) fn vacuum(conn: &mut Conn) -> Result<(), StoreError> {
    match conn {
        Conn::Sqlite(..) => Ok(()),
        Conn::Postgres(c) => memtable::quietly(c, "VACUUM (SKIP_LOCKED, TRUNCATE FALSE) index_block"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_move_is_of_few_customers_however_many_share_a_row() {
        let gone: Vec<Indexed> = (1..=5_000)
            .map(|customer_id| Indexed { customer_id, terms: Vec::new(), replaces: true, erased: false })
            .collect();
        let rows: Vec<FlushRow> =
            (1..).zip(memtable::packed(1, &gone)).map(|(id, row)| (id, row.replaces, row.terms)).collect();
        assert_eq!(rows.len(), 10);
        let flush = Flush::of(&rows).unwrap();
        assert_eq!(flush.ids, (1..=9).collect::<Vec<_>>());
        assert_eq!((flush.replaced.len(), flush.bytes), (4_500, 4_500 * 16));
        assert_eq!(flush.replaced.last(), Some(&(4_500, 9)));
    }
}
