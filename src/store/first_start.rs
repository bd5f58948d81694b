//! The start of a store: applies migrations and fills an empty database, under one lock.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::engine::conn::{Conn, DatabaseUrl, Purpose, on};
use super::engine::error::StoreError;
use super::engine::files::{beside, length};
use super::engine::migrate::{is_foreign, is_new, migrate};
use super::engine::schema::{customer, data_key, organisation};
use super::entrypoints::settings;
use super::index;
use super::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};
use crate::domain::entrypoints::settings::Settings;
use crate::domain::kernel::time::Micros;

/// The number of the PostgreSQL advisory lock by which instances that start at once take turns; its value is arbitrary.
const MIGRATION_LOCK: i64 = 7_235_419;

/// Why a database without keys is refused.
const EMPTIED: &str = "is missing or was emptied, although its master key was kept; put the database or a backup of it \
                       back; to start anew, move the master key of the old database away first";
/// SQLite's words for a file of another kind. They exist only in English.
const NO_DATABASE: &str = "file is not a database";
const JUNK: &str = "this file is no SQLite database, or it is damaged; put a backup in its place, or name another file with \
                    --data-dir or --database-url";
const FOREIGN: &str =
    "this database belongs to another program; name another file with --data-dir or --database-url";
const EMPTY: &str = "this database is empty; `customary serve` makes it one of this service, or --database-url names \
                     another one";

/// The organisation of a new database.
pub(crate) const DEMO_ORGANISATION: &str = "Demo";
/// The name of the entrypoint of a new database.
pub const DEMO_ENTRY: &str = "demo";

/// Brings the schema up to date, checks the master key, and fills an empty database. Unless it `may_create`, it refuses an
/// empty one.
///
/// # Errors
/// [`StoreError::Corrupt`] for a newer schema, or a database that was removed or emptied; [`StoreError::Unfit`] for another
/// master key, and for a database that is empty or another program's; the database's.
pub(crate) fn prepare(
    url: &DatabaseUrl,
    ring: &KeyRing,
    now: Micros,
    may_begin: bool,
    may_create: bool,
) -> Result<(), StoreError> {
    if let DatabaseUrl::Sqlite(path) = url {
        must_exist(path, may_begin)?;
    }
    let unfit = |why: &str| StoreError::Unfit(format!("{url}: {why}"));
    let opened = Conn::open(url, Purpose::Write).and_then(|mut conn| {
        let found = (is_foreign(&mut conn)?, is_new(&mut conn)?);
        Ok((conn, found))
    });
    let (mut conn, (is_foreign, is_new)) = opened.map_err(|error| match error {
        StoreError::Unavailable(why) if why.contains(NO_DATABASE) => unfit(JUNK),
        error => error,
    })?;
    if is_foreign {
        return Err(unfit(FOREIGN));
    }
    if is_new && !may_create && may_begin {
        return Err(unfit(EMPTY));
    }
    if let Conn::Postgres(c) = &mut conn {
        diesel::sql_query("SET lock_timeout = '60s'").execute(c)?;
        diesel::sql_query(format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).execute(c)?;
    }
    migrate(&mut conn)?;
    conn.begin_write()?;
    let filled = fill(&mut conn, ring, may_begin, now).and_then(|()| index::rebuild(&mut conn, ring));
    match filled {
        Ok(()) => Ok(conn.commit()?),
        Err(error) => {
            conn.rollback();
            Err(error)
        }
    }
}

/// Refuses a missing or empty SQLite file that should have content. SQLite would make a new database and remove the log of
/// the old one.
fn must_exist(path: &Path, may_begin: bool) -> Result<(), StoreError> {
    if length(path).is_some_and(|bytes| bytes > 0) {
        return Ok(());
    }
    let log = beside(path, "-wal");
    if length(&log).is_some_and(|bytes| bytes > 0) {
        return Err(StoreError::Corrupt(format!(
            "{} is missing or empty, but its write-ahead log {} is there; put the database back beside it, or a backup of \
             both; to start anew, move the log away",
            path.display(),
            log.display()
        )));
    }
    if may_begin { Ok(()) } else { Err(StoreError::Corrupt(format!("{} {EMPTIED}", path.display()))) }
}

fn fill(conn: &mut Conn, ring: &KeyRing, may_begin: bool, now: Micros) -> Result<(), StoreError> {
    ring.check_master(conn)?;
    let keys: i64 = on!(conn, |c| data_key::table
        .filter(data_key::entrypoint_id.eq(SERVICE_ENTRYPOINT))
        .count()
        .get_result(c))?;
    if keys > 0 {
        return Ok(());
    }
    let customers: Vec<i64> = on!(conn, |c| customer::table.select(customer::customer_id).limit(1).load(c))?;
    if !may_begin || !customers.is_empty() {
        return Err(StoreError::Corrupt(format!("the database {EMPTIED}")));
    }
    ring.create_data_key(conn, SERVICE_ENTRYPOINT, 1, now)?;
    ring.create_signing_key(conn, "1", now)?;
    let organisations: i64 = on!(conn, |c| organisation::table.count().get_result(c))?;
    if organisations == 0 {
        if let Conn::Postgres(c) = conn {
            // An interrupted first start may have used up numbers of the sequences.
            c.batch_execute(
                "SELECT setval(pg_get_serial_sequence('organisation', 'org_id'), 1, false), \
                 setval(pg_get_serial_sequence('entrypoint', 'entrypoint_id'), 1, false)",
            )?;
        }
        let org_id = settings::create_organisation(conn, DEMO_ORGANISATION, now)?;
        settings::create_entrypoint(conn, ring, org_id, DEMO_ENTRY, &Settings::default(), now)?;
    }
    Ok(())
}
