//! The packing of postings: the customers of each term, in blocks of a few kilobytes.
//!
//! A segment is a sequence of blocks, ordered by their first term and first customer. A block holds entries by
//! ascending term: the difference to the previous term, the number of customers, the first customer, and the differences
//! between successive customers, each as a little-endian base-128 number. A long list has blocks of its own, all with
//! the same first term. So a list is either within one block or the only content of several.

/// The packer closes a block once it has this many bytes.
const BLOCK_BYTES: usize = 8 << 10;
/// Lists with more customers get blocks of their own.
const LIST_LONG: usize = 2_048;
/// The most customers of one block of a long list.
const CHUNK: usize = 4_096;

/// A block of entries, with the first term and customer, by which a look-up finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) first_term: u64,
    pub(super) first_customer: i64,
    pub(super) data: Vec<u8>,
}

/// Packs lists, which must come by ascending term.
#[derive(Debug, Default)]
pub(super) struct Packer {
    done: Vec<Block>,
    data: Vec<u8>,
    first: (u64, i64),
    last_term: u64,
    /// How many pairs of term and customer were packed.
    pub(super) postings: i64,
}

impl Packer {
    /// Adds the customers of a term, by ascending id.
    pub(super) fn add(&mut self, term: u64, customers: &[i64]) {
        self.postings += i64::try_from(customers.len()).unwrap_or(0);
        if customers.len() > LIST_LONG {
            self.close();
            for chunk in customers.chunks(CHUNK) {
                self.entry(term, chunk);
                self.close();
            }
        } else if !customers.is_empty() {
            self.entry(term, customers);
            if self.data.len() >= BLOCK_BYTES {
                self.close();
            }
        }
    }

    fn entry(&mut self, term: u64, customers: &[i64]) {
        let Some((first, rest)) = customers.split_first() else { return };
        if self.data.is_empty() {
            self.first = (term, *first);
            self.last_term = 0;
        }
        put(&mut self.data, term - self.last_term);
        put(&mut self.data, u64::try_from(customers.len()).unwrap_or(0));
        put(&mut self.data, u64::try_from(*first).unwrap_or(0));
        let mut before = *first;
        for customer in rest {
            put(&mut self.data, u64::try_from(customer - before).unwrap_or(0));
            before = *customer;
        }
        self.last_term = term;
    }

    fn close(&mut self) {
        if !self.data.is_empty() {
            let (first_term, first_customer) = self.first;
            self.done.push(Block { first_term, first_customer, data: std::mem::take(&mut self.data) });
        }
    }

    /// How many closed blocks wait to be taken.
    pub(super) fn ready(&self) -> usize {
        self.done.len()
    }

    /// Takes the closed blocks.
    pub(super) fn take(&mut self) -> Vec<Block> {
        std::mem::take(&mut self.done)
    }

    /// Closes the last block, and takes all that are left.
    pub(super) fn finish(&mut self) -> Vec<Block> {
        self.close();
        self.take()
    }
}

/// Packs customers' terms; returns the blocks and the number of their postings.
pub(super) fn pack(customers: &[(i64, &[u64])]) -> (Vec<Block>, i64) {
    let mut pairs: Vec<(u64, i64)> =
        customers.iter().flat_map(|(id, terms)| terms.iter().map(|term| (*term, *id))).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut packer = Packer::default();
    let mut ids = Vec::new();
    for list in pairs.chunk_by(|a, b| a.0 == b.0) {
        let Some((term, _)) = list.first() else { continue };
        ids.clear();
        ids.extend(list.iter().map(|(_, id)| *id));
        packer.add(*term, &ids);
    }
    (packer.finish(), packer.postings)
}

fn put(data: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            data.push(low & 0x7f);
            return;
        }
        data.push(low | 0x80);
    }
}

/// Reads a block's entries one after the other.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    rest: std::slice::Iter<'a, u8>,
    term: u64,
}

