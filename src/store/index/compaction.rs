//! Compaction: merges many small segments into one, and leaves out terms under a tombstone. Also reads the whole index, for
//! `doctor`.
//!
//! A compaction writes the new segment block by block in short transactions. Searches ignore it until the last
//! transaction makes it live and retires its inputs. Retired segments stay for a while, for transactions that listed
//! them before. One process compacts at a time, under a lease; the next one drops what a dead process left unfinished.

use std::collections::{BTreeMap, HashMap, VecDeque};

use diesel::prelude::*;

use super::blocks::{Block, Entries, Packer};
use super::memtable::{self, REBUILD, entries};
use super::segments::{
    BUILDING, FOREVER, Flush, LIVE, RETIRED, broken, insert_blocks, lock, new_segment, prepare_flush,
};
use crate::clock;
use crate::domain::kernel::time::SECOND_US;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{
    index_block, index_lease, index_memtable, index_segment, index_tombstone,
};

/// How many segments of one size class it takes for a compaction, while there are writes and while there are none.
const COMPACT_BUSY: usize = 8;
const COMPACT_IDLE: usize = 2;
/// The most postings of the lowest size class; each next class is eight times as large.
const SIZE_LOWEST: i64 = 32_768;
/// Once more than one posting in this many may be under a tombstone, all segments are compacted.
const TOMBSTONE_SHARE: i64 = 5;
/// About how many postings a customer has.
const POSTINGS_EACH: i64 = 64;
/// Fewer tombstones than this are no reason to compact all segments.
const TOMBSTONE_MIN: i64 = 1_000;
/// After this long without a step, in microseconds, another process begins the compaction again.
const LEASE_US: i64 = 60 * SECOND_US;
/// How long a retired segment stays on PostgreSQL, in microseconds: longer than any transaction of several statements,
/// one of which may have seen it live. On SQLite a transaction sees one snapshot.
const GRACE_US: i64 = 120 * SECOND_US;
/// How many blocks a transaction removes.
const PURGE_BLOCKS: i64 = 256;
/// How many blocks of each segment it reads at once.
const READ_BLOCKS: i64 = 16;
/// How many blocks it writes at once.
const WRITE_BLOCKS: usize = 64;

/// A segment that a compaction reads.
#[derive(Debug)]
struct Input {
    segment_id: i64,
    sequence: i64,
    /// The first term and customer of the last block read.
    last: Option<(i64, i64)>,
    blocks: VecDeque<Vec<u8>>,
    /// How many bytes of the first block were read.
    at: usize,
    term: u64,
    /// The next entry: a term and its customers.
    next: Option<(u64, Vec<i64>)>,
}

/// A compaction under way.
#[derive(Debug)]
pub(crate) struct Compaction {
    lease_no: i64,
    segment_id: i64,
    inputs: Vec<Input>,
    packer: Packer,
    /// The tombstones, by customer: terms of a lower sequence are left out.
    tombstones: HashMap<i64, i64>,
    /// The number of tombstones of erased people when it began.
    erased: i64,
    /// Whether its inputs are all segments that were live when it began.
    pub(super) is_whole: bool,
    sequence: i64,
}

/// The size class of a segment.
fn size_of(postings: i64) -> u32 {
    let mut size = 0;
    let mut most = SIZE_LOWEST;
    while postings > most {
        most = most.saturating_mul(8);
        size += 1;
    }
    size
}

/// Chooses the segments to compact among `(id, postings)`; none if there is nothing to do.
fn chosen(live: &[(i64, i64)], tombstones: i64, erased: i64, is_idle: bool) -> Vec<i64> {
    let all = || live.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    let postings: i64 = live.iter().map(|(_, postings)| postings).sum();
    let void_postings = tombstones.saturating_mul(POSTINGS_EACH);
    if !live.is_empty()
        && (erased > 0
            || (tombstones >= TOMBSTONE_MIN && void_postings.saturating_mul(TOMBSTONE_SHARE) > postings))
    {
        return all();
    }
    let mut sizes: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for (id, postings) in live {
        sizes.entry(size_of(*postings)).or_default().push(*id);
    }
    let enough = if is_idle { COMPACT_IDLE } else { COMPACT_BUSY };
    sizes.into_values().find(|ids| ids.len() >= enough).unwrap_or_default()
}

type Segment = (i64, i64, i64);

fn live(conn: &mut Conn) -> Result<Vec<Segment>, StoreError> {
    Ok(on!(conn, |c| index_segment::table
        .filter(index_segment::state.eq(LIVE))
        .order(index_segment::segment_id)
        .select((index_segment::segment_id, index_segment::sequence, index_segment::postings))
        .load(c))?)
}

