//! The one path of every change to customers: lock → load → decide → save.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::load::Loaded;
use super::save::save;
use crate::clock;
use crate::domain::decide::command::{Action, Answer, Command};
use crate::domain::decide::working_set::Missing;
use crate::domain::decide::{Undecided, decide};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::writer::Ran;
use crate::store::entrypoints::lock_row::{
    LockRow, lock_entrypoint, lock_free_entrypoints, read_lock_row, wait_for_entrypoint,
};
use crate::store::imports::DryRunRecords;
use crate::store::invoices;
use crate::store::keys::keyring::KeyRing;
use crate::store::provider;
use crate::store::transactions::load::pending;

/// The answer of a command, or the reason why there is none.
pub(crate) type Reply = Result<Answer, StoreError>;

/// A transaction on an entrypoint, under its lock.
#[derive(Debug, Clone)]
pub(crate) struct EntrypointTx {
    pub lock_row: LockRow,
    /// Read after the lock is taken, so that times grow with versions.
    pub now: Micros,
}

impl EntrypointTx {
    /// Waits for the lock of an entrypoint.
    ///
    /// # Errors
    /// [`Rejection::NotFound`]; database errors.
    pub(crate) fn lock(conn: &mut Conn, entrypoint_id: i64) -> Result<EntrypointTx, StoreError> {
        Ok(EntrypointTx { lock_row: lock_entrypoint(conn, entrypoint_id)?, now: clock::now() })
    }

    /// An entrypoint for decisions that save nothing and so need no lock.
    ///
    /// # Errors
    /// [`Rejection::NotFound`]; database errors.
    pub(crate) fn unlocked(conn: &mut Conn, entrypoint_id: i64) -> Result<EntrypointTx, StoreError> {
        let lock_row = read_lock_row(conn, entrypoint_id)?.ok_or(Rejection::NotFound)?;
        Ok(EntrypointTx { lock_row, now: clock::now() })
    }

    /// Loads what some commands need.
    ///
    /// # Errors
    /// Database errors; [`StoreError::Corrupt`].
    pub(crate) fn load(
        self,
        conn: &mut Conn,
        ring: &KeyRing,
        commands: &[&Command],
    ) -> Result<Loaded, StoreError> {
        // A delivery without a time has that of its arrival, which machines with different clocks must not disagree on.
        let is_untimed =
            |command: &&Command| matches!(&command.action, Action::Ingest(ingest) if ingest.is_untimed());
        let now = if commands.iter().any(is_untimed) { conn.shared_now(self.now)? } else { self.now };
        Loaded::load(conn, ring, self.lock_row, commands, now)
    }

    /// Same as [`EntrypointTx::load`], for creates that will not be saved: adds the dry-run records so far, and ids
    /// that no customer will have.
    ///
    /// # Errors
    /// Same as [`EntrypointTx::load`].
    pub(crate) fn rehearse(
        self,
        conn: &mut Conn,
        ring: &KeyRing,
        commands: &[&Command],
        dry_run_records: DryRunRecords,
        first_id: i64,
    ) -> Result<Loaded, StoreError> {
        let mut loaded = self.load(conn, ring, &[])?;
        loaded.working_set.add_ids(first_id..i64::MAX);
        loaded.dry_run_records = Some(dry_run_records);
        loaded.load_precomputed(conn, ring, commands)?;
        Ok(loaded)
    }

    /// Decides some commands and saves the changes. Returns one reply a command and, on PostgreSQL, the number of the
    /// transaction if it wrote anything.
    ///
    /// # Errors
    /// Database errors; nothing is then saved.
    pub(crate) fn run(
        self,
        conn: &mut Conn,
        ring: &KeyRing,
        commands: &[&Command],
        retention_secs: i64,
    ) -> Result<(Vec<Reply>, Option<String>), StoreError> {
        let mut loaded = self.load(conn, ring, commands)?;
        let replies: Vec<Reply> =
            commands.iter().map(|command| loaded.decide(conn, ring, command)).collect::<Result<_, _>>()?;
        let transaction_id = save(conn, ring, &mut loaded, retention_secs)?;
        Ok((replies, transaction_id))
    }
}

