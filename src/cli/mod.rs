//! The command line: the arguments, actions and output of each subcommand.

mod admin;
mod doctor;
mod export;
mod import;
mod invite;
mod keys;
mod mail;
mod options;
mod serve;
mod staff;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, Parser, Subcommand};
use customary::app::{self, Failure};
use customary::config::{Global, Serve};
use customary::store::Store;
use indicatif::{ProgressBar, ProgressStyle};

/// The self-hosted customer-records service for payment platforms
#[derive(Debug, Parser)]
#[command(
    name = "customary",
    version,
    about,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten, next_help_heading = "Options of every subcommand")]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: the REST API, Swagger UI, health and metrics
    Serve(Box<Serve>),
    /// Create, list and revoke request tokens
    #[command(subcommand)]
    Token(admin::TokenCommand),
    /// Invite, list and remove members of staff
    #[command(subcommand)]
    Staff(staff::StaffCommand),
    /// Create and list entrypoints
    #[command(subcommand)]
    Entrypoint(admin::EntrypointCommand),
    /// Create and list organisations
    #[command(subcommand)]
    Org(admin::OrgCommand),
    /// Import customers from a CSV file, here or on a running server
    Import(Box<import::Import>),
    /// Invite many customers to the portal
    Invite(invite::Options),
    /// Test the mail settings
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// Rotate and list data keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Export an entrypoint's customers to a CSV file or a workbook
    Export(export::Options),
    /// Print the OpenAPI document
    Openapi,
    /// Print the reference page of these options, as Markdown
    #[command(hide = true)]
    Options,
    /// Check database, migrations, durability, keys and clock, and report what is wrong
    Doctor(doctor::Doctor),
}

/// Parses the command line and runs its subcommand.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(options) => serve::run(&cli.global, &options),
        Command::Token(command) => admin::token(&cli.global, command),
        Command::Staff(command) => staff::run(&cli.global, command),
        Command::Entrypoint(command) => admin::entrypoint(&cli.global, command),
        Command::Org(command) => admin::organisation(&cli.global, command),
        Command::Import(import) => Ok(import::run(&cli.global, &import)),
        Command::Invite(options) => invite::run(&cli.global, &options),
        Command::Mail(command) => mail::run(&cli.global, command),
        Command::Keys(command) => keys::run(&cli.global, command),
        Command::Export(options) => Ok(export::run(&cli.global, options)),
        Command::Openapi => {
            print(&customary::api::document_text());
            Ok(ExitCode::SUCCESS)
        }
        Command::Options => {
            print(&options::page(Cli::command()));
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor(options) => doctor::run(&cli.global, &options),
    };
    result.unwrap_or_else(|error| {
        complain(&error.to_string());
        ExitCode::FAILURE
    })
}

/// A progress bar on standard error.
fn progress_bar(template: &str, is_hidden: bool) -> ProgressBar {
    if is_hidden {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

/// A progress bar for the customers of an entrypoint.
fn customers_bar(entry: &str) -> ProgressBar {
    let template = "{prefix} {wide_bar} {pos}/{len} customers, {per_sec}, {eta} left";
    progress_bar(template, false).with_prefix(entry.to_owned())
}

/// Opens the store, runs the action, and waits until the writer has answered every command.
fn with_store<T>(
    global: &Global,
    action: impl AsyncFnOnce(&Arc<Store>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store = Arc::new(app::open(global)?);
    let result = block_on(action(&store))?;
    store.close();
    result
}

type Done = Result<ExitCode, Failure>;

/// Prints to standard output. Ignores a closed pipe.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = write!(anstream::stdout(), "{text}");
}

/// Prints an error to standard error.
fn complain(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(anstream::stderr(), "error: {text}");
}

/// Runs a future to completion on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| Failure::System(error.to_string()))?.block_on(future))
}
