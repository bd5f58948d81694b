//! An import that this process runs itself on the database, also while a server runs.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use customary::api::JobOut;
use customary::app;
use customary::clock;
use customary::config::{ConfigError, Global};
use customary::domain::accounts::sight::Sight;
use customary::domain::decide::command::Actor;
use customary::domain::imports::{ImportJob, ImportOptions, RowOutcome, rejected_header, rejected_rows};
use customary::domain::kernel::problem::Rejection;
use customary::jobs::{self, StopSignal};
use customary::store::{FileIntake, IntakeError, JobId, NewImport, Store, StoreError, Why};
use tokio::task::JoinHandle;

use super::report::show;
use super::{End, Import, Report, lines, system};
use crate::cli::block_on;

/// How often to check the job.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often to ask for a job that another worker holds: that worker may have died.
const TAKE_EVERY: Duration = Duration::from_secs(2);
/// How many rejected rows to read at once.
const REJECTED_ROWS: i64 = 500;

pub(super) fn run(global: &Global, import: &Import, interrupt: &StopSignal) -> Result<Report, End> {
    let options = import.options()?;
    let store = app::open(global)?;
    let store = Arc::new(store);
    let done = block_on(all(&store, import, &options, interrupt))?;
    let report = done.map(|(job, why)| {
        let summary = JobOut::new(&job, Sight::FULL, why == Why::Report, clock::now());
        let rejected = import.rejected_file(&summary, |file| write_rejected(&store, &job, file));
        Report { job: summary, rejected }
    });
    store.close();
    report
}

fn refused(error: IntakeError) -> End {
    match error {
        IntakeError::Store(StoreError::Rejected(Rejection::Invalid(problems))) => {
            End::Refused(lines(&problems))
        }
        IntakeError::Store(error) => error.into(),
        IntakeError::TooLarge(_) => End::Refused(vec![error.to_string()]),
    }
}

async fn all(
    store: &Arc<Store>,
    import: &Import,
    options: &ImportOptions,
    interrupt: &StopSignal,
) -> Result<(ImportJob, Why), End> {
    let Some((entrypoint_id, _)) = store.entrypoints().find(&import.entry).await? else {
        let why = format!("there is no entrypoint {}; `customary entrypoint list` shows all", import.entry);
        return Err(ConfigError(why).into());
    };
    let new = upload(store, import, options, entrypoint_id, interrupt).await?;
    let queued = store.imports().queue(new).await?;
    match queued.why {
        Why::New | Why::Report | Why::Replayed => {}
        Why::Same => import.note("another process is importing this file; showing its progress"),
        Why::Resumed => import.note("this import was started before; it goes on where it stopped"),
    }
    // Runs until this command ends. The service or the next command continues the rest.
    let index = tokio::spawn(jobs::index::work(Arc::clone(store), interrupt.clone()));
    let done = work(store, import, entrypoint_id, queued.job_id, interrupt).await;
    index.abort();
    Ok((done?, queued.why))
}

/// Copies the file into the database.
async fn upload(
    store: &Arc<Store>,
    import: &Import,
    options: &ImportOptions,
    entrypoint_id: i64,
    interrupt: &StopSignal,
) -> Result<NewImport, End> {
    let (file, bytes) = import.open(interrupt)?;
    let bar = import.upload_bar(bytes);
    let actor = Actor { name: "customary import".into(), jti: String::new() };
    let sender = (actor, Sight::FULL);
    let mut intake = FileIntake::begin(Arc::clone(store), entrypoint_id, sender, options, u64::MAX).await?;
    loop {
        // This blocks the thread, on which nothing else runs.
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
        intake.push(&piece).await.map_err(refused)?;
        bar.inc(u64::try_from(piece.len()).unwrap_or(0));
    }
    intake.finish().await.map_err(refused)
}

/// Runs a job, or follows the worker that runs it, until it is over.
async fn work(
    store: &Arc<Store>,
    import: &Import,
    entrypoint_id: i64,
    job_id: i64,
    interrupt: &StopSignal,
) -> Result<ImportJob, End> {
    let bar = import.work_bar();
    let mut worker: Option<JoinHandle<Result<(), StoreError>>> = None;
    let mut asked_at: Option<Instant> = None;
    let mut is_cancelled = false;
    loop {
        let job = store.imports().job(entrypoint_id, job_id).await?;
        let job =
            job.ok_or_else(|| ConfigError("the import no longer exists; somebody deleted it".into()))?;
        if job.state.is_over() && worker.is_none() {
            return Ok(job);
        }
        show(&JobOut::new(&job, Sight::FULL, false, clock::now()), &bar);
        if interrupt.is_asked() && !is_cancelled {
            is_cancelled = true;
            bar.suspend(|| import.note("stopping after the current rows; press Ctrl-C again to end at once"));
            store.imports().cancel(entrypoint_id, job_id).await?;
            continue;
        }
        if worker.is_none() && asked_at.is_none_or(|at| at.elapsed() >= TAKE_EVERY) {
            asked_at = Some(Instant::now());
            if let Some(lease) = store.imports().take(Some(JobId { entrypoint_id, job_id })).await? {
                let store = Arc::clone(store);
                // To stop, cancel the job: a worker that gets a stop signal leaves its job to the next worker.
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
                ConfigError(format!("{error}; run the same command to go on where this import stopped"))
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
        let rows =
            store.imports().rows(job.entrypoint_id, job.id, Some(RowOutcome::Rejected), done, REJECTED_ROWS);
        let (rows, _) = block_on(rows)??;
        if rows.is_empty() {
            return Ok(());
        }
        done += i64::try_from(rows.len()).unwrap_or(i64::MAX);
        write(&rejected_rows(&job.plan, &rows))?;
    }
}
