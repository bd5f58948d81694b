//! The database: the only module with SQL. Writes run on writer threads, reads on reader threads.
//!
//! Start at [`Store`] and its handles, one per subject: `store.customers().list(…)`. The methods of most handles are in
//! `handle.rs` of its subject. A command goes queue → `engine::writer` → `customers::tx` (lock, load, `domain::decide`,
//! save) → COMMIT; a read goes `engine::reader` → a function of its subject.

mod accounts;
mod activity;
mod acts;
mod comments;
mod coupons;
mod customers;
mod doctor;
mod engine;
mod entrypoints;
mod events;
mod first_start;
mod idempotency;
mod imports;
mod index;
mod ingest;
mod invitations;
mod invoices;
mod jobs;
mod keys;
mod labels;
mod lifecycle;
mod mail;
mod orders;
mod products;
mod provider;
mod register;
mod requests;
mod statistics;
mod subscriptions;
mod transactions;

use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::prelude::*;
use tokio::sync::oneshot;

pub use self::accounts::links::Link;
pub use self::accounts::portal::{Account, SignInAttempt};
pub use self::accounts::sessions::SessionLimits;
pub use self::accounts::staff::{
    Confirmed, FoundLink, StaffAccount, StaffAttempt, StaffSession, StaffView, TheirTokens,
};
pub use self::accounts::tokens::{TokenRecord, Watch};
pub use self::activity::{ActivityBefore, ActivityEntry, ActivityPage, ActivityRequest};
pub use self::comments::CommentPage;
pub use self::coupons::{CouponPage, CouponRequest, CustomerCoupon, CustomerCoupons, RedemptionPage, Slice};
pub use self::customers::details::Details;
pub use self::customers::find::{Found, HistoryEntry, HistoryPage};
pub use self::customers::lists::{IdPage, ListPage, ListRequest, Listed};
pub use self::customers::record_cache::{OpenedRecord, Rendering};
pub use self::doctor::{Finding, examine};
pub use self::engine::conn::DatabaseUrl;
pub use self::engine::error::StoreError;
pub use self::entrypoints::settings::{EntrypointSettings, Organisation, OrganisationChanges};
pub use self::first_start::DEMO_ENTRY;
pub use self::imports::{FileIntake, ImportLease, IntakeError, NewImport, Queued, StepRow, Upload, Why};
pub use self::index::{Compactions, Maintained};
pub use self::invitations::InviteLease;
pub use self::invoices::{FoundInvoice, InvoicePage, InvoiceRequest};
pub use self::jobs::lease::Lease;
pub use self::jobs::{JobId, StepDone};
pub use self::keys::keyring::{DataKeyRecord, KeyRing};
pub use self::keys::rotation::{Rotation, RotationPhase};
pub use self::labels::{LabelLease, LabelReport};
pub use self::mail::{MailId, MailLease, Mark, OutboxMail, OutboxRequest};
pub use self::orders::{FoundOrder, OrderPage, OrderRequest};
pub use self::products::{ProductPage, ProductRequest};
pub use self::provider::{DueCall, FoundCall};
pub use self::requests::{LookedRequest, RequestPage, RequestRequest};
pub use self::subscriptions::{SubscriptionPage, SubscriptionRequest};
pub use self::transactions::lists::{
    ListedTransaction, TransactionKey, TransactionPage, TransactionRequest, TransactionSums,
};
pub use self::transactions::summary::{CurrencyTotals, CustomerMoney};

use self::customers::find::find_each;
use self::customers::record_cache::RecordCache;
use self::customers::tx::{Reply, run_commands};
use self::engine::checkpointer::{Checkpointer, truncate_log};
use self::engine::conn::{Conn, Purpose, on};
use self::engine::health::WriteHealth;
use self::engine::queue::Queue;
use self::engine::reader::{Readers, Sees, Size, Wanted};
use self::engine::schema::service_state;
use self::engine::writer::WriterSetup;
use crate::clock;
use crate::domain::decide::command::{Answer, Command, KeyUse};
use crate::domain::kernel::time::SECOND_US;
use crate::vault::{DataKey, MasterKey};

