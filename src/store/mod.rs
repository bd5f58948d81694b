//! The one place for SQL: writes by the writer's road, reads on threads of their own.
//!
//! Start at [`Store`]. A write goes `writer` → `load` → `domain::decide` → `save` → COMMIT; a read
//! goes `reads` → `reader` → the function of its noun (`customers`, `queries`, `settings`, `tokens`).

mod accounts;
mod customers;
mod doctor;
mod engine;
mod entrypoints;
mod first_start;
mod idempotency;
mod imports;
mod index;
mod invitations;
mod jobs;
mod keys;
mod mail;
mod reads;
mod sealed;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

pub use self::accounts::links::Link;
pub use self::accounts::portal::{Account, SignInAttempt};
pub use self::accounts::sessions::SessionLimits;
pub use self::accounts::tokens::TokenRecord;
pub use self::customers::find::{Found, HistoryEntry};
pub use self::customers::lists::{IdPage, ListPage, ListRequest, Listed};
pub use self::customers::record_cache::{OpenedRecord, Rendering};
pub use self::doctor::{Finding, examine};
pub use self::engine::conn::DatabaseUrl;
pub use self::engine::error::StoreError;
pub use self::entrypoints::settings::{EntrypointSettings, Organisation};
pub use self::first_start::DEMO_ENTRY;
pub use self::imports::{
    FileIntake, ImportLease, IntakeError, NewImport, Queued, StepDone, StepRow, Upload, Why,
};
pub use self::index::Maintained;
pub use self::invitations::{InviteLease, InviteStepDone};
pub use self::jobs::JobId;
pub use self::jobs::lease::Lease;
pub use self::keys::keyring::{DataKeyRecord, KeyRing};
pub use self::keys::rotation::{Rotation, RotationPhase};
pub use self::mail::{MailId, MailLease, Mark, OutboxMail, OutboxRequest};

use self::customers::find::CustomerLookUp;
use self::customers::record_cache::RecordCache;
use self::customers::tx::{Reply, RunCommands};
use self::engine::checkpoint::Checkpointer;
use self::engine::conn::{Conn, KeptConn};
use self::engine::queue::Entrance;
use self::engine::reader::Readers;
use self::engine::writer::WriterSetup;
use crate::clock;
use crate::domain::accounts::token::Claims;
use crate::domain::customers::apply;
use crate::domain::customers::identifier::Identifier;
use crate::domain::decide::command::{Action, Answer, Command, KeyUse, Precomputed};
use crate::domain::entrypoints::settings::Settings;
use crate::vault::MasterKey;

/// How a store is to be opened.
#[derive(Debug)]
pub struct StoreOptions {
    /// Where.
    pub url: DatabaseUrl,
    /// The key that opens it.
    pub master: MasterKey,
    /// How long idempotency keys are kept, in seconds.
    pub idempotency_secs: i64,
    /// The most commands of a write transaction.
    pub batch_max: usize,
    /// Threads that write; SQLite takes one.
    pub writers: usize,
    /// Threads that read.
    pub readers: usize,
    /// About how many bytes of opened records are kept in memory; 0 for none.
    pub record_cache_bytes: u64,
}

/// The records, on either database.
#[derive(Debug)]
pub struct Store {
    url: DatabaseUrl,
    ring: Arc<KeyRing>,
    record_cache: Arc<RecordCache>,
    queue: Entrance<Command, Answer>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    readers: Readers<CustomerLookUp>,
    idempotency_secs: i64,
    /// Wakes this process's worker.
    import_queued: tokio::sync::Notify,
    /// Wakes whoever looks after the search index.
    terms_written: tokio::sync::Notify,
    /// Wakes this process's worker on invitations.
    invites_queued: tokio::sync::Notify,
    /// Wakes this process's mail worker.
    mail_queued: tokio::sync::Notify,
    /// When somebody last asked for a write and waited for it.
    last_command_us: AtomicI64,
    /// Whether an erase left its values in the write-ahead log.
    erased: AtomicBool,
}

