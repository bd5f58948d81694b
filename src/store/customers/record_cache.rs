//! The record cache: recently decrypted customers, with their renderings.
//!
//! Every read still fetches the row. If the row equals the cached one byte for byte, the document need not be
//! deciphered and parsed again, nor the answer rendered again. Document and answer follow from the row, the entrypoint
//! and the view alone, so an entry is never stale. Without it PostgreSQL answers 5,429 lists a second instead of 9,857.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::rows::CustomerRow;
use crate::domain::customers::record::Stored;
use crate::domain::entrypoints::Entrypoint;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::keys::keyring::KeyRing;

/// How long an entry stays after its record was opened, however often it is read. The limit removes records that
/// another instance erased. The promise is ten minutes, and the clean-up runs twice a minute.
const KEPT_MAX: Duration = Duration::from_mins(9);

/// Measured size of an entry in bytes, without the document.
const RECORD_BYTES: usize = 2_304;
/// Copies of a document in an entry: sealed, opened, and rendered, which is twice as long.
const DOCUMENT_TIMES: usize = 4;
/// The size of a typical entry, in bytes.
const TYPICAL_BYTES: u64 = 5_376;

/// An opened customer.
#[derive(Debug)]
pub struct OpenedRecord {
    /// The content of the row.
    pub stored: Stored,
    /// The latest renderings: in full and masked, each with what the customer paid, which is nothing, and without.
    renderings: [Mutex<Option<Arc<Rendering>>>; 4],
}

/// A rendered customer.
#[derive(Debug)]
pub struct Rendering {
    /// The entrypoint at the time of rendering.
    entrypoint: Arc<Entrypoint>,
    /// The ETag of the text.
    pub etag: String,
    /// The rendered text.
    pub text: Bytes,
}

impl OpenedRecord {
    pub(crate) fn new(stored: Stored) -> OpenedRecord {
        OpenedRecord { stored, renderings: [const { Mutex::new(None) }; 4] }
    }

    /// The rendering, masked or not and without the money or not: the cached one, or the tag and text that `render` makes.
    ///
    /// # Errors
    /// The errors of `render`.
    pub fn rendering<E>(
        &self,
        entrypoint: &Arc<Entrypoint>,
        (is_masked, is_without): (bool, bool),
        render: impl FnOnce(&Stored, &Entrypoint) -> Result<(String, Vec<u8>), E>,
    ) -> Result<Arc<Rendering>, E> {
        let [full, masked, full_without, masked_without] = &self.renderings;
        let slot = match (is_masked, is_without) {
            (false, false) => full,
            (true, false) => masked,
            (false, true) => full_without,
            (true, true) => masked_without,
        };
        let mut last = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rendering) = last.as_ref().filter(|rendering| rendering.entrypoint == *entrypoint) {
            return Ok(Arc::clone(rendering));
        }
        let (etag, text) = render(&self.stored, entrypoint)?;
        // Drop the spare capacity.
        let text = text.into_boxed_slice().into();
        let rendering = Arc::new(Rendering { entrypoint: Arc::clone(entrypoint), etag, text });
        *last = Some(Arc::clone(&rendering));
        Ok(rendering)
    }
}

