//! `customary export`: writes an entrypoint's customers to a file, directly from the database.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use customary::app::Failure;
use customary::clock;
use customary::config::{ConfigError, Global};
use customary::domain::entrypoints::is_entry_name;
use customary::domain::exports::{COLUMNS_PARAMETER, Format, default_columns, parse_columns};
use customary::domain::filter::{Filter, Search, Sort};
use customary::domain::kernel::problem::{At, Problem, noted};
use customary::export::{Export, Order, file_name};
use customary::store::{ListRequest, Store};
use indicatif::{HumanBytes, HumanCount};
use tempfile::NamedTempFile;
use tokio::signal::unix::{SignalKind, signal};

use super::admin::{explained, refused};
use super::{complain, progress_bar, with_store};

/// The exit status of a failure. Status 1 is for commands that finish with something to report, as `import` does.
const FAILED: u8 = 2;
/// The file name that means standard output.
const STDOUT: &str = "-";

/// Options of `export`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The entrypoint
    #[arg(long, value_name = "ENTRY")]
    entry: String,
    /// File format: csv or xlsx [default: that of the file's name, else csv]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The file, or - for standard output [default: customers-ENTRY-DATE.FORMAT in the current folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Columns and their headings, such as Email:mail,Created,additional-tier:Tier [default: all that an import reads]
    #[arg(long, value_name = "SOURCE[:HEADING],…")]
    columns: Option<String>,
    /// A condition as in lists, such as 'email(ct)=example'; repeatable
    #[arg(long, value_name = "FIELD(OP)=VALUE")]
    filter: Vec<String>,
    /// Words or parts of words that a customer must contain, all of them
    #[arg(long, default_value = "", hide_default_value = true, value_name = "WORDS")]
    search: String,
    /// Sort order: asc(FIELD) or desc(FIELD) [default: oldest first]
    #[arg(long, value_name = "ORDER")]
    sort_by: Option<String>,
    /// Overwrite the file if it exists
    #[arg(long)]
    force: bool,
    /// Show neither progress nor the summary
    #[arg(long)]
    quiet: bool,
}

/// Exports. The exit status is 0 if the export is complete, and 2 otherwise.
pub(super) fn run(global: &Global, options: Options) -> ExitCode {
    match export(global, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(FAILED)
        }
    }
}

fn export(global: &Global, options: Options) -> Result<(), Failure> {
    let (order, entry) = options.order()?;
    let name = file_name(&entry, clock::now(), order.format);
    let output = options.output.unwrap_or_else(|| PathBuf::from(name));
    // Check the target before the work as well as after it.
    let mut target = Target::open(&output, options.force)?;
    let (rows, bytes) = with_store(global, async |store| {
        // So that the process removes its draft before it ends.
        let listen = |kind| signal(kind).map_err(|error| Failure::System(error.to_string()));
        let (mut interrupt, mut terminate) =
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        let stopped = Err(ConfigError("stopped; no file was written".into()).into());
        tokio::select! {
            biased;
            _ = interrupt.recv() => stopped,
            _ = terminate.recv() => stopped,
            done = write(store, order, &entry, &mut target, options.quiet) => done,
        }
    })?;
    target.keep()?;
    if !options.quiet {
        let place = if output.as_os_str() == STDOUT {
            "standard output".into()
        } else {
            output.display().to_string()
        };
        let customers = if rows == 1 { "customer" } else { "customers" };
        let (rows, size) = (HumanCount(u64::try_from(rows).unwrap_or(u64::MAX)), HumanBytes(bytes));
        // Ignore a closed standard error.
        let _ = writeln!(anstream::stderr(), "exported {rows} {customers} of {entry} to {place} ({size})");
    }
    Ok(())
}

impl Options {
    fn format(&self) -> Format {
        let end = self.output.as_ref().and_then(|output| output.extension()?.to_str());
        let is_workbook = end.is_some_and(|end| end.eq_ignore_ascii_case(Format::Xlsx.name()));
        self.format.unwrap_or(if is_workbook { Format::Xlsx } else { Format::Csv })
    }

