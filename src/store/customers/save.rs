//! Saves a decided batch: in one statement on PostgreSQL, with one statement a row on SQLite, where that is as fast.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::load::Loaded;
use super::rows::{
    CustomerRow, HistoryRow, NewCustomers, NewHistory, insert_customers, insert_history, update_customer,
};
use crate::domain::customers::record::{Status, Stored};
use crate::domain::decide::command::Outcome;
use crate::domain::decide::effects::Revision;
use crate::domain::decide::follow_ups::FollowUp;
use crate::domain::decide::working_set::WorkingSet;
use crate::domain::kernel::time::SECOND_US;
use crate::domain::mail::{MailKind, NewMail};
use crate::store::accounts::attempts::{self, Attempt};
use crate::store::accounts::sessions;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::entrypoint_lock;
use crate::store::entrypoints::lock_row::LockRow;
use crate::store::idempotency::{self, IdempotencyRow, NewKeys, OutcomeDetail, outcome_ad};
use crate::store::index;
use crate::store::index::digests::{self, Customers, DigestRow, NewDigests};
use crate::store::keys::index_keys::IndexKey;
use crate::store::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::store::keys::sealed_table::Erased;
use crate::store::mail;
use crate::store::register::REGISTER;
use crate::vault::{SALT_BYTES, SealKey, random};

/// The salt of a customer and the key derived from it, during the save of a batch.
struct Owner {
    salt: Vec<u8>,
    seal: SealKey,
}

/// Everything that one working set adds to the tables.
#[derive(Default)]
struct Additions {
    inserted: Vec<CustomerRow>,
    updated: Vec<CustomerRow>,
    history: Vec<HistoryRow>,
    digests_added: Vec<DigestRow>,
    digests_removed: Vec<DigestRow>,
    terms: Vec<index::Indexed>,
    idempotency: Vec<IdempotencyRow>,
}

/// Saves the decisions in the working set of one entrypoint; on PostgreSQL returns the number of the transaction.
///
/// # Errors
/// Database errors; the batch then saves nothing.
pub(crate) fn save(
    conn: &mut Conn,
    ring: &KeyRing,
    loaded: &mut Loaded,
    retention_secs: i64,
) -> Result<Option<String>, StoreError> {
    if loaded.working_set.revisions().is_empty()
        && loaded.working_set.new_keys().next().is_none()
        && loaded.working_set.mails().is_empty()
    {
        return Ok(None);
    }
    let mut owners = HashMap::new();
    let mut additions = Additions::default();
    add_records(loaded, &mut owners, &mut additions)?;
    add_outcomes(loaded, &mut owners, &mut additions, retention_secs)?;
    update_lock_row(loaded)?;
    for revision in loaded.working_set.revisions() {
        follow_up(conn, ring, &loaded.working_set, revision)?;
    }
    idempotency::forget_expired(
        conn,
        loaded.lock_row.entrypoint_id,
        &loaded.expired,
        loaded.working_set.now,
    )?;
    let transaction = write(conn, &loaded.lock_row, additions)?;
    send_mails(conn, ring, &loaded.working_set)?;
    Ok(transaction)
}

/// Does the follow-up work of a change.
fn follow_up(
    conn: &mut Conn,
    ring: &KeyRing,
    working_set: &WorkingSet,
    revision: &Revision,
) -> Result<(), StoreError> {
    let (place, id, now) = (working_set.entrypoint.id, revision.after.id, working_set.now);
    for follow_up in revision.follow_ups() {
        match follow_up {
            FollowUp::EndSessions => sessions::end_all(conn, place, id)?,
            FollowUp::ForgetFailures(names) => {
                for name in names {
                    attempts::clear(conn, ring, place, Attempt::SignIn, &name)?;
                }
            }
            FollowUp::DropMails => mail::drop_all(conn, place, id, now)?,
            FollowUp::EndLinks(kinds) => mail::end_links(conn, place, id, kinds, now)?,
            FollowUp::Erase(before) => {
                let erased = Erased { entrypoint_id: place, id, person: &before.customer, now };
                for table in REGISTER {
                    table.erase(conn, ring, &erased)?;
                }
            }
        }
    }
    Ok(())
}

