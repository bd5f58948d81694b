//! Scrubs the terms of erased people out of the segments: it reads every block and rewrites those that name one of them.
//! So an erase costs little, however large the index is, and needs no compaction of all segments.
//!
//! A scrub holds the lease of the index, so no compaction runs beside it and live segments only get more. Those that
//! come later hold nobody who was erased before the scrub began: an erase takes its person out of the memtable.

use diesel::prelude::*;

use super::blocks::{Block, Entries, Packer};
use super::compaction::live_ids;
use super::lease::{end_lease, keep_lease, take_lease};
use super::segments::{FOREVER, broken, insert_blocks};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{index_block, index_segment, index_tombstone};

/// How many blocks it reads at once, about 512 KB, and between two transactions.
const READ_BLOCKS: i64 = 64;
const STEP_BLOCKS: usize = 1_024;
/// How many blocks a transaction replaces.
const REPLACED_MAX: usize = 64;
/// How many erased people one scrub is for, and one statement names.
const ERASED_MAX: i64 = 10_000;
const CHUNK: usize = 500;

/// The key of a block within its segment.
type Key = (i64, i64);

/// A scrub under way.
#[derive(Debug)]
pub(super) struct Scrub {
    lease_no: i64,
    /// The erased people whose terms it removes, by ascending id.
    erased: Vec<i64>,
    /// The segments still to read; the last one is under way.
    segments: Vec<i64>,
    /// The last block read of it.
    last: Option<Key>,
}

/// A block that names erased people, and what replaces it.
#[derive(Debug)]
pub(super) struct Replaced {
    segment_id: i64,
    key: Key,
    blocks: Vec<Block>,
    /// How many postings it has less.
    postings: i64,
}

/// Whether people were erased whose terms may still be in segments; only reads.
pub(super) fn is_due(conn: &mut Conn) -> Result<bool, StoreError> {
    let one: Option<i64> = on!(conn, |c| index_tombstone::table
        .filter(index_tombstone::sequence.eq(FOREVER))
        .select(index_tombstone::customer_id)
        .first(c)
        .optional())?;
    Ok(one.is_some())
}

/// Begins a scrub, unless nobody was erased or another process works on the segments. `own` is this process's last lease.
pub(super) fn begin(conn: &mut Conn, own: &mut Option<i64>) -> Result<Option<Scrub>, StoreError> {
    let Some(lease_no) = take_lease(conn, *own)? else { return Ok(None) };
    *own = Some(lease_no);
    // Before the segments: whoever is in this list is in one of those, or in none.
    let erased: Vec<i64> = on!(conn, |c| index_tombstone::table
        .filter(index_tombstone::sequence.eq(FOREVER))
        .order(index_tombstone::customer_id)
        .select(index_tombstone::customer_id)
        .limit(ERASED_MAX)
        .load(c))?;
    Ok(Some(Scrub { lease_no, erased, segments: live_ids(conn)?, last: None }))
}

impl Scrub {
    /// Reads blocks until some must be replaced, or many were read. It only reads.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub(super) fn read(&mut self, conn: &mut Conn) -> Result<Vec<Replaced>, StoreError> {
        let mut replaced = Vec::new();
        let mut blocks = 0;
        while let Some(segment_id) = self.segments.last().copied() {
            let rows = read(conn, segment_id, self.last)?;
            let Some((first_term, first_customer, _)) = rows.last() else {
                self.segments.pop();
                self.last = None;
                continue;
            };
            self.last = Some((*first_term, *first_customer));
            blocks += rows.len();
            for (first_term, first_customer, data) in rows {
                if let Some((blocks, postings)) = without(&data, &self.erased).map_err(broken)? {
                    replaced.push(Replaced {
                        segment_id,
                        key: (first_term, first_customer),
                        blocks,
                        postings,
                    });
                }
            }
            if replaced.len() >= REPLACED_MAX || blocks >= STEP_BLOCKS {
                break;
            }
        }
        Ok(replaced)
    }

    /// Writes what was read; ends the scrub after the last segment. Returns whether it is over, or another process took
    /// over.
    ///
    /// # Errors
    /// The database's.
    pub(super) fn write(&self, conn: &mut Conn, replaced: Vec<Replaced>) -> Result<bool, StoreError> {
        if !keep_lease(conn, self.lease_no)? {
            return Ok(true);
        }
        for one in replaced {
            let (first_term, first_customer) = one.key;
            on!(conn, |c| {
                diesel::delete(index_block::table.find((one.segment_id, first_term, first_customer)))
                    .execute(c)?;
                diesel::update(index_segment::table.find(one.segment_id))
                    .set(index_segment::postings.eq(index_segment::postings - one.postings))
                    .execute(c)
            })?;
            insert_blocks(conn, one.segment_id, one.blocks)?;
        }
        if !self.segments.is_empty() {
            return Ok(false);
        }
        for ids in self.erased.chunks(CHUNK) {
            on!(conn, |c| diesel::delete(
                index_tombstone::table
                    .filter(index_tombstone::customer_id.eq_any(ids))
                    .filter(index_tombstone::sequence.eq(FOREVER)),
            )
            .execute(c))?;
        }
        end_lease(conn)?;
        Ok(true)
    }
}