impl Store {
    /// Brings the database up to date and opens it.
    ///
    /// # Errors
    /// A newer schema, another master key, or the database's own.
    pub fn open(options: StoreOptions) -> Result<Store, StoreError> {
        let ring = Arc::new(KeyRing::new(options.master));
        first_start::prepare(&options.url, &ring, clock::now())?;
        let queue = Entrance::default();
        let setup = WriterSetup {
            url: options.url.clone(),
            run: RunCommands { ring: Arc::clone(&ring), retention_secs: options.idempotency_secs },
            batch_max: options.batch_max,
        };
        let count = match &options.url {
            DatabaseUrl::Sqlite(_) => 1,
            DatabaseUrl::Postgres(_) => options.writers.max(1),
        };
        let no_thread = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        let mut writers = Vec::with_capacity(count);
        for index in 0..count {
            let checkpointer = Checkpointer::start(&options.url).map_err(no_thread)?;
            let name = format!("writer-{index}");
            writers.push(
                engine::writer::spawn(name, setup.clone(), queue.queue(), checkpointer).map_err(no_thread)?,
            );
        }
        let record_cache = Arc::new(RecordCache::new(options.record_cache_bytes));
        let look_up = CustomerLookUp { ring: Arc::clone(&ring), record_cache: Arc::clone(&record_cache) };
        let readers = Readers::start(&options.url, look_up, options.readers).map_err(no_thread)?;
        let store = Store {
            url: options.url,
            ring,
            record_cache,
            queue,
            writers: Mutex::new(writers),
            readers,
            idempotency_secs: options.idempotency_secs,
            import_queued: tokio::sync::Notify::new(),
            terms_written: tokio::sync::Notify::new(),
            invites_queued: tokio::sync::Notify::new(),
            mail_queued: tokio::sync::Notify::new(),
            last_command_us: AtomicI64::new(0),
            // An erase before the last stop may not have come to its end.
            erased: AtomicBool::new(true),
        };
        Ok(store)
    }

    /// Makes ready what a create will most likely need of the writer, which has the less to do under the lock.
    pub fn precompute(&self, command: &mut Command) {
        let Action::Create(create) = &mut command.action else { return };
        let Some(key) = self.ring.newest_key(command.entrypoint_id) else { return };
        let Some(entrypoint) = self.ring.directory.newest(command.entrypoint_id) else { return };
        let (record, _) = apply::create(&create.draft, entrypoint.country.as_deref(), clock::now());
        let terms = index::of_customer(key.terms(), &record);
        create.precomputed = Some(Arc::new(Precomputed { key_id: key.id, record, terms }));
    }

    /// Puts a command on the writer's road; answers after COMMIT.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] by the rules; [`StoreError::Busy`] when the queue is full.
    pub async fn write(&self, mut command: Command) -> Reply {
        self.precompute(&mut command);
        self.last_command_us.store(clock::now().0, Ordering::Relaxed);
        let (reply, answer) = oneshot::channel();
        let sends_mail = matches!(command.action, Action::Invite(_) | Action::Consent(_));
        self.queue.push_command(command.entrypoint_id, command, reply)?;
        let answer = answer.await.map_err(|_| StoreError::Unavailable("the writer went away".into()))?;
        self.terms_written.notify_one();
        if sends_mail {
            self.mail_queued.notify_one();
        }
        answer
    }

    /// Runs a change of settings, tokens or keys in a write transaction of its own.
    async fn administer<T: Send + 'static>(
        &self,
        action: impl FnOnce(&mut Conn, &KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let ring = Arc::clone(&self.ring);
        self.queue.push_admin(Box::new(move |conn| {
            let result = conn.and_then(|conn| in_transaction(conn, |conn| action(conn, &ring)));
            answer_admin(reply, result)
        }))?;
        answer.await.map_err(|_| StoreError::Unavailable("the writer went away".into()))?
    }