/// A record with its row.
#[derive(Debug)]
struct Kept {
    row: CustomerRow,
    record: Arc<OpenedRecord>,
    opened_at: Instant,
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<i64, Arc<Kept>> for ByBytes {
    fn weight(&self, _: &i64, kept: &Arc<Kept>) -> u64 {
        let document = kept.row.document.as_ref().map_or(0, Vec::len);
        u64::try_from(RECORD_BYTES + DOCUMENT_TIMES * document).unwrap_or(u64::MAX)
    }
}

/// The record cache.
#[derive(Debug)]
pub(crate) struct RecordCache {
    records: Option<Cache<i64, Arc<Kept>, ByBytes>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl RecordCache {
    /// A cache of about this many bytes; 0 disables it.
    pub(crate) fn new(bytes_max: u64) -> RecordCache {
        let count = usize::try_from(bytes_max / TYPICAL_BYTES).unwrap_or(usize::MAX);
        let records = (bytes_max > 0).then(|| Cache::with_weighter(count, bytes_max, ByBytes));
        RecordCache { records, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// A cache that keeps nothing.
    pub(crate) fn none() -> RecordCache {
        RecordCache::new(0)
    }

    /// Opens a row, or takes the record from the cache.
    ///
    /// # Errors
    /// Database errors, if it must read a key; [`StoreError::Corrupt`].
    pub(crate) fn open(
        &self,
        conn: &mut Conn,
        ring: &KeyRing,
        row: &CustomerRow,
    ) -> Result<Arc<OpenedRecord>, StoreError> {
        let Some(records) = &self.records else { return open(conn, ring, row) };
        if let Some(kept) = records.get(&row.customer_id)
            && kept.row == *row
        {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Arc::clone(&kept.record));
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let record = open(conn, ring, row)?;
        let kept = Kept { row: row.clone(), record: Arc::clone(&record), opened_at: Instant::now() };
        records.insert(kept.row.customer_id, Arc::new(kept));
        Ok(record)
    }

    /// Removes records that were opened longer ago than [`KEPT_MAX`].
    pub(crate) fn forget_old(&self) {
        if let Some(records) = &self.records {
            records.retain(|_, kept| kept.opened_at.elapsed() < KEPT_MAX);
        }
    }

    /// Removes all records.
    pub(crate) fn forget_all(&self) {
        if let Some(records) = &self.records {
            records.clear();
        }
    }

    /// The numbers of hits and misses.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }
}

/// Opens a row without caching the record.
///
/// # Errors
/// Same as [`Opened::open`].
pub(crate) fn open(
    conn: &mut Conn,
    ring: &KeyRing,
    row: &CustomerRow,
) -> Result<Arc<OpenedRecord>, StoreError> {
    let key = ring.data_key(conn, row.key_id)?;
    Ok(Arc::new(OpenedRecord::new(row.open(&key)?)))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::domain::customers::record::{Customer, Lifecycle, Status};
    use crate::domain::kernel::money::Money;
    use crate::domain::kernel::time::Micros;
    use crate::store::engine::conn::{DatabaseUrl, Purpose};
    use crate::store::engine::migrate::migrate;
    use crate::vault::MasterKey;

    fn entrypoint(dba_name: &str) -> Arc<Entrypoint> {
        Arc::new(Entrypoint {
            id: 1,
            entry: "demo".into(),
            dba_name: Some(dba_name.into()),
            ..Entrypoint::default()
        })
    }

    fn stored(id: i64) -> Stored {
        Stored { id, version: 1, customer: Customer::default(), erased: false }
    }

    #[test]
    fn an_answer_is_written_once_for_each_view_and_state_of_the_entrypoint() {
        let record = OpenedRecord::new(stored(1));
        let mut written = 0;
        let mut rendering = |entrypoint: &Arc<Entrypoint>, masked: bool| {
            let made = record.rendering(entrypoint, (masked, false), |_, entrypoint| {
                written += 1;
                let text = format!("{masked} {}", entrypoint.dba_name.as_deref().unwrap_or_default());
                Ok::<_, Infallible>((written.to_string(), text.into_bytes()))
            });
            let made = made.unwrap_or_else(|never| match never {});
            (made.etag.clone(), String::from_utf8(made.text.to_vec()).unwrap())
        };
        let told = |etag: &str, text: &str| (etag.to_owned(), text.to_owned());
        assert_eq!(rendering(&entrypoint("A"), false), told("1", "false A"));
        assert_eq!(rendering(&entrypoint("A"), true), told("2", "true A"));
        assert_eq!(rendering(&entrypoint("A"), false), told("1", "false A"));
        assert_eq!(rendering(&entrypoint("B"), false), told("3", "false B"));
        assert_eq!(rendering(&entrypoint("A"), true), told("2", "true A"));
    }

    #[test]
    fn a_record_is_recalled_by_the_very_row_and_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let mut conn = Conn::open(&DatabaseUrl::Sqlite(folder.path().join("x.db")), Purpose::Write).unwrap();
        migrate(&mut conn).unwrap();
        let ring = KeyRing::new(MasterKey::parse(&MasterKey::generate().unwrap()).unwrap());
        let key_id = ring.create_data_key(&mut conn, 1, 1, Micros(0)).unwrap();
        let key = ring.data_key(&mut conn, key_id).unwrap();
        let salt = [7; 16];
        let row = |id: i64, customer: Customer| {
            let stored = Stored { customer, ..stored(id) };
            CustomerRow::seal(1, &stored, &key, &salt, &key.seal_key(&salt).unwrap()).unwrap()
        };
        let record_cache = RecordCache::new(64 << 10);
        let first = row(1, Customer::default());
        let record = record_cache.open(&mut conn, &ring, &first).unwrap();
        assert!(Arc::ptr_eq(&record, &record_cache.open(&mut conn, &ring, &first).unwrap()));
        assert_eq!(record_cache.hits_and_misses(), (1, 1));
        // The same values, sealed again: only the very same row is a hit.
        let again = row(1, Customer::default());
        assert!(!Arc::ptr_eq(&record, &record_cache.open(&mut conn, &ring, &again).unwrap()));
        // The cache does not hide a row that fails to open.
        let mut moved = first.clone();
        moved.customer_id = 2;
        assert!(matches!(record_cache.open(&mut conn, &ring, &moved), Err(StoreError::Corrupt(_))));
        let mut changed = first.clone();
        changed.status = Status::Locked.code();
        assert!(matches!(record_cache.open(&mut conn, &ring, &changed), Err(StoreError::Corrupt(_))));

        for id in 1..=200 {
            let customer =
                Customer { lifecycle: Lifecycle::Active, balance: Money::default(), ..Customer::default() };
            assert_eq!(record_cache.open(&mut conn, &ring, &row(id, customer)).unwrap().stored.id, id);
        }
        let kept = record_cache.records.as_ref().unwrap();
        assert!((1..200).contains(&kept.len()), "{} are kept", kept.len());
        record_cache.forget_old();
        assert!(!kept.is_empty(), "nothing is old yet");
        record_cache.forget_all();
        assert!(kept.is_empty());
        let none = RecordCache::none();
        assert!(!Arc::ptr_eq(
            &none.open(&mut conn, &ring, &first).unwrap(),
            &none.open(&mut conn, &ring, &first).unwrap()
        ));
    }
}