fn read(conn: &mut Conn, segment_id: i64, last: Option<Key>) -> Result<Vec<(i64, i64, Vec<u8>)>, StoreError> {
    let (term, customer) = last.unwrap_or((i64::MIN, i64::MIN));
    Ok(on!(conn, |c| index_block::table
        .filter(index_block::segment_id.eq(segment_id))
        .filter(index_block::first_term.ge(term))
        .filter(index_block::first_term.gt(term).or(index_block::first_customer.gt(customer)))
        .order((index_block::first_term, index_block::first_customer))
        .limit(READ_BLOCKS)
        .select((index_block::first_term, index_block::first_customer, index_block::data))
        .load(c))?)
}

/// The content of a block without some customers, and how many postings that removes; `None` if it names none of them.
fn without(data: &[u8], erased: &[i64]) -> Result<Option<(Vec<Block>, i64)>, super::blocks::Broken> {
    let mut ids = Vec::new();
    let mut entries = Entries::of(data);
    let is_erased = |id: &i64| erased.binary_search(id).is_ok();
    let mut names_one = false;
    while !names_one && entries.next(&mut ids)?.is_some() {
        names_one = ids.iter().any(is_erased);
        ids.clear();
    }
    if !names_one {
        return Ok(None);
    }
    let mut packer = Packer::default();
    let mut removed = 0;
    let mut entries = Entries::of(data);
    while let Some(term) = entries.next(&mut ids)? {
        let before = ids.len();
        ids.retain(|id| !is_erased(id));
        removed += before - ids.len();
        packer.add(term, &ids);
        ids.clear();
    }
    Ok(Some((packer.finish(), i64::try_from(removed).unwrap_or(i64::MAX))))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::super::blocks::pack;
    use super::*;

    fn unpacked(blocks: &[Block]) -> BTreeMap<u64, Vec<i64>> {
        let mut all: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        for block in blocks {
            let mut entries = Entries::of(&block.data);
            let mut ids = Vec::new();
            while let Some(term) = entries.next(&mut ids).unwrap() {
                all.entry(term).or_default().append(&mut ids);
            }
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn erased_people_and_only_they_go(
            customers in prop::collection::vec((1_i64..400, prop::collection::vec(0_u64..300, 1..120)), 1..60),
            erased in prop::collection::btree_set(1_i64..400, 1..30),
        ) {
            let rows: Vec<(i64, &[u64])> = customers.iter().map(|(id, terms)| (*id, terms.as_slice())).collect();
            let (blocks, postings) = pack(&rows);
            let ids: Vec<i64> = erased.iter().copied().collect();
            let (mut left, mut removed) = (Vec::new(), 0);
            for block in blocks {
                match without(&block.data, &ids).unwrap() {
                    None => left.push(block),
                    Some((new, count)) => {
                        prop_assert!(count > 0);
                        // What is left fits into the block that it replaces.
                        prop_assert!(new.len() <= 1);
                        removed += count;
                        left.extend(new);
                    }
                }
            }
            let kept: Vec<(i64, &[u64])> = rows.into_iter().filter(|(id, _)| !erased.contains(id)).collect();
            let (expected, expected_postings) = pack(&kept);
            prop_assert_eq!(unpacked(&left), unpacked(&expected));
            prop_assert_eq!(postings - removed, expected_postings);
            let keys: BTreeSet<(u64, i64)> = left.iter().map(|block| (block.first_term, block.first_customer)).collect();
            prop_assert_eq!(keys.len(), left.len(), "each block has a key of its own");
        }
    }

    #[test]
    fn a_long_list_keeps_its_blocks() {
        let all: Vec<i64> = (1..=10_000).collect();
        let mut packer = Packer::default();
        packer.add(7, &all);
        for block in packer.finish() {
            let first = block.first_customer;
            let (new, count) = without(&block.data, &[first, first + 5]).unwrap().unwrap();
            assert_eq!((new.len(), count), (1, 2));
            assert_eq!((new[0].first_term, new[0].first_customer), (7, first + 1));
        }
    }
}
