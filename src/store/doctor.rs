//! The checks of `customary doctor`: is the database whole, current and durable, and does everything open?

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::engine::conn::{Conn, DatabaseUrl, Purpose, on};
use super::engine::error::StoreError;
use super::engine::migrate::pending;
use super::engine::schema::{customer, data_key, entrypoint, entrypoint_lock};
use super::index;
use super::index::digests;
use super::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};
use super::keys::sealed_table::SealedTable;
use super::register::REGISTER;
use super::statistics;
use crate::clock;
use crate::domain::kernel::time::{Micros, SECOND_US};
use crate::vault::MasterKey;

/// The most by which this machine's clock may differ from the database's, in seconds.
const CLOCK_SKEW_SECS_MAX: i64 = 5;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The name of the check.
    pub what: &'static str,
    /// What it found; or what is wrong, and what to do about it.
    pub result: Result<String, String>,
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

/// Runs all checks; with `deep` it also opens all sealed data, and reads the search index.
pub fn examine(url: &DatabaseUrl, master: MasterKey, deep: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut note = |what, result: Result<String, StoreError>| {
        let well = result.is_ok();
        findings.push(Finding { what, result: result.map_err(|error| error.to_string()) });
        well
    };
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        let message = format!("{} does not exist; customary serve makes it", path.display());
        note("database", Err(StoreError::Unavailable(message)));
        return findings;
    }
    let mut conn = match Conn::open(url, Purpose::Read) {
        Ok(conn) => conn,
        Err(error) => {
            note("database", Err(error));
            return findings;
        }
    };
    note("database", version(&mut conn));
    if !note("migrations", migrations(&mut conn)) {
        return findings;
    }
    note("durability", durability(url));
    let ring = KeyRing::new(master);
    if !note("keys", keys(&mut conn, &ring)) {
        return findings;
    }
    note("clock", skew(&mut conn));
    note("integrity", integrity(&mut conn));
    if deep {
        for table in REGISTER {
            note(table.name(), walk(&mut conn, &ring, table));
        }
        note("statistics", statistics::examine(&mut conn, &ring));
        note("search", search(&mut conn));
    }
    findings
}

fn version(conn: &mut Conn) -> Result<String, StoreError> {
    let row: TextRow = match conn {
        Conn::Sqlite(c, ..) => {
            diesel::sql_query("SELECT 'SQLite ' || sqlite_version() AS value").get_result(c)?
        }
        Conn::Postgres(c) => {
            diesel::sql_query("SELECT 'PostgreSQL ' || current_setting('server_version') AS value")
                .get_result(c)?
        }
    };
    Ok(row.value)
}

fn migrations(conn: &mut Conn) -> Result<String, StoreError> {
    let (missing, newer) = pending(conn)?;
    if !newer.is_empty() {
        return Err(StoreError::Corrupt(format!(
            "made by a newer release ({}); use that one",
            newer.join(", ")
        )));
    }
    if !missing.is_empty() {
        return Err(StoreError::Corrupt(format!(
            "{} not applied; customary serve applies them at its start",
            missing.join(", ")
        )));
    }
    Ok("all applied".into())
}

/// Reads the settings of a write connection back.
fn durability(url: &DatabaseUrl) -> Result<String, StoreError> {
    let mut conn = Conn::open(url, Purpose::Write)?;
    match &mut conn {
        Conn::Sqlite(c, ..) => {
            let journal: TextRow =
                diesel::sql_query("SELECT journal_mode AS value FROM pragma_journal_mode").get_result(c)?;
            let synchronous: NumberRow =
                diesel::sql_query("SELECT synchronous AS value FROM pragma_synchronous").get_result(c)?;
            if journal.value == "wal" && synchronous.value == 2 {
                Ok("WAL, synchronous=FULL".into())
            } else {
                Err(StoreError::Corrupt(format!(
                    "journal_mode={} and synchronous={}: the file system refuses WAL; use a local disk",
                    journal.value, synchronous.value
                )))
            }
        }
        Conn::Postgres(c) => {
            let setting = |c: &mut PgConnection, name: &str| {
                diesel::sql_query(format!("SELECT current_setting('{name}') AS value"))
                    .get_result::<TextRow>(c)
            };
            let commit = setting(c, "synchronous_commit")?.value;
            let fsync = setting(c, "fsync")?.value;
            if commit == "on" && fsync == "on" {
                Ok("synchronous_commit=on, fsync=on".into())
            } else {
                Err(StoreError::Corrupt(format!(
                    "synchronous_commit={commit}, fsync={fsync}: acknowledged writes could be lost; set both to on"
                )))
            }
        }
    }
}

