//! The look-up of terms: a search reads the memtable and every live segment.

use std::collections::HashMap;

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};

use super::blocks::{Entries, intersect};
use super::memtable::entries;
use super::segments::{LIVE, broken, signed};
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask;
use crate::store::engine::schema::{index_block, index_memtable, index_segment};

/// The cost of a block of a long list, in opened customers; on PostgreSQL without the round trip.
const BLOCK_SQLITE: usize = 1;
const BLOCK_POSTGRES: usize = 4;
/// The cost of the round trip, in opened customers.
const ROUND_TRIP_POSTGRES: usize = 16;
/// Up to this many look-ups take all their terms in the first round, on PostgreSQL.
const LOOKUPS_FEW: usize = 2;
/// How many terms one statement looks up; each returns a block.
const LOOKUPS_AT_ONCE: usize = 256;

/// A view of the index: rows of the memtable, and the ids of the live segments.
#[derive(Debug)]
pub(crate) struct Index {
    /// Rows of the memtable, by entrypoint.
    memtable: HashMap<i64, Vec<Vec<u8>>>,
    segments: Vec<i64>,
}

impl Index {
    /// The index of some entrypoints.
    pub(crate) fn of(conn: &mut Conn, entrypoints: &[i64]) -> Result<Index, StoreError> {
        if let (Conn::Postgres(c), [one]) = (&mut *conn, entrypoints) {
            return Index::of_one(c, *one);
        }
        let columns = (index_memtable::entrypoint_id, index_memtable::terms);
        // The memtable comes first: rows that are flushed meanwhile are then found twice, and not missed.
        let rows: Vec<(i64, Vec<u8>)> = on!(conn, |c| match entrypoints {
            [one] => {
                index_memtable::table.filter(index_memtable::entrypoint_id.eq(one)).select(columns).load(c)
            }
            // The memtable is small; a query for each entrypoint would cost more.
            _ => index_memtable::table.select(columns).load(c),
        })?;
        let mut memtable: HashMap<i64, Vec<Vec<u8>>> = HashMap::new();
        for (entrypoint_id, row) in rows {
            memtable.entry(entrypoint_id).or_default().push(row);
        }
        let segments = on!(conn, |c| index_segment::table
            .filter(index_segment::state.eq(LIVE))
            .select(index_segment::segment_id)
            .order(index_segment::segment_id)
            .load(c))?;
        Ok(Index { memtable, segments })
    }

    /// As [`Index::of`], for one entrypoint in one round trip.
    fn of_one(c: &mut PgConnection, entrypoint_id: i64) -> Result<Index, StoreError> {
        let mut memtable = Vec::new();
        let mut segments = Vec::new();
        for (id, terms) in memtable_and_segments(c, entrypoint_id, LIVE)? {
            match terms {
                Some(terms) => memtable.push(terms),
                None => segments.push(id),
            }
        }
        segments.sort_unstable();
        Ok(Index { memtable: HashMap::from([(entrypoint_id, memtable)]), segments })
    }

    /// The customers that may have all terms of each question, sorted by id. It may return some that do not, and misses none
    /// that do.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub(crate) fn having(
        &self,
        conn: &mut Conn,
        questions: &[Question],
    ) -> Result<Vec<Vec<i64>>, StoreError> {
        let mut found: Vec<Vec<i64>> =
            questions.iter().map(|question| self.memtable_with(question)).collect::<Result<_, _>>()?;
        let each = |number: usize| self.segments.iter().map(move |id| Lookup::new(number, *id));
        let mut open: Vec<Lookup> = (0..questions.len()).flat_map(each).collect();
        // A few terms rule out most segments, whose other terms need no look-up. On PostgreSQL each round costs a round
        // trip, so rounds grow.
        let is_local = matches!(conn, Conn::Sqlite(..));
        let mut step = if !is_local && open.len() <= LOOKUPS_FEW { usize::MAX } else { 1 };
        let mut at = 0_usize;
        loop {
            let next = |lookup: &Lookup| {
                let terms = questions.get(lookup.question).map(|question| question.terms.as_slice());
                terms.unwrap_or_default().iter().skip(at).take(step)
            };
            let wanted: Vec<(i64, u64)> =
                open.iter().flat_map(|lookup| next(lookup).map(|term| (lookup.segment_id, *term))).collect();
            if wanted.is_empty() {
                break;
            }
            let mut places = look_up(conn, &wanted)?.into_iter();
            open.retain_mut(|lookup| {
                let count = next(lookup).count();
                // This takes all of its places; otherwise the next look-up would get the rest.
                places.by_ref().take(count).fold(true, |is_open, place| is_open & lookup.narrow(place))
            });
            at = at.saturating_add(step);
            step = if is_local { 1 } else { at };
        }
        for lookup in open {
            if let Some(found) = found.get_mut(lookup.question) {
                found.extend(lookup.finish(conn)?);
            }
        }
        for ids in &mut found {
            ids.sort_unstable();
            ids.dedup();
        }
        Ok(found)
    }

    fn memtable_with(&self, question: &Question) -> Result<Vec<i64>, StoreError> {
        let mut found = Vec::new();
        for row in self.memtable.get(&question.entrypoint_id).map(Vec::as_slice).unwrap_or_default() {
            for entry in entries(row) {
                let entry = entry?;
                if entry.has_all(&question.terms) {
                    found.push(entry.customer_id);
                }
            }
        }
        Ok(found)
    }
}

