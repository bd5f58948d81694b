//! `customary keys`: rotates data keys on the database directly, also while a server runs.

use std::process::ExitCode;

use anstream::println;
use clap::Subcommand;
use customary::config::{ConfigError, Global};
use customary::jobs::rotation;
use customary::store::{RotationPhase, Store, StoreError};

use super::admin::with_store;
use super::{Done, customers_bar};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Move customers and their index to a new data key, and delete the old one; goes on where an earlier run stopped
    Rotate {
        /// The entrypoint [default: all]
        #[arg(long, value_name = "ENTRY")]
        entry: Option<String>,
    },
    /// List the data keys of the entrypoints, and the progress of a rotation
    List {
        /// The entrypoint [default: all]
        #[arg(long, value_name = "ENTRY")]
        entry: Option<String>,
    },
}

/// The name and id of one entrypoint, or of all.
async fn chosen(store: &Store, entry: Option<&str>) -> Result<Vec<(String, i64)>, StoreError> {
    let all = store.entrypoints().list(None).await?;
    let all = all.into_iter().map(|settings| (settings.entrypoint.entry, settings.entrypoint.id));
    Ok(all.filter(|(name, _)| entry.is_none_or(|entry| entry == name)).collect())
}

pub(super) fn run(global: &Global, command: KeysCommand) -> Done {
    let found = match command {
        KeysCommand::Rotate { entry } => with_store(global, async |store| rotate(store, entry).await)?,
        KeysCommand::List { entry } => with_store(global, async |store| list(store, entry).await)?,
    };
    if found == 0 {
        return Err(
            ConfigError("there is no such entrypoint; `customary entrypoint list` shows all".into()).into()
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(store: &Store, entry: Option<String>) -> Result<usize, StoreError> {
    let entrypoints = chosen(store, entry.as_deref()).await?;
    for (name, id) in &entrypoints {
        let (_, newest) = store.keys().list(*id).await?;
        let unfinished = newest.filter(|rotation| rotation.phase != RotationPhase::Finished);
        let bar = customers_bar(name);
        match unfinished {
            Some(_) => bar.println(format!("{name}: continuing a rotation that was started before")),
            None => drop(store.keys().start_rotation(*id, None, None, |_| String::new()).await?),
        }
        let done = rotation::run(store, *id, |rotation| {
            bar.set_length(rotation.total.max(rotation.done).unsigned_abs());
            bar.set_position(rotation.done.unsigned_abs());
        })
        .await?;
        bar.finish_and_clear();
        println!(
            "{name}: {} customers are under key {}; key {} is deleted",
            done.done, done.new_key_id, done.old_key_id
        );
    }
    Ok(entrypoints.len())
}

async fn list(store: &Store, entry: Option<String>) -> Result<usize, StoreError> {
    let entrypoints = chosen(store, entry.as_deref()).await?;
    for (name, id) in &entrypoints {
        let (keys, rotation) = store.keys().list(*id).await?;
        for key in keys {
            let at = key.created_at.to_rfc3339();
            println!(
                "{name}  key {}  epoch {}  created {at}  master key {}",
                key.key_id, key.epoch, key.master_key_id
            );
        }
        if let Some(rotation) = rotation.filter(|rotation| rotation.phase != RotationPhase::Finished) {
            println!("{name}  rotation: {} of {} customers done", rotation.done, rotation.total);
        }
    }
    Ok(entrypoints.len())
}
