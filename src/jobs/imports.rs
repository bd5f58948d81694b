//! Works on imports: reads rows, checks them, and hands them to the store step by step (rules 9).
//!
//! While the writer commits one step, the next rows are read. A step is as large as the time allows: small while
//! somebody waits for creates of this process, large when nobody does. A worker that dies loses nothing but its
//! lease; another goes on at the checkpoint.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::StopSignal;
use crate::clock;
use crate::domain::customers::draft::{Change, Context, Draft};
use crate::domain::decide::command::{Action, Command, CreateCustomer};
use crate::domain::imports::{ImportPlan, Mapping, RecordItem, RecordReader, RowDraft, RowNote, read_row};
use crate::store::{ImportLease, StepDone, StepRow, Store, StoreError};
use crate::vault::hash_password;

/// How often jobs are looked for that another process queued or left.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many jobs a process works on at once.
const JOBS_MAX: usize = 3;
/// How long a step may keep the writer while somebody waits for it, and while nobody does.
const STEP_SHORT: Duration = Duration::from_millis(25);
const STEP_LONG: Duration = Duration::from_millis(400);
/// How many rows the first step takes, and the most of any.
const ROWS_FIRST: usize = 50;
const ROWS_MAX: usize = 2_000;
/// The most bytes of rows that are read ahead, and the longest time for it: a worker must be heard of.
const AHEAD_BYTES: usize = 4 << 20;
const AHEAD: Duration = Duration::from_secs(2);
/// After so many workers came to nothing at one place, rows go one by one; after so many more, that row is rejected.
const ATTEMPTS_LARGE: i64 = 3;
const ATTEMPTS_MAX: i64 = 6;
/// How many rows then go one by one.
const ROWS_CAREFUL: usize = 200;
/// How long to wait for a database that does not answer, and how often.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRIES_MAX: u32 = 20;

/// Works on whatever import waits, for as long as the service runs.
pub async fn work(store: Arc<Store>, stop: StopSignal) {
    let permits = Arc::new(Semaphore::new(JOBS_MAX));
    loop {
        while !stop.is_asked() {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            match store.take_import(None).await {
                Ok(Some(lease)) => {
                    let (store, stop) = (Arc::clone(&store), stop.clone());
                    tokio::spawn(async move {
                        let id = lease.job.id;
                        if let Err(error) = run(&store, lease, &stop).await {
                            tracing::warn!(%error, import = id, "an import waits for another worker");
                        }
                        drop(permit);
                    });
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "no import could be looked for");
                    break;
                }
            }
        }
        let _ = tokio::time::timeout(LOOK_EVERY, store.import_queued()).await;
    }
}

/// Works on one import until it is over, somebody else has it, or the process is to stop.
///
/// # Errors
/// The store's; the job then waits for whoever comes next.
pub async fn run(store: &Arc<Store>, lease: ImportLease, stop: &StopSignal) -> Result<(), StoreError> {
    let plan = &lease.job.plan;
    let Ok(mapping) = Mapping::of(plan.header.iter().map(String::as_str), &plan.options) else {
        let why = "this release reads the header of the file in another way; send the file again";
        return store.fail_job(lease.lease, why).await;
    };
    let lease = Arc::new(lease);
    let mut source = Some(Source::new(&lease, mapping));
    let Some(mut ahead) = whole(store, &lease, read_ahead(store, &mut source, ROWS_FIRST).await).await?
    else {
        return Ok(());
    };
    let mut rows_before = lease.job.rows_read;
    let mut size = Size::new(lease.lease.attempts);
    loop {
        let mut batch = std::mem::take(&mut ahead);
        if lease.lease.attempts >= ATTEMPTS_MAX && rows_before == lease.job.rows_read {
            reject_first(&mut batch);
        }
        let rows = Arc::new(batch.rows);
        let wanted = size.rows.saturating_mul(2).clamp(ROWS_FIRST, ROWS_MAX);
        let work = steps(store, &lease, &mut rows_before, rows, batch.is_last, &mut size, stop);
        let (went, read) = tokio::join!(work, read_ahead(store, &mut source, wanted));
        if !went? {
            return Ok(());
        }
        match whole(store, &lease, read).await? {
            Some(batch) => ahead = batch,
            None => return Ok(()),
        }
    }
}