fn erased(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(on!(conn, |c| index_tombstone::table
        .filter(index_tombstone::sequence.eq(FOREVER))
        .count()
        .get_result(c))?)
}

/// Reads the whole index; returns the number of entries in the memtable, and of postings in segments. It reads outside of a
/// transaction, which would hold up vacuum or checkpoints. So it may miss segments that are compacted meanwhile, and
/// count flushed entries twice.
///
/// # Errors
/// The database's; [`StoreError::Corrupt`] with what is damaged or missing.
pub(crate) fn examine(conn: &mut Conn) -> Result<(usize, i64), StoreError> {
    let entries = memtable::examine(conn)?;
    let mut all = 0;
    for (segment_id, sequence, postings) in live(conn)? {
        let mut input = Input::of(segment_id, sequence);
        let mut found = 0;
        loop {
            input.advance(conn).map_err(|error| match error {
                StoreError::Corrupt(what) => {
                    StoreError::Corrupt(format!("{what}, in segment {segment_id}; {REBUILD}"))
                }
                other => other,
            })?;
            let Some((_, ids)) = &input.next else { break };
            found += i64::try_from(ids.len()).unwrap_or(i64::MAX);
        }
        // A segment that was retired meanwhile may be partly removed.
        if found != postings && live(conn)?.iter().any(|(id, ..)| *id == segment_id) {
            return Err(StoreError::Corrupt(format!(
                "segment {segment_id} of the search index has {found} postings instead of {postings}; {REBUILD}"
            )));
        }
        all += found;
    }
    Ok((entries, all))
}

/// Prepares a flush, if the memtable has at least `least` bytes; only reads.
pub(crate) fn flush_if_due(conn: &mut Conn, least: i64) -> Result<Option<Flush>, StoreError> {
    if memtable::bytes(conn)? < least { Ok(None) } else { Ok(Some(prepare_flush(conn)?)) }
}

/// Whether there may be something to compact; only reads.
pub(crate) fn is_due(conn: &mut Conn, is_idle: bool, may_erase: bool) -> Result<bool, StoreError> {
    // Counting reads all tombstones.
    let erased = if may_erase { erased(conn)? } else { 0 };
    Ok(!due(conn, is_idle, erased)?.1.is_empty())
}

/// The live segments, and the ids of those to compact, with this number of tombstones of erased people.
fn due(conn: &mut Conn, is_idle: bool, erased: i64) -> Result<(Vec<Segment>, Vec<i64>), StoreError> {
    let live = live(conn)?;
    let pairs: Vec<(i64, i64)> = live.iter().map(|(id, _, postings)| (*id, *postings)).collect();
    let tombstones: i64 = on!(conn, |c| index_tombstone::table.count().get_result(c))?;
    let ids = chosen(&pairs, tombstones, erased, is_idle);
    Ok((live, ids))
}

/// Begins a compaction, unless another process runs one.
pub(crate) fn begin(
    conn: &mut Conn,
    is_idle: bool,
    may_erase: bool,
) -> Result<Option<Compaction>, StoreError> {
    if !lock(conn)? {
        return Ok(None);
    }
    let (lease_no, until): (i64, i64) = on!(conn, |c| index_lease::table
        .select((index_lease::lease_no, index_lease::lease_until_us))
        .first(c))?;
    let now = conn.shared_now(clock::now())?;
    if until > now.0 {
        return Ok(None);
    }
    // It counts the tombstones of erased people before it reads them: a person erased meanwhile then makes it begin again.
    let erased = erased(conn)?;
    let (live, ids) = due(conn, is_idle, if may_erase { erased } else { 0 })?;
    if ids.is_empty() {
        return Ok(None);
    }
    let replaced: Vec<(i64, Vec<u8>)> = on!(conn, |c| index_memtable::table
        .filter(index_memtable::replaces.eq(true))
        .select((index_memtable::sequence, index_memtable::terms))
        .load(c))?;
    let mut tombstones: HashMap<i64, i64> = on!(conn, |c| index_tombstone::table
        .select((index_tombstone::customer_id, index_tombstone::sequence))
        .load::<(i64, i64)>(c))?
    .into_iter()
    .collect();
    for (sequence, row) in replaced {
        for entry in entries(&row) {
            tombstones
                .entry(entry?.customer_id)
                .and_modify(|known| *known = sequence.max(*known))
                .or_insert(sequence);
        }
    }
    // A process that died may have left an unfinished segment.
    on!(conn, |c| diesel::update(index_segment::table.filter(index_segment::state.eq(BUILDING)))
        .set((index_segment::state.eq(RETIRED), index_segment::retired_at_us.eq(Some(0_i64))))
        .execute(c))?;
    let lease_no = lease_no + 1;
    on!(conn, |c| diesel::update(index_lease::table)
        .set((index_lease::lease_no.eq(lease_no), index_lease::lease_until_us.eq(now.0 + LEASE_US)))
        .execute(c))?;
    let inputs: Vec<Input> = live
        .iter()
        .filter(|(id, ..)| ids.contains(id))
        .map(|(segment_id, sequence, _)| Input::of(*segment_id, *sequence))
        .collect();
    let sequence = inputs.iter().map(|input| input.sequence).max().unwrap_or(0);
    let segment_id = new_segment(conn, BUILDING, sequence, 0)?;
    let is_whole = inputs.len() == live.len();
    Ok(Some(Compaction {
        lease_no,
        segment_id,
        inputs,
        packer: Packer::default(),
        tombstones,
        erased,
        is_whole,
        sequence,
    }))
}

