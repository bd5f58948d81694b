//! An import that this process does itself, on the database and beside a running server.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use customary::app;
use customary::clock;
use customary::config::{ConfigError, Global};
use customary::domain::decide::command::Actor;
use customary::domain::imports::{ImportJob, ImportOptions, RowOutcome, rejected_header, rejected_rows};
use customary::domain::kernel::problem::Rejection;
use customary::jobs::{self, StopSignal};
use customary::store::{FileIntake, IntakeError, NewImport, Store, StoreError, Why};
use tokio::task::JoinHandle;

use super::{End, Import, Job, Report, lines, system};
use crate::cli::block_on;

/// How often the job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often a job is asked for that another worker has: that one may have died.
const TAKE_EVERY: Duration = Duration::from_secs(2);
/// How many rejected rows are read at once.
const REJECTED_ROWS: i64 = 500;

pub(super) fn run(global: &Global, import: &Import, interrupt: &StopSignal) -> Result<Report, End> {
    let options = import.options()?;
    let store = app::open(global)?;
    let store = Arc::new(store);
    let done = block_on(all(&store, import, &options, interrupt))?;
    let report = done.map(|(job, why)| {
        let told = Job::of(&job, clock::now(), why == Why::Report);
        let rejected = import.rejected_file(&told, |file| write_rejected(&store, &job, file));
        Report { job: told, rejected }
    });
    store.drain();
    report
}

impl From<IntakeError> for End {
    fn from(error: IntakeError) -> End {
        match error {
            IntakeError::Store(StoreError::Rejected(Rejection::Invalid(problems))) => {
                End::Refused(lines(&problems))
            }
            IntakeError::Store(error) => error.into(),
            IntakeError::TooLarge(_) => End::Refused(vec![error.to_string()]),
        }
    }
}

async fn all(
    store: &Arc<Store>,
    import: &Import,
    options: &ImportOptions,
    interrupt: &StopSignal,
) -> Result<(ImportJob, Why), End> {
    let Some((place, _)) = store.find_entry(&import.entry).await? else {
        let why = format!("there is no entrypoint {}; `customary entrypoint list` shows all", import.entry);
        return Err(ConfigError(why).into());
    };
    let new = take_in(store, import, options, place, interrupt).await?;
    let queued = store.queue_import(new).await?;
    match queued.why {
        Why::New | Why::Report | Why::Replayed => {}
        Why::Same => import.note("this file is being imported already; watching that"),
        Why::Resumed => import.note("this import was begun before and goes on where it stopped"),
    }
    // Ends with this command; what it leaves undone the service or the next command does.
    let index = tokio::spawn(jobs::index::work(Arc::clone(store), interrupt.clone()));
    let done = work(store, import, place, queued.job_id, interrupt).await;
    index.abort();
    Ok((done?, queued.why))
}

/// Reads the file into the database.
async fn take_in(
    store: &Arc<Store>,
    import: &Import,
    options: &ImportOptions,
    place: i64,
    interrupt: &StopSignal,
) -> Result<NewImport, End> {
    let (file, bytes) = import.open(interrupt)?;
    let bar = import.upload_bar(bytes);
    let actor = Actor { name: "customary import".into(), jti: String::new() };
    let mut intake = FileIntake::begin(Arc::clone(store), place, actor, options, u64::MAX).await?;
    loop {
        // Nothing else runs on this thread, so it may wait for the file.
        let piece = match file.next() {
            Ok(piece) => piece,
            Err(end) => {
                intake.abandon().await;
                return Err(end);
            }
        };
        if piece.is_empty() {
            break;
        }
        intake.push(&piece).await?;
        bar.inc(u64::try_from(piece.len()).unwrap_or(0));
    }
    Ok(intake.finish().await?)
}

/// Works on a job, or watches who does, until it is over.
async fn work(
    store: &Arc<Store>,
    import: &Import,
    place: i64,
    job_id: i64,
    interrupt: &StopSignal,
) -> Result<ImportJob, End> {
    let bar = import.work_bar();
    let mut worker: Option<JoinHandle<Result<(), StoreError>>> = None;
    let mut asked_at: Option<Instant> = None;
    let mut is_cancelled = false;
    loop {
        let job = store.import_job(place, job_id).await?;
        let job = job.ok_or_else(|| ConfigError("the import is gone; somebody removed it".into()))?;
        if job.state.is_over() && worker.is_none() {
            return Ok(job);
        }
        Job::of(&job, clock::now(), false).show(&bar);
        if interrupt.is_asked() && !is_cancelled {
            is_cancelled = true;
            bar.suspend(|| import.note("stopping after the rows at hand; Ctrl-C again ends at once"));
            store.cancel_import(place, job_id).await?;
            continue;
        }
        if worker.is_none() && asked_at.is_none_or(|at| at.elapsed() >= TAKE_EVERY) {
            asked_at = Some(Instant::now());
            if let Some(lease) = store.take_import(Some(job_id)).await? {
                let store = Arc::clone(store);
                // It is stopped through its job: stopped by itself, it would leave the job to the next worker.
                let never = StopSignal::default();
                worker = Some(tokio::spawn(async move { jobs::imports::run(&store, lease, &never).await }));
            }
        }
        let Some(running) = &mut worker else {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        };
        if let Ok(done) = tokio::time::timeout(LOOK_EVERY, running).await {
            worker = None;
            let done = done.map_err(|error| StoreError::Bug(error.to_string())).flatten();
            done.map_err(|error| {
                ConfigError(format!("{error}; the same command goes on where this stopped"))
            })?;
        }
    }
}

/// Writes the rejected rows of a job.
fn write_rejected(store: &Store, job: &ImportJob, file: &mut File) -> Result<(), End> {
    let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(|error| system(&error, "a file"));
    write(&rejected_header(&job.plan))?;
    let mut done = 0;
    loop {
        let rows = store.import_rows(job.id, Some(RowOutcome::Rejected), done, REJECTED_ROWS);
        let (rows, _) = block_on(rows)??;
        if rows.is_empty() {
            return Ok(());
        }
        done += i64::try_from(rows.len()).unwrap_or(i64::MAX);
        write(&rejected_rows(&job.plan, &rows))?;
    }
}
