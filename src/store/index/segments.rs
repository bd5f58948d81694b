//! Where terms are kept: a customer's terms first in a row of the memtable, soon as a part of a segment.
//!
//! A segment is never changed. It holds the terms of many customers as packed lists (`blocks`), in blocks that are
//! found by their first term. A search looks at the memtable and at every live segment. Terms that a customer no
//! longer has stay where they are until segments are compacted: the index proposes, and a proposal too many is refused
//! when the record is opened. `index_tombstone` says which may be left out then: those of a customer in segments of a
//! lower sequence. Sequence numbers are numbers of `index_memtable`; a segment has the highest of its rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::blocks::{Block, pack};
use super::memtable::{self, Indexed, MemtableRow, entries, insert_memtable_rows};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::insert;
use crate::store::engine::schema::{index_lease, index_memtable, index_segment, index_tombstone};

/// From this many customers at once on, a segment of their own is made at once.
const DIRECT_MIN: usize = 512;
/// How many rows the memtable may have before a write flushes them itself; a search reads them all, about 8 MB.
const MEMTABLE_MAX: i64 = 1_024;
/// The most rows that become one segment, and from how many customers on no further row goes in: each who had other terms
/// before is written down by itself.
const FLUSH_MAX: i64 = 512;
const FLUSH_CUSTOMERS: usize = 4_096;
/// The sequence of a person's end: no segment reaches it.
pub(super) const FOREVER: i64 = i64::MAX;

/// Segments that searches look at; those under way, and those that are not looked at any more.
pub(super) const LIVE: &str = "live";
pub(super) const BUILDING: &str = "building";
pub(super) const RETIRED: &str = "retired";

struct NewBlock {
    segment_id: i64,
    first_term: i64,
    first_customer: i64,
    data: Vec<u8>,
}

insert! {
    fn insert_new_blocks(&[NewBlock]) by NewBlocks, "INSERT" "index_block" "",
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
    let rows = memtable::rows(conn)?;
    bound(conn, rows)
}

/// Does what must be done before the terms of some customers are appended to the memtable; what to append: nothing
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
        let sequence = next_sequence(conn, entrypoint_id)?;
        for row in rows.iter().filter(|row| row.replaces) {
            add_tombstone(conn, row.customer_id, sequence)?;
        }
        let customers: Vec<(i64, &[u64])> =
            rows.iter().map(|row| (row.customer_id, row.terms.as_slice())).collect();
        make_segment(conn, &customers, sequence)?;
        return Ok(Vec::new());
    }
    Ok(memtable::packed(entrypoint_id, rows))
}

/// How many rows this process appends between two looks at how many there are.
const LOOK_EVERY: usize = 64;

/// Whether to look how many rows the memtable has, now that it gets more. The oldest is found behind all that were flushed
/// and whose room was not yet given back, so that each look takes PostgreSQL a tenth of a millisecond.
pub(crate) fn is_look_due(rows: usize) -> bool {
    static APPENDED: AtomicUsize = AtomicUsize::new(0);
    let before = APPENDED.fetch_add(rows, Ordering::Relaxed);
    before / LOOK_EVERY != before.wrapping_add(rows) / LOOK_EVERY
}

/// Flushes the memtable into a segment where it has too many rows.
///
/// # Errors
/// The database's.
pub(crate) fn bound(conn: &mut Conn, rows: i64) -> Result<(), StoreError> {
    if rows <= MEMTABLE_MAX {
        return Ok(());
    }
    match flush(conn) {
        // Whoever writes to a customer cannot help it.
        Err(error @ StoreError::Corrupt(_)) => {
            tracing::error!(%error, "the memtable of the search index cannot be flushed");
            Ok(())
        }
        moved => moved.map(drop),
    }
}

/// A sequence number above all that were used.
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

fn add_tombstone(conn: &mut Conn, customer_id: i64, sequence: i64) -> Result<(), StoreError> {
    let known: Option<i64> = on!(conn, |c| index_tombstone::table
        .find(customer_id)
        .select(index_tombstone::sequence)
        .first(c)
        .optional())?;
    match known {
        Some(known) if known >= sequence => {}
        Some(_) => {
            on!(conn, |c| diesel::update(index_tombstone::table.find(customer_id))
                .set(index_tombstone::sequence.eq(sequence))
                .execute(c))?;
        }
        None => {
            on!(conn, |c| diesel::insert_into(index_tombstone::table)
                .values((
                    index_tombstone::customer_id.eq(customer_id),
                    index_tombstone::sequence.eq(sequence)
                ))
                .on_conflict_do_nothing()
                .execute(c))?;
        }
    }
    Ok(())
}

/// Makes a live segment.
fn make_segment(conn: &mut Conn, customers: &[(i64, &[u64])], sequence: i64) -> Result<(), StoreError> {
    let (blocks, postings) = pack(customers);
    write_segment(conn, blocks, i64::try_from(postings).unwrap_or(i64::MAX), sequence)
}

fn write_segment(
    conn: &mut Conn,
    blocks: Vec<Block>,
    postings: i64,
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

/// Whether this transaction is the one that moves rows and segments: on PostgreSQL others may.
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

/// A segment made of rows of the memtable, not yet written.
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

type FlushRow = (i64, bool, Vec<u8>);

impl Flush {
    fn of(rows: &[FlushRow]) -> Result<Flush, StoreError> {
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
        let Some(sequence) = self.ids.last().copied() else { return Ok(0) };
        for (customer_id, id) in self.replaced {
            add_tombstone(conn, customer_id, id)?;
        }
        write_segment(conn, self.blocks, self.postings, sequence)?;
        match conn {
            // One writer, and the lowest numbers were taken.
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

/// Makes a segment of the memtable, without writing it: a read.
///
/// # Errors
/// The database's.
pub(super) fn prepare_flush(conn: &mut Conn) -> Result<Flush, StoreError> {
    let columns = (index_memtable::sequence, index_memtable::replaces, index_memtable::terms);
    let rows: Vec<FlushRow> = on!(conn, |c| index_memtable::table
        .select(columns)
        .order(index_memtable::sequence)
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
        Conn::Sqlite(c, ..) => index_memtable::table
            .filter(index_memtable::sequence.le(prepared.ids.last().copied().unwrap_or(0)))
            .select(length())
            .load(c)?,
        // What an erase is changing is left to it; whoever erases later waits, and finds the segment.
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

/// Flushes the memtable into a segment; how many rows it was.
///
/// # Errors
/// The database's.
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
            // As above. What is newer than a row that is left may replace some of it, and is left too.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_move_is_of_few_customers_however_many_share_a_row() {
        let gone: Vec<Indexed> = (1..=5_000)
            .map(|customer_id| Indexed { customer_id, terms: Vec::new(), replaces: true, erased: false })
            .collect();
        let rows: Vec<FlushRow> =
            (1..).zip(memtable::packed(1, &gone)).map(|(id, row)| row.numbered(id)).collect();
        assert_eq!(rows.len(), 10);
        let flush = Flush::of(&rows).unwrap();
        assert_eq!(flush.ids, (1..=9).collect::<Vec<_>>());
        assert_eq!((flush.replaced.len(), flush.bytes), (4_500, 4_500 * 16));
        assert_eq!(flush.replaced.last(), Some(&(4_500, 9)));
    }
}