fn send_mails(conn: &mut Conn, ring: &KeyRing, working_set: &WorkingSet) -> Result<(), StoreError> {
    for mail in working_set.mails() {
        let Some(stored) = working_set.customer(mail.customer_id) else { continue };
        // A later command in the same batch may void it.
        let holds = match mail.kind {
            MailKind::Invitation => stored.customer.invitation.is_some(),
            _ => !stored.customer.is_deleted(),
        };
        if !holds {
            continue;
        }
        if let Some(before) = &mail.to {
            let (entrypoint_id, customer_id) = (working_set.entrypoint.id, mail.customer_id);
            let notice = NewMail { entrypoint_id, customer_id, kind: mail.kind, link: None };
            mail::enqueue_to(conn, ring, &notice, &before.customer, working_set.now)?;
            continue;
        }
        mail::send_link(
            conn,
            ring,
            working_set.entrypoint.id,
            stored,
            mail.kind,
            working_set.now,
            mail.link_ttl_secs,
        )?;
    }
    Ok(())
}

fn add_records(
    loaded: &Loaded,
    owners: &mut HashMap<i64, Owner>,
    additions: &mut Additions,
) -> Result<(), StoreError> {
    let entrypoint_id = loaded.lock_row.entrypoint_id;
    // First and last state of each customer in this batch; several changes make one row.
    let mut ends: BTreeMap<i64, (&Revision, Arc<Stored>)> = BTreeMap::new();
    // The row after the changes so far, for the image in the next history entry.
    let mut current: HashMap<i64, CustomerRow> = HashMap::new();
    for (revision, seq) in loaded.working_set.revisions().iter().zip(loaded.lock_row.next_seq..) {
        let id = revision.after.id;
        let salt = owner(loaded, owners, id)?;
        let row =
            CustomerRow::seal(entrypoint_id, &revision.after, &loaded.keys.new.key, &salt.salt, &salt.seal)?;
        let before = revision.before.as_ref().and_then(|_| current.get(&id).or_else(|| loaded.rows.get(&id)));
        additions.history.push(HistoryRow {
            entrypoint_id,
            customer_id: id,
            version: revision.after.version,
            seq,
            // The time of the change, which is later than now if the last change came from a clock that is ahead.
            at_us: revision.after.customer.updated_at.0,
            operation: revision.operation.name(),
            cause: loaded.cause.clone(),
            token_name: revision.actor.name.clone(),
            token_jti: revision.actor.jti.clone(),
            key_id: loaded.keys.new.key.id,
            document_before: before.filter(|_| !revision.after.erased).and_then(|row| row.document.clone()),
            key_id_before: before.map(|row| row.key_id),
        });
        current.insert(id, row);
        ends.entry(id)
            .and_modify(|(_, last)| *last = Arc::clone(&revision.after))
            .or_insert_with(|| (revision, Arc::clone(&revision.after)));
    }
    for (id, (first, last)) in ends {
        let Some(row) = current.remove(&id) else { continue };
        add_index_changes(loaded, first, &last, additions);
        if first.before.is_some() {
            additions.updated.push(row);
        } else {
            additions.inserted.push(row);
        }
    }
    Ok(())
}

/// The salt of a customer: the stored salt, or a new one for a new customer.
fn owner<'a>(loaded: &Loaded, owners: &'a mut HashMap<i64, Owner>, id: i64) -> Result<&'a Owner, StoreError> {
    match owners.entry(id) {
        std::collections::hash_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
        std::collections::hash_map::Entry::Vacant(entry) => {
            let salt = match loaded.rows.get(&id).and_then(|row| row.salt.clone()) {
                Some(salt) => salt,
                None => random::<SALT_BYTES>()?.to_vec(),
            };
            let seal = loaded.keys.new.key.seal_key(&salt)?;
            Ok(entry.insert(Owner { salt, seal }))
        }
    }
}