/// When no writer takes anything for this long while commands wait, the service is not ready.
const STANDSTILL_MAX: Duration = Duration::from_secs(8);

/// How to open a store.
#[derive(Debug)]
pub struct StoreOptions {
    /// The address of the database.
    pub url: DatabaseUrl,
    /// The master key of the database.
    pub master: MasterKey,
    /// Whether an empty database may be filled, as at a first start.
    pub may_begin: bool,
    /// How long to keep idempotency records, in seconds.
    pub idempotency_secs: i64,
    /// The most commands in a write transaction.
    pub batch_max: usize,
    /// The number of writer threads; SQLite always has one.
    pub writers: usize,
    /// The number of reader threads.
    pub readers: usize,
    /// The approximate size of the record cache in bytes; 0 for none.
    pub record_cache_bytes: u64,
    /// Whether an empty database becomes one of this service; else it is refused.
    pub may_create: bool,
}

/// The records, on either database.
#[derive(Debug)]
pub struct Store {
    url: DatabaseUrl,
    ring: Arc<KeyRing>,
    record_cache: Arc<RecordCache>,
    queue: Arc<Queue<Command, Answer>>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    readers: Readers<(i64, i64), Option<Found>>,
    idempotency_secs: i64,
    /// Wakes this process's import worker.
    import_queued: tokio::sync::Notify,
    /// Wakes the maintenance of the search index.
    terms_written: tokio::sync::Notify,
    /// Wakes this process's invitation worker.
    invites_queued: tokio::sync::Notify,
    /// Wakes this process's worker of label jobs.
    labels_queued: tokio::sync::Notify,
    /// Wakes this process's mail worker.
    mail_queued: tokio::sync::Notify,
    /// Wakes this process's worker of calls of payment providers.
    calls_queued: tokio::sync::Notify,
    /// Wakes whoever removes files of erased persons.
    erased_here: tokio::sync::Notify,
    /// When a caller last sent a command and waited for it.
    last_command_us: AtomicI64,
    /// Whether the write-ahead log may still hold erased values.
    erased: AtomicBool,
    health: Arc<WriteHealth>,
}

impl Store {
    /// Brings the database up to date and opens it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a newer schema, another master key, or a database that was removed or emptied; the
    /// database's.
    pub fn open(options: StoreOptions) -> Result<Store, StoreError> {
        let ring = Arc::new(KeyRing::new(options.master));
        first_start::prepare(&options.url, &ring, clock::now(), options.may_begin, options.may_create)?;
        let record_cache = Arc::new(RecordCache::new(options.record_cache_bytes));
        let (own_ring, own_cache) = (Arc::clone(&ring), Arc::clone(&record_cache));
        // A data key never changes, so a separate statement may read it.
        let look_up = move |conn: &mut Conn, keys: &[_]| find_each(conn, &own_ring, &own_cache, keys);
        let no_thread = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        let readers = Readers::start(&options.url, look_up, options.readers).map_err(no_thread)?;
        let mut store = Store {
            url: options.url,
            ring,
            record_cache,
            queue: Arc::default(),
            writers: Mutex::default(),
            readers,
            idempotency_secs: options.idempotency_secs,
            import_queued: tokio::sync::Notify::new(),
            terms_written: tokio::sync::Notify::new(),
            invites_queued: tokio::sync::Notify::new(),
            labels_queued: tokio::sync::Notify::new(),
            mail_queued: tokio::sync::Notify::new(),
            calls_queued: tokio::sync::Notify::new(),
            erased_here: tokio::sync::Notify::new(),
            last_command_us: AtomicI64::new(0),
            // An erase before the last stop may be unfinished.
            erased: AtomicBool::new(true),
            health: Arc::default(),
        };
        let (ring, retention_secs) = (Arc::clone(&store.ring), store.idempotency_secs);
        let setup = Arc::new(WriterSetup {
            url: store.url.clone(),
            run: Box::new(move |conn, commands| run_commands(conn, &ring, commands, retention_secs)),
            batch_max: options.batch_max,
            health: Arc::clone(&store.health),
        });
        let count = match &store.url {
            DatabaseUrl::Sqlite(_) => 1,
            DatabaseUrl::Postgres(_) => options.writers.max(1),
        };
        let writers = (0..count).map(|index| {
            let checkpointer = Checkpointer::start(&store.url)?;
            let queue = Arc::clone(&store.queue);
            engine::writer::spawn(format!("writer-{index}"), Arc::clone(&setup), queue, checkpointer)
        });
        let writers = writers.collect::<Result<_, _>>().map_err(no_thread)?;
        store.writers = Mutex::new(writers);
        Ok(store)
    }

