//! Recent digests on SQLite: they wait to move into the table of settled ones.

use std::collections::BTreeSet;
use std::ops::Bound;

use diesel::dsl::{max, min};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};
use diesel::sqlite::SqliteConnection;

use super::DigestRow;
use crate::store::engine::conn::{Conn, Memory};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::{ask, new_row};
use crate::store::engine::schema::{
    customer, idempotency_digest, identity_digest, recent_idempotency_digest, recent_identity_digest,
};
use crate::vault::{IDENTITY_DIGEST_BYTES, IdentityDigest};

/// The bounds of the number of recent digests from which on writes move them. Within them it is the number of customers
/// divided by [`CUSTOMERS_EACH`], so that a page of the other table gets several at once. Memory holds 32 bytes of each.
const RECENT_MIN: usize = 8_192;
const RECENT_MAX: usize = 262_144;
const CUSTOMERS_EACH: usize = 8;
/// The most digests in a row.
const PACKED_MAX: usize = 256;
/// Once all digests were moved, a write removes this many rows, and twice as many as it adds.
const ROWS_REMOVED: usize = 8;
/// Bytes of a packed digest with its owner.
const PACKED_BYTES: usize = IDENTITY_DIGEST_BYTES + 8;

/// The recent digests that a SQLite connection has read.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    customers: Known,
    records: Known,
}

/// A table of settled digests, and its table of recent ones.
pub(crate) trait Tables {
    /// The recent digests that the connection has read.
    fn recent(memory: &mut Memory) -> Result<&mut Known, StoreError>;
    /// The owners of a settled digest.
    fn owners_of(conn: &mut Conn, entrypoint_id: i64, digest: &[u8]) -> QueryResult<Vec<i64>>;
    /// Inserts settled digests; ignores those that exist, because a move after a crash inserts them again.
    fn insert_settled(conn: &mut Conn, rows: &[DigestRow]) -> QueryResult<()>;
    fn delete_settled(c: &mut SqliteConnection, row: &DigestRow) -> QueryResult<usize>;
    fn insert_recent(conn: &mut Conn, entrypoint_id: i64, packed: Vec<Vec<u8>>) -> QueryResult<()>;
    /// The lowest and the highest number of the recent rows; SQLite uses the index for one end only per query.
    fn oldest(c: &mut SqliteConnection) -> QueryResult<Option<i64>>;
    fn newest(c: &mut SqliteConnection) -> QueryResult<Option<i64>>;
    /// Recent rows after a number.
    fn after(c: &mut SqliteConnection, last: i64) -> QueryResult<Vec<(i64, i64, Vec<u8>)>>;
    /// Recent rows of an entrypoint.
    fn of(c: &mut SqliteConnection, entrypoint_id: i64) -> QueryResult<Vec<(i64, Vec<u8>)>>;
    /// Replaces the digests of a recent row; removes the row if `packed` is empty.
    fn replace(c: &mut SqliteConnection, recent_id: i64, packed: &[u8]) -> QueryResult<usize>;
    /// Removes the oldest recent rows up to `last`, at most `most`; returns how many.
    fn remove_oldest(c: &mut SqliteConnection, last: i64, most: i64) -> QueryResult<usize>;
}

