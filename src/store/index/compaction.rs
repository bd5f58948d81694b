//! Compaction: merges many small segments into one, and leaves out terms under a tombstone. Also reads the whole index, for
//! `doctor`.
//!
//! A compaction writes the new segment block by block in short transactions. Searches ignore it until the last
//! transaction makes it live and retires its inputs. Retired segments stay for a while, for transactions that listed
//! them before. One process compacts at a time, under a lease; the next one drops what a dead process left unfinished.
//!
//! While a large compaction is under way, the same process does smaller ones of newer segments between its steps:
//! otherwise writes would add hundreds of segments meanwhile.

use std::collections::{BTreeMap, HashMap, VecDeque};

use diesel::prelude::*;

use super::blocks::{Block, Entries, Packer};
use super::lease::{end_lease, keep_lease, take_lease};
use super::memtable::{self, REBUILD, entries};
use super::segments::{
    BUILDING, Flush, LIVE, RETIRED, broken, insert_blocks, lock, new_segment, prepare_flush,
};
use crate::clock;
use crate::domain::kernel::time::SECOND_US;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{index_block, index_memtable, index_segment, index_tombstone};

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
/// How long a retired segment stays on PostgreSQL, in microseconds: longer than a writer takes from its look at the live
/// segments to its look into them. Reads see one snapshot, as all transactions do on SQLite.
const GRACE_US: i64 = 30 * SECOND_US;
/// How many blocks a transaction removes.
const PURGE_BLOCKS: i64 = 256;
/// How many blocks of each segment it reads at once.
const READ_BLOCKS: i64 = 16;
/// How many blocks it writes at once, about 1.5 MB: under load each write waits for a step of an import.
const WRITE_BLOCKS: usize = 192;

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
    /// Whether its inputs are all segments that were live when it began.
    is_whole: bool,
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
fn chosen(live: &[(i64, i64)], tombstones: i64, is_idle: bool) -> Vec<i64> {
    let postings: i64 = live.iter().map(|(_, postings)| postings).sum();
    let void_postings = tombstones.saturating_mul(POSTINGS_EACH);
    if tombstones >= TOMBSTONE_MIN && void_postings.saturating_mul(TOMBSTONE_SHARE) > postings {
        return live.iter().map(|(id, _)| *id).collect();
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

/// The ids of all live segments.
pub(super) fn live_ids(conn: &mut Conn) -> Result<Vec<i64>, StoreError> {
    Ok(live(conn)?.into_iter().map(|(id, ..)| id).collect())
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

/// Whether there may be something to compact beside the compactions under way; only reads.
pub(super) fn is_due(conn: &mut Conn, taken: &[i64], is_idle: bool) -> Result<bool, StoreError> {
    let tombstones = tombstones_unless(conn, taken)?;
    Ok(!due(&live(conn)?, taken, tombstones, is_idle).is_empty())
}

/// The number of tombstones, or 0 beside a compaction: they are a reason only to compact all segments.
fn tombstones_unless(conn: &mut Conn, taken: &[i64]) -> Result<i64, StoreError> {
    if taken.is_empty() { Ok(on!(conn, |c| index_tombstone::table.count().get_result(c))?) } else { Ok(0) }
}

/// The ids of the segments to compact among the live ones, without those of compactions under way.
fn due(live: &[Segment], taken: &[i64], tombstones: i64, is_idle: bool) -> Vec<i64> {
    let free = live.iter().filter(|(id, ..)| !taken.contains(id));
    let pairs: Vec<(i64, i64)> = free.map(|(id, _, postings)| (*id, *postings)).collect();
    chosen(&pairs, tombstones, is_idle)
}

/// The compactions under way in this process, the largest first; all but the last wait.
#[derive(Debug, Default)]
pub struct Compactions {
    under_way: Vec<Compaction>,
    /// The number of the last lease of the index.
    pub(super) lease_no: Option<i64>,
}

impl Compactions {
    /// The ids of the segments that they read.
    pub(super) fn taken(&self) -> Vec<i64> {
        self.under_way.iter().flat_map(|one| one.inputs.iter().map(|input| input.segment_id)).collect()
    }

    /// Whether none is under way.
    pub fn are_none(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Begins another compaction, unless there is nothing to compact or another process compacts.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub(super) fn begin(&mut self, conn: &mut Conn, is_idle: bool) -> Result<bool, StoreError> {
        let lease_no = match self.under_way.last() {
            Some(outer) if !lock(conn)? || !keep_lease(conn, outer.lease_no)? => return Ok(false),
            Some(outer) => outer.lease_no,
            None => match take_lease(conn, self.lease_no)? {
                Some(lease_no) => lease_no,
                None => return Ok(false),
            },
        };
        self.lease_no = Some(lease_no);
        let taken = self.taken();
        let mut live = live(conn)?;
        let mut ids = due(&live, &taken, tombstones_unless(conn, &taken)?, is_idle);
        let is_whole = ids.len() == live.len();
        let lowest = live.iter().filter(|(id, ..)| ids.contains(id)).map(|(_, sequence, _)| *sequence).min();
        // Tombstones that a whole compaction is to remove must come before its list of segments: it then has all segments
        // that they cover.
        let tombstones = tombstones(conn, if is_whole { i64::MIN } else { lowest.unwrap_or(i64::MAX) })?;
        if is_whole {
            live = self::live(conn)?;
            ids = live.iter().map(|(id, ..)| *id).collect();
        }
        if ids.is_empty() {
            if taken.is_empty() {
                end_lease(conn)?;
            }
            return Ok(false);
        }
        let inputs: Vec<Input> = live
            .iter()
            .filter(|(id, ..)| ids.contains(id))
            .map(|(segment_id, sequence, _)| Input::of(*segment_id, *sequence))
            .collect();
        let sequence = inputs.iter().map(|input| input.sequence).max().unwrap_or(0);
        let segment_id = new_segment(conn, BUILDING, sequence, 0)?;
        let packer = Packer::default();
        self.under_way.push(Compaction {
            lease_no,
            segment_id,
            inputs,
            packer,
            tombstones,
            is_whole,
            sequence,
        });
        Ok(true)
    }

    /// Reads for the last compaction until there are enough blocks to write; none at its end. It only reads.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub(super) fn read(&mut self, conn: &mut Conn) -> Result<Vec<Block>, StoreError> {
        self.under_way.last_mut().map_or_else(|| Ok(Vec::new()), |last| last.read(conn))
    }

    /// Writes the blocks of the last compaction, or ends it if there are none. If another process took over, it drops all.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn write(&mut self, conn: &mut Conn, blocks: Vec<Block>) -> Result<(), StoreError> {
        let Some(last) = self.under_way.last() else { return Ok(()) };
        if !keep_lease(conn, last.lease_no)? {
            self.under_way.clear();
            return Ok(());
        }
        if !blocks.is_empty() {
            return insert_blocks(conn, last.segment_id, blocks);
        }
        last.finish(conn)?;
        self.under_way.pop();
        if self.under_way.is_empty() {
            end_lease(conn)?;
        }
        Ok(())
    }
}

/// The tombstones of a sequence above `lowest` by customer, with those that the memtable will make. Others cover none of
/// the inputs.
fn tombstones(conn: &mut Conn, lowest: i64) -> Result<HashMap<i64, i64>, StoreError> {
    let replaced: Vec<(i64, Vec<u8>)> = on!(conn, |c| index_memtable::table
        .filter(index_memtable::replaces.eq(true))
        .select((index_memtable::sequence, index_memtable::terms))
        .load(c))?;
    let mut tombstones: HashMap<i64, i64> = on!(conn, |c| index_tombstone::table
        .filter(index_tombstone::sequence.gt(lowest))
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
    Ok(tombstones)
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
    fn read(&mut self, conn: &mut Conn) -> Result<Vec<Block>, StoreError> {
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

    /// Replaces the inputs by the new segment. People erased since the compaction began keep their tombstones, so that a
    /// scrub finds their terms in it.
    fn finish(&self, conn: &mut Conn) -> Result<(), StoreError> {
        let now = conn.shared_now(clock::now())?;
        let retired = (index_segment::state.eq(RETIRED), index_segment::retired_at_us.eq(Some(now.0)));
        let ids: Vec<i64> = self.inputs.iter().map(|input| input.segment_id).collect();
        on!(conn, |c| {
            diesel::update(index_segment::table.filter(index_segment::segment_id.eq_any(&ids)))
                .set(retired)
                .execute(c)?;
            diesel::update(index_segment::table.find(self.segment_id))
                .set((index_segment::state.eq(LIVE), index_segment::postings.eq(self.packer.postings)))
                .execute(c)
        })?;
        if self.is_whole {
            // No segment has terms under these tombstones any more; later ones have a higher sequence.
            on!(conn, |c| diesel::delete(
                index_tombstone::table.filter(index_tombstone::sequence.le(self.sequence))
            )
            .execute(c))?;
        }
        Ok(())
    }
}

/// A retired segment that no transaction can still read; [`purge`] has something to do if there is one.
pub(crate) fn purgeable(conn: &mut Conn) -> Result<Option<i64>, StoreError> {
    let now = conn.shared_now(clock::now())?;
    let retired = index_segment::table.filter(index_segment::state.eq(RETIRED));
    Ok(match conn {
        Conn::Sqlite(c, ..) => retired.select(index_segment::segment_id).first(c).optional()?,
        Conn::Postgres(c) => {
            let is_past = index_segment::retired_at_us
                .lt(Some(now.0 - GRACE_US))
                .or(index_segment::retired_at_us.gt(Some(now.latest_lease(0))));
            retired.filter(is_past).select(index_segment::segment_id).first(c).optional()?
        }
    })
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
        assert!(chosen(&small, 0, false).is_empty());
        assert_eq!(chosen(&small, 0, true).len(), 7);
        let mut eight = small.clone();
        eight.push((7, 30_000));
        eight.push((8, 900_000));
        assert_eq!(chosen(&eight, 0, false), (0..8).collect::<Vec<_>>());
        // Many tombstones make it compact all segments.
        assert_eq!(chosen(&[(1, 100), (2, 900_000)], 3_000, false), [1, 2]);
        assert!(chosen(&[(2, 900_000)], 1_500, true).is_empty());
    }

    #[test]
    fn a_compaction_beside_others_takes_none_of_their_segments() {
        let live: Vec<Segment> = (0..20).map(|id| (id, id, 100)).collect();
        assert_eq!(due(&live, &[0, 1, 2, 3], 5_000, false).len(), 16);
        let taken: Vec<i64> = (0..13).collect();
        assert!(due(&live, &taken, 0, false).is_empty());
    }
}