    /// Runs an admin task on a writer's connection, and waits for its result.
    async fn on_writer<T: Send + 'static>(
        &self,
        action: impl FnOnce(&mut Conn, &KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let (ring, health) = (Arc::clone(&self.ring), Arc::clone(&self.health));
        self.queue.push_admin(Box::new(move |conn| {
            let result = conn.and_then(|conn| action(conn, &ring));
            health.note(&result);
            let is_well = matches!(&result, Ok(_) | Err(StoreError::Rejected(_)));
            drop(reply.send(result));
            is_well
        }))?;
        answer.await.map_err(|_| StoreError::Unavailable("the writer has stopped".into()))?
    }

    /// Runs a change of settings, tokens or keys in a write transaction of its own.
    async fn administer<T: Send + 'static>(
        &self,
        action: impl FnOnce(&mut Conn, &KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_writer(|conn, ring| in_transaction(conn, |conn| action(conn, ring))).await
    }

    /// As [`Store::administer`], at most once per idempotency key: the same transaction stores the answer's text.
    async fn administer_once(
        &self,
        key_use: Option<KeyUse>,
        action: impl FnOnce(&mut Conn, &KeyRing) -> Result<String, StoreError> + Send + 'static,
    ) -> Result<(String, bool), StoreError> {
        let retention_secs = self.idempotency_secs;
        self.on_writer(move |conn, ring| {
            let action = |conn: &mut Conn| action(conn, ring);
            idempotency::settings::once(conn, ring, key_use, clock::now(), retention_secs, action)
        })
        .await
    }

