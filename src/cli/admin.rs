//! `customary token`, `entrypoint` and `org`. They work on the database directly, also while a server runs.

use std::process::ExitCode;
use std::time::Duration;

use anstream::println;
use clap::{ArgGroup, Args, Subcommand};
use customary::api::tokens::new_claims;
use customary::app::Failure;
use customary::clock;
use customary::config::{ConfigError, Global};
use customary::domain::accounts::token::{Entries, Scope};
use customary::domain::customers::fields::TextField;
use customary::domain::customers::identifier::IdField;
use customary::domain::decide::command::Actor;
use customary::domain::entrypoints::settings::{SettingsInput, ThemeInput, check_entry, check_name};
use customary::domain::kernel::problem::{Problem, Rejection};
use customary::domain::kernel::text::hint;
use customary::domain::kernel::time::Micros;
use customary::store::{Store, StoreError};

use super::Done;

/// The longest lifetime of a token.
const LIFE_MAX: Duration = Duration::from_hours(3650 * 24);

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token and print it; store it, because the service cannot show it again
    Create(TokenCreate),
    /// List tokens: id, name, organisation, entrypoints, scopes, expiry
    List {
        /// List only the tokens of this organisation
        #[arg(long, value_name = "ID")]
        org: Option<i64>,
    },
    /// Revoke a token
    Revoke {
        /// The token's id, as `token list` shows it, or its name if only one token in force has it
        #[arg(value_name = "ID")]
        jti: String,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("sees").required(true).args(["entry", "all_entries"])))]
pub(super) struct TokenCreate {
    /// The organisation
    #[arg(long, value_name = "ID")]
    org: i64,
    /// An entrypoint that the token sees; repeatable
    #[arg(long, value_name = "ENTRY")]
    entry: Vec<String>,
    /// The token sees all entrypoints of the organisation, including future ones
    #[arg(long)]
    all_entries: bool,
    /// A scope of the token; repeatable [default: all scopes on customers, with pii:read, and money:read and money:write]
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<Scope>,
    /// The name of the token in history and logs
    #[arg(long, default_value = "cli")]
    name: String,
    /// How long the token is valid, such as 90d or 12h, from 1s to 3650d
    #[arg(long, default_value = "365d", value_name = "DURATION", value_parser = humantime::parse_duration)]
    expires: Duration,
    /// How many requests the token may make per minute, from 1 to 1000000 [default: no limit]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    requests_per_minute: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub(super) enum EntrypointCommand {
    /// Create an entrypoint
    Create(Box<EntrypointCreate>),
    /// List entrypoints
    List {
        /// List only the entrypoints of this organisation
        #[arg(long, value_name = "ID")]
        org: Option<i64>,
    },
}

