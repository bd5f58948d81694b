//! `customary import`: a file's customers, straight into the database or through a running server.

mod files;
mod local;
mod remote;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Args;
use customary::app::Failure;
use customary::config::{ConfigError, Global};
use customary::domain::entrypoints::settings::check_entry;
use customary::domain::imports::ImportOptions;
use customary::domain::kernel::problem::Problem;
use customary::jobs::StopSignal;
use customary::store::StoreError;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use self::report::Job;
use super::{block_on, complain};

/// Some rows were rejected; the others are in.
const SOME_REJECTED: u8 = 1;
/// The import did not happen, or did not come to its end.
const NOT_DONE: u8 = 2;
/// What shells expect of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "--help prints these texts as they stand")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(
    after_help = "Exit status: 0 all rows are in; 1 some rows were rejected, the others are in; 2 the import \
    did not happen or did not come to its end (file refused, failed, cancelled); 130 stopped by Ctrl-C, which \
    finishes the rows at hand. However it ended: the same command goes on where it stopped and imports no row \
    twice."
)]
pub(super) struct Import {
    /// The CSV file; - reads standard input
    file: PathBuf,
    /// The entrypoint whose customers they become
    #[arg(long, value_name = "ENTRY")]
    entry: String,
    /// A row that matches a customer replaces all its values
    #[arg(long, conflicts_with_all = ["merge_existing", "force_customer_creation"])]
    replace_existing: bool,
    /// A row that matches a customer is written onto it
    #[arg(long, conflicts_with = "force_customer_creation")]
    merge_existing: bool,
    /// Every row becomes a new customer
    #[arg(long)]
    force_customer_creation: bool,
    /// The fields that together identify a customer, such as firstname,lastname [default: the entrypoint's policy]
    #[arg(long, value_name = "FIELD,…")]
    identifier_fields: Option<String>,
    /// What a column fills, or - to leave it out; repeatable
    #[arg(long, value_name = "HEADER:FIELD")]
    map: Vec<String>,
    /// What a column that nobody knows does [default: refuse]
    #[arg(long, value_name = "WHAT", value_parser = ["refuse", "ignore", "additional"])]
    unknown_columns: Option<String>,
    /// What a bad value does: reject its row, or be left out with a warning [default: reject]
    #[arg(long, value_name = "WHAT", value_parser = ["reject", "blank"])]
    on_bad_value: Option<String>,
    /// What a rejected row does to the rest of the file [default: skip]
    #[arg(long, value_name = "WHAT", value_parser = ["skip", "stop"])]
    on_error: Option<String>,
    /// Say what would happen and write no customer
    #[arg(long)]
    dry_run: bool,
    /// Import the file even if it was imported with the same options before
    #[arg(long)]
    again: bool,
    /// comma, semicolon, tab or pipe [default: what the header line shows]
    #[arg(long, value_name = "NAME")]
    delimiter: Option<String>,
    /// The file's encoding, such as windows-1252 [default: UTF-8, or what its byte order mark says]
    #[arg(long, value_name = "LABEL")]
    encoding: Option<String>,
    /// How dates are written, such as MM/DD/YYYY [default: YYYY-MM-DD and DD-MM-YYYY]
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// Where rejected rows go, to be corrected and imported again [default: beside FILE, ending in
    /// .rejected.csv, with a number if that name is taken]
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Draw no progress bar
    #[arg(long)]
    quiet: bool,
    /// Send the file to this server, such as https://customers.example.test, instead of opening the database
    #[arg(long, env = "CUSTOMARY_SERVER", value_name = "URL", requires = "token")]
    server: Option<String>,
    /// A request token for it with the scopes customers:import and pii:read
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
        ];
        let flags = flags.into_iter().filter(|(_, is_set, _)| *is_set);
        let values = values.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        flags
            .map(|(name, _, value)| (name, value.to_owned()))
            .chain(values)
            .chain(self.map.iter().map(|item| ("map", item.clone())))
            .collect()
    }

    /// # Errors
    /// What is wrong with them, or with the entrypoint's name.
    fn options(&self) -> Result<ImportOptions, End> {
        check_entry(&self.entry).map_err(|problem| End::Refused(lines(&[problem])))?;
        let pairs: Vec<(String, String)> =
            self.parameters().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        ImportOptions::parse(&pairs).map_err(|problems| End::Refused(lines(&problems)))
    }

    fn bar(&self, template: &str) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(0).with_style(style).with_finish(ProgressFinish::AndClear)
    }

    /// Bytes of the file on their way.
    fn upload_bar(&self, bytes: Option<u64>) -> ProgressBar {
        let bar = self.bar(match bytes {
            Some(_) => "reading {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}",
            None => "reading {spinner} {bytes}, {bytes_per_sec}",
        });
        bar.set_length(bytes.unwrap_or(0));
        bar
    }

    /// Rows that are done; the bar itself is bytes, for nobody has counted the rows yet.
    fn work_bar(&self) -> ProgressBar {
        self.bar("importing {wide_bar} {percent}%, {msg}")
    }

    /// A sentence that is no error.
    fn note(&self, text: &str) {
        if !self.quiet {
            anstream::eprintln!("{text}");
        }
    }
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// How an import ended without a job to report.
enum End {
    /// The file or the options are refused, for these reasons.
    Refused(Vec<String>),
    /// Ctrl-C while the file was read.
    Interrupted,
    /// Anything else.
    Failed(Failure),
}

impl End {
    fn text(&self) -> String {
        match self {
            End::Refused(reasons) => reasons.join("; "),
            End::Interrupted => "stopped before the file was wholly read".into(),
            End::Failed(error) => error.to_string(),
        }
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> End {
        End::Failed(failure)
    }
}

impl From<ConfigError> for End {
    fn from(refusal: ConfigError) -> End {
        End::Failed(refusal.into())
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> End {
        End::Failed(error.into())
    }
}

fn system(error: &std::io::Error, what: impl std::fmt::Display) -> End {
    ConfigError(format!("{what}: {error}")).into()
}

/// What an import came to.
struct Report {
    job: Job,
    /// Where the rejected rows are.
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
            complain(&format!("{}; nothing of it was imported", End::Interrupted.text()));
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

/// Hears of the first Ctrl-C; the second ends the process.
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