/// A question for the customers of an entrypoint that have all of some terms.
#[derive(Debug)]
pub(crate) struct Question {
    pub entrypoint_id: i64,
    pub terms: Vec<u64>,
}

/// The look-up of a question in one segment.
struct Lookup {
    question: usize,
    segment_id: i64,
    /// The customers in all lists read so far.
    found: Option<Vec<i64>>,
    /// The terms with long lists, which were not read yet, and the number of blocks of each.
    long: Vec<(i64, usize)>,
}

impl Lookup {
    fn new(question: usize, segment_id: i64) -> Lookup {
        Lookup { question, segment_id, found: None, long: Vec::new() }
    }

    /// Continues with the next term; returns whether a customer may have all terms.
    fn narrow(&mut self, place: Option<PostingList>) -> bool {
        match place {
            None => return false,
            Some(PostingList::Long { term, blocks }) => self.long.push((term, blocks)),
            Some(PostingList::Here(ids)) => self.meet(ids),
        }
        self.found.as_ref().is_none_or(|found| !found.is_empty())
    }

    /// Keeps the customers that are also in a list.
    fn meet(&mut self, ids: Vec<i64>) {
        match &mut self.found {
            Some(found) => intersect(found, &ids),
            None => self.found = Some(ids),
        }
    }

    /// Reads long lists while that costs less than to open the customers; returns the customers that are left.
    fn finish(mut self, conn: &mut Conn) -> Result<Vec<i64>, StoreError> {
        let (block, round_trip) = match conn {
            Conn::Sqlite(..) => (BLOCK_SQLITE, 0),
            Conn::Postgres(_) => (BLOCK_POSTGRES, ROUND_TRIP_POSTGRES),
        };
        // The shortest list comes last.
        self.long.sort_by_key(|(_, blocks)| std::cmp::Reverse(*blocks));
        while let Some((term, blocks)) = self.long.pop() {
            if self.found.as_ref().is_some_and(|found| found.len() <= blocks * block + round_trip) {
                break;
            }
            let mut terms = vec![term];
            // One list alone would leave too many customers to open.
            if self.found.is_none() {
                terms.extend(self.long.pop().map(|(term, _)| term));
            }
            for ids in long_lists(conn, self.segment_id, &terms)? {
                self.meet(ids);
            }
        }
        Ok(self.found.unwrap_or_default())
    }
}

/// Where the customers of a term are in a segment.
enum PostingList {
    /// All of them.
    Here(Vec<i64>),
    /// In `blocks` blocks of their own.
    Long { term: i64, blocks: usize },
}

/// The last block of a segment that can hold a term: how many blocks begin with exactly that term, and the data.
type Candidate = (i64, Vec<u8>);

/// A candidate as a row; its first column numbers the pairs of segment and term from 1.
type Numbered = (i64, i64, Vec<u8>);

ask! {
    /// The candidates of terms, each in the segment at the same position. A term with blocks of its own comes without data.
    fn candidates<'a> of PgConnection(
        "SELECT number, blocks, CASE WHEN blocks > 1 THEN ''::bytea ELSE data END FROM ( \
         SELECT t.number, CASE WHEN b.first_term = t.term THEN \
         (SELECT count(*) FROM index_block c WHERE c.segment_id = t.id AND c.first_term = t.term) ELSE 0 END AS blocks, b.data \
         FROM unnest(", segments: &'a [i64] as Array<BigInt>,
        ", ", terms: &'a [i64] as Array<BigInt>;
        ") WITH ORDINALITY AS t (id, term, number) CROSS JOIN LATERAL ( \
         SELECT first_term, data FROM index_block WHERE segment_id = t.id AND first_term <= t.term \
         ORDER BY first_term DESC, first_customer DESC LIMIT 1) AS b OFFSET 0) AS found"
    ) -> Numbered as (BigInt, BigInt, Binary)
}