/// The error of a damaged block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl<'a> Entries<'a> {
    pub(super) fn of(data: &'a [u8]) -> Entries<'a> {
        Entries { rest: data.iter(), term: 0 }
    }

    /// Continues in a block after `at` bytes, where the last entry read was that of `term`.
    pub(super) fn resume(data: &'a [u8], at: usize, term: u64) -> Entries<'a> {
        Entries { rest: data.get(at..).unwrap_or_default().iter(), term }
    }

    /// How many bytes are still unread.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    fn number(&mut self) -> Result<u64, Broken> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.rest.next().ok_or(Broken)?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Broken)
    }

    /// The next entry's term and number of customers. The caller must then read or skip the customers.
    fn head(&mut self) -> Result<Option<(u64, u64)>, Broken> {
        if self.rest.len() == 0 {
            return Ok(None);
        }
        self.term = self.term.checked_add(self.number()?).ok_or(Broken)?;
        let count = self.number()?;
        Ok(Some((self.term, count)))
    }

    fn customers(&mut self, count: u64, into: &mut Vec<i64>) -> Result<(), Broken> {
        let mut customer = 0_i64;
        for _ in 0..count {
            let step = i64::try_from(self.number()?).map_err(|_| Broken)?;
            customer = customer.checked_add(step).ok_or(Broken)?;
            into.push(customer);
        }
        Ok(())
    }

    /// Returns the next entry's term, and adds its customers to `into`.
    pub(super) fn next(&mut self, into: &mut Vec<i64>) -> Result<Option<u64>, Broken> {
        let Some((term, count)) = self.head()? else { return Ok(None) };
        self.customers(count, into)?;
        Ok(Some(term))
    }

    /// Adds the customers of a term to `into`, if the block has the term.
    pub(super) fn find(mut self, wanted: u64, into: &mut Vec<i64>) -> Result<(), Broken> {
        while let Some((term, count)) = self.head()? {
            if term == wanted {
                return self.customers(count, into);
            }
            if term > wanted {
                return Ok(());
            }
            // A number ends with the first byte below 128.
            let mut left = count;
            while left > 0 {
                left -= u64::from(*self.rest.next().ok_or(Broken)? < 0x80);
            }
        }
        Ok(())
    }
}

/// Keeps the ids that are also in `others`; both must be sorted.
pub(super) fn intersect(ids: &mut Vec<i64>, others: &[i64]) {
    let mut rest = others;
    ids.retain(|id| {
        // Leaps double in length, because one list may be far longer than the other.
        let mut leap = 1;
        while rest.get(leap).is_some_and(|other| other < id) {
            leap *= 2;
        }
        let at = rest.get(..=leap).unwrap_or(rest).partition_point(|other| other < id);
        rest = rest.get(at..).unwrap_or_default();
        rest.first() == Some(id)
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn unpacked(blocks: &[Block]) -> BTreeMap<u64, Vec<i64>> {
        let mut all: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        for block in blocks {
            let mut entries = Entries::of(&block.data);
            let mut ids = Vec::new();
            let mut is_first = true;
            while let Some(term) = entries.next(&mut ids).unwrap() {
                if is_first {
                    assert_eq!((block.first_term, Some(&block.first_customer)), (term, ids.first()));
                    is_first = false;
                }
                all.entry(term).or_default().append(&mut ids);
            }
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_packed_is_unpacked(
            customers in prop::collection::vec((0_i64..1 << 53, prop::collection::vec(any::<u64>().prop_map(|t| t % 997 * (u64::MAX / 997)), 0..30)), 0..60)
        ) {
            let rows: Vec<(i64, &[u64])> = customers.iter().map(|(id, terms)| (*id, terms.as_slice())).collect();
            let (blocks, postings) = pack(&rows);
            let mut wanted: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
            for (id, terms) in &customers {
                for term in terms {
                    wanted.entry(*term).or_default().push(*id);
                }
            }
            for ids in wanted.values_mut() {
                ids.sort_unstable();
                ids.dedup();
            }
            let all = unpacked(&blocks);
            prop_assert_eq!(&all, &wanted);
            prop_assert_eq!(postings, i64::try_from(wanted.values().map(Vec::len).sum::<usize>()).unwrap());
            for (term, ids) in wanted {
                let mut found = Vec::new();
                for block in &blocks {
                    Entries::of(&block.data).find(term, &mut found).unwrap();
                }
                prop_assert_eq!(found, ids);
            }
        }

        #[test]
        fn intersections_are_those_of_sets(
            a in prop::collection::btree_set(0_i64..500, 0..200), b in prop::collection::btree_set(0_i64..500, 0..200)
        ) {
            let mut ids: Vec<i64> = a.iter().copied().collect();
            intersect(&mut ids, &b.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(ids, a.intersection(&b).copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn long_lists_stand_alone() {
        let long: Vec<i64> = (1..=10_000).map(|id| id * 3).collect();
        let mut packer = Packer::default();
        packer.add(4, &[1, 2]);
        packer.add(7, &long);
        packer.add(9, &[5]);
        let blocks = packer.finish();
        let terms: Vec<u64> = blocks.iter().map(|block| block.first_term).collect();
        assert_eq!(terms, [4, 7, 7, 7, 9]);
        assert_eq!(unpacked(&blocks)[&7], long);
    }

    #[test]
    fn broken_blocks_are_noticed() {
        let (blocks, _) = pack(&[(7, &[1, 2, 3])]);
        let data = &blocks[0].data;
        for cut in 1..data.len() {
            let mut entries = Entries::of(&data[..cut]);
            let mut ids = Vec::new();
            let all =
                std::iter::from_fn(|| entries.next(&mut ids).transpose()).collect::<Result<Vec<_>, _>>();
            assert!(all.is_err() || all.unwrap().len() < 3, "{cut}");
        }
    }
}