#[derive(Debug, Args)]
pub(super) struct EntrypointCreate {
    /// Its name in URLs: 1 to 50 characters of A-Z a-z 0-9 _ -
    entry: String,
    /// The organisation
    #[arg(long, value_name = "ID")]
    org: i64,
    /// Its legal name
    #[arg(long, value_name = "NAME")]
    legal_name: Option<String>,
    /// Its trading name
    #[arg(long, value_name = "NAME")]
    dba_name: Option<String>,
    /// Its country, by code or English name; the service uses it to read phone numbers without +
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
    /// The name that its customers see [default: the trading name, else the legal name]
    #[arg(long, value_name = "NAME")]
    store_name: Option<String>,
    /// The sender name of its mails [default: the store name]
    #[arg(long, value_name = "NAME")]
    sender_name: Option<String>,
    /// The language of its mails and portal: en or fr [default: en]
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// The main colour of its portal and mails, such as #1f4fa3
    #[arg(long, value_name = "#RRGGBB")]
    color: Option<String>,
    /// What identifies a customer: one field, such as email, or several together, such as firstname+lastname;
    /// repeatable [default: the organisation's, else email]
    #[arg(long, value_name = "FIELD[+FIELD…]")]
    identifier: Vec<String>,
    /// Identifiers may also name additional fields, which are your own
    #[arg(long, requires = "identifier")]
    additional: bool,
    /// It is for tests, with play money that is in no total of the organisation; it stays so
    #[arg(long)]
    test: bool,
    /// Who moves its money: none, sandbox (only with --test) or http [default: none]
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// A field that every new customer must have; repeatable
    #[arg(long, value_name = "FIELD")]
    required: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum OrgCommand {
    /// Create an organisation and print its id
    Create {
        /// Its name
        name: String,
    },
    /// List organisations: id, name, number of entrypoints
    List,
}

pub(super) fn refused(problems: &[Problem]) -> Failure {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    ConfigError(lines.join("; ")).into()
}

/// Turns a rejection into a message for the operator. Other errors have one already.
pub(super) fn explained(error: StoreError) -> Failure {
    match error {
        StoreError::Rejected(
            Rejection::Invalid(problems) | Rejection::Conflict { problems, .. } | Rejection::State(problems),
        ) => refused(&problems),
        StoreError::Rejected(Rejection::NotFound) => {
            ConfigError("nothing with that name or id exists".into()).into()
        }
        other => other.into(),
    }
}

/// Runs an action on the store, and explains a rejection.
pub(super) fn with_store<T>(
    global: &Global,
    action: impl AsyncFnOnce(&Store) -> Result<T, StoreError>,
) -> Result<T, Failure> {
    super::with_store(global, async |store| action(store).await.map_err(explained))
}

pub(super) fn token(global: &Global, command: TokenCommand) -> Done {
    match command {
        TokenCommand::Create(create) => create_token(global, create)?,
        TokenCommand::List { org } => {
            for record in with_store(global, async |store| store.tokens().list(org).await)? {
                let claims = record.claims;
                let entries = match &claims.entries {
                    Entries::All => "*".to_owned(),
                    Entries::Listed(entries) => entries.join(","),
                };
                let scopes: Vec<&str> = claims.scopes.iter().map(|scope| scope.name()).collect();
                let until = Micros(0).plus_secs(claims.exp).to_rfc3339();
                let state = match record.revoked_at {
                    Some(at) => format!("revoked {}", at.to_rfc3339()),
                    None if claims.exp <= clock::now().secs() => format!("expired {until}"),
                    None => format!("until {until}"),
                };
                let maker = claims.makers.last().map(|maker| format!("  made by {}", maker.jti));
                println!(
                    "{}  org {}  {entries}  {}  {state}  {}{}",
                    claims.jti,
                    claims.org,
                    scopes.join(","),
                    claims.sub,
                    maker.unwrap_or_default()
                );
            }
        }
        TokenCommand::Revoke { jti } => {
            with_store(global, async |store| store.tokens().revoke(None, jti.clone(), Actor::cli()).await)?;
            println!("revoked; within 5 s every instance refuses the token");
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn checked_name(name: &str) -> Result<String, Failure> {
    let mut problems = Vec::new();
    let name = check_name(name, &mut problems);
    if problems.is_empty() { Ok(name) } else { Err(refused(&problems)) }
}

fn create_token(global: &Global, create: TokenCreate) -> Result<(), Failure> {
    if create.expires.as_secs() == 0 || create.expires > LIFE_MAX {
        return Err(ConfigError("--expires must be from 1s to 3650d".into()).into());
    }
    let name = checked_name(&create.name)?;
    let mut scopes = if create.scope.is_empty() { Scope::DEFAULT.to_vec() } else { create.scope };
    scopes.sort_unstable();
    scopes.dedup();
    let entries = if create.all_entries { Entries::All } else { Entries::Listed(create.entry) };
    let life_secs = i64::try_from(create.expires.as_secs()).unwrap_or(i64::MAX);
    let claims =
        new_claims(name, create.org, entries, scopes, clock::now(), life_secs, create.requests_per_minute);
    let token = with_store(global, async |store| store.tokens().create(claims, Actor::cli()).await)?;
    println!("{token}");
    Ok(())
}

/// Refuses an identifier that is no field of a customer. It would name an additional field, which a typing error seldom
/// means.
fn refuse_unknown_identifiers(identifiers: &[String]) -> Result<(), Failure> {
    for name in identifiers.iter().flat_map(|identifier| identifier.split('+')).map(str::trim) {
        if let Ok(IdField::Additional(key)) = IdField::parse(name) {
            let near = hint(&key, TextField::all().map(TextField::name));
            let why = format!(
                "--identifier: {key} is no field of a customer{near} (--additional allows additional fields, which are \
                 your own)"
            );
            return Err(ConfigError(why).into());
        }
    }
    Ok(())
}

pub(super) fn entrypoint(global: &Global, command: EntrypointCommand) -> Done {
    match command {
        EntrypointCommand::Create(create) => {
            let some = |items: Vec<String>| (!items.is_empty()).then_some(items);
            let input = SettingsInput {
                legal_name: create.legal_name,
                dba_name: create.dba_name,
                country: create.country,
                identifiers: some(create.identifier),
                required: some(create.required),
                is_test: create.test,
                provider: create.provider,
                theme: ThemeInput {
                    store_name: create.store_name,
                    sender_name: create.sender_name,
                    language: create.language,
                    color: create.color,
                    editable: None,
                },
                ..SettingsInput::default()
            };
            check_entry(&create.entry).map_err(|problem| refused(&[problem]))?;
            if !create.additional {
                refuse_unknown_identifiers(input.identifiers.as_deref().unwrap_or_default())?;
            }
            let settings = input.check().map_err(|problems| refused(&problems))?;
            let (org, entry) = (create.org, create.entry);
            let name = entry.clone();
            with_store(global, async |store| {
                store.entrypoints().create(org, entry, settings, Actor::cli(), None, |_| String::new()).await
            })?;
            println!("entrypoint {name} of organisation {org} is ready");
        }
        EntrypointCommand::List { org } => {
            for settings in with_store(global, async |store| store.entrypoints().list(org).await)? {
                let entrypoint = settings.entrypoint;
                let policy: Vec<String> =
                    entrypoint.policy.identifiers.iter().map(ToString::to_string).collect();
                let required: Vec<&str> = entrypoint.required.iter().map(|field| field.name()).collect();
                println!(
                    "{}  org {} {}  identifiers {}{}  required {}  country {}  {}{}",
                    entrypoint.entry,
                    entrypoint.org_id,
                    entrypoint.org_name,
                    policy.join(","),
                    if entrypoint.policy.explicit { "" } else { " (default)" },
                    if required.is_empty() { "-".into() } else { required.join(",") },
                    entrypoint.country.as_deref().unwrap_or("-"),
                    entrypoint.legal_name.as_deref().unwrap_or("-"),
                    if entrypoint.is_test { "  for tests" } else { "" },
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn organisation(global: &Global, command: OrgCommand) -> Done {
    let OrgCommand::Create { name } = command else {
        for (id, name, entrypoints) in
            with_store(global, async |store| store.entrypoints().organisations().await)?
        {
            println!("{id}  {name}  entrypoints {entrypoints}");
        }
        return Ok(ExitCode::SUCCESS);
    };
    let name = checked_name(&name)?;
    if name.is_empty() {
        return Err(refused(&[Problem::field(&["name"], "required", "must not be empty")]));
    }
    let (id, _) = with_store(global, async |store| {
        store.entrypoints().create_organisation(name, None, |id| id.to_string()).await
    })?;
    println!("{id}");
    Ok(ExitCode::SUCCESS)
}
