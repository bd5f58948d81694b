//! Idempotency records, which hold the outcomes of idempotency keys (rules 4).
//!
//! Hashes of keys are random. PostgreSQL has a hash index for them. On SQLite each would dirty a page of an index, so
//! records are appended there, and found by their digest, which is the first half of the key's hash (see
//! [`digests`]).

mod answers;
mod handle;
mod outcome;
mod sealed;
pub(crate) mod settings;

use std::collections::BTreeMap;

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};

pub(crate) use self::answers::{Keeping, keep_text, text};
pub(crate) use self::outcome::{
    ADDRESS_KIND, ASK_KIND, COUPON_KIND, INGEST_KIND, INVOICE_KIND, LINK_KIND, METHOD_KIND, ORDER_KIND,
    OutcomeDetail, PRODUCT_KIND, REQUEST_KIND, SUBSCRIPTION_KIND, open, outcome_ad,
};
pub(crate) use self::sealed::IdempotencyTable;

use super::engine::conn::{Conn, on};
use super::engine::error::StoreError;
use super::engine::prepared::{ask, row};
use super::engine::schema::idempotency;
use super::index::digests::{self, DigestRow, Records};
use crate::domain::kernel::time::Micros;
use crate::vault::IDENTITY_DIGEST_BYTES;

/// How many rows a transaction removes; it then holds its locks for milliseconds.
const REMOVED_MAX: i64 = 1_000;

row! {
    /// A row of `idempotency`. On PostgreSQL a new one needs a key without a row.
    #[derive(Debug, Clone)]
    pub(crate) struct IdempotencyRow of idempotency "idempotency":
    types IdempotencyColumns, columns idempotency_columns of "i", fn insert by NewKeys;
    entrypoint_id: i64 as BigInt,
    key_hash: Vec<u8> as Binary,
    fingerprint: Vec<u8> as Binary,
    kind: String as Text,
    customer_id: Option<i64> as Nullable<BigInt>,
    version: Option<i64> as Nullable<BigInt>,
    key_id: i64 as BigInt,
    detail: Vec<u8> as Binary,
    expires_at_us: i64 as BigInt,
}

ask! {
    /// The records of keys that have not expired; it looks each up by itself.
    fn rows_of_keys<'a> of PgConnection(
        concat!("SELECT ", idempotency_columns!(), " FROM unnest("), hashes: &'a [Vec<u8>] as Array<Binary>,
        ") AS w (key_hash) CROSS JOIN LATERAL (SELECT * FROM idempotency WHERE entrypoint_id = ",
        entrypoint_id: i64 as BigInt;
        " AND key_hash = w.key_hash OFFSET 0) AS i"
    ) -> IdempotencyRow as IdempotencyColumns
}

ask! {
    /// Expired keys, entrypoint by entrypoint; those of the service (entrypoint 0) come first.
    fn expired_keys<'a> of PgConnection(
        "SELECT i.entrypoint_id, i.key_hash FROM (SELECT 0 AS entrypoint_id UNION ALL \
         SELECT entrypoint_id FROM entrypoint_lock) AS e CROSS JOIN LATERAL (SELECT entrypoint_id, key_hash FROM idempotency \
         WHERE entrypoint_id = e.entrypoint_id AND expires_at_us <= ", now: &'a i64 as BigInt,
        " ORDER BY expires_at_us LIMIT ", of_each: &'a i64 as BigInt,
        ") AS i LIMIT ", of_all: &'a i64 as BigInt;
        ""
    ) -> (i64, Vec<u8>) as (BigInt, Binary)
}

/// The digest by which SQLite finds a key's record.
fn digest(key_hash: &[u8]) -> Vec<u8> {
    key_hash.iter().take(IDENTITY_DIGEST_BYTES).copied().collect()
}

fn digest_row(entrypoint_id: i64, key_hash: &[u8], record_id: i64) -> DigestRow {
    DigestRow { entrypoint_id, digest: digest(key_hash), customer_id: record_id }
}