fn add_index_changes(loaded: &Loaded, revision: &Revision, last: &Stored, additions: &mut Additions) {
    let id = last.id;
    let first = revision.before.as_deref();
    let live = |stored: &Stored| !stored.customer.is_deleted();
    let new_key = &loaded.keys.new;
    // This write moves a customer that the rotation has not reached yet to the new key.
    let old_key = loaded.rows.get(&id).map_or(new_key, |row| loaded.keys.of_row(row.key_id));
    let old = first
        .filter(|stored| live(stored))
        .map(|stored| old_key.digests(&stored.customer))
        .unwrap_or_default();
    let new = if live(last) { new_key.digests(&last.customer) } else { Vec::new() };
    let row = |digest: &Vec<u8>| DigestRow {
        entrypoint_id: loaded.lock_row.entrypoint_id,
        digest: digest.clone(),
        customer_id: id,
    };
    additions.digests_removed.extend(old.iter().filter(|digest| !new.contains(digest)).map(row));
    additions.digests_added.extend(new.iter().filter(|digest| !old.contains(digest)).map(row));
    let terms_of = |key: &IndexKey, stored: &Stored| {
        let precomputed = revision.precomputed.as_ref();
        match precomputed.and_then(|precomputed| precomputed.terms_of(key.key.id, &stored.customer)) {
            Some(terms) => terms.to_vec(),
            None => index::of_customer(key.key.terms(), &stored.customer),
        }
    };
    let old_terms = first.filter(|stored| live(stored)).map(|stored| terms_of(old_key, stored));
    let new_terms = live(last).then(|| terms_of(new_key, last));
    // A blind writer must not learn from the work whether anything changed.
    if old_terms != new_terms || last.erased || revision.is_blind {
        additions.terms.push(index::Indexed {
            customer_id: id,
            terms: new_terms.unwrap_or_default(),
            replaces: first.is_some(),
            erased: last.erased,
        });
    }
}

fn add_outcomes(
    loaded: &Loaded,
    owners: &mut HashMap<i64, Owner>,
    additions: &mut Additions,
    retention_secs: i64,
) -> Result<(), StoreError> {
    let expires_at_us = loaded.working_set.now.0.saturating_add(retention_secs.saturating_mul(SECOND_US));
    let entrypoint_seal = loaded.keys.new.key.seal_key(ENTRYPOINT_SALT)?;
    for (key_hash, record) in loaded.working_set.new_keys() {
        let (kind, detail) = split(&record.outcome);
        let place = record.outcome.record();
        let mut row = IdempotencyRow {
            entrypoint_id: loaded.lock_row.entrypoint_id,
            key_hash: key_hash.to_vec(),
            fingerprint: record.fingerprint.to_vec(),
            kind: kind.to_owned(),
            customer_id: place.map(|(id, _)| id),
            version: place.map(|(_, version)| version),
            key_id: loaded.keys.new.key.id,
            detail: Vec::new(),
            expires_at_us,
        };
        let plain = serde_json::to_vec(&detail)?;
        let ad = outcome_ad(&row);
        row.detail = match place {
            Some((id, _)) => owner(loaded, owners, id)?.seal.seal(&ad, &plain)?,
            None => entrypoint_seal.seal(&ad, &plain)?,
        };
        additions.idempotency.push(row);
    }
    Ok(())
}

/// Splits an outcome into the unsealed operation and the detail to seal.
fn split(outcome: &Outcome) -> (&'static str, OutcomeDetail) {
    match outcome {
        Outcome::Created { verdict, matched_on, differs, .. } => {
            let detail = OutcomeDetail {
                matched_on: matched_on.clone(),
                differs: differs.clone(),
                ..OutcomeDetail::default()
            };
            (verdict.name(), detail)
        }
        Outcome::Changed { .. } => ("changed", OutcomeDetail::default()),
        Outcome::Matched(report) => {
            ("match", OutcomeDetail { report: Some(report.clone()), ..OutcomeDetail::default() })
        }
    }
}

fn update_lock_row(loaded: &mut Loaded) -> Result<(), StoreError> {
    let left = loaded.working_set.ids_left();
    let lock_row = &mut loaded.lock_row;
    lock_row.next_seq += i64::try_from(loaded.working_set.revisions().len()).unwrap_or(0);
    lock_row.next_customer_id = left.start;
    lock_row.block_end = left.end;
    let mut counts: BTreeMap<String, i64> = serde_json::from_str(&lock_row.counts)?;
    count(&loaded.working_set, &mut counts, &mut lock_row.live_customers);
    counts.retain(|_, number| *number != 0);
    lock_row.counts = serde_json::to_string(&counts)?;
    Ok(())
}

/// Updates the counters with the changes of the working set.
fn count(working_set: &WorkingSet, counts: &mut BTreeMap<String, i64>, live: &mut i64) {
    let mut add = |stored: &Stored, number: i64| {
        let record = &stored.customer;
        *counts.entry(format!("{}/{}", record.status.code(), record.lifecycle.name())).or_default() += number;
        if record.status != Status::Deleted {
            *live += number;
        }
    };
    for revision in working_set.revisions() {
        if let Some(before) = &revision.before {
            add(before, -1);
        }
        add(&revision.after, 1);
    }
}

