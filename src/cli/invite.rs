//! `customary invite`: invites many customers of an entrypoint, with or without a running server.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anstream::println;
use clap::{ArgGroup, Args};
use customary::app::Failure;
use customary::config::{ConfigError, Global};
use customary::domain::bulk::Selection;
use customary::domain::decide::command::Actor;
use customary::domain::filter::{Filter, Search, Sort};
use customary::domain::invitations::{InviteJob, InvitePlan};
use customary::domain::kernel::problem::Problem;
use customary::jobs::{self, StopSignal};
use customary::store::{ListRequest, Store};

use super::admin::refused;
use super::{Done, customers_bar, with_store};

/// How often to check the progress.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Options of `invite`.
#[derive(Debug, Args)]
#[command(
    after_help = "The command shows how many customers match and asks before it invites them. Without a terminal it \
    needs --yes. The service sends the mails. They wait until it runs."
)]
#[command(group(ArgGroup::new("who").required(true).multiple(true).args(["all_prospects", "filter"])))]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Options {
    /// The entrypoint
    #[arg(long, value_name = "ENTRY")]
    entry: String,
    /// Invite every customer who has no account and no order yet
    #[arg(long)]
    all_prospects: bool,
    /// A condition as in lists, such as 'city(eq)=Oakton'; repeatable
    #[arg(long, value_name = "FIELD(OP)=VALUE")]
    filter: Vec<String>,
    /// Also invite customers with an open invitation: send a new link and end the earlier one
    #[arg(long)]
    again: bool,
    /// Invite without asking
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Show how many customers match, and invite nobody
    #[arg(long)]
    dry_run: bool,
    /// How long the links stay valid
    #[arg(long, default_value = "7d", value_name = "DURATION", value_parser = humantime::parse_duration)]
    link_ttl: Duration,
}

pub(super) fn run(global: &Global, options: &Options) -> Done {
    let mut filters: Vec<(String, String)> = options
        .filter
        .iter()
        .map(|condition| condition.split_once('=').unwrap_or((condition, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if options.all_prospects {
        filters.push(("lifecycle(eq)".into(), "Prospect".into()));
    }
    let filter = Filter::parse(&filters).map_err(|problems: Vec<Problem>| refused(&problems))?;
    let plan = InvitePlan {
        selection: Selection { filters, ..Selection::default() },
        again: options.again,
        link_ttl_secs: i64::try_from(options.link_ttl.as_secs()).unwrap_or(i64::MAX),
    };
    let job = with_store(global, async |store| {
        let entrypoint_id = find(store, &options.entry).await?;
        let matching = count(store, entrypoint_id, filter).await?;
        let them = if matching == 1 { "customer matches" } else { "customers match" };
        println!("{matching} {them}");
        if options.dry_run {
            return Ok(None);
        }
        if !options.yes {
            confirm(&options.entry)?;
        }
        invite(store, &options.entry, entrypoint_id, plan).await.map(Some)
    })?;
    let Some(job) = job else { return Ok(ExitCode::SUCCESS) };
    for (outcome, number) in &job.counts {
        println!("{:<15} {number}", outcome.name());
    }
    match job.failure {
        Some(why) => Err(ConfigError(why).into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

async fn find(store: &Store, entry: &str) -> Result<i64, Failure> {
    match store.entrypoints().find(entry).await? {
        Some((entrypoint_id, _)) => Ok(entrypoint_id),
        None => {
            let why = format!("there is no entrypoint {entry}; `customary entrypoint list` shows all");
            Err(ConfigError(why).into())
        }
    }
}

/// How long the count may take: somebody waits at a terminal.
const COUNT_TIME_MAX: Duration = Duration::from_mins(10);

/// How many customers match.
async fn count(store: &Store, entrypoint_id: i64, filter: Filter) -> Result<usize, Failure> {
    let wanted = ListRequest {
        entrypoints: vec![entrypoint_id],
        filter,
        search: Search::default(),
        masked: false,
        sort: Sort::default(),
        after: None,
        skip: 0,
        limit: 0,
        counts: true,
        counts_max: None,
        owner: 0,
        time_max: COUNT_TIME_MAX,
        shows_money: false,
    };
    let total = store.customers().list(wanted, |page| page.total).await?;
    Ok(total.unwrap_or(0))
}

/// Asks whether to invite them.
fn confirm(entry: &str) -> Result<(), Failure> {
    let refuse = |why: &str| Err(ConfigError(why.to_owned()).into());
    if !io::stdin().is_terminal() {
        return refuse(
            "nobody was invited: add --yes to invite them, or --dry-run to see their number alone",
        );
    }
    anstream::eprint!(
        "Invite the customers of {entry}, except those with an account or an open invitation? [y/N] "
    );
    let mut answer = String::new();
    let _ = io::stdin().read_line(&mut answer);
    if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
        Ok(())
    } else {
        refuse("nobody was invited")
    }
}

async fn invite(
    store: &Arc<Store>,
    entry: &str,
    entrypoint_id: i64,
    plan: InvitePlan,
) -> Result<InviteJob, Failure> {
    let actor = Actor::cli();
    let (id, _) =
        store.invitations().queue(entrypoint_id, plan, actor, None, |job| job.id.to_string()).await?;
    let id: i64 = id.parse().map_err(|_| ConfigError("the invitation job has no id".into()))?;
    let bar = customers_bar(entry);
    let stop = StopSignal::default();
    // This process or the service runs the job: the one that takes it first.
    let working = jobs::invitations::work(Arc::clone(store), stop.clone());
    let watching = async {
        loop {
            let job = store.invitations().job(entrypoint_id, id).await?;
            let job = job.ok_or_else(|| ConfigError("the invitation job no longer exists".into()))?;
            bar.set_length(job.total.unwrap_or(0).unsigned_abs());
            bar.set_position(job.done().unsigned_abs());
            if job.state.is_over() {
                return Ok::<InviteJob, Failure>(job);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let job = tokio::select! {
        job = watching => job,
        () = working => Err(ConfigError("the worker stopped before the job was over".into()).into()),
    };
    bar.finish_and_clear();
    job
}
