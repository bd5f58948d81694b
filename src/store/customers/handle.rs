//! The interface to customers: commands go to a writer, reads go to a reader.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use diesel::prelude::*;
use tokio::sync::oneshot;

use super::details::{self, Details};
use super::find::{self, Found, HistoryEntry, HistoryPage};
use super::lists::{self, IdPage, ListPage, ListRequest, Listed};
use super::load::block_of;
use super::record_cache::RecordCache;
use super::tx::{EntrypointTx, Reply};
use crate::clock;
use crate::domain::customers::apply;
use crate::domain::decide::command::{Action, Answer, Command, Precomputed};
use crate::domain::decide::delivery::Ingest;
use crate::domain::filter::Standing;
use crate::domain::references::Reference;
use crate::domain::statistics::Numbers;
use crate::domain::transactions::totals::{BASE, Totals};
use crate::store::engine::checkpointer::truncate_log;
use crate::store::engine::conn::{Conn, DatabaseUrl, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::queue::PATIENCE;
use crate::store::engine::reader::{Sees, Size, Wanted};
use crate::store::engine::schema::{self, customer};
use crate::store::keys::keyring::KeyRing;
use crate::store::transactions::summary::CustomerMoney;
use crate::store::transactions::sums;
use crate::store::{ActivityPage, ActivityRequest, Customers, activity, index, statistics};

/// A transaction takes about as long as two creates.
const COMMANDS_A_DELIVERY: usize = 2;

/// As how many commands an action counts in a batch.
fn weight(action: &Action) -> usize {
    match action {
        Action::Ingest(ingest) => (ingest.deliveries().count() * COMMANDS_A_DELIVERY).max(1),
        _ => 1,
    }
}

impl Customers<'_> {
    /// Computes in advance what a create will probably need. If the writer computes it under the lock, imports are 7 to 13 %
    /// slower.
    pub fn precompute(self, command: &mut Command) {
        let Action::Create(create) = &mut command.action else { return };
        let Some(key) = self.0.ring.newest_key(command.entrypoint_id) else { return };
        let Some(entrypoint) = self.0.ring.directory.newest(command.entrypoint_id) else { return };
        let (record, _) = apply::create(&create.draft, entrypoint.country.as_deref(), clock::now());
        let terms = index::of_customer(key.terms(), &record);
        create.precomputed = Some(Arc::new(Precomputed { key_id: key.id, record, terms }));
    }

    /// Sends a command to a writer; answers after COMMIT.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if the rules refuse the command; [`StoreError::Busy`] if the queue is full;
    /// [`StoreError::Unavailable`] if no writer takes the command, or its lock is not free, within six seconds.
    pub async fn write(self, mut command: Command) -> Reply {
        if let Action::Ingest(ingest) = &command.action {
            return self.write_parts(&command, ingest).await;
        }
        self.precompute(&mut command);
        self.write_whole(command).await
    }

    /// Records deliveries part by part, so that other commands need not wait for all of them. Each part commits by itself and
    /// has an idempotency key of its own, so that a repeated request goes on where an earlier one broke off.
    async fn write_parts(self, command: &Command, ingest: &Ingest) -> Reply {
        let part = |from| Command {
            actor: command.actor.clone(),
            idempotency: command.idempotency.map(|key_use| key_use.of_part(from)),
            action: Action::Ingest(Box::new(ingest.part(from))),
            ..*command
        };
        let mut answer = self.write_whole(part(0)).await?;
        while answer.decided() < ingest.number() {
            let done = answer.decided();
            answer.join(self.write_whole(part(done)).await?);
            if answer.decided() == done {
                return Err(StoreError::Bug("no transaction of a part was decided".into()));
            }
        }
        Ok(answer)
    }

    async fn write_whole(self, command: Command) -> Reply {
        self.0.last_command_us.store(clock::now().0, Ordering::Relaxed);
        let (reply, mut answer) = oneshot::channel();
        let sends_mail = matches!(
            command.action,
            Action::Invite(_)
                | Action::Consent(_)
                | Action::Invoice(_)
                | Action::Order(_)
                | Action::Request(_)
        );
        let asks = matches!(command.action, Action::Provider(_));
        let (lane, weight) = (command.entrypoint_id, weight(&command.action));
        self.0.queue.push_command(lane, command, weight, reply)?;
        let answer = match tokio::time::timeout(PATIENCE, &mut answer).await {
            Ok(answer) => answer,
            // A command that a writer has taken still gets its answer.
            Err(_) => {
                self.0.queue.expire(PATIENCE);
                answer.await
            }
        };
        let answer = answer.map_err(|_| StoreError::Unavailable("the writer has stopped".into()))?;
        self.0.terms_written.notify_one();
        if sends_mail {
            self.0.mail_queued.notify_one();
        }
        if asks {
            self.0.calls_queued.notify_one();
        }
        answer
    }

    /// Clears erased data from memory and from SQLite's write-ahead log. If a reader blocks the checkpoint, the next
    /// [`Customers::finish_erasing`] repeats it.
    pub async fn forget_erased(self) {
        self.0.record_cache.forget_all();
        self.0.erased.store(true, Ordering::Release);
        self.0.erased_here.notify_one();
        self.finish_erasing().await;
    }

    /// Waits until this process erases somebody.
    pub async fn erased_here(self) {
        self.0.erased_here.notified().await;
    }

    /// Which of some customers of an entrypoint were erased.
    ///
    /// # Errors
    /// Database errors.
    pub async fn erased_among(self, entrypoint_id: i64, ids: Vec<i64>) -> Result<Vec<i64>, StoreError> {
        self.0
            .look_up(move |conn, _| {
                Ok(on!(conn, |c| customer::table
                    .filter(customer::entrypoint_id.eq(entrypoint_id))
                    .filter(customer::customer_id.eq_any(&ids))
                    .filter(customer::document.is_null())
                    .select(customer::customer_id)
                    .load(c))?)
            })
            .await
    }

    /// Finishes the clean-up after earlier erasures.
    pub async fn finish_erasing(self) {
        if !self.0.erased.swap(false, Ordering::AcqRel) {
            return;
        }
        let done = self.0.on_writer(|conn, _| truncate_log(conn)).await;
        if let Err(error) = &done {
            tracing::warn!(%error, "cannot truncate the write-ahead log after an erasure");
        }
        if !done.unwrap_or(false) {
            self.0.erased.store(true, Ordering::Release);
        }
    }

    /// Removes old records from the record cache.
    pub fn forget_old_records(self) {
        self.0.record_cache.forget_old();
    }

    /// Hits and misses of the record cache.
    pub fn cache_hits_and_misses(self) -> (u64, u64) {
        self.0.record_cache.hits_and_misses()
    }

    /// The entrypoint of a customer id, if there is one.
    ///
    /// # Errors
    /// Database errors.
    pub async fn entrypoint_of(self, customer_id: i64) -> Result<Option<i64>, StoreError> {
        let block = block_of(customer_id);
        if let Some(found) = self.0.ring.directory.blocks.get(&block) {
            return Ok(Some(*found));
        }
        let found: Option<i64> = self
            .0
            .look_up(move |conn, _| {
                Ok(on!(conn, |c| schema::id_block::table
                    .find(block)
                    .select(schema::id_block::entrypoint_id)
                    .first(c)
                    .optional())?)
            })
            .await?;
        if let Some(found) = found {
            self.0.ring.directory.blocks.insert(block, found);
        }
        Ok(found)
    }

    /// Applies `render` to a customer and its entrypoint, on the reader thread.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn find<T: Send + 'static>(
        self,
        entrypoint_id: i64,
        id: i64,
        render: impl FnOnce(Found) -> T + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        self.0.readers.look_up((entrypoint_id, id), |found| found.map(render)).await
    }

    /// Applies `render` to a customer and the first entries of its lists, at most `limit` of each, on the reader thread. Without
    /// `sees_money` it reads nothing that the shop sells it.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn details<T: Send + 'static>(
        self,
        entrypoint_id: i64,
        id: i64,
        (limit, sees_money): (i64, bool),
        render: impl FnOnce(Found, &Details) -> T + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let (ring, record_cache) = (Arc::clone(&self.0.ring), Arc::clone(&self.0.record_cache));
        let read = move |conn: &mut Conn| {
            let found = details::details(conn, &ring, &record_cache, entrypoint_id, id, (limit, sees_money))?;
            Ok(found.map(|(found, details)| render(found, &details)))
        };
        self.0.readers.read(Size::Few, self.sees(), read).await
    }

    /// Applies `render` to a customer, its totals and its last transactions, read from one state of the database.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn find_with_money<T: Send + 'static>(
        self,
        entrypoint_id: i64,
        id: i64,
        render: impl FnOnce(&Found, Option<&CustomerMoney>) -> T + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let read = move |conn: &mut Conn, ring: &KeyRing| {
            let Some(found) = find::find(conn, ring, entrypoint_id, id)? else { return Ok(None) };
            let money = details::money_of(conn, ring, &found)?;
            Ok(Some(render(&found, money.as_ref())))
        };
        self.0.look_up(read).await
    }

    /// What a read sees that is one statement on PostgreSQL.
    fn sees(self) -> Sees {
        match self.0.url {
            DatabaseUrl::Postgres(_) => Sees::EachItsOwn,
            DatabaseUrl::Sqlite(_) => Sees::OneState,
        }
    }

    /// Applies `render` to the live customer of an entrypoint with a reference, on the reader thread.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn find_by_reference<T: Send + 'static>(
        self,
        entrypoint_id: i64,
        reference: Reference,
        render: impl FnOnce(&Found, Option<&CustomerMoney>) -> T + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let read = move |conn: &mut Conn, ring: &KeyRing| {
            let found = find::find_by_reference(conn, ring, entrypoint_id, &reference)?;
            let Some(found) = found else { return Ok(None) };
            let money = details::money_of(conn, ring, &found)?;
            Ok(Some(render(&found, money.as_ref())))
        };
        self.0.look_up(read).await
    }

    /// Applies `render` to a page of a list, read from one state of the database. It runs on the reader thread, so that
    /// the thread that allocated the records also frees them.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`]; [`StoreError::Slow`] after the request's time.
    pub async fn list<T: Send + 'static>(
        self,
        request: ListRequest,
        render: impl FnOnce(&ListPage) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let plan = request.plan();
        let (ring, record_cache) = (Arc::clone(&self.0.ring), Arc::clone(&self.0.record_cache));
        if lists::by_id::asks(&request, &plan) {
            let sees = self.sees();
            let read = move |conn: &mut Conn| {
                let mut page = lists::by_id::page(conn, &ring, &record_cache, &request)?;
                page.load_money(conn, &ring, &request)?;
                Ok(render(&page))
            };
            return self.0.readers.read(Size::Many, sees, read).await;
        }
        let (owner, time_max) = (request.owner, request.time_max);
        let read = move |conn: &mut Conn, wanted: &Wanted| {
            let mut page = lists::page(conn, &ring, &record_cache, &request, plan, wanted)?;
            page.load_money(conn, &ring, &request)?;
            Ok(render(&page))
        };
        self.0.readers.search(owner, time_max, read).await
    }

    /// The ids of a page that is too long for [`Customers::list`], read from one state of the database.
    ///
    /// # Errors
    /// As [`Customers::list`].
    pub async fn id_page(self, request: ListRequest) -> Result<IdPage, StoreError> {
        let (owner, time_max) = (request.owner, request.time_max);
        let read = move |conn: &mut Conn, ring: &KeyRing, wanted: &Wanted| {
            lists::id_page(conn, ring, &request, wanted)
        };
        self.0.search(owner, time_max, read).await
    }

    /// The current records of some entrypoints and ids, in the order given; deleted records may be among them.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn records(self, ids: Vec<(i64, i64)>) -> Result<Vec<Listed>, StoreError> {
        self.0.read(move |conn, ring| lists::by_ids(conn, ring, &RecordCache::none(), &ids)).await
    }

    /// What the transactions of some customers come to, by entrypoint and id; those without transactions are left out.
    ///
    /// # Errors
    /// Database errors.
    pub async fn standings(self, ids: Vec<(i64, i64)>) -> Result<HashMap<i64, Standing>, StoreError> {
        self.0.read(move |conn, _| lists::standing::standings(conn, &ids)).await
    }

    /// The number of customers of an entrypoint for each `status/lifecycle`, the counted numbers since a day such as
    /// `2026-03-01`, and what the customers' transactions come to by currency, read from one state of the database.
    ///
    /// # Errors
    /// Database errors.
    pub async fn counts(
        self,
        entrypoint_id: i64,
        since: String,
    ) -> Result<Option<(HashMap<String, i64>, Numbers, BTreeMap<String, Totals>)>, StoreError> {
        self.0
            .look_up(move |conn, _| {
                let Some(counts) = lists::counts(conn, entrypoint_id)? else { return Ok(None) };
                let numbers = statistics::numbers(conn, entrypoint_id, &since)?;
                let mut sums = sums::of_entrypoint(conn, entrypoint_id)?;
                sums.remove(BASE);
                Ok(Some((counts, numbers, sums)))
            })
            .await
    }

    /// Entries of a customer's history, newest first, and the total number: versions of the record, and events of some kinds.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn history(
        self,
        entrypoint_id: i64,
        id: i64,
        page: HistoryPage,
    ) -> Result<Option<(Vec<HistoryEntry>, i64)>, StoreError> {
        self.0.read(move |conn, ring| find::entries(conn, ring, entrypoint_id, id, &page)).await
    }

    /// What members of staff changed in an entrypoint, newest first, and whether there is more.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub async fn activity(self, request: ActivityRequest) -> Result<ActivityPage, StoreError> {
        self.0
            .read(move |conn, ring| {
                let mut page = activity::of_staff(conn, &request)?;
                for entry in &mut page.entries {
                    let (Some(id), Some(version)) = (entry.customer_id, entry.version) else { continue };
                    // A new record has no version before it that it could differ from.
                    if version > 1 {
                        entry.changed =
                            find::changed_fields(conn, ring, (request.entrypoint_id, id), version)?;
                    }
                }
                Ok(page)
            })
            .await
    }

    /// Decides a command that changes nothing, without the lock.
    ///
    /// # Errors
    /// Same as [`Customers::write`].
    pub async fn consult(self, command: Command) -> Result<Answer, StoreError> {
        self.0
            .look_up(move |conn, ring| {
                let tx = EntrypointTx::unlocked(conn, command.entrypoint_id)?;
                tx.load(conn, ring, &[&command])?.decide(conn, ring, &command)?
            })
            .await
    }
}