macro_rules! tables {
    ($(#[$doc:meta])* $name:ident, $known:ident, $settled_name:literal $settled:ident, $owner_name:literal $owner:ident,
     $recent_name:literal $recent:ident) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl Tables for $name {
            fn recent(memory: &mut Memory) -> Result<&mut Known, StoreError> {
                Ok(&mut memory.of::<Recent>()?.$known)
            }

            fn owners_of(conn: &mut Conn, entrypoint_id: i64, digest: &[u8]) -> QueryResult<Vec<i64>> {
                ask! {
                    fn owners<'a> of Conn(
                        concat!("SELECT ", $owner_name, " FROM ", $settled_name, " WHERE entrypoint_id = "),
                        entrypoint_id: i64 as BigInt,
                        " AND digest = ", digest: &'a [u8] as Binary;
                        ""
                    ) -> i64 as BigInt
                }
                owners(conn, entrypoint_id, digest)
            }

            fn insert_settled(conn: &mut Conn, rows: &[DigestRow]) -> QueryResult<()> {
                new_row! {
                    struct Row of $settled_name:
                    "INSERT OR IGNORE", fn put by Rows;
                    entrypoint_id: i64 as BigInt,
                    digest: Vec<u8> as Binary,
                    $owner: i64 as BigInt,
                }
                let row = |row: &DigestRow| Row {
                    entrypoint_id: row.entrypoint_id,
                    digest: row.digest.clone(),
                    $owner: row.customer_id,
                };
                put(conn, &rows.iter().map(row).collect::<Vec<_>>())
            }

            fn delete_settled(c: &mut SqliteConnection, row: &DigestRow) -> QueryResult<usize> {
                diesel::delete($settled::table.find((row.entrypoint_id, &row.digest, row.customer_id))).execute(c)
            }

            fn insert_recent(conn: &mut Conn, entrypoint_id: i64, packed: Vec<Vec<u8>>) -> QueryResult<()> {
                new_row! {
                    struct Row of $recent_name:
                    "INSERT", fn put by Rows;
                    entrypoint_id: i64 as BigInt,
                    packed: Vec<u8> as Binary,
                }
                let rows: Vec<Row> = packed.into_iter().map(|packed| Row { entrypoint_id, packed }).collect();
                put(conn, &rows)
            }

            fn oldest(c: &mut SqliteConnection) -> QueryResult<Option<i64>> {
                $recent::table.select(min($recent::recent_id)).first(c)
            }

            fn newest(c: &mut SqliteConnection) -> QueryResult<Option<i64>> {
                $recent::table.select(max($recent::recent_id)).first(c)
            }

            fn after(c: &mut SqliteConnection, last: i64) -> QueryResult<Vec<(i64, i64, Vec<u8>)>> {
                $recent::table.filter($recent::recent_id.gt(last)).load(c)
            }

            fn of(c: &mut SqliteConnection, entrypoint_id: i64) -> QueryResult<Vec<(i64, Vec<u8>)>> {
                $recent::table
                    .filter($recent::entrypoint_id.eq(entrypoint_id))
                    .select(($recent::recent_id, $recent::packed))
                    .load(c)
            }

            fn replace(c: &mut SqliteConnection, recent_id: i64, packed: &[u8]) -> QueryResult<usize> {
                if packed.is_empty() {
                    return diesel::delete($recent::table.find(recent_id)).execute(c);
                }
                diesel::update($recent::table.find(recent_id)).set($recent::packed.eq(packed)).execute(c)
            }

            fn remove_oldest(c: &mut SqliteConnection, last: i64, most: i64) -> QueryResult<usize> {
                let rows = $recent::table.filter($recent::recent_id.le(last)).order($recent::recent_id);
                let ids: Vec<i64> = rows.select($recent::recent_id).limit(most).load(c)?;
                let last = ids.last().copied().unwrap_or(0);
                diesel::delete($recent::table.filter($recent::recent_id.le(last))).execute(c)
            }
        }
    };
}

tables! {
    /// Customers, by their identifiers.
    Customers, customers, "identity_digest" identity_digest, "customer_id" customer_id,
    "recent_identity_digest" recent_identity_digest
}
tables! {
    /// Idempotency records, by their keys.
    Records, records, "idempotency_digest" idempotency_digest, "record_id" record_id,
    "recent_idempotency_digest" recent_idempotency_digest
}

/// Entrypoint, digest, owner; the table of settled digests has the same order.
pub(super) type DigestEntry = (i64, IdentityDigest, i64);

fn entry(row: &DigestRow) -> Result<DigestEntry, StoreError> {
    let digest = row.digest.as_slice().try_into();
    let digest = digest.map_err(|_| StoreError::Bug("a digest of the wrong length".into()))?;
    Ok((row.entrypoint_id, digest, row.customer_id))
}

fn pack(rows: &[DigestRow]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(rows.len() * PACKED_BYTES);
    for row in rows {
        packed.extend_from_slice(&row.digest);
        packed.extend_from_slice(&row.customer_id.to_be_bytes());
    }
    packed
}

fn unpack(entrypoint_id: i64, packed: &[u8]) -> Result<Vec<DigestEntry>, StoreError> {
    let (pieces, rest) = packed.as_chunks::<PACKED_BYTES>();
    let entries = pieces.iter().map(|piece| {
        let (digest, customer_id) = piece.split_first_chunk()?;
        Some((entrypoint_id, *digest, i64::from_be_bytes(*customer_id.first_chunk()?)))
    });
    let entries: Option<Vec<DigestEntry>> = entries.collect();
    entries.filter(|_| rest.is_empty()).ok_or_else(|| StoreError::Corrupt("a row of recent digests".into()))
}

