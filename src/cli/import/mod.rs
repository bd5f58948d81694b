//! `customary import`: imports a file, directly into the database or through a running server.

mod files;
mod local;
mod remote;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Args;
use customary::api::JobOut;
use customary::app::Failure;
use customary::config::{ConfigError, Global};
use customary::domain::entrypoints::settings::check_entry;
use customary::domain::imports::{ImportKind, ImportOptions};
use customary::domain::kernel::card;
use customary::domain::kernel::problem::Problem;
use customary::jobs::StopSignal;
use indicatif::{ProgressBar, ProgressFinish};

use super::{block_on, complain, progress_bar};

/// Exit status: some rows were rejected, the others are in.
const SOME_REJECTED: u8 = 1;
/// Exit status: the import did not start or did not finish.
const NOT_DONE: u8 = 2;
/// Exit status after Ctrl-C, as shells expect it.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "--help prints these texts as they stand")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(
    after_help = "Exit status: 0 all rows are in; 1 some rows were rejected, the others are in; 2 the import \
    did not start or did not finish (file refused, failed, cancelled); 130 stopped by Ctrl-C, after the current \
    rows. In every case, the same command goes on where the import stopped and imports no row twice."
)]
pub(super) struct Import {
    /// The CSV file, or - for standard input
    file: PathBuf,
    /// The entrypoint that receives the customers or transactions
    #[arg(long, value_name = "ENTRY")]
    entry: String,
    /// What the file holds: customers, or transactions
    #[arg(long, value_name = "KIND", value_parser = ["customers", "transactions"], default_value = "customers")]
    kind: String,
    /// What becomes of a transaction whose customer is not known: refuse it, keep it unlinked, or create the customer of an
    /// approved sale [default: unlinked]
    #[arg(long, value_name = "ACTION", value_parser = ["refuse", "unlinked", "create"])]
    on_unknown_customer: Option<String>,
    /// A row that matches a customer replaces all values of that customer
    #[arg(long, conflicts_with_all = ["merge_existing", "force_customer_creation"])]
    replace_existing: bool,
    /// A row that matches a customer changes only the values that the row holds
    #[arg(long, conflicts_with = "force_customer_creation")]
    merge_existing: bool,
    /// Every row becomes a new customer
    #[arg(long)]
    force_customer_creation: bool,
    /// The fields that together identify a customer, such as firstname,lastname [default: the entrypoint's policy]
    #[arg(long, value_name = "FIELD,…")]
    identifier_fields: Option<String>,
    /// The field that a column fills, or - to leave the column out; repeatable
    #[arg(long, value_name = "HEADER:FIELD")]
    map: Vec<String>,
    /// What to do with an unknown column: refuse the file, ignore the column, or store it as an additional field
    /// [default: refuse]
    #[arg(long, value_name = "ACTION", value_parser = ["refuse", "ignore", "additional"])]
    unknown_columns: Option<String>,
    /// What to do with an invalid value: reject its row, or leave the value blank with a warning [default: reject]
    #[arg(long, value_name = "ACTION", value_parser = ["reject", "blank"])]
    on_bad_value: Option<String>,
    /// What to do after a rejected row: skip that row, or stop the import [default: skip]
    #[arg(long, value_name = "ACTION", value_parser = ["skip", "stop"])]
    on_error: Option<String>,
    /// Report what would happen, and write no customer
    #[arg(long)]
    dry_run: bool,
    /// Import the file even if it was imported with the same options before
    #[arg(long)]
    again: bool,
    /// Field delimiter: comma, semicolon, tab or pipe [default: detected from the header line]
    #[arg(long, value_name = "NAME")]
    delimiter: Option<String>,
    /// Encoding of the file, such as windows-1252 [default: UTF-8, or as its byte order mark says]
    #[arg(long, value_name = "ENCODING")]
    encoding: Option<String>,
    /// Format of dates, such as MM/DD/YYYY [default: YYYY-MM-DD and DD-MM-YYYY]
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// File for rejected rows, to correct and import again [default: beside FILE, ending in .rejected.csv, with a number
    /// if that name is in use]
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Show no progress bar and no notes
    #[arg(long)]
    quiet: bool,
    /// Send the file to this server, such as https://customers.example.test, instead of opening the database
    #[arg(long, env = "CUSTOMARY_SERVER", value_name = "URL", requires = "token")]
    server: Option<String>,
    /// Request token for the server, with the scopes customers:import and pii:read; for transactions with money:write too
    #[arg(long, env = "CUSTOMARY_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Import {
    /// The options as the API names them.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let flags = [
            ("replaceExisting", self.replace_existing, "1"),
            ("mergeExisting", self.merge_existing, "1"),
            ("forceCustomerCreation", self.force_customer_creation, "true"),
            ("dryRun", self.dry_run, "true"),
            ("again", self.again, "true"),
        ];
        let values = [
            ("identifierFields", &self.identifier_fields),
            ("unknownColumns", &self.unknown_columns),
            ("onBadValue", &self.on_bad_value),
            ("onError", &self.on_error),
            ("delimiter", &self.delimiter),
            ("encoding", &self.encoding),
            ("dateFormat", &self.date_format),
            ("onUnknownCustomer", &self.on_unknown_customer),
        ];
        let flags = flags.into_iter().filter(|(_, is_set, _)| *is_set);
        let values = values.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        flags
            .map(|(name, _, value)| (name, value.to_owned()))
            .chain(values)
            .chain(self.map.iter().map(|item| ("map", item.clone())))
            .collect()
    }

    /// The import options, checked.
    ///
    /// # Errors
    /// An option or the name of the entrypoint is wrong.
    fn options(&self) -> Result<ImportOptions, End> {
        check_entry(&self.entry).map_err(|problem| End::Refused(lines(&[problem])))?;
        let parameters = self.parameters();
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let cards = pairs.iter().filter_map(|(name, value)| card::in_parameter(name, value));
        let mut cards: Vec<Problem> = cards.map(|found| found.problem).collect();
        for (name, file) in [("file", Some(&self.file)), ("--rejected", self.rejected.as_ref())] {
            if file.is_some_and(|file| card::holds(&file.to_string_lossy())) {
                let (code, message) = card::refusal("");
                cards.push(Problem::parameter(name, code, message));
            }
        }
        if !cards.is_empty() {
            return Err(End::Refused(lines(&cards)));
        }
        let options = match self.kind() {
            ImportKind::Customers => ImportOptions::parse(&pairs),
            ImportKind::Transactions => ImportOptions::parse_payments(&pairs),
        };
        options.map_err(|problems| End::Refused(lines(&problems)))
    }

    /// What the file holds.
    fn kind(&self) -> ImportKind {
        self.kind.parse().unwrap_or_default()
    }

    fn bar(&self, template: &str) -> ProgressBar {
        progress_bar(template, self.quiet).with_finish(ProgressFinish::AndClear)
    }

    /// Shows how many bytes of the file have been read.
    fn upload_bar(&self, bytes: Option<u64>) -> ProgressBar {
        let bar = self.bar(match bytes {
            Some(_) => "reading {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}",
            None => "reading {spinner} {bytes}, {bytes_per_sec}",
        });
        bar.set_length(bytes.unwrap_or(0));
        bar
    }

    /// Shows how many rows are done. The bar counts bytes, because the number of rows is not known yet.
    fn work_bar(&self) -> ProgressBar {
        self.bar("importing {wide_bar} {percent}%, {msg}")
    }

    /// Prints a note, unless the user wants none.
    fn note(&self, text: &str) {
        if !self.quiet {
            anstream::eprintln!("{text}");
        }
    }
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Why an import ended without a report.
#[derive(Debug, thiserror::Error)]
enum End {
    /// The file or the options were refused, for these reasons.
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
    /// The user pressed Ctrl-C before the whole file was read.
    #[error("stopped before the whole file was read")]
    Interrupted,
    /// Anything else.
    #[error(transparent)]
    Failed(Failure),
}