    /// As [`Store::administer`], at most once a key: the answer's text is kept with the effect.
    async fn administer_once(
        &self,
        key_use: Option<KeyUse>,
        action: impl FnOnce(&mut Conn, &KeyRing) -> Result<String, StoreError> + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        let (reply, answer) = oneshot::channel();
        let ring = Arc::clone(&self.ring);
        let retention_secs = self.idempotency_secs;
        self.queue.push_admin(Box::new(move |conn| {
            let result = conn.and_then(|conn| {
                idempotency::settings::once(conn, &ring, key_use, clock::now(), retention_secs, |conn| {
                    action(conn, &ring)
                })
            });
            answer_admin(reply, result)
        }))?;
        answer.await.map_err(|_| StoreError::Unavailable("the writer went away".into()))?
    }

    /// Makes an organisation: `render` makes the answer of its id, which is kept under the key.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] for a key used otherwise; the database's.
    pub async fn create_organisation(
        &self,
        name: String,
        key_use: Option<KeyUse>,
        render: impl FnOnce(i64) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        self.administer_once(key_use, move |conn, _| {
            Ok(render(entrypoints::settings::create_organisation(conn, &name, clock::now())?))
        })
        .await
    }

    /// Changes an organisation; `None` keeps.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where there is none; the database's.
    pub async fn update_organisation(
        &self,
        org_id: i64,
        name: Option<String>,
        identifiers: Option<Vec<Identifier>>,
        key_use: Option<KeyUse>,
        answer: String,
    ) -> Result<(String, bool), StoreError> {
        self.administer_once(key_use, move |conn, _| {
            entrypoints::settings::update_organisation(
                conn,
                org_id,
                name.as_deref(),
                identifiers.as_deref(),
            )?;
            Ok(answer)
        })
        .await
    }

    /// Makes an entrypoint: `render` makes the answer of its id, which is kept under the key.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where the name is taken or the organisation unknown.
    pub async fn create_entrypoint(
        &self,
        org_id: i64,
        entry: String,
        settings: Settings,
        key_use: Option<KeyUse>,
        render: impl FnOnce(i64) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        self.administer_once(key_use, move |conn, ring| {
            Ok(render(entrypoints::settings::create_entrypoint(
                conn,
                ring,
                org_id,
                &entry,
                &settings,
                clock::now(),
            )?))
        })
        .await
    }

    /// Changes the settings of an entrypoint; `None` keeps.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where there is none; the database's.
    pub async fn update_entrypoint(
        &self,
        id: i64,
        settings: Settings,
        key_use: Option<KeyUse>,
        answer: String,
    ) -> Result<(String, bool), StoreError> {
        let updated = self
            .administer_once(key_use, move |conn, _| {
                entrypoints::settings::update_entrypoint(conn, id, &settings)?;
                Ok(answer)
            })
            .await;
        self.ring.directory.forget(id);
        updated
    }

    /// Begins to rotate an entrypoint's data key, unless that is being done; `render` makes the answer, which is
    /// kept under the key.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where there is no such entrypoint.
    pub async fn start_rotation(
        &self,
        entrypoint_id: i64,
        key_use: Option<KeyUse>,
        render: impl FnOnce(Rotation) -> String + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        self.administer_once(key_use, move |conn, ring| {
            Ok(render(keys::rotation::start(conn, ring, entrypoint_id, clock::now())?))
        })
        .await
    }

    /// Moves at most `most` customers of a rotation to the new key, or whatever is next to be done; how far it
    /// is then. Any number of processes may do this at once.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where there is none; [`StoreError::Corrupt`] for a customer that does not open.
    pub async fn step_rotation(&self, entrypoint_id: i64, most: i64) -> Result<Rotation, StoreError> {
        let now = clock::now();
        let rotation =
            self.administer(move |conn, ring| keys::rotation::step(conn, ring, entrypoint_id, most)).await?;
        if rotation.phase != RotationPhase::Check {
            return Ok(rotation);
        }
        // Counted without the lock: nothing comes under the old key any more.
        let left = self.read(move |conn, _| keys::rotation::leftovers(conn, &rotation)).await?;
        self.administer(move |conn, ring| keys::rotation::finish(conn, ring, entrypoint_id, left, now)).await
    }

    /// Keeps and signs a token; its text, told this once.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] for an unknown organisation or entrypoint.
    pub async fn create_token(&self, claims: Claims) -> Result<String, StoreError> {
        self.administer(move |conn, ring| accounts::tokens::create(conn, ring, &claims)).await
    }