fn row_of((entrypoint_id, digest, customer_id): DigestEntry) -> DigestRow {
    DigestRow { entrypoint_id, digest: digest.to_vec(), customer_id }
}

/// The recent digests of one table that a connection has read.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The numbers of the lowest and the highest row read.
    first: i64,
    last: i64,
    /// [`version`] when it read the first row. A later commit of another connection may have removed digests.
    version: i64,
    entries: BTreeSet<DigestEntry>,
    /// The digests added since the move of the others began.
    newer: BTreeSet<DigestEntry>,
    moving: Option<Moving>,
}

/// How far the move to the settled digests is.
#[derive(Debug, Clone, Copy)]
struct Moving {
    /// The last recent row to move.
    until: i64,
    /// The last digest moved.
    done: DigestEntry,
}

impl Known {
    /// Reads the rows added since it last did.
    pub(super) fn learn<T: Tables>(&mut self, c: &mut SqliteConnection) -> Result<(), StoreError> {
        let newest = T::newest(c)?.unwrap_or(0);
        if newest <= self.last {
            return Ok(());
        }
        let oldest = T::oldest(c)?.unwrap_or(newest);
        let is_mostly_gone = self.moving.is_none() && oldest > self.first.midpoint(self.last);
        if self.last == 0 || is_mostly_gone {
            *self = Known { first: oldest, version: version(c)?, moving: self.moving, ..Known::default() };
        }
        for (recent_id, entrypoint_id, packed) in T::after(c, self.last)? {
            let is_newer = self.moving.is_some_and(|moving| recent_id > moving.until);
            let entries = if is_newer { &mut self.newer } else { &mut self.entries };
            entries.extend(unpack(entrypoint_id, &packed)?);
        }
        self.last = newest;
        Ok(())
    }

    pub(super) fn owners(&self, entrypoint_id: i64, digest: IdentityDigest) -> impl Iterator<Item = i64> {
        let all = (entrypoint_id, digest, i64::MIN)..=(entrypoint_id, digest, i64::MAX);
        self.entries.range(all.clone()).chain(self.newer.range(all)).map(|(_, _, owner)| *owner)
    }

    /// Reads all recent digests again.
    pub(super) fn all<T: Tables>(
        &mut self,
        c: &mut SqliteConnection,
    ) -> Result<&BTreeSet<DigestEntry>, StoreError> {
        *self = Known::default();
        self.learn::<T>(c)?;
        Ok(&self.entries)
    }