/// The idempotency records of keys that were used and have not expired.
pub(crate) fn find(
    conn: &mut Conn,
    entrypoint_id: i64,
    hashes: &[Vec<u8>],
    now: Micros,
) -> Result<Vec<IdempotencyRow>, StoreError> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    if let Conn::Postgres(c) = conn {
        let mut rows = rows_of_keys(c, hashes, entrypoint_id)?;
        rows.retain(|row| row.expires_at_us > now.0);
        return Ok(rows);
    }
    let digests: Vec<Vec<u8>> = hashes.iter().map(|hash| digest(hash)).collect();
    let found = digests::find::<Records>(conn, entrypoint_id, &digests)?;
    let mut rows = Vec::new();
    for (hash, digest) in hashes.iter().zip(&digests) {
        let Some(ids) = found.get(digest) else { continue };
        // There may be older, expired records of the key.
        let row = on!(conn, |c| idempotency::table
            .filter(idempotency::record_id.eq_any(ids))
            .filter(idempotency::entrypoint_id.eq(entrypoint_id))
            .filter(idempotency::key_hash.eq(hash))
            .filter(idempotency::expires_at_us.gt(now.0))
            .order(idempotency::record_id.desc())
            .select(IdempotencyRow::as_select())
            .first(c)
            .optional())?;
        rows.extend(row);
    }
    Ok(rows)
}

/// Removes expired records of keys, so that the keys can be used again. SQLite does not need this.
pub(crate) fn forget_expired(
    conn: &mut Conn,
    entrypoint_id: i64,
    key_hashes: &[Vec<u8>],
    now: Micros,
) -> Result<(), StoreError> {
    let Conn::Postgres(c) = conn else { return Ok(()) };
    for key_hash in key_hashes {
        remove_if_expired(c, entrypoint_id, key_hash, now)?;
    }
    Ok(())
}

fn remove_if_expired(
    c: &mut PgConnection,
    entrypoint_id: i64,
    key_hash: &[u8],
    now: Micros,
) -> QueryResult<usize> {
    // A key that was used again meanwhile has a later expiry.
    // A sum is in no index: else PostgreSQL may read all expired records of the entrypoint to remove one.
    let expired = (idempotency::expires_at_us + 0_i64).le(now.0);
    diesel::delete(idempotency::table.find((entrypoint_id, key_hash)).filter(expired)).execute(c)
}

/// Stores idempotency records of an entrypoint whose keys [`find`] did not find, under its lock.
pub(crate) fn keep(conn: &mut Conn, entrypoint_id: i64, rows: &[IdempotencyRow]) -> Result<(), StoreError> {
    let newest: Option<i64> = match conn {
        Conn::Postgres(_) => return Ok(insert(conn, rows)?),
        Conn::Sqlite(..) if rows.is_empty() => return Ok(()),
        Conn::Sqlite(c, _) => idempotency::table.select(max(idempotency::record_id)).first(c)?,
    };
    insert(conn, rows)?;
    // SQLite numbers the rows in this way.
    let first = newest.unwrap_or(0) + 1;
    let digests: Vec<DigestRow> = rows
        .iter()
        .zip(first..)
        .map(|(row, record_id)| digest_row(entrypoint_id, &row.key_hash, record_id))
        .collect();
    digests::add::<Records>(conn, entrypoint_id, &digests)
}

/// Removes at most [`REMOVED_MAX`] expired records; returns how many.
pub(crate) fn remove_expired(conn: &mut Conn, now: Micros) -> Result<usize, StoreError> {
    let c = match conn {
        Conn::Sqlite(c, _) => c,
        Conn::Postgres(c) => return remove_expired_postgres(c, now),
    };
    let expired: Vec<(i64, i64, Vec<u8>)> = idempotency::table
        .filter(idempotency::expires_at_us.le(now.0))
        .order(idempotency::expires_at_us)
        .limit(REMOVED_MAX)
        .select((idempotency::entrypoint_id, idempotency::record_id, idempotency::key_hash))
        .load(c)?;
    let mut digests: BTreeMap<i64, Vec<DigestRow>> = BTreeMap::new();
    for (entrypoint_id, record_id, key_hash) in &expired {
        diesel::delete(idempotency::table.filter(idempotency::record_id.eq(record_id))).execute(c)?;
        digests.entry(*entrypoint_id).or_default().push(digest_row(*entrypoint_id, key_hash, *record_id));
    }
    for (entrypoint_id, mut digests) in digests {
        digests.sort_by(|a, b| a.digest.cmp(&b.digest));
        digests::remove::<Records>(conn, entrypoint_id, &digests)?;
    }
    Ok(expired.len())
}

