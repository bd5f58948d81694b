//! `customary doctor`.

use std::process::ExitCode;

use anstream::println;
use clap::Args;
use customary::config::Global;
use customary::store::{DatabaseUrl, examine};

use super::Done;

/// Options of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Also open every customer, compare it with its history, and read the search index; slow on a large database
    #[arg(long)]
    deep: bool,
}

/// Checks everything; the exit status is a failure if any check fails.
pub(super) fn run(global: &Global, options: &Doctor) -> Done {
    let url = global.database()?;
    if let DatabaseUrl::Sqlite(path) = &url
        && !path.exists()
    {
        println!("wrong  database: {} does not exist; `customary serve` creates it", path.display());
        return Ok(ExitCode::FAILURE);
    }
    let master = global.master_key(&url)?;
    let mut is_well = true;
    for finding in examine(&url, master, options.deep) {
        match finding.result {
            Ok(found) => println!("well   {}: {found}", finding.what),
            Err(wrong) => {
                is_well = false;
                println!("wrong  {}: {wrong}", finding.what);
            }
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