impl Input {
    fn of(segment_id: i64, sequence: i64) -> Input {
        Input { segment_id, sequence, last: None, blocks: VecDeque::new(), at: 0, term: 0, next: None }
    }

    /// Reads the next entry into `next`; `None` at the end.
    fn advance(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        self.next = None;
        loop {
            let Some(block) = self.blocks.front() else {
                if !self.read(conn)? {
                    return Ok(());
                }
                continue;
            };
            let mut entries = Entries::resume(block, self.at, self.term);
            let mut ids = Vec::new();
            match entries.next(&mut ids).map_err(broken)? {
                Some(term) => {
                    self.at = block.len() - entries.left();
                    self.term = term;
                    self.next = Some((term, ids));
                    return Ok(());
                }
                None => {
                    self.blocks.pop_front();
                    (self.at, self.term) = (0, 0);
                }
            }
        }
    }

    /// Reads more blocks; false at the end.
    fn read(&mut self, conn: &mut Conn) -> Result<bool, StoreError> {
        let (term, customer) = self.last.unwrap_or((i64::MIN, i64::MIN));
        let rows: Vec<(i64, i64, Vec<u8>)> = on!(conn, |c| index_block::table
            .filter(index_block::segment_id.eq(self.segment_id))
            .filter(index_block::first_term.ge(term))
            .filter(index_block::first_term.gt(term).or(index_block::first_customer.gt(customer)))
            .order((index_block::first_term, index_block::first_customer))
            .limit(READ_BLOCKS)
            .select((index_block::first_term, index_block::first_customer, index_block::data))
            .load(c))?;
        let Some((term, customer, _)) = rows.last() else { return Ok(false) };
        self.last = Some((*term, *customer));
        self.blocks.extend(rows.into_iter().map(|(.., data)| data));
        Ok(true)
    }

    /// Whether no tombstone covers the customer's terms in this segment.
    fn holds_for(&self, customer_id: i64, tombstones: &HashMap<i64, i64>) -> bool {
        tombstones.get(&customer_id).is_none_or(|sequence| self.sequence >= *sequence)
    }
}

impl Compaction {
    /// Reads until there are enough blocks to write; none at the end. It only reads.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub(crate) fn read(&mut self, conn: &mut Conn) -> Result<Vec<Block>, StoreError> {
        for input in self.inputs.iter_mut().filter(|input| input.last.is_none()) {
            input.advance(conn)?;
        }
        while self.packer.ready() < WRITE_BLOCKS {
            let lowest = self.inputs.iter().filter_map(|input| Some(input.next.as_ref()?.0)).min();
            let Some(term) = lowest else { return Ok(self.packer.finish()) };
            let mut ids: Vec<i64> = Vec::new();
            let mut lists = 0;
            for input in &mut self.inputs {
                while let Some((_, own)) = input.next.take_if(|(own, _)| *own == term) {
                    ids.extend(own.into_iter().filter(|id| input.holds_for(*id, &self.tombstones)));
                    lists += 1;
                    input.advance(conn)?;
                }
            }
            if lists > 1 {
                ids.sort_unstable();
                ids.dedup();
            }
            self.packer.add(term, &ids);
        }
        Ok(self.packer.take())
    }

    /// Whether this compaction still has the lease; if so, extends it.
    fn holds(&self, conn: &mut Conn) -> Result<bool, StoreError> {
        let until_us = conn.shared_now(clock::now())?.0 + LEASE_US;
        let held = on!(conn, |c| diesel::update(
            index_lease::table.filter(index_lease::lease_no.eq(self.lease_no))
        )
        .set(index_lease::lease_until_us.eq(until_us))
        .execute(c))?;
        Ok(held == 1)
    }
}