fn keys(conn: &mut Conn, ring: &KeyRing) -> Result<String, StoreError> {
    ring.check_master(conn)?;
    let ids: Vec<i64> =
        on!(conn, |c| data_key::table.select(data_key::key_id).order(data_key::key_id).load(c))?;
    for id in &ids {
        ring.data_key(conn, *id)?;
    }
    ring.load_signing_keys(conn)?;
    Ok(format!("the master key opens all {} data keys and the signing keys", ids.len()))
}

fn skew(conn: &mut Conn) -> Result<String, StoreError> {
    let Conn::Postgres(c) = conn else { return Ok("the database uses this machine's clock".into()) };
    let row: NumberRow =
        diesel::sql_query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS value")
            .get_result(c)?;
    let seconds = (clock::now().0 - Micros(row.value).0) / SECOND_US;
    if seconds.abs() <= CLOCK_SKEW_SECS_MAX {
        Ok(format!("{seconds} s from the database's"))
    } else {
        Err(StoreError::Corrupt(format!("{seconds} s from the database's; set both by NTP")))
    }
}

fn integrity(conn: &mut Conn) -> Result<String, StoreError> {
    if let Conn::Sqlite(c, ..) = conn {
        let row: TextRow =
            diesel::sql_query("SELECT integrity_check AS value FROM pragma_integrity_check").get_result(c)?;
        if row.value != "ok" {
            return Err(StoreError::Corrupt(format!("{}; restore a backup", row.value)));
        }
    }
    // It reads one snapshot, because the service may be at work.
    conn.begin_read()?;
    let agree = counters(conn);
    conn.end_read();
    agree
}

/// Counts digests of customers that are not live.
const OF_NO_CUSTOMER: &str = "SELECT count(*) AS value FROM identity_digest d WHERE \
     NOT EXISTS (SELECT 1 FROM customer c WHERE c.customer_id = d.customer_id \
     AND c.entrypoint_id = d.entrypoint_id AND c.status <> -99)";
/// Counts digests without an idempotency record; on SQLite only.
const OF_NO_RECORD: &str = "SELECT count(*) AS value FROM idempotency_digest d WHERE \
     NOT EXISTS (SELECT 1 FROM idempotency i WHERE i.record_id = d.record_id AND i.entrypoint_id = d.entrypoint_id)";

/// Compares the counter of every lock row with a count, and looks for digests without an owner.
fn counters(conn: &mut Conn) -> Result<String, StoreError> {
    let lock_rows: Vec<(i64, i64)> = on!(conn, |c| entrypoint_lock::table
        .select((entrypoint_lock::entrypoint_id, entrypoint_lock::live_customers))
        .load(c))?;
    let mut total = 0;
    for (id, counted) in lock_rows {
        let live: i64 = on!(conn, |c| customer::table
            .filter(customer::entrypoint_id.eq(id))
            .filter(customer::status.ne(-99))
            .count()
            .get_result(c))?;
        if live != counted {
            return Err(StoreError::Corrupt(format!(
                "entrypoint {id} counts {counted} customers but has {live}"
            )));
        }
        total += live;
    }
    let orphans: NumberRow = on!(conn, |c| diesel::sql_query(OF_NO_CUSTOMER).get_result(c))?;
    let mut orphans = orphans.value + digests::orphans(conn)?;
    if let Conn::Sqlite(c, _) = conn {
        orphans += diesel::sql_query(OF_NO_RECORD).get_result::<NumberRow>(c)?.value;
    }
    if orphans > 0 {
        return Err(StoreError::Corrupt(format!(
            "{orphans} digests belong to no live customer and to no idempotency key"
        )));
    }
    Ok(format!("{total} live customers, counters and digests agree"))
}

/// Examines all rows of a sealed table, of every entrypoint and of the service.
fn walk(conn: &mut Conn, ring: &KeyRing, table: &dyn SealedTable) -> Result<String, StoreError> {
    let mut places: Vec<i64> = on!(conn, |c| entrypoint::table.select(entrypoint::entrypoint_id).load(c))?;
    places.push(SERVICE_ENTRYPOINT);
    let mut rows = 0;
    for entrypoint_id in places {
        let mut cursor = Vec::new();
        loop {
            // It reads one snapshot, because the service may be at work.
            conn.begin_read()?;
            let walked = table.examine(conn, ring, entrypoint_id, &cursor);
            conn.end_read();
            let Some(walked) = walked? else { break };
            rows += walked.rows;
            cursor = walked.cursor;
        }
    }
    Ok(table.is_well(rows))
}

fn search(conn: &mut Conn) -> Result<String, StoreError> {
    let (entries, postings) = index::examine(conn)?;
    Ok(format!("the index is whole: {postings} postings in segments, {entries} entries in the memtable"))
}