    /// Removes digests of an entrypoint.
    pub(super) fn remove<T: Tables>(
        &mut self,
        c: &mut SqliteConnection,
        entrypoint_id: i64,
        rows: &[DigestRow],
    ) -> Result<(), StoreError> {
        self.learn::<T>(c)?;
        let mut gone = BTreeSet::new();
        for row in rows {
            let entry = entry(row)?;
            let is_newer = self.newer.remove(&entry);
            if self.entries.remove(&entry) || is_newer {
                gone.insert(entry);
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        for (recent_id, packed) in T::of(c, entrypoint_id)? {
            let entries = unpack(entrypoint_id, &packed)?;
            let before = entries.len();
            let kept: Vec<DigestRow> =
                entries.into_iter().filter(|entry| !gone.contains(entry)).map(row_of).collect();
            if kept.len() < before {
                T::replace(c, recent_id, &pack(&kept))?;
            }
        }
        Ok(())
    }
}

/// Appends digests of an entrypoint, and moves twice as many if there are many.
pub(super) fn append<T: Tables>(
    conn: &mut Conn,
    entrypoint_id: i64,
    rows: &[DigestRow],
) -> Result<(), StoreError> {
    let packed: Vec<Vec<u8>> = rows.chunks(PACKED_MAX).map(pack).collect();
    let removed = 2 * packed.len() + ROWS_REMOVED;
    T::insert_recent(conn, entrypoint_id, packed)?;
    settle::<T>(conn, 2 * rows.len(), removed)
}

/// Whether there are enough recent digests to move them.
fn are_many(c: &mut SqliteConnection, recent: &Known) -> Result<bool, StoreError> {
    if recent.entries.len() < RECENT_MIN {
        return Ok(false);
    }
    let customers: Option<i64> = customer::table.select(max(customer::customer_id)).first(c)?;
    let customers = usize::try_from(customers.unwrap_or(0)).unwrap_or(usize::MAX);
    Ok(recent.entries.len() >= (customers / CUSTOMERS_EACH).clamp(RECENT_MIN, RECENT_MAX))
}

/// Moves some recent digests if there are many. Once all were moved, removes some rows.
fn settle<T: Tables>(conn: &mut Conn, digests: usize, rows: usize) -> Result<(), StoreError> {
    let Conn::Sqlite(c, memory) = conn else { return Ok(()) };
    let recent = T::recent(memory)?;
    recent.learn::<T>(c)?;
    if recent.moving.is_none() && !are_many(c, recent)? {
        return Ok(());
    }
    let start = Moving { until: recent.last, done: (i64::MIN, [0; IDENTITY_DIGEST_BYTES], i64::MIN) };
    let mut moving = recent.moving.unwrap_or(start);
    if version(c)? != recent.version {
        // Another connection may have removed digests that are still to be moved.
        *recent = Known { moving: Some(moving), ..Known::default() };
        recent.learn::<T>(c)?;
    }
    let slice: Vec<DigestEntry> = recent
        .entries
        .range((Bound::Excluded(moving.done), Bound::Unbounded))
        .take(digests)
        .copied()
        .collect();
    if let Some(last) = slice.last() {
        moving.done = *last;
        recent.moving = Some(moving);
        let slice: Vec<DigestRow> = slice.into_iter().map(row_of).collect();
        return Ok(T::insert_settled(conn, &slice)?);
    }
    if T::remove_oldest(c, moving.until, i64::try_from(rows).unwrap_or(i64::MAX))? < rows {
        let entries = std::mem::take(&mut recent.newer);
        let (first, last, version) = (moving.until + 1, recent.last, recent.version);
        *recent = Known { first, last, version, entries, ..Known::default() };
    } else {
        recent.moving = Some(moving);
    }
    Ok(())
}

/// A number that changes with each commit of another connection.
fn version(c: &mut SqliteConnection) -> Result<i64, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        data_version: i64,
    }
    Ok(diesel::sql_query("PRAGMA data_version").get_result::<Row>(c)?.data_version)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::store::engine::conn::{DatabaseUrl, Purpose};
    use crate::store::engine::migrate::migrate;
    use crate::store::in_transaction;
    use crate::store::index::digests::{add, find, remove};

    /// A step of one of three writers, each of which could be a process of its own.
    #[derive(Debug, Clone)]
    enum Step {
        /// Adds so many digests, every fifth of which has an owner already.
        Add(usize),
        /// Removes every n-th of the digests added before.
        Remove(usize),
        /// Adds so many, and then the disk is full.
        Fail(usize),
        /// Dies within a transaction that adds some, and starts again.
        Die(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
        let step = prop_oneof![
            6 => (1_usize..3_000).prop_map(Step::Add),
            2 => (2_usize..50).prop_map(Step::Remove),
            1 => (1_usize..500).prop_map(Step::Fail),
            1 => (1_usize..500).prop_map(Step::Die),
        ];
        proptest::collection::vec((0_usize..3, step), 20..60)
    }

    fn digest(number: i64) -> Vec<u8> {
        blake3::hash(&number.to_be_bytes()).as_bytes()[..IDENTITY_DIGEST_BYTES].to_vec()
    }

    struct Model {
        folder: TempDir,
        writers: Vec<Conn>,
        reader: Conn,
        next: i64,
        there: BTreeSet<DigestEntry>,
        /// How many steps moved digests.
        moved: usize,
    }

    fn open(folder: &Path, purpose: Purpose) -> Conn {
        Conn::open(&DatabaseUrl::Sqlite(folder.join("x.db")), purpose).unwrap()
    }

    fn recent(conn: &mut Conn) -> &mut Known {
        let Conn::Sqlite(_, memory) = conn else { unreachable!() };
        Customers::recent(memory).unwrap()
    }

    impl Model {
        fn new() -> Model {
            let folder = tempfile::tempdir().unwrap();
            migrate(&mut open(folder.path(), Purpose::Write)).unwrap();
            let writers = (0..3).map(|_| open(folder.path(), Purpose::Write)).collect();
            let reader = open(folder.path(), Purpose::Read);
            Model { folder, writers, reader, next: 0, there: BTreeSet::new(), moved: 0 }
        }