/// Writes blocks of a compaction; false if another process took over.
pub(crate) fn write(
    conn: &mut Conn,
    compaction: &Compaction,
    blocks: Vec<Block>,
) -> Result<bool, StoreError> {
    if !compaction.holds(conn)? {
        return Ok(false);
    }
    insert_blocks(conn, compaction.segment_id, blocks)?;
    Ok(true)
}

/// Replaces the inputs by the new segment, or drops the new one if a person was erased since the compaction began.
pub(crate) fn finish(conn: &mut Conn, compaction: &Compaction) -> Result<bool, StoreError> {
    if !compaction.holds(conn)? {
        return Ok(false);
    }
    let is_sound = erased(conn)? == compaction.erased;
    let now = conn.shared_now(clock::now())?;
    let retired = (index_segment::state.eq(RETIRED), index_segment::retired_at_us.eq(Some(now.0)));
    if is_sound {
        let ids: Vec<i64> = compaction.inputs.iter().map(|input| input.segment_id).collect();
        on!(conn, |c| {
            diesel::update(index_segment::table.filter(index_segment::segment_id.eq_any(&ids)))
                .set(retired)
                .execute(c)?;
            diesel::update(index_segment::table.find(compaction.segment_id))
                .set((index_segment::state.eq(LIVE), index_segment::postings.eq(compaction.packer.postings)))
                .execute(c)
        })?;
        if compaction.is_whole {
            // No segment has terms under these tombstones any more; later ones have a higher sequence.
            on!(conn, |c| {
                diesel::delete(
                    index_tombstone::table.filter(index_tombstone::sequence.le(compaction.sequence)),
                )
                .execute(c)?;
                diesel::delete(index_tombstone::table.filter(index_tombstone::sequence.eq(FOREVER)))
                    .execute(c)
            })?;
        }
    } else {
        on!(conn, |c| diesel::update(index_segment::table.find(compaction.segment_id))
            .set(retired)
            .execute(c))?;
    }
    on!(conn, |c| diesel::update(index_lease::table).set(index_lease::lease_until_us.eq(0_i64)).execute(c))?;
    Ok(is_sound)
}

/// A retired segment that no transaction can still read; [`purge`] has something to do if there is one.
pub(crate) fn purgeable(conn: &mut Conn) -> Result<Option<i64>, StoreError> {
    let now = conn.shared_now(clock::now())?;
    let grace_us = match conn {
        Conn::Sqlite(..) => 0,
        Conn::Postgres(_) => GRACE_US,
    };
    Ok(on!(conn, |c| index_segment::table
        .filter(index_segment::state.eq(RETIRED))
        .filter(index_segment::retired_at_us.lt(Some(now.0 - grace_us)))
        .select(index_segment::segment_id)
        .first(c)
        .optional())?)
}

/// Removes some blocks of retired segments that no transaction can still read; returns whether there may be more.
pub(crate) fn purge(conn: &mut Conn) -> Result<bool, StoreError> {
    let Some(segment_id) = purgeable(conn)? else { return Ok(false) };
    let keys: Vec<(i64, i64)> = on!(conn, |c| index_block::table
        .filter(index_block::segment_id.eq(segment_id))
        .order((index_block::first_term, index_block::first_customer))
        .limit(PURGE_BLOCKS)
        .select((index_block::first_term, index_block::first_customer))
        .load(c))?;
    let Some((last_term, last_customer)) = keys.last() else {
        on!(conn, |c| diesel::delete(index_segment::table.find(segment_id)).execute(c))?;
        return Ok(true);
    };
    on!(conn, |c| diesel::delete(
        index_block::table
            .filter(index_block::segment_id.eq(segment_id))
            .filter(index_block::first_term.le(last_term))
            .filter(index_block::first_term.lt(last_term).or(index_block::first_customer.le(last_customer))),
    )
    .execute(c))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_a_size_are_merged() {
        assert_eq!((size_of(1), size_of(32_768), size_of(32_769), size_of(70_000_000)), (0, 0, 1, 4));
        let small: Vec<(i64, i64)> = (0..7).map(|id| (id, 100)).collect();
        assert!(chosen(&small, 0, 0, false).is_empty());
        assert_eq!(chosen(&small, 0, 0, true).len(), 7);
        let mut eight = small.clone();
        eight.push((7, 30_000));
        eight.push((8, 900_000));
        assert_eq!(chosen(&eight, 0, 0, false), (0..8).collect::<Vec<_>>());
        // Tombstones and erased people make it compact all segments.
        assert_eq!(chosen(&[(1, 100), (2, 900_000)], 0, 1, false), [1, 2]);
        assert_eq!(chosen(&[(2, 900_000)], 3_000, 0, false), [2]);
        assert!(chosen(&[(2, 900_000)], 1_500, 0, true).is_empty());
    }
}
