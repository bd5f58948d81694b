//! The one way of every change to customers: lock → load → decide → save.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::load::Loaded;
use super::save::save;
use crate::clock;
use crate::domain::decide::command::{Answer, Command};
use crate::domain::decide::working_set::Missing;
use crate::domain::decide::{Undecided, decide};
use crate::domain::kernel::problem::Rejection;
use crate::domain::kernel::time::Micros;
use crate::store::engine::conn::Conn;
use crate::store::engine::error::StoreError;
use crate::store::engine::writer::{Replies, Run};
use crate::store::entrypoints::lock_row::{
    LockRow, Waiting, lock_entrypoint, lock_entrypoints, read_lock_row,
};
use crate::store::imports::DryRunRecords;
use crate::store::keys::keyring::KeyRing;

/// What a command came to, or why it came to nothing.
pub(crate) type Reply = Result<Answer, StoreError>;

/// An entrypoint within a transaction, under its lock.
#[derive(Debug, Clone)]
pub(crate) struct EntrypointTx {
    pub lock_row: LockRow,
    /// Read after the lock: times grow with versions.
    pub now: Micros,
}

impl EntrypointTx {
    /// Waits for the lock of an entrypoint.
    ///
    /// # Errors
    /// [`Rejection::NotFound`]; the database's.
    pub(crate) fn lock(conn: &mut Conn, entrypoint_id: i64) -> Result<EntrypointTx, StoreError> {
        Ok(EntrypointTx { lock_row: lock_entrypoint(conn, entrypoint_id)?, now: clock::now() })
    }

    /// An entrypoint for decisions of which nothing is saved: they need no lock.
    ///
    /// # Errors
    /// [`Rejection::NotFound`]; the database's.
    pub(crate) fn unlocked(conn: &mut Conn, entrypoint_id: i64) -> Result<EntrypointTx, StoreError> {
        let lock_row = read_lock_row(conn, entrypoint_id)?.ok_or(Rejection::NotFound)?;
        Ok(EntrypointTx { lock_row, now: clock::now() })
    }

    /// Loads what some commands will ask for.
    ///
    /// # Errors
    /// The database's; [`StoreError::Corrupt`].
    pub(crate) fn load(
        self,
        conn: &mut Conn,
        ring: &KeyRing,
        commands: &[&Command],
    ) -> Result<Loaded, StoreError> {
        Loaded::load(conn, ring, self.lock_row, commands, self.now)
    }

    /// As [`EntrypointTx::load`] for creates of which nothing will be saved: with what a dry run would have written
    /// before, and ids that nobody has.
    ///
    /// # Errors
    /// As [`EntrypointTx::load`].
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

    /// Decides some commands and saves what they change: one reply a command, and on PostgreSQL the number of the
    /// transaction if anything was written.
    ///
    /// # Errors
    /// The database's; nothing is then kept.
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
    /// Decides one command and loads what it misses; a panic in there is that command's own.
    ///
    /// # Errors
    /// The database's.
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
                Err(_) => return Ok(Err(StoreError::Bug("a decision panicked".into()))),
            }
        }
    }
}

/// What the writers do with commands on customers.
#[derive(Clone)]
pub(crate) struct RunCommands {
    pub ring: Arc<KeyRing>,
    /// How long idempotency keys are kept, in seconds.
    pub retention_secs: i64,
}

impl Run for RunCommands {
    type Command = Command;
    type Answer = Answer;

    fn run(
        &self,
        conn: &mut Conn,
        commands: &[&Command],
        waiting: Waiting,
    ) -> Result<(Replies<Answer>, Option<String>), StoreError> {
        let mut by_entrypoint: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (index, command) in commands.iter().enumerate() {
            by_entrypoint.entry(command.entrypoint_id).or_default().push(index);
        }
        let ids: Vec<i64> = by_entrypoint.keys().copied().collect();
        let mut lock_rows = lock_entrypoints(conn, &ids, waiting)?;
        if lock_rows.is_empty() && waiting == Waiting::Skip {
            // Nothing was free: wait for the first one, so that the thread does not spin.
            lock_rows = lock_entrypoints(conn, ids.get(..1).unwrap_or(&[]), Waiting::Wait)?;
        }
        let now = clock::now();
        let mut transaction_id = None;
        let mut replies: Replies<Answer> = commands.iter().map(|_| None).collect();
        let mut answer = |index: usize, reply: Reply| {
            if let Some(slot) = replies.get_mut(index) {
                *slot = Some(reply);
            }
        };
        for lock_row in lock_rows {
            let Some(indexes) = by_entrypoint.remove(&lock_row.entrypoint_id) else { continue };
            let own: Vec<&Command> =
                indexes.iter().filter_map(|index| commands.get(*index).copied()).collect();
            let (answers, id) =
                EntrypointTx { lock_row, now }.run(conn, &self.ring, &own, self.retention_secs)?;
            indexes.into_iter().zip(answers).for_each(|(index, reply)| answer(index, reply));
            transaction_id = id.or(transaction_id);
        }
        if waiting == Waiting::Wait {
            // Every lock row that exists was waited for: what is left names no entrypoint.
            for index in by_entrypoint.into_values().flatten() {
                answer(index, Err(StoreError::Rejected(Rejection::NotFound)));
            }
        }
        Ok((replies, transaction_id))
    }
}