        fn rows(&mut self, number: usize) -> Vec<DigestRow> {
            let mut rows = Vec::new();
            for _ in 0..number {
                self.next += 1;
                let value = if self.next % 5 == 0 { self.next / 2 } else { self.next };
                rows.push(DigestRow { entrypoint_id: 1, digest: digest(value), customer_id: self.next });
            }
            rows.sort_by(|a, b| a.digest.cmp(&b.digest));
            rows
        }

        fn step(&mut self, writer: usize, step: &Step) {
            match step {
                Step::Add(number) => {
                    let rows = self.rows(*number);
                    in_transaction(&mut self.writers[writer], |conn| add::<Customers>(conn, 1, &rows))
                        .unwrap();
                    self.there.extend(rows.iter().map(|row| entry(row).unwrap()));
                }
                Step::Remove(each) => {
                    let gone: Vec<DigestEntry> = self.there.iter().copied().step_by(*each).collect();
                    let rows: Vec<DigestRow> = gone.iter().copied().map(row_of).collect();
                    in_transaction(&mut self.writers[writer], |conn| remove::<Customers>(conn, 1, &rows))
                        .unwrap();
                    self.there.retain(|entry| gone.binary_search(entry).is_err());
                }
                Step::Fail(number) => {
                    let rows = self.rows(*number);
                    let failed = in_transaction(&mut self.writers[writer], |conn| {
                        add::<Customers>(conn, 1, &rows)?;
                        Err::<(), _>(StoreError::Busy)
                    });
                    assert!(failed.is_err());
                }
                Step::Die(number) => {
                    let rows = self.rows(*number);
                    let mut dying = std::mem::replace(
                        &mut self.writers[writer],
                        open(self.folder.path(), Purpose::Write),
                    );
                    dying.begin_write().unwrap();
                    add::<Customers>(&mut dying, 1, &rows).unwrap();
                }
            }
            self.moved += usize::from(recent(&mut self.writers[writer]).moving.is_some());
        }

        /// Every connection finds every owner, and the tables hold no other.
        fn check(&mut self) {
            let mut wanted: Vec<Vec<u8>> =
                self.there.iter().step_by(97).map(|entry| entry.1.to_vec()).collect();
            // The newest too, and one without an owner.
            wanted.extend((self.next - 20..=self.next).map(digest));
            wanted.push(digest(-1));
            for conn in self.writers.iter_mut().chain([&mut self.reader]) {
                conn.begin_read().unwrap();
                let found = find::<Customers>(conn, 1, &wanted).unwrap();
                conn.end_read();
                for digest in &wanted {
                    let found: BTreeSet<i64> = found.get(digest).into_iter().flatten().copied().collect();
                    let bytes: IdentityDigest = digest.as_slice().try_into().unwrap();
                    let of = self.there.range((1, bytes, i64::MIN)..=(1, bytes, i64::MAX));
                    let missed: Vec<i64> = of.map(|entry| entry.2).filter(|id| !found.contains(id)).collect();
                    assert!(missed.is_empty(), "{missed:?} are not found");
                }
            }
            let mut conn = open(self.folder.path(), Purpose::Read);
            let Conn::Sqlite(c, memory) = &mut conn else { unreachable!() };
            let mut stored = Customers::recent(memory).unwrap().all::<Customers>(c).unwrap().clone();
            let settled: Vec<(i64, Vec<u8>, i64)> = identity_digest::table.load(c).unwrap();
            stored.extend(
                settled
                    .into_iter()
                    .map(|(place, digest, id)| (place, digest.as_slice().try_into().unwrap(), id)),
            );
            assert!(stored == self.there, "{} stored, {} there", stored.len(), self.there.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 200, ..ProptestConfig::default() })]

        #[test]
        fn nobody_is_missed_and_nobody_is_left(steps in steps()) {
            let mut model = Model::new();
            for (writer, step) in &steps {
                model.step(*writer, step);
                model.check();
            }
        }
    }

    #[test]
    fn recent_digests_are_moved_a_few_with_each_write() {
        let mut model = Model::new();
        let mut most = 0;
        for _ in 0..4 * RECENT_MIN / 100 {
            model.step(0, &Step::Add(100));
            let recent = recent(&mut model.writers[0]);
            most = most.max(recent.entries.len() + recent.newer.len());
        }
        assert!(model.moved > 0, "nothing was moved");
        assert!(most < 2 * RECENT_MIN + 200, "{most} were recent at once");
        model.check();
    }
}
