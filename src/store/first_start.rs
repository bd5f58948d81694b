//! The first start: migrations, and what an empty database begins with, under one lock.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::engine::conn::{Conn, DatabaseUrl, Purpose, on};
use super::engine::error::StoreError;
use super::engine::migrate::migrate;
use super::engine::schema::{data_key, organisation};
use super::entrypoints::settings;
use super::index;
use super::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};
use crate::domain::entrypoints::settings::Settings;
use crate::domain::kernel::time::Micros;

/// Instances that start at once take turns: PostgreSQL's lock for migrations, any number of ours.
const MIGRATION_LOCK: i64 = 7_235_419;

/// The organisation and entrypoint that an empty database starts with.
pub(crate) const DEMO_ORGANISATION: &str = "Demo";
/// See [`DEMO_ORGANISATION`].
pub const DEMO_ENTRY: &str = "demo";

/// Brings the schema up to date, checks the master key, and fills an empty database.
///
/// # Errors
/// A newer schema, another master key, or the database's own.
pub(crate) fn prepare(url: &DatabaseUrl, ring: &KeyRing, now: Micros) -> Result<(), StoreError> {
    let mut conn = Conn::open(url, Purpose::Write)?;
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
            // A first start that was ended in here has taken numbers, which stay taken.
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