    /// Keeps and signs the first token of all; nothing where there was one before, or where what it is for is gone.
    ///
    /// # Errors
    /// The database's.
    pub async fn create_first_token(&self, claims: Claims) -> Result<Option<String>, StoreError> {
        if self.read(|conn, _| accounts::tokens::are_any(conn)).await? {
            return Ok(None);
        }
        self.administer(move |conn, ring| accounts::tokens::create_first(conn, ring, &claims)).await
    }

    /// Revokes a token; of any organisation without `org_id`.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] where there is none.
    pub async fn revoke_token(&self, org_id: Option<i64>, jti: String) -> Result<(), StoreError> {
        self.administer(move |conn, _| accounts::tokens::revoke(conn, org_id, &jti, clock::now())).await
    }

    /// Removes expired idempotency keys, some at a time; how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn purge_expired(&self) -> Result<usize, StoreError> {
        self.administer(|conn, _| idempotency::remove_expired(conn, clock::now())).await
    }

    /// Forgets what an erase removed, and moves it out of SQLite's write-ahead log; while a reader is in the way, the
    /// next [`Store::finish_erasing`] does that.
    pub async fn forget_erased(&self) {
        self.record_cache.forget_all();
        self.erased.store(true, Ordering::Release);
        self.finish_erasing().await;
    }

    /// Does what is left of erases done before.
    pub async fn finish_erasing(&self) {
        if !self.erased.swap(false, Ordering::AcqRel) {
            return;
        }
        let (reply, answer) = oneshot::channel();
        let queued = self.queue.push_admin(Box::new(move |conn| {
            answer_admin(reply, conn.and_then(engine::checkpoint::truncate_log))
        }));
        let done = match queued {
            Ok(()) => answer.await.unwrap_or(Ok(false)),
            Err(error) => Err(error),
        };
        match done {
            Ok(true) => {}
            Ok(false) => self.erased.store(true, Ordering::Release),
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log could not be truncated after an erase");
                self.erased.store(true, Ordering::Release);
            }
        }
    }

    /// Takes no more writes, and waits until those that were taken are answered.
    pub fn drain(&self) {
        self.queue.close();
        let writers = std::mem::take(&mut *self.writers.lock().unwrap_or_else(PoisonError::into_inner));
        for writer in writers {
            let _ = writer.join();
        }
    }

    /// Forgets records that were opened long ago.
    pub fn forget_records(&self) {
        self.record_cache.forget_old();
    }

    /// How many records were recalled from memory, and how many had to be opened.
    pub fn record_cache(&self) -> (u64, u64) {
        self.record_cache.hits_and_misses()
    }

    /// How many commands wait for the writer.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }
}

/// Watches the database from a thread of its own.
pub struct Watch {
    ring: Arc<KeyRing>,
    conn: KeptConn,
}

impl Watch {
    /// Loads new signing keys; the ids of revoked tokens.
    ///
    /// # Errors
    /// The database's; the next call opens a new connection.
    pub fn poll(&mut self) -> Result<Vec<String>, StoreError> {
        let result = (|| {
            let conn = self.conn.get()?;
            self.ring.load_signing_keys(conn)?;
            accounts::tokens::revoked(conn, clock::now())
        })();
        if result.is_err() {
            self.conn.leave();
        }
        result
    }
}

/// Answers whoever asked for an administrative act; whether the connection is as good as before.
fn answer_admin<T>(reply: oneshot::Sender<Result<T, StoreError>>, result: Result<T, StoreError>) -> bool {
    let is_well = matches!(&result, Ok(_) | Err(StoreError::Rejected(_)));
    drop(reply.send(result));
    is_well
}

/// Runs an act in a write transaction: committed where it succeeds, rolled back where not.
fn in_transaction<T>(
    conn: &mut Conn,
    action: impl FnOnce(&mut Conn) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    conn.begin_write()?;
    match action(conn) {
        Ok(done) => {
            conn.commit()?;
            Ok(done)
        }
        Err(error) => {
            conn.rollback();
            Err(error)
        }
    }
}