ask! {
    /// The blocks of long lists of a segment: the term, the first customer, and the data.
    fn blocks_of<'a> of PgConnection(
        "SELECT t.term, b.first_customer, b.data FROM unnest(", terms: &'a [i64] as Array<BigInt>,
        ") AS t (term) CROSS JOIN LATERAL ( \
         SELECT first_customer, data FROM index_block WHERE segment_id = ", segment_id: i64 as BigInt;
        " AND first_term = t.term OFFSET 0) AS b"
    ) -> (i64, i64, Vec<u8>) as (BigInt, BigInt, Binary)
}

ask! {
    /// The rows of an entrypoint in the memtable, and the segments in a state, which have no terms here.
    fn memtable_and_segments<'a> of PgConnection(
        "SELECT sequence, terms FROM index_memtable WHERE entrypoint_id = ", entrypoint_id: i64 as BigInt,
        " UNION ALL SELECT segment_id, NULL FROM index_segment WHERE state = ", state: &'a str as Text;
        ""
    ) -> (i64, Option<Vec<u8>>) as (BigInt, Nullable<Binary>)
}

/// The posting list of each term in the segment beside it, if there is one.
fn look_up(conn: &mut Conn, wanted: &[(i64, u64)]) -> Result<Vec<Option<PostingList>>, StoreError> {
    let Conn::Postgres(c) = conn else {
        return wanted
            .iter()
            .map(|(segment_id, term)| match candidate(conn, *segment_id, signed(*term))? {
                Some(candidate) => place(signed(*term), &candidate),
                None => Ok(None),
            })
            .collect();
    };
    let mut places = Vec::with_capacity(wanted.len());
    // A statement for many of them saves round trips.
    for some in wanted.chunks(LOOKUPS_AT_ONCE) {
        let (segments, terms): (Vec<i64>, Vec<i64>) =
            some.iter().map(|(segment_id, term)| (*segment_id, signed(*term))).unzip();
        let first = places.len();
        places.resize_with(first + some.len(), || None);
        for (number, blocks, data) in candidates(c, &segments, &terms)? {
            let at = usize::try_from(number - 1).unwrap_or(usize::MAX);
            if let (Some(term), Some(slot)) = (terms.get(at), places.get_mut(first.saturating_add(at))) {
                *slot = place(*term, &(blocks, data))?;
            }
        }
    }
    Ok(places)
}

fn candidate(conn: &mut Conn, segment_id: i64, term: i64) -> Result<Option<Candidate>, StoreError> {
    let found: Option<(i64, Vec<u8>)> = on!(conn, |c| index_block::table
        .filter(index_block::segment_id.eq(segment_id))
        .filter(index_block::first_term.le(term))
        .order((index_block::first_term.desc(), index_block::first_customer.desc()))
        .select((index_block::first_term, index_block::data))
        .first(c)
        .optional())?;
    let Some((first_term, data)) = found else { return Ok(None) };
    let blocks = if first_term == term {
        on!(conn, |c| index_block::table
            .filter(index_block::segment_id.eq(segment_id))
            .filter(index_block::first_term.eq(term))
            .select(count_star())
            .first(c))?
    } else {
        0
    };
    Ok(Some((blocks, data)))
}

fn place(term: i64, (blocks, data): &Candidate) -> Result<Option<PostingList>, StoreError> {
    if *blocks > 1 {
        let blocks = usize::try_from(*blocks).unwrap_or(usize::MAX);
        return Ok(Some(PostingList::Long { term, blocks }));
    }
    let mut ids = Vec::new();
    let term = u64::from_ne_bytes(term.to_ne_bytes()) ^ (1 << 63);
    Entries::of(data).find(term, &mut ids).map_err(broken)?;
    Ok((!ids.is_empty()).then_some(PostingList::Here(ids)))
}

/// The lists of terms that have blocks of their own in a segment.
fn long_lists(conn: &mut Conn, segment_id: i64, terms: &[i64]) -> Result<Vec<Vec<i64>>, StoreError> {
    let mut blocks: Vec<(i64, i64, Vec<u8>)> = match conn {
        Conn::Postgres(c) => blocks_of(c, terms, segment_id)?,
        Conn::Sqlite(c, ..) => {
            let mut blocks = Vec::new();
            for term in terms {
                let of_term: Vec<(i64, i64, Vec<u8>)> = index_block::table
                    .filter(index_block::segment_id.eq(segment_id))
                    .filter(index_block::first_term.eq(term))
                    .select((index_block::first_term, index_block::first_customer, index_block::data))
                    .load(c)?;
                blocks.extend(of_term);
            }
            blocks
        }
    };
    blocks.sort_unstable_by_key(|(term, first_customer, _)| (*term, *first_customer));
    let list = |wanted: &i64| {
        let mut ids = Vec::new();
        for (_, _, data) in blocks.iter().filter(|(term, ..)| term == wanted) {
            Entries::of(data).next(&mut ids).map_err(broken)?;
        }
        Ok(ids)
    };
    terms.iter().map(list).collect()
}