/// What was read; where the file is no longer whole, the import ends.
async fn whole(
    store: &Arc<Store>,
    lease: &ImportLease,
    read: Result<Batch, StoreError>,
) -> Result<Option<Batch>, StoreError> {
    match read {
        Err(StoreError::Corrupt(why)) => {
            tracing::error!(why, import = lease.job.id, "an import cannot go on");
            let why = "the file that was sent is no longer whole; send it again";
            store.fail_job(lease.lease, why).await.map(|()| None)
        }
        other => other.map(Some),
    }
}

/// Rows that were read.
#[derive(Default)]
struct Batch {
    rows: Vec<StepRow>,
    /// Whether the file ends with them.
    is_last: bool,
}

/// Does the rows of a batch, as many at once as time allows; whether to go on with the next batch.
async fn steps(
    store: &Arc<Store>,
    lease: &Arc<ImportLease>,
    rows_before: &mut i64,
    rows: Arc<Vec<StepRow>>,
    is_last: bool,
    size: &mut Size,
    stop: &StopSignal,
) -> Result<bool, StoreError> {
    let mut rows = rows;
    let mut from = 0;
    let mut retries = 0;
    loop {
        if stop.is_asked() {
            store.release_job(lease.lease).await?;
            return Ok(false);
        }
        let to = rows.len().min(from + size.rows);
        let begun = Instant::now();
        let last = is_last && to == rows.len();
        let done =
            store.import_step(Arc::clone(lease), *rows_before, Arc::clone(&rows), from..to, last).await;
        match done {
            Ok(StepDone::Over | StepDone::Lost) => return Ok(false),
            Ok(StepDone::Went(rows_read)) => {
                *rows_before = rows_read;
                size.learn(to - from, begun.elapsed(), store.has_callers());
                from = to;
                retries = 0;
                if from >= rows.len() {
                    return Ok(true);
                }
            }
            // Found by halving, a poisoned row hurts only itself.
            Err(StoreError::Bug(_) | StoreError::Corrupt(_)) if to - from > 1 => size.rows = (to - from) / 2,
            Err(error @ (StoreError::Bug(_) | StoreError::Corrupt(_))) if to > from => {
                tracing::error!(%error, import = lease.job.id, "a row cannot be imported");
                let mut changed = rows.to_vec();
                changed.get_mut(from).into_iter().for_each(reject);
                rows = Arc::new(changed);
            }
            Err(error) if retries >= RETRIES_MAX => return Err(error),
            Err(StoreError::Busy | StoreError::Unavailable(_)) => {
                retries += 1;
                tokio::time::sleep(RETRY_AFTER).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn reject(row: &mut StepRow) {
    let message = "the row could not be imported; the service's log says why";
    row.command = Err(vec![RowNote::new("", "internal", message)]);
}

/// The row at which workers died.
fn reject_first(batch: &mut Batch) {
    batch.rows.first_mut().into_iter().for_each(reject);
}

/// How many rows a step takes.
struct Size {
    rows: usize,
    /// Rows that still go one by one.
    careful: usize,
}

impl Size {
    fn new(attempts: i64) -> Size {
        let careful = if attempts > ATTEMPTS_LARGE { ROWS_CAREFUL } else { 0 };
        Size { rows: if careful > 0 { 1 } else { ROWS_FIRST }, careful }
    }

    /// From what a step took.
    fn learn(&mut self, rows: usize, took: Duration, has_callers: bool) {
        if self.careful > 0 {
            self.careful = self.careful.saturating_sub(rows);
            return;
        }
        let most = if has_callers { STEP_SHORT } else { STEP_LONG };
        let fits = u128::try_from(rows).unwrap_or(1) * most.as_micros() / took.as_micros().max(1);
        let fits = usize::try_from(fits).unwrap_or(ROWS_MAX);
        // What one step took says little: grow by halves, shrink at once.
        self.rows = fits.min(self.rows + self.rows / 2 + 1).clamp(1, ROWS_MAX);
    }
}

/// A job's file, read from its checkpoint on.
struct Source {
    lease: Arc<ImportLease>,
    mapping: Mapping,
    reader: RecordReader,
    /// The piece of the file that is being read, and how much of it was.
    piece: Vec<u8>,
    at: usize,
    /// Where the next piece begins.
    next: u64,
    is_over: bool,
}

/// Where rows go.
struct RowContext {
    store: Arc<Store>,
    /// What phones are read with.
    country: Option<String>,
}

impl Source {
    fn new(lease: &Arc<ImportLease>, mapping: Mapping) -> Source {
        Source {
            lease: Arc::clone(lease),
            mapping,
            reader: RecordReader::new(lease.job.plan.delimiter, lease.position),
            piece: Vec::new(),
            at: 0,
            next: lease.position.offset,
            is_over: false,
        }
    }

    /// Bytes of the whole file.
    fn bytes(&self) -> u64 {
        u64::try_from(self.lease.job.bytes_total).unwrap_or(0)
    }

    /// Reads rows until there are enough, or the piece is used up.
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
        let cells = record.cells().map(str::to_owned).collect();
        let country = place.country.as_deref();
        let context = Context { now: clock::now(), country, entrypoint_country: country };
        let ImportPlan { options, .. } = &self.lease.job.plan;
        let (command, warnings) = match read_row(record, &self.mapping, options, context) {
            Ok(RowDraft { draft, warnings }) => (self.command(draft, &place.store), warnings),
            Err(notes) => (Err(notes), Vec::new()),
        };
        StepRow { line, end, command, warnings, cells }
    }

    fn command(&self, mut draft: Draft, store: &Store) -> Result<Command, Vec<RowNote>> {
        // Hashed here, off the threads that answer requests and outside the writer's lock.
        if let Change::Set(secret) = std::mem::take(&mut draft.password) {
            let hash = hash_password(secret.expose());
            draft.password_hash = Change::Set(hash.map_err(|_| {
                vec![RowNote::new("customerPsw", "internal", "the password could not be hashed")]
            })?);
        }
        let create =
            CreateCustomer { draft, on_match: self.lease.job.plan.options.on_match, precomputed: None };
        let mut command = Command {
            entrypoint_id: self.lease.job.entrypoint_id,
            actor: self.lease.actor.clone(),
            idempotency: None,
            action: Action::Create(Box::new(create)),
        };
        store.precompute(&mut command);
        Ok(command)
    }
}

/// Reads the next rows of a job's file, at most `most`. The source is away while a thread works on it.
async fn read_ahead(
    store: &Arc<Store>,
    source: &mut Option<Source>,
    most: usize,
) -> Result<Batch, StoreError> {
    let gone = || StoreError::Bug("the thread that reads a file went away".into());
    let mut batch = Batch::default();
    let mut bytes = 0;
    let until = Instant::now() + AHEAD;
    let mut here = source.take().ok_or_else(gone)?;
    let country = store.country(here.lease.job.entrypoint_id).await?.flatten();
    let mut place = RowContext { store: Arc::clone(store), country };
    while !here.is_over && batch.rows.len() < most && bytes < AHEAD_BYTES && Instant::now() < until {
        if here.at >= here.piece.len() {
            match store.import_text(here.lease.upload_id, here.next).await? {
                Some((begin, text)) => {
                    here.at = usize::try_from(here.next.saturating_sub(begin)).unwrap_or(usize::MAX);
                    here.next = begin.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
                    here.piece = text;
                }
                None if here.next < here.bytes() => {
                    return Err(StoreError::Corrupt("a part of the file is gone".into()));
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
    *source = Some(here);
    Ok(batch)
}