fn remove_expired_postgres(c: &mut PgConnection, now: Micros) -> Result<usize, StoreError> {
    let expired = expired_keys(c, &now.0, &REMOVED_MAX, &REMOVED_MAX)?;
    for (entrypoint_id, key_hash) in &expired {
        remove_if_expired(c, *entrypoint_id, key_hash, now)?;
    }
    Ok(expired.len())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use diesel::connection::SimpleConnection as _;
    use diesel::dsl::count_star;
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::store::engine::conn::{DatabaseUrl, Purpose};
    use crate::store::engine::migrate::migrate;
    use crate::store::engine::schema::{idempotency_digest, recent_idempotency_digest};
    use crate::store::in_transaction;
    use crate::store::keys::keyring::KeyRing;
    use crate::store::keys::sealed_table::SealedTable as _;
    use crate::vault::MasterKey;

    const ENTRYPOINTS: i64 = 2;
    /// Few enough that steps use keys again, before and after they expire.
    const KEYS: i64 = 3_000;
    const LIFE_US: i64 = 100;

    /// A step of one of two writers, each of which could be a process of its own.
    #[derive(Debug, Clone)]
    enum Step {
        /// Uses `number` keys from `from` on in an entrypoint, and then lets time pass.
        Use {
            entrypoint_id: i64,
            from: i64,
            number: i64,
            wait_us: i64,
        },
        /// As before, and then the disk is full.
        Fail {
            entrypoint_id: i64,
            from: i64,
            number: i64,
        },
        RemoveExpired,
    }

    fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
        let step = prop_oneof![
            6 => (0..ENTRYPOINTS, 0..KEYS, 1_i64..800, 0_i64..40).prop_map(
                |(entrypoint_id, from, number, wait_us)| Step::Use { entrypoint_id, from, number, wait_us }
            ),
            1 => (0..ENTRYPOINTS, 0..KEYS, 1_i64..800)
                .prop_map(|(entrypoint_id, from, number)| Step::Fail { entrypoint_id, from, number }),
            2 => Just(Step::RemoveExpired),
        ];
        proptest::collection::vec((0_usize..2, step), 20..50)
    }

    fn hash(key: i64) -> Vec<u8> {
        blake3::hash(&(key % KEYS).to_be_bytes()).as_bytes().to_vec()
    }

    fn row(entrypoint_id: i64, key: i64, version: i64, expires_at_us: i64) -> IdempotencyRow {
        IdempotencyRow {
            entrypoint_id,
            key_hash: hash(key),
            fingerprint: vec![0; 32],
            kind: "created".into(),
            customer_id: Some(key),
            version: Some(version),
            key_id: 1,
            detail: Vec::new(),
            expires_at_us,
        }
    }

    fn open(folder: &Path, purpose: Purpose) -> Conn {
        Conn::open(&DatabaseUrl::Sqlite(folder.join("x.db")), purpose).unwrap()
    }

    struct Model {
        folder: TempDir,
        writers: Vec<Conn>,
        reader: Conn,
        now: i64,
        /// How many uses there were; each has a version of its own.
        uses: i64,
        /// Entrypoint and hash: the newest version, and when it expires.
        kept: HashMap<(i64, Vec<u8>), (i64, i64)>,
    }

    impl Model {
        fn new() -> Model {
            let folder = tempfile::tempdir().unwrap();
            migrate(&mut open(folder.path(), Purpose::Write)).unwrap();
            let writers = (0..2).map(|_| open(folder.path(), Purpose::Write)).collect();
            let reader = open(folder.path(), Purpose::Read);
            Model { folder, writers, reader, now: 1, uses: 0, kept: HashMap::new() }
        }

        /// Uses the free ones among `keys`.
        fn use_keys(&mut self, writer: usize, entrypoint_id: i64, keys: std::ops::Range<i64>, fails: bool) {
            let hashes: Vec<Vec<u8>> = keys.clone().map(hash).collect();
            let (now, first) = (self.now, self.uses);
            let kept = in_transaction(&mut self.writers[writer], |conn| {
                let used = find(conn, entrypoint_id, &hashes, Micros(now))?;
                let free = keys.filter(|key| !used.iter().any(|row| row.key_hash == hash(*key)));
                let rows: Vec<IdempotencyRow> = free
                    .zip(first..)
                    .map(|(key, version)| row(entrypoint_id, key, version, now + LIFE_US))
                    .collect();
                keep(conn, entrypoint_id, &rows)?;
                if fails { Err(StoreError::Busy) } else { Ok(rows) }
            });
            assert_eq!(kept.is_err(), fails);
            for row in kept.into_iter().flatten() {
                let place = (entrypoint_id, row.key_hash.clone());
                let before = self.kept.insert(place, (row.version.unwrap(), row.expires_at_us));
                assert!(before.is_none_or(|(_, expires)| expires <= now), "a key was used twice");
                self.uses += 1;
            }
        }

        fn step(&mut self, writer: usize, step: &Step) {
            match step {
                Step::Use { entrypoint_id, from, number, wait_us } => {
                    self.use_keys(writer, *entrypoint_id, *from..from + number, false);
                    self.now += wait_us;
                }
                Step::Fail { entrypoint_id, from, number } => {
                    self.use_keys(writer, *entrypoint_id, *from..from + number, true);
                }
                Step::RemoveExpired => {
                    let now = Micros(self.now);
                    let remove = |conn: &mut Conn| in_transaction(conn, |conn| remove_expired(conn, now));
                    while remove(&mut self.writers[writer]).unwrap() > 0 {}
                    self.kept.retain(|_, (_, expires)| *expires > self.now);
                    let c = self.raw();
                    let rows: i64 = idempotency::table.select(count_star()).first(c).unwrap();
                    assert_eq!(usize::try_from(rows).unwrap(), self.kept.len(), "rows are left or gone");
                    assert_eq!(self.digests(), self.kept.len(), "digests are left or gone");
                }
            }
        }

        fn raw(&mut self) -> &mut SqliteConnection {
            let Conn::Sqlite(c, _) = &mut self.writers[0] else { unreachable!() };
            c
        }

        fn digests(&mut self) -> usize {
            let c = self.raw();
            let packed: Vec<Vec<u8>> =
                recent_idempotency_digest::table.select(recent_idempotency_digest::packed).load(c).unwrap();
            let settled: Vec<(i64, Vec<u8>, i64)> = idempotency_digest::table.load(c).unwrap();
            let mut all: std::collections::BTreeSet<(Vec<u8>, i64)> =
                settled.into_iter().map(|(_, digest, id)| (digest, id)).collect();
            for piece in packed.iter().flat_map(|packed| packed.chunks(IDENTITY_DIGEST_BYTES + 8)) {
                let (digest, id) = piece.split_at(IDENTITY_DIGEST_BYTES);
                all.insert((digest.to_vec(), i64::from_be_bytes(id.try_into().unwrap())));
            }
            all.len()
        }

        /// Every connection finds the newest use of each key that has not expired, and no other.
        fn check(&mut self) {
            let now = Micros(self.now);
            let hashes: Vec<Vec<u8>> = (0..KEYS).step_by(37).map(hash).collect();
            for conn in self.writers.iter_mut().chain([&mut self.reader]) {
                for entrypoint_id in 0..ENTRYPOINTS {
                    conn.begin_read().unwrap();
                    let found = find(conn, entrypoint_id, &hashes, now).unwrap();
                    conn.end_read();
                    let found: HashMap<Vec<u8>, i64> =
                        found.into_iter().map(|row| (row.key_hash, row.version.unwrap())).collect();
                    for hash in &hashes {
                        let kept = self.kept.get(&(entrypoint_id, hash.clone()));
                        let kept = kept.filter(|(_, expires)| *expires > now.0);
                        assert_eq!(found.get(hash), kept.map(|(version, _)| version));
                    }
                }
            }
        }

        fn run(&mut self, sql: &str) {
            self.raw().batch_execute(sql).unwrap();
            // The old connections remember the rows from before.
            *self = Model {
                writers: (0..2).map(|_| open(self.folder.path(), Purpose::Write)).collect(),
                reader: open(self.folder.path(), Purpose::Read),
                folder: std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()),
                kept: std::mem::take(&mut self.kept),
                ..*self
            };
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 200, ..ProptestConfig::default() })]

        #[test]
        fn a_key_is_used_once_in_its_time(steps in steps()) {
            let mut model = Model::new();
            for (writer, step) in &steps {
                model.step(*writer, step);
                model.check();
            }
        }
    }

    #[test]
    fn an_outcome_that_is_not_found_is_noticed() {
        let mut model = Model::new();
        model.step(0, &Step::Use { entrypoint_id: 1, from: 0, number: 600, wait_us: 0 });
        let ring = KeyRing::new(MasterKey::parse(&MasterKey::generate().unwrap()).unwrap());
        let conn = &mut model.writers[0];
        let mut after = Vec::new();
        while let Some(walked) = IdempotencyTable.examine(conn, &ring, 1, &after).unwrap() {
            after = walked.cursor;
        }
        assert_eq!(after, 600_i64.to_be_bytes());
        // The digest of a record, in the middle of a row, leads to another record.
        model.run(
            "UPDATE recent_idempotency_digest SET packed = CAST(substr(packed, 1, 24) || zeroblob(24) || substr(packed, 49) AS BLOB)",
        );
        let missed = IdempotencyTable.examine(&mut model.writers[1], &ring, 1, &[]).map(|_| ()).unwrap_err();
        assert!(missed.to_string().contains("idempotency record 2 "), "{missed}");
    }
}
