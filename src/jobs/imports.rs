//! Runs imports: reads rows, checks them, and hands them to the store step by step (rules 9).
//!
//! While the writer commits a step, a task reads the next rows. The size of a step follows the time it takes: steps are
//! small while callers of this process wait for writes, and large otherwise. If a worker dies, another one
//! continues at the checkpoint.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::StopSignal;
use super::worker::{self, Patience, Work};
use crate::clock;
use crate::domain::customers::draft::{Change, Context, Draft};
use crate::domain::decide::command::{Action, Command, CreateCustomer, Hung};
use crate::domain::decide::delivery::{Delivery, Ingest, OnUnknown};
use crate::domain::imports::{
    ImportPlan, Mapping, PaymentMapping, Position, RecordItem, RecordReader, RowDraft, RowNote,
    cells_without_cards, read_row,
};
use crate::store::{ImportLease, Lease, StepDone, StepRow, Store, StoreError};
use crate::vault::hash_password;

/// How long a step may occupy the writer while callers wait for it, and otherwise.
const STEP_SHORT: Duration = Duration::from_millis(25);
const STEP_LONG: Duration = Duration::from_millis(400);
/// The number of rows of the first step, and the most of any step.
const ROWS_FIRST: usize = 50;
const ROWS_MAX: usize = 2_000;
/// The most bytes of rows to read ahead, and the longest time for it: a step must come before the lease ends.
const AHEAD_BYTES: usize = 4 << 20;
const AHEAD: Duration = Duration::from_secs(2);
/// How many workers may try at one place before rows go one by one, and the try at which the row is rejected.
const ATTEMPTS_LARGE: i64 = 3;
const ATTEMPTS_MAX: i64 = 6;
/// How many rows the worker then imports one by one.
const ROWS_CAREFUL: usize = 200;
/// Runs waiting imports for as long as the service runs.
pub async fn work(store: Arc<Store>, stop: StopSignal) {
    worker::work::<Import>(store, stop).await;
}

/// Runs an import for a person who waits for it, until it is over, another worker has it, or the process is to stop.
///
/// # Errors
/// The store's; the job then waits for the next worker.
pub async fn run(store: &Arc<Store>, lease: ImportLease, stop: &StopSignal) -> Result<(), StoreError> {
    worker::run(store, Import::new(store, lease), Patience::Watched, stop).await
}

/// An import that this process runs.
struct Import {
    store: Arc<Store>,
    lease: Arc<ImportLease>,
    /// The task that reads the next rows; `None` before the first read.
    ahead: Option<JoinHandle<Result<(Source, Batch), StoreError>>>,
    /// The current rows; those from `from` on are not done yet.
    rows: Arc<Vec<StepRow>>,
    from: usize,
    /// Whether the file ends with them; `None` before the first read.
    is_last: Option<bool>,
    /// How many rows of the job are done, and where the next one begins.
    rows_before: i64,
    position: Position,
    size: Size,
}

impl Work for Import {
    const KIND: &'static str = "import";
    const AT_ONCE: usize = 3;

    async fn take(store: &Arc<Store>) -> Result<Option<Import>, StoreError> {
        Ok(store.imports().take(None).await?.map(|lease| Import::new(store, lease)))
    }

    async fn queued(store: &Store) {
        store.imports().queued().await;
    }

    fn lease(&self) -> Lease {
        self.lease.lease
    }

    fn most(&self, _: bool) -> usize {
        let left = self.rows.len() - self.from;
        if left == 0 { self.size.rows } else { self.size.rows.min(left) }
    }

    async fn step(&mut self, most: usize) -> Result<StepDone, StoreError> {
        if self.from >= self.rows.len() && self.is_last != Some(true) {
            let failure = match self.read().await {
                Err(StoreError::Corrupt(why)) => {
                    tracing::error!(why, import = self.lease.job.id, "an import cannot go on");
                    Some("the stored file is damaged; send it again")
                }
                read => (!read?)
                    .then_some("this release reads the header of the file differently; send the file again"),
            };
            if let Some(why) = failure {
                self.store.jobs().fail(self.lease.lease, why).await?;
                return Ok(StepDone::Over);
            }
        }
        let to = self.rows.len().min(self.from + most);
        let is_last = self.is_last == Some(true) && to == self.rows.len();
        let (lease, rows) = (Arc::clone(&self.lease), Arc::clone(&self.rows));
        let done = self.store.imports().step(lease, self.rows_before, rows, self.from..to, is_last).await?;
        if let StepDone::Went(rows) = done {
            self.rows_before += i64::try_from(rows).unwrap_or(0);
            self.from += rows;
            let last = self.rows.get(..self.from).and_then(<[_]>::last);
            self.position = last.map_or(self.position, |row| row.end);
        }
        Ok(done)
    }

    fn learn(&mut self, done: usize, took: Duration, has_callers: bool) {
        self.size.learn(done, took, has_callers);
    }

    fn shrink(&mut self, most: usize) {
        self.size.rows = most;
    }

