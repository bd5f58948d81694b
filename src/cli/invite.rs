//! `customary invite`: invites many customers of an entrypoint, with or without a running server.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anstream::println;
use clap::Args;
use customary::app::Failure;
use customary::config::{ConfigError, Global};
use customary::domain::decide::command::Actor;
use customary::domain::filter::Filter;
use customary::domain::invitations::{InviteJob, InvitePlan};
use customary::domain::kernel::problem::Problem;
use customary::jobs::{self, StopSignal};
use customary::store::Store;

use super::admin::refused;
use super::{Done, customers_bar, with_store};

/// How often to check the progress.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Options of `invite`.
#[derive(Debug, Args)]
#[command(after_help = "The service sends the mails. They wait until it runs.")]
pub(super) struct Options {
    /// The entrypoint
    #[arg(long, value_name = "ENTRY")]
    entry: String,
    /// Invite every customer who has no account and no order yet
    #[arg(long)]
    all_prospects: bool,
    /// A condition as in lists, such as 'city(eq)=Oakton'; repeatable
    #[arg(long, value_name = "FIELD(OP)=VALUE", required_unless_present = "all_prospects")]
    filter: Vec<String>,
    /// Also invite customers with an open invitation: send a new link and end the earlier one
    #[arg(long)]
    again: bool,
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
    Filter::parse(&filters).map_err(|problems: Vec<Problem>| refused(&problems))?;
    let plan = InvitePlan {
        filters,
        again: options.again,
        link_ttl_secs: i64::try_from(options.link_ttl.as_secs()).unwrap_or(i64::MAX),
        ..InvitePlan::default()
    };
    let job = with_store(global, async |store| invite(store, &options.entry, plan).await)?;
    for (outcome, number) in &job.counts {
        println!("{:<15} {number}", outcome.name());
    }
    match job.failure {
        Some(why) => Err(ConfigError(why).into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

async fn invite(store: &Arc<Store>, entry: &str, plan: InvitePlan) -> Result<InviteJob, Failure> {
    let Some((entrypoint_id, _)) = store.entrypoints().find(entry).await? else {
        let why = format!("there is no entrypoint {entry}; `customary entrypoint list` shows all");
        return Err(ConfigError(why).into());
    };
    let actor = Actor { name: "cli".into(), jti: "cli".into() };
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