impl<E> From<E> for End
where
    Failure: From<E>,
{
    fn from(error: E) -> End {
        End::Failed(error.into())
    }
}

fn system(error: &std::io::Error, what: impl std::fmt::Display) -> End {
    ConfigError(format!("{what}: {error}")).into()
}

/// The result of an import.
struct Report {
    job: JobOut,
    /// The file of rejected rows.
    rejected: Option<PathBuf>,
}

pub(super) fn run(global: &Global, import: &Import) -> ExitCode {
    let interrupt = watch_interrupts();
    let end = match &import.server {
        Some(server) => remote::run(server, import, &interrupt),
        None => local::run(global, import, &interrupt),
    };
    match end {
        Ok(report) => {
            report.print(import);
            ExitCode::from(report.status(&interrupt))
        }
        Err(End::Interrupted) => {
            complain(&format!("{}; nothing of it was imported", End::Interrupted));
            ExitCode::from(INTERRUPTED)
        }
        Err(End::Failed(error)) => {
            complain(&error.to_string());
            ExitCode::from(NOT_DONE)
        }
        Err(End::Refused(reasons)) => {
            complain("nothing was imported");
            for reason in reasons {
                anstream::eprintln!("  {reason}");
            }
            ExitCode::from(NOT_DONE)
        }
    }
}

/// Listens for Ctrl-C. The first one sets the signal, the second ends the process.
fn watch_interrupts() -> StopSignal {
    let stop = StopSignal::default();
    let asked = stop.clone();
    thread::spawn(move || {
        let _ = block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if asked.is_asked() {
                    std::process::exit(INTERRUPTED.into());
                }
                asked.now();
            }
        });
    });
    stop
}