    async fn give_up_one(&mut self, error: StoreError) -> Result<StepDone, StoreError> {
        let mut rows = self.rows.to_vec();
        let Some(row) = rows.get_mut(self.from) else { return Err(error) };
        reject(row);
        self.rows = Arc::new(rows);
        Ok(StepDone::Went(0))
    }
}

impl Import {
    fn new(store: &Arc<Store>, lease: ImportLease) -> Import {
        Import {
            store: Arc::clone(store),
            ahead: None,
            rows: Arc::default(),
            from: 0,
            is_last: None,
            rows_before: lease.job.rows_read,
            position: lease.position,
            size: Size::new(lease.lease.attempts),
            lease: Arc::new(lease),
        }
    }

    /// Takes the rows that the task has read, and starts it for the next ones. Returns false if this release reads the
    /// header differently.
    async fn read(&mut self) -> Result<bool, StoreError> {
        let gone = || StoreError::Bug("the task that reads a file went away".into());
        let ahead = match self.ahead.take() {
            Some(ahead) => ahead,
            None => {
                let plan = &self.lease.job.plan;
                let mapping = Mapping::of(plan.header.iter().map(String::as_str), &plan.options);
                let Ok(mapping) = mapping else { return Ok(false) };
                let source = Source::new(&self.lease, mapping, self.position);
                tokio::spawn(read_ahead(Arc::clone(&self.store), source, ROWS_FIRST))
            }
        };
        let (source, mut batch) = ahead.await.map_err(|_| gone())??;
        if self.lease.lease.attempts >= ATTEMPTS_MAX && self.rows_before == self.lease.job.rows_read {
            // Earlier workers died at this row.
            batch.rows.first_mut().into_iter().for_each(reject);
        }
        (self.rows, self.from, self.is_last) = (Arc::new(batch.rows), 0, Some(batch.is_last));
        if !batch.is_last {
            let wanted = self.size.rows.saturating_mul(2).clamp(ROWS_FIRST, ROWS_MAX);
            self.ahead = Some(tokio::spawn(read_ahead(Arc::clone(&self.store), source, wanted)));
        }
        Ok(true)
    }
}

impl Drop for Import {
    /// Stops reading ahead: otherwise a stop would wait for rows that nobody needs.
    fn drop(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            ahead.abort();
        }
    }
}

/// Rows read from the file.
#[derive(Default)]
struct Batch {
    rows: Vec<StepRow>,
    /// Whether the file ends with them.
    is_last: bool,
}

fn reject(row: &mut StepRow) {
    let message = "the row could not be imported; the service's log says why";
    row.command = Err(vec![RowNote::new("", "internal", message)]);
}

/// The size of a step.
struct Size {
    rows: usize,
    /// How many rows are still to be imported one by one.
    careful: usize,
}

impl Size {
    fn new(attempts: i64) -> Size {
        let careful = if attempts > ATTEMPTS_LARGE { ROWS_CAREFUL } else { 0 };
        Size { rows: if careful > 0 { 1 } else { ROWS_FIRST }, careful }
    }

    /// Adapts the size to the time that a step took.
    fn learn(&mut self, rows: usize, took: Duration, has_callers: bool) {
        if self.careful > 0 {
            self.careful = self.careful.saturating_sub(rows);
            return;
        }
        let most = if has_callers { STEP_SHORT } else { STEP_LONG };
        let fits = u128::try_from(rows).unwrap_or(1) * most.as_micros() / took.as_micros().max(1);
        let fits = usize::try_from(fits).unwrap_or(ROWS_MAX);
        // The time of a single step says little, so it grows by at most 50 % at a time, and shrinks at once.
        self.rows = fits.min(self.rows + self.rows / 2 + 1).clamp(1, ROWS_MAX);
    }
}

/// The file of an import, read from the checkpoint on.
struct Source {
    lease: Arc<ImportLease>,
    mapping: Mapping,
    /// Of a file of transactions, what its columns fill.
    payments: Option<PaymentMapping>,
    reader: RecordReader,
    /// The current piece of the file, and how many bytes of it were read.
    piece: Vec<u8>,
    at: usize,
    /// The offset of the next piece in the file.
    next: u64,
    is_over: bool,
}

/// The entrypoint's context for reading rows.
struct RowContext {
    store: Arc<Store>,
    /// The country for phone numbers without a country code.
    country: Option<String>,
}

impl Source {
    fn new(lease: &Arc<ImportLease>, mapping: Mapping, position: Position) -> Source {
        let plan = &lease.job.plan;
        let of_payments = || PaymentMapping::of(plan.header.iter().map(String::as_str), &plan.options).ok();
        Source {
            lease: Arc::clone(lease),
            mapping,
            payments: plan.options.payments.and_then(|_| of_payments()),
            reader: RecordReader::new(lease.job.plan.delimiter, position),
            piece: Vec::new(),
            at: 0,
            next: position.offset,
            is_over: false,
        }
    }

    /// The size of the whole file.
    fn bytes(&self) -> u64 {
        u64::try_from(self.lease.job.bytes_total).unwrap_or(0)
    }

