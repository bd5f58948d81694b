//! The start of a store: applies migrations and fills an empty database, under one lock.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::engine::conn::{Conn, DatabaseUrl, Purpose, on};
use super::engine::error::StoreError;
use super::engine::migrate::{is_foreign, is_new, migrate};
use super::engine::schema::{data_key, organisation};
use super::entrypoints::settings;
use super::index;
use super::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};
use crate::domain::entrypoints::settings::Settings;
use crate::domain::kernel::time::Micros;

/// The number of the PostgreSQL advisory lock by which instances that start at once take turns; its value is arbitrary.
const MIGRATION_LOCK: i64 = 7_235_419;

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
/// [`StoreError::Corrupt`] for a newer schema; [`StoreError::Unfit`] for another master key, and for a database that is
/// empty or another program's; the database's.
pub(crate) fn prepare(
    url: &DatabaseUrl,
    ring: &KeyRing,
    now: Micros,
    may_create: bool,
) -> Result<(), StoreError> {
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
    if is_new && !may_create {
        return Err(unfit(EMPTY));
    }
    if let Conn::Postgres(c) = &mut conn {
        diesel::sql_query("SET lock_timeout = '60s'").execute(c)?;
        diesel::sql_query(format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).execute(c)?;
    }
    migrate(&mut conn)?;
    conn.begin_write()?;
    let filled = fill(&mut conn, ring, now).and_then(|()| index::rebuild(&mut conn, ring));
    match filled {
        Ok(()) => Ok(conn.commit()?),
        Err(error) => {
            conn.rollback();
            Err(error)
        }
    }
}

fn fill(conn: &mut Conn, ring: &KeyRing, now: Micros) -> Result<(), StoreError> {
    ring.check_master(conn)?;
    let keys: i64 = on!(conn, |c| data_key::table
        .filter(data_key::entrypoint_id.eq(SERVICE_ENTRYPOINT))
        .count()
        .get_result(c))?;
    if keys > 0 {
        return Ok(());
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