    /// The order that the options describe, without the entrypoint's id, and the entrypoint's name.
    fn order(&self) -> Result<(Order, String), Failure> {
        if !is_entry_name(&self.entry) {
            return Err(unknown(&self.entry));
        }
        let mut problems = Vec::new();
        let pairs: Vec<(&str, &str)> = self
            .filter
            .iter()
            .map(|condition| condition.split_once('=').unwrap_or((condition, "")))
            .collect();
        let filter = noted(Filter::parse(&pairs), &mut problems).at(clock::now());
        let search = noted(Search::parse(&self.search).map_err(|problem| vec![problem]), &mut problems);
        let sort = self.sort_by.as_deref().map_or_else(|| Ok(Sort::oldest_first()), Sort::parse);
        let sort = noted(sort.map_err(|problem| vec![problem]), &mut problems);
        let columns = self.columns.as_deref().map_or_else(|| Ok(default_columns(false)), parse_columns);
        let columns = noted(columns, &mut problems);
        if !problems.is_empty() {
            return Err(refused(&problems.into_iter().map(by_option).collect::<Vec<_>>()));
        }
        let request = ListRequest {
            entrypoints: Vec::new(),
            filter,
            search,
            masked: false,
            sort,
            after: None,
            skip: 0,
            limit: usize::MAX,
            counts: false,
            counts_max: None,
            owner: 0,
            // Nobody else waits for this process.
            time_max: Duration::MAX,
            shows_money: false,
        };
        Ok((
            Order { request, format: self.format(), parameter: "--format", columns, now: clock::now() },
            self.entry.clone(),
        ))
    }
}

/// Names the command-line option in a problem instead of the API parameter.
fn by_option(problem: Problem) -> Problem {
    let option = match &problem.at {
        At::Parameter(name) if name == COLUMNS_PARAMETER => "--columns",
        At::Parameter(name) if name == "search" => "--search",
        At::Parameter(name) if name == "sortBy" => "--sort-by",
        _ => {
            return Problem {
                message: format!("{problem}"),
                at: At::Parameter("--filter".into()),
                ..problem
            };
        }
    };
    Problem { at: At::Parameter(option.into()), ..problem }
}

/// Writes the whole file. Returns how many customers and bytes it has.
async fn write(
    store: &Arc<Store>,
    mut order: Order,
    entry: &str,
    target: &mut Target,
    quiet: bool,
) -> Result<(usize, u64), Failure> {
    let found = store.entrypoints().find(entry).await?;
    let (id, _) = found.ok_or_else(|| unknown(entry))?;
    order.request.entrypoints = vec![id];
    let mut export = Export::begin(Arc::clone(store), order).await.map_err(explained)?;
    let total = export.remaining();
    let progress =
        progress_bar("{bar:30} {human_pos} of {human_len} customers, {per_sec}, {eta} left", quiet);
    progress.set_length(u64::try_from(total).unwrap_or(u64::MAX));
    let mut bytes = 0_u64;
    while let Some(part) = export.next().await? {
        target.write(&part)?;
        bytes = bytes.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
        progress.set_position(u64::try_from(total - export.remaining()).unwrap_or(u64::MAX));
    }
    progress.finish_and_clear();
    Ok((export.written(), bytes))
}

/// Where the file goes.
enum Target {
    Stdout,
    /// A draft beside the target, which only its owner can read. It gets its final name when it is complete; a draft that
    /// stays incomplete is removed.
    File {
        draft: NamedTempFile,
        path: PathBuf,
        force: bool,
    },
}

impl Target {
    fn open(path: &Path, force: bool) -> Result<Target, Failure> {
        if path.as_os_str() == STDOUT {
            return Ok(Target::Stdout);
        }
        if !force && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        if path.is_dir() {
            return Err(ConfigError(format!("{} is a folder; name a file", path.display())).into());
        }
        let draft = tempfile::Builder::new().prefix(".customary-export-").tempfile_in(folder_of(path));
        let draft = draft.map_err(|error| unwritable(path, &error))?;
        Ok(Target::File { draft, path: path.to_owned(), force })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Target::Stdout => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
                written.map_err(|error| unwritable(Path::new("standard output"), &error))
            }
            Target::File { draft, path, .. } => {
                draft.write_all(bytes).map_err(|error| unwritable(path, &error))
            }
        }
    }

    /// Gives the file its final name, durably.
    fn keep(self) -> Result<(), Failure> {
        let Target::File { draft, path, force } = self else { return Ok(()) };
        draft.as_file().sync_all().map_err(|error| unwritable(&path, &error))?;
        let kept = if force { draft.persist(&path) } else { draft.persist_noclobber(&path) };
        kept.map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => exists(&path),
            _ => unwritable(&path, &failed.error),
        })?;
        // Some file systems cannot sync a folder. The file itself is synced.
        let _ = File::open(folder_of(&path)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

/// The folder that holds a file.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unknown(entry: &str) -> Failure {
    ConfigError(format!("there is no entrypoint {entry}")).into()
}

fn exists(path: &Path) -> Failure {
    ConfigError(format!(
        "{} exists; choose another file with --output, or overwrite it with --force",
        path.display()
    ))
    .into()
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    ConfigError(format!("{} cannot be written: {error}", path.display())).into()
}