    /// Runs a read of any number of rows, in one snapshot.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Conn, &KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ring = Arc::clone(&self.ring);
        self.readers.read(Size::Many, Sees::OneState, move |conn| read(conn, &ring)).await
    }

    /// As [`Store::read`], for a few rows.
    async fn look_up<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Conn, &KeyRing) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ring = Arc::clone(&self.ring);
        self.readers.read(Size::Few, Sees::OneState, move |conn| read(conn, &ring)).await
    }

    /// Runs a read that may open any number of records of an owner, in one snapshot; see [`Readers::search`].
    async fn search<T: Send + 'static>(
        &self,
        owner: i64,
        time_max: Duration,
        read: impl FnOnce(&mut Conn, &KeyRing, &Wanted) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ring = Arc::clone(&self.ring);
        self.readers.search(owner, time_max, move |conn, wanted| read(conn, &ring, wanted)).await
    }

    /// Calls `make` with the service's key, which the process reads from the database once.
    async fn by_service_key<T: Send + 'static>(
        &self,
        make: impl FnOnce(&DataKey) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.ring.cached_service_key() {
            Some(service) => Ok(make(service)),
            None => self.look_up(move |conn, ring| Ok(make(&*ring.service_key(conn)?))).await,
        }
    }

    /// Refuses new writes, waits until every queued one has its answer, and closes all connections. Afterwards SQLite's
    /// database is one whole file, unless another process uses it.
    pub fn close(&self) {
        self.queue.close();
        let writers = std::mem::take(&mut *self.writers.lock().unwrap_or_else(PoisonError::into_inner));
        if writers.is_empty() {
            return;
        }
        for writer in writers {
            let _ = writer.join();
        }
        let is_read = !self.readers.close();
        if let DatabaseUrl::Sqlite(_) = &self.url {
            // The last connection that closes removes the empty log.
            let left = Conn::open(&self.url, Purpose::Write).and_then(|mut conn| truncate_log(&mut conn));
            match left {
                Ok(true) => {}
                Ok(false) => tracing::info!(is_read, "another process or a read keeps the write-ahead log"),
                Err(error) => {
                    tracing::error!(%error, "the write-ahead log could not be moved into the database");
                }
            }
        }
    }

    /// Whether a caller waited for a create, update or delete of this process within the last second.
    pub fn has_callers(&self) -> bool {
        let last = self.last_command_us.load(std::sync::atomic::Ordering::Relaxed);
        clock::now().0 - last < SECOND_US
    }

    /// Whether writes succeed, as far as the last ones tell. A write that changes nothing finds out when the last one is
    /// some time ago; its result counts from the next call on.
    pub fn can_write(self: &Arc<Self>) -> bool {
        if self.health.takes_trial() {
            let store = Arc::clone(self);
            tokio::task::spawn_local(async move {
                if let Err(error) = store.administer(|conn, _| write_nothing(conn)).await {
                    tracing::warn!(%error, "the service cannot write and is not ready");
                }
            });
        }
        !self.health.fails() && self.queue.stands_still() < STANDSTILL_MAX
    }

    /// How many commands and admin tasks wait for a writer.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// Writes a value as it is: the database does the work of a write.
fn write_nothing(conn: &mut Conn) -> Result<(), StoreError> {
    on!(conn, |c| diesel::update(service_state::table)
        .set(service_state::value.eq(service_state::value))
        .execute(c))?;
    Ok(())
}

/// Runs an action in a write transaction: commits if it succeeds, rolls back if not.
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

/// Makes the handles of the store, one per subject.
macro_rules! handles {
    ($($(#[$doc:meta])* $subject:ident: $handle:ident),+ $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $handle<'a>(&'a Store);
        )+

        impl Store {
            $(
                $(#[$doc])*
                pub fn $subject(&self) -> $handle<'_> {
                    $handle(self)
                }
            )+
        }
    };
}

handles! {
    /// Customers, and all commands on them.
    customers: Customers,
    /// Comments on customers.
    comments: Comments,
    /// Coupons, their redemptions and customers.
    coupons: Coupons,
    /// The catalogue.
    products: Products,
    /// Orders that staff took.
    orders: Orders,
    /// Calls of payment providers.
    provider: ProviderCalls,
    /// Requests for money and for payment methods.
    requests: Requests,
    /// Transactions of customers.
    transactions: Transactions,
    /// Entrypoints, their organisations and settings.
    entrypoints: Entrypoints,
    /// Secrets of webhooks, and their proof.
    ingest: IngestSecrets,
    /// Labels of an entrypoint.
    labels: Labels,
    /// Data keys and their rotation, signing keys, sealed notes.
    keys: Keys,
    /// Tokens of the API.
    tokens: Tokens,
    /// Idempotency keys.
    idempotency: IdempotencyKeys,
    /// Accounts of customers in the portal.
    accounts: Accounts,
    /// Members of staff.
    staff: Staff,
    /// Imports.
    imports: Imports,
    /// Invitations of many customers.
    invitations: Invitations,
    /// Invoices of customers.
    invoices: Invoices,
    /// Subscriptions of customers.
    subscriptions: Subscriptions,
    /// Stages of customers' lives that move with the time.
    lifecycle: Lifecycles,
    /// Jobs of every kind.
    jobs: Jobs,
    /// Mails to customers.
    mail: Mails,
    /// The search index.
    index: SearchIndex,
}