    /// Reads rows until there are enough, the time is up, or the piece ends.
    fn fill(
        &mut self,
        batch: &mut Batch,
        bytes: &mut usize,
        most: usize,
        until: Instant,
        place: &RowContext,
    ) {
        while batch.rows.len() < most && *bytes < AHEAD_BYTES && Instant::now() < until {
            let mut rest = self.piece.get(self.at..).unwrap_or_default();
            let before = rest.len();
            let found = self.reader.read(&mut rest);
            self.at += before - rest.len();
            *bytes += before - rest.len();
            match found {
                Some(item) => batch.rows.push(self.row(&item, place)),
                None => return,
            }
        }
    }

    fn row(&self, item: &RecordItem, place: &RowContext) -> StepRow {
        let (line, end) = (item.start().line, item.end());
        let record = match item {
            RecordItem::Record(record) => record,
            RecordItem::TooLong(long) => {
                let note = RowNote::new("", "row_too_long", long.message());
                return StepRow {
                    line,
                    end,
                    command: Err(vec![note]),
                    warnings: Vec::new(),
                    cells: Vec::new(),
                };
            }
        };
        let country = place.country.as_deref();
        let context = Context { now: clock::now(), country, entrypoint_country: country };
        let ImportPlan { options, .. } = &self.lease.job.plan;
        let cells = cells_without_cards(record, &self.mapping, options);
        if let Some(payments) = &self.payments {
            let on_unknown = options.payments.unwrap_or_default();
            let delivery = payments.delivery(record, self.lease.job.plan.delimiter, options, context);
            let command = delivery.map(|delivery| self.ingest(delivery, on_unknown));
            return StepRow { line, end, command, warnings: Vec::new(), cells };
        }
        let (command, warnings) = match read_row(record, &self.mapping, options, context) {
            Ok(RowDraft { draft, comments, methods, warnings }) => {
                let hung = Hung { comments, methods, random: uuid::Uuid::new_v4().as_fields().0 };
                (self.command(draft, hung, &place.store), warnings)
            }
            Err(notes) => (Err(notes), Vec::new()),
        };
        StepRow { line, end, command, warnings, cells }
    }

    /// The command of a transaction.
    fn ingest(&self, delivery: Delivery, on_unknown: OnUnknown) -> Command {
        let random = uuid::Uuid::new_v4().as_u128();
        Command {
            entrypoint_id: self.lease.job.entrypoint_id,
            actor: self.lease.actor.clone(),
            sight: self.lease.job.plan.sight,
            idempotency: None,
            action: Action::Ingest(Box::new(Ingest::new(vec![delivery], on_unknown, random))),
        }
    }

    fn command(&self, mut draft: Draft, hung: Hung, store: &Store) -> Result<Command, Vec<RowNote>> {
        // Hashing runs here, because this thread holds up neither requests nor the writer.
        if let Change::Set(secret) = std::mem::take(&mut draft.password) {
            let hash = hash_password(secret.expose());
            draft.password_hash = Change::Set(hash.map_err(|_| {
                vec![RowNote::new("customerPsw", "internal", "the password could not be hashed")]
            })?);
        }
        let on_match = self.lease.job.plan.options.on_match;
        let create = CreateCustomer { draft, hung, on_match, precomputed: None };
        let mut command = Command {
            entrypoint_id: self.lease.job.entrypoint_id,
            actor: self.lease.actor.clone(),
            sight: self.lease.job.plan.sight,
            idempotency: None,
            action: Action::Create(Box::new(create)),
        };
        store.customers().precompute(&mut command);
        Ok(command)
    }
}

/// Reads at most `most` next rows of the file. It takes the source and returns it, because blocking threads work on it.
async fn read_ahead(store: Arc<Store>, mut here: Source, most: usize) -> Result<(Source, Batch), StoreError> {
    let gone = || StoreError::Bug("the thread that reads a file went away".into());
    let mut batch = Batch::default();
    let mut bytes = 0;
    let until = Instant::now() + AHEAD;
    let country = store.entrypoints().country(here.lease.job.entrypoint_id).await?.flatten();
    let mut place = RowContext { store: Arc::clone(&store), country };
    while !here.is_over && batch.rows.len() < most && bytes < AHEAD_BYTES && Instant::now() < until {
        if here.at >= here.piece.len() {
            match store.imports().text(here.lease.upload_id, here.next).await? {
                Some((begin, text)) => {
                    here.at = usize::try_from(here.next.saturating_sub(begin)).unwrap_or(usize::MAX);
                    here.next = begin.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
                    here.piece = text;
                }
                None if here.next < here.bytes() => {
                    return Err(StoreError::Corrupt("a part of the file is missing".into()));
                }
                None => {
                    here.is_over = true;
                    if let Some(item) = here.reader.finish() {
                        let row = here.row(&item, &place);
                        batch.rows.push(row);
                    }
                    break;
                }
            }
        }
        let read = tokio::task::spawn_blocking(move || {
            here.fill(&mut batch, &mut bytes, most, until, &place);
            (here, batch, bytes, place)
        });
        (here, batch, bytes, place) = read.await.map_err(|_| gone())?;
    }
    batch.is_last = here.is_over;
    Ok((here, batch))
}