impl Loaded {
    /// Decides one command and loads missing facts; a panic fails only this command.
    pub(crate) fn decide(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        command: &Command,
    ) -> Result<Reply, StoreError> {
        loop {
            let decided = catch_unwind(AssertUnwindSafe(|| decide(&mut self.working_set, command)));
            match decided {
                Ok(Ok(answer)) => return Ok(Ok(answer)),
                Ok(Err(Undecided::Rejected(rejection))) => return Ok(Err(StoreError::Rejected(rejection))),
                Ok(Err(Undecided::Missing(Missing::Key(key)))) => self.load_keys(conn, ring, vec![key])?,
                Ok(Err(Undecided::Missing(Missing::Ids))) => self.load_ids(conn)?,
                Ok(Err(Undecided::Missing(Missing::CommentBook(id)))) => self.load_comment_book(conn, id)?,
                Ok(Err(Undecided::Missing(Missing::CommentText(id, text)))) => {
                    self.load_comment_text(conn, ring, id, text)?;
                }
                Ok(Err(Undecided::Missing(Missing::Comment(id, comment_id)))) => {
                    self.load_comment(conn, ring, id, comment_id)?;
                }
                Ok(Err(Undecided::Missing(Missing::Subscription(external)))) => {
                    self.load_subscription(conn, ring, external)?;
                }
                Ok(Err(Undecided::Missing(Missing::Pending(id)))) => {
                    let number = pending(conn, self.lock_row.entrypoint_id, id)?;
                    self.working_set.add_pending(id, number);
                }
                Ok(Err(Undecided::Missing(Missing::LastSale(id)))) => self.load_last_sale(conn, id)?,
                Ok(Err(Undecided::Missing(Missing::Transactions(keys)))) => {
                    self.load_transactions(conn, ring, &keys, &[])?;
                }
                Ok(Err(Undecided::Missing(Missing::Waiting(keys)))) => {
                    self.load_waiting(conn, ring, keys)?;
                }
                Ok(Err(Undecided::Missing(Missing::Erased(keys)))) => self.load_erased(conn, ring, keys)?,
                Ok(Err(Undecided::Missing(Missing::TransactionId(id)))) => {
                    self.load_transaction(conn, ring, id)?;
                }
                Ok(Err(Undecided::Missing(Missing::Invoice(id)))) => self.load_invoice(conn, ring, id)?,
                Ok(Err(Undecided::Missing(Missing::InvoiceNumber(number)))) => {
                    self.load_invoice_number(conn, ring, number)?;
                }
                Ok(Err(Undecided::Missing(Missing::InvoiceSeries(kind)))) => {
                    let series = invoices::series(conn, self.lock_row.entrypoint_id, kind)?;
                    self.working_set.invoices.add_series(kind, series);
                }
                Ok(Err(Undecided::Missing(Missing::UnsettledInvoices(id)))) => {
                    let ids = invoices::unsettled(conn, self.lock_row.entrypoint_id, id)?;
                    self.working_set.invoices.add_unsettled(id, ids);
                }
                Ok(Err(Undecided::Missing(Missing::Payer(id)))) => self.load_payers(conn, &[id])?,
                Ok(Err(Undecided::Missing(Missing::Coupon(fact)))) => {
                    self.load_coupon_fact(conn, ring, fact)?;
                }
                Ok(Err(Undecided::Missing(Missing::Order(id)))) => self.load_order(conn, ring, id)?,
                Ok(Err(Undecided::Missing(Missing::ProviderCall(id)))) => self.load_call(conn, ring, id)?,
                Ok(Err(Undecided::Missing(Missing::RunningCalls(id)))) => {
                    let calls = provider::running_of_request(conn, ring, self.lock_row.entrypoint_id, id)?;
                    self.working_set.calls.add_running(id, calls);
                }
                Ok(Err(Undecided::Missing(Missing::RunningCallsBy(id)))) => {
                    let calls = provider::running_of_customer(conn, ring, self.lock_row.entrypoint_id, id)?;
                    self.working_set.calls.add_running_by(id, calls);
                }
                Ok(Err(Undecided::Missing(Missing::CallsOfCharge(id)))) => {
                    let calls = provider::of_charge(conn, ring, self.lock_row.entrypoint_id, id)?;
                    self.working_set.calls.add_of_charge(id, calls);
                }
                Ok(Err(Undecided::Missing(Missing::Request(id)))) => self.load_request(conn, ring, id)?,
                Ok(Err(Undecided::Missing(Missing::RequestLink(hash)))) => {
                    self.load_request_link(conn, hash)?;
                }
                Ok(Err(Undecided::Missing(Missing::OpenRequests(id)))) => {
                    self.load_open_requests(conn, id)?;
                }
                Ok(Err(Undecided::Missing(Missing::Product(id)))) => self.load_product(conn, ring, id)?,
                Ok(Err(Undecided::Missing(Missing::ProductCount))) => self.load_product_count(conn)?,
                Err(_) => {
                    self.working_set.ledger.forget_answers();
                    return Ok(Err(StoreError::Bug("a decision panicked".into())));
                }
            }
        }
    }
}

/// How long a batch waits for a lock row. Then the writer does other work before it tries again.
const LOCK_PATIENCE: Duration = Duration::from_millis(250);

/// Runs the commands of a batch for a writer. `retention_secs`: how long idempotency records are kept.
pub(crate) fn run_commands(
    conn: &mut Conn,
    ring: &KeyRing,
    commands: &[&Command],
    retention_secs: i64,
) -> Result<Ran<Answer>, StoreError> {
    let mut by_entrypoint: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (index, command) in commands.iter().enumerate() {
        by_entrypoint.entry(command.entrypoint_id).or_default().push(index);
    }
    let ids: Vec<i64> = by_entrypoint.keys().copied().collect();
    let mut replies: Vec<Option<Reply>> = commands.iter().map(|_| None).collect();
    let mut lock_rows = lock_free_entrypoints(conn, &ids)?;
    if let ([], [id]) = (lock_rows.as_slice(), ids.as_slice()) {
        match wait_for_entrypoint(conn, *id, LOCK_PATIENCE) {
            Ok(Some(lock_row)) => lock_rows.push(lock_row),
            Ok(None) => replies.fill_with(|| Some(Err(StoreError::Rejected(Rejection::NotFound)))),
            // If the connection still works, the lock was the problem. The commands are tried until their callers give up.
            Err(error) => {
                conn.batch("ROLLBACK AND CHAIN").map_err(|_| error)?;
                return Ok(Ran { replies, transaction_id: None, has_waited: true });
            }
        }
    }
    let now = clock::now();
    let mut transaction_id = None;
    for lock_row in lock_rows {
        let Some(indexes) = by_entrypoint.remove(&lock_row.entrypoint_id) else { continue };
        let own: Vec<&Command> = indexes.iter().filter_map(|index| commands.get(*index).copied()).collect();
        let (answers, id) = EntrypointTx { lock_row, now }.run(conn, ring, &own, retention_secs)?;
        for (index, reply) in indexes.into_iter().zip(answers) {
            if let Some(slot) = replies.get_mut(index) {
                *slot = Some(reply);
            }
        }
        transaction_id = id.or(transaction_id);
    }
    Ok(Ran { replies, transaction_id, has_waited: false })
}