/// Writes everything. On PostgreSQL returns the number of the transaction, whose status the server remembers.
fn write(
    conn: &mut Conn,
    lock_row: &LockRow,
    mut additions: Additions,
) -> Result<Option<String>, StoreError> {
    // Random keys in sorted order touch each index page once.
    additions.digests_added.sort_by(|a, b| a.digest.cmp(&b.digest));
    additions.idempotency.sort_by(|a, b| a.key_hash.cmp(&b.key_hash));
    for row in &additions.updated {
        update_customer(conn, row)?;
    }
    digests::remove::<Customers>(conn, lock_row.entrypoint_id, &additions.digests_removed)?;
    if let Conn::Sqlite(..) = conn {
        insert_customers(conn, &additions.inserted)?;
        insert_history(conn, &additions.history)?;
        digests::add::<Customers>(conn, lock_row.entrypoint_id, &additions.digests_added)?;
        idempotency::keep(conn, lock_row.entrypoint_id, &additions.idempotency)?;
        index::add(conn, lock_row.entrypoint_id, &additions.terms)?;
        on!(conn, |c| diesel::update(entrypoint_lock::table.find(lock_row.entrypoint_id))
            .set(lock_row)
            .execute(c))?;
        return Ok(None);
    }
    let pending = index::begin(conn, lock_row.entrypoint_id, &additions.terms)?;
    let Conn::Postgres(c) = conn else { return Ok(None) };
    let batch = Batch {
        customers: additions.inserted.as_slice().into(),
        history: additions.history.as_slice().into(),
        digests: additions.digests_added.as_slice().into(),
        keys: additions.idempotency.as_slice().into(),
        pending: pending.as_slice().into(),
        lock_row,
        looks: index::is_look_due(pending.len()),
    };
    let (transaction, oldest, newest): (String, Option<i64>, Option<i64>) = batch.get_result(c)?;
    index::bound(conn, oldest.zip(newest).map_or(0, |(oldest, newest)| newest - oldest))?;
    Ok(Some(transaction))
}

/// All new rows of a batch and the lock row in one statement, to save round trips. Returns the number of the
/// transaction and, if asked, the oldest and newest terms that were pending before.
struct Batch<'a> {
    customers: NewCustomers<'a>,
    history: NewHistory<'a>,
    digests: NewDigests<'a>,
    keys: NewKeys<'a>,
    pending: index::NewMemtableRows<'a>,
    lock_row: &'a LockRow,
    /// Whether to read how many terms are pending.
    looks: bool,
}

impl QueryId for Batch<'_> {
    type QueryId = Batch<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Batch<'_> {
    type SqlType = (Text, Nullable<BigInt>, Nullable<BigInt>);
}

impl<C> RunQueryDsl<C> for Batch<'_> {}

impl QueryFragment<Pg> for Batch<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH customers AS (");
        self.customers.walk_ast(out.reborrow())?;
        out.push_sql("), histories AS (");
        self.history.walk_ast(out.reborrow())?;
        out.push_sql("), digests AS (");
        self.digests.walk_ast(out.reborrow())?;
        out.push_sql("), keys AS (");
        self.keys.walk_ast(out.reborrow())?;
        out.push_sql("), pending AS (");
        self.pending.walk_ast(out.reborrow())?;
        out.push_sql("), lock_rows AS (UPDATE entrypoint_lock SET next_customer_id = ");
        out.push_bind_param::<BigInt, _>(&self.lock_row.next_customer_id)?;
        out.push_sql(", next_seq = ");
        out.push_bind_param::<BigInt, _>(&self.lock_row.next_seq)?;
        out.push_sql(", block_end = ");
        out.push_bind_param::<BigInt, _>(&self.lock_row.block_end)?;
        out.push_sql(", live_customers = ");
        out.push_bind_param::<BigInt, _>(&self.lock_row.live_customers)?;
        out.push_sql(", counts = ");
        out.push_bind_param::<Text, _>(&self.lock_row.counts)?;
        out.push_sql(" WHERE entrypoint_id = ");
        out.push_bind_param::<BigInt, _>(&self.lock_row.entrypoint_id)?;
        out.push_sql(") SELECT pg_current_xact_id()::text");
        for end in ["min", "max"] {
            out.push_sql(", CASE WHEN ");
            out.push_bind_param::<Bool, _>(&self.looks)?;
            out.push_sql(" THEN (SELECT ");
            out.push_sql(end);
            out.push_sql("(sequence) FROM index_memtable) END");
        }
        Ok(())
    }
}
