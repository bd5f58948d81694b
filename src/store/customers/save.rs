//! Saves a decided batch: in one statement on PostgreSQL, with one statement a row on SQLite, where that is as fast.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::load::Loaded;
use super::owners::{Owner, owner};
use super::rows::{
    CustomerRow, HistoryRow, NewCustomers, NewHistory, insert_customers, insert_history, update_customer,
};
use crate::domain::customers::record::{Status, Stored};
use crate::domain::decide::command::{Outcome, Precomputed};
use crate::domain::decide::effects::Revision;
use crate::domain::decide::follow_ups::FollowUp;
use crate::domain::decide::ledger::Payer;
use crate::domain::decide::working_set::WorkingSet;
use crate::domain::kernel::time::SECOND_US;
use crate::domain::labels::growth;
use crate::domain::mail::{MailKind, NewMail};
use crate::store::accounts::attempts::{self, Attempt};
use crate::store::accounts::sessions;
use crate::store::comments;
use crate::store::coupons;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::entrypoint_lock;
use crate::store::entrypoints::lock_row::LockRow;
use crate::store::events;
use crate::store::idempotency::{
    self, ADDRESS_KIND, ASK_KIND, COUPON_KIND, INGEST_KIND, INVOICE_KIND, IdempotencyRow, LINK_KIND,
    METHOD_KIND, NewKeys, ORDER_KIND, OutcomeDetail, PRODUCT_KIND, REQUEST_KIND, SUBSCRIPTION_KIND,
    outcome_ad,
};
use crate::store::index;
use crate::store::index::digests::{self, Customers, DigestRow, NewDigests};
use crate::store::invoices;
use crate::store::keys::index_keys::IndexKey;
use crate::store::keys::keyring::{ENTRYPOINT_SALT, KeyRing};
use crate::store::keys::sealed_table::Erased;
use crate::store::labels;
use crate::store::lifecycle;
use crate::store::mail;
use crate::store::orders;
use crate::store::provider;
use crate::store::register::REGISTER;
use crate::store::requests;
use crate::store::statistics::{self, ADD_COUNT, CountRow, NewCounts};
use crate::store::subscriptions;
use crate::store::transactions;
use crate::store::transactions::rows::{Seals, TransactionRow};

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
    counts: Vec<CountRow>,
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
        && !loaded.working_set.has_events()
        && loaded.working_set.idle().is_empty()
        && loaded.working_set.calls.changed().next().is_none()
        && loaded.working_set.requests.changed().next().is_none()
    {
        return Ok(None);
    }
    let mut owners = HashMap::new();
    let mut additions = Additions::default();
    // Stages of customers follow from what their transactions come to now.
    save_transactions(conn, loaded, &mut owners)?;
    lifecycle::settle(conn, ring, loaded)?;
    add_records(loaded, &mut owners, &mut additions)?;
    add_outcomes(loaded, &mut owners, &mut additions, retention_secs)?;
    additions.counts = statistics::rows(loaded.lock_row.entrypoint_id, loaded.working_set.tally());
    let changes = loaded.working_set.revisions().iter();
    let changes = changes.map(|it| (it.before.as_ref().map(|before| &before.customer), &it.after.customer));
    labels::grow(conn, loaded.lock_row.entrypoint_id, &loaded.keys, &growth(changes))?;
    save_comments(conn, loaded, &mut owners)?;
    let place = loaded.lock_row.entrypoint_id;
    invoices::save(conn, place, &loaded.keys.new, &loaded.working_set.invoices)?;
    // Before the follow-ups of deletions, which take coupons away.
    super::coupons::save(conn, loaded, &mut owners)?;
    save_orders(conn, loaded, &mut owners)?;
    save_calls(conn, loaded, &mut owners)?;
    save_requests(conn, loaded, &mut owners)?;
    if loaded.working_set.has_events() {
        let events = loaded.working_set.numbered(loaded.lock_row.next_seq).events;
        events::add(conn, loaded.lock_row.entrypoint_id, &events, loaded.working_set.now)?;
    }
    lifecycle::due(conn, loaded.lock_row.entrypoint_id, loaded.working_set.idle())?;
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
    save_subscriptions(conn, loaded)?;
    send_mails(conn, ring, &loaded.working_set)?;
    Ok(transaction)
}

/// Says where the subscriptions of the batch are, once the customers are written.
fn save_subscriptions(conn: &mut Conn, loaded: &Loaded) -> Result<(), StoreError> {
    let (place, key) = (loaded.lock_row.entrypoint_id, &loaded.keys.new);
    for stored in loaded.working_set.subscriptions_changed() {
        subscriptions::place(conn, place, stored, key)?;
    }
    // A customer who leaves the old key takes the hashes of its subscriptions along.
    for (id, row) in &loaded.rows {
        if row.subscriptions.is_some()
            && row.key_id != key.key.id
            && let Some(stored) = loaded.working_set.customer(*id)
            && loaded.working_set.is_written(*id)
        {
            subscriptions::place(conn, place, stored, key)?;
        }
    }
    Ok(())
}

fn save_comments(
    conn: &mut Conn,
    loaded: &Loaded,
    owners: &mut HashMap<i64, Owner>,
) -> Result<(), StoreError> {
    let (entrypoint_id, key_id) = (loaded.lock_row.entrypoint_id, loaded.keys.new.key.id);
    for effect in loaded.working_set.comment_effects() {
        let customer_id = effect.customer_id;
        let seal = &owner(loaded, owners, customer_id)?.seal;
        comments::save(conn, &comments::Owner { entrypoint_id, customer_id, key_id, seal }, &effect.change)?;
    }
    Ok(())
}

fn save_orders(conn: &mut Conn, loaded: &Loaded, owners: &mut HashMap<i64, Owner>) -> Result<(), StoreError> {
    let (place, key_id) = (loaded.lock_row.entrypoint_id, loaded.keys.new.key.id);
    for (order, is_new) in loaded.working_set.orders.changed() {
        let seal = match order.content {
            Some(_) => Some(&owner(loaded, owners, order.customer_id)?.seal),
            None => None,
        };
        orders::save(conn, &orders::OrderRow::seal(place, order, key_id, seal)?, is_new)?;
    }
    Ok(())
}

fn save_calls(conn: &mut Conn, loaded: &Loaded, owners: &mut HashMap<i64, Owner>) -> Result<(), StoreError> {
    let (place, key) = (loaded.lock_row.entrypoint_id, &loaded.keys.new.key);
    for (call, is_new) in loaded.working_set.calls.changed() {
        let entrypoint;
        let seal = match (&call.content, call.customer_id) {
            (None, _) => None,
            (Some(_), Some(id)) => Some(&owner(loaded, owners, id)?.seal),
            (Some(_), None) => {
                entrypoint = key.seal_key(ENTRYPOINT_SALT)?;
                Some(&entrypoint)
            }
        };
        provider::save(conn, &provider::CallRow::seal(place, call, key.id, seal)?, is_new)?;
    }
    Ok(())
}

fn save_requests(
    conn: &mut Conn,
    loaded: &Loaded,
    owners: &mut HashMap<i64, Owner>,
) -> Result<(), StoreError> {
    let (place, key) = (loaded.lock_row.entrypoint_id, &loaded.keys.new.key);
    let entrypoint = key.seal_key(ENTRYPOINT_SALT)?;
    for (request, is_new) in loaded.working_set.requests.changed() {
        let seal = match (request.customer_id, &request.content) {
            (_, None) => None,
            (None, Some(_)) => Some(&entrypoint),
            (Some(id), Some(_)) => Some(&owner(loaded, owners, id)?.seal),
        };
        requests::save(conn, &requests::RequestRow::seal(place, request, key.id, seal)?, is_new)?;
    }
    Ok(())
}

fn save_transactions(
    conn: &mut Conn,
    loaded: &Loaded,
    owners: &mut HashMap<i64, Owner>,
) -> Result<(), StoreError> {
    let changed = loaded.working_set.ledger.changed();
    if changed.len() == 0 {
        return Ok(());
    }
    let (place, key) = (loaded.lock_row.entrypoint_id, &loaded.keys.new.key);
    let entrypoint = key.seal_key(ENTRYPOINT_SALT)?;
    let (mut new, mut moved) = (Vec::with_capacity(changed.len()), Vec::new());
    let mut waiting = Vec::new();
    for (transaction, is_new) in changed {
        let transaction =
            transaction.ok_or_else(|| StoreError::Bug("a changed transaction is gone".into()))?;
        let details = match transaction.customer_id {
            None => Some(&entrypoint),
            Some(id) if matches!(loaded.working_set.payer(id), Ok(Payer::Live | Payer::Deleted)) => {
                Some(&owner(loaded, owners, id)?.seal)
            }
            Some(_) => None,
        };
        let seals = Seals { key, entrypoint: &entrypoint, details };
        let row = TransactionRow::seal(place, transaction, &seals)?;
        if is_new { &mut new } else { &mut moved }.push(row);
        waiting.extend(transactions::waiting::rows_of(&loaded.keys.new, place, transaction));
    }
    transactions::save(conn, place, (new, moved), &waiting, &loaded.working_set.ledger)
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
            FollowUp::TakeCoupons => coupons::rows::forget_customer(conn, place, id)?,
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
        if mail.invoice_id.is_some() || mail.order.is_some() || mail.request.is_some() {
            // Each invoice, each order and each request has a mail of its own.
            let bringing = NewMail {
                invoice_id: mail.invoice_id,
                order: mail.order.clone(),
                request: mail.request.clone(),
                link: mail.link.as_ref().map(|token| token.expose().to_owned()),
                ..NewMail::of(working_set.entrypoint.id, mail.customer_id, mail.kind)
            };
            mail::enqueue_to(conn, ring, &bringing, &stored.customer, working_set.now)?;
            continue;
        }
        if let Some(before) = &mail.to {
            let (entrypoint_id, customer_id) = (working_set.entrypoint.id, mail.customer_id);
            let notice = NewMail::of(entrypoint_id, customer_id, mail.kind);
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
    for (seq, revision) in loaded.working_set.numbered(loaded.lock_row.next_seq).revisions {
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
    // Stored methods are no part of a version; several changes make one row here too.
    for stored in loaded.working_set.methods_changed() {
        let salt = owner(loaded, owners, stored.id)?;
        let row = CustomerRow::seal(entrypoint_id, stored, &loaded.keys.new.key, &salt.salt, &salt.seal)?;
        if ends.contains_key(&stored.id) {
            current.insert(stored.id, row);
        } else {
            // What identifies the customer stays, but digests and terms must follow the row to its new key.
            if loaded.rows.get(&stored.id).is_some_and(|old| old.key_id != row.key_id) {
                let same =
                    Reindexed { before: Some(stored), after: stored, precomputed: None, is_blind: false };
                add_index_changes(loaded, &same, additions);
            }
            additions.updated.push(row);
        }
    }
    for (id, (first, last)) in ends {
        let Some(row) = current.remove(&id) else { continue };
        if last.erased {
            // Earlier changes in the same batch must leave nothing either.
            let own = additions.history.iter_mut().filter(|entry| entry.customer_id == id);
            own.for_each(|entry| entry.document_before = None);
        }
        let changed = Reindexed {
            before: first.before.as_deref(),
            after: &last,
            precomputed: first.precomputed.as_deref(),
            is_blind: first.is_blind,
        };
        add_index_changes(loaded, &changed, additions);
        if first.before.is_some() {
            additions.updated.push(row);
        } else {
            additions.inserted.push(row);
        }
    }
    Ok(())
}

/// A customer before and after a batch, for its digests and terms.
struct Reindexed<'a> {
    /// `None` for a new one.
    before: Option<&'a Stored>,
    after: &'a Stored,
    precomputed: Option<&'a Precomputed>,
    /// Whether an actor must not learn if anything changed.
    is_blind: bool,
}

fn add_index_changes(loaded: &Loaded, changed: &Reindexed<'_>, additions: &mut Additions) {
    let (first, last) = (changed.before, changed.after);
    let id = last.id;
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
        let precomputed = changed.precomputed;
        match precomputed.and_then(|precomputed| precomputed.terms_of(key.key.id, &stored.customer)) {
            Some(terms) => terms.to_vec(),
            None => index::of_customer(key.key.terms(), &stored.customer),
        }
    };
    let old_terms = first.filter(|stored| live(stored)).map(|stored| terms_of(old_key, stored));
    let new_terms = live(last).then(|| terms_of(new_key, last));
    // A blind writer must not learn from the work whether anything changed.
    if old_terms != new_terms || last.erased || changed.is_blind {
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
        let (kind, detail) = split(&record.outcome, loaded.lock_row.entrypoint_id);
        let kind: &str = &kind;
        let place = record.outcome.record();
        let mut row = IdempotencyRow {
            entrypoint_id: loaded.lock_row.entrypoint_id,
            key_hash: key_hash.to_vec(),
            fingerprint: record.fingerprint.to_vec(),
            kind: kind.to_owned(),
            customer_id: record.outcome.customer(),
            version: place.map(|(_, version)| version),
            key_id: loaded.keys.new.key.id,
            detail: Vec::new(),
            expires_at_us,
        };
        let plain = serde_json::to_vec(&detail)?;
        let ad = outcome_ad(&row);
        row.detail = match record.outcome.customer() {
            Some(id) => owner(loaded, owners, id)?.seal.seal(&ad, &plain)?,
            None => entrypoint_seal.seal(&ad, &plain)?,
        };
        additions.idempotency.push(row);
    }
    Ok(())
}

/// Splits an outcome into the unsealed operation and the detail to seal.
fn split(outcome: &Outcome, entrypoint_id: i64) -> (Cow<'static, str>, OutcomeDetail) {
    match outcome {
        Outcome::Created { verdict, matched_on, differs, .. } => {
            let detail = OutcomeDetail {
                matched_on: matched_on.clone(),
                differs: differs.clone(),
                ..OutcomeDetail::default()
            };
            (verdict.name().into(), detail)
        }
        Outcome::Changed { .. } => ("changed".into(), OutcomeDetail::default()),
        Outcome::Method { method_id, method, .. } => {
            let detail = OutcomeDetail { method: method.clone(), ..OutcomeDetail::default() };
            (format!("{METHOD_KIND}{method_id}").into(), detail)
        }
        Outcome::Subscribed { subscription_id, result, subscription, .. } => {
            let subscribed = Some((*result, subscription.clone()));
            let detail = OutcomeDetail { subscribed, ..OutcomeDetail::default() };
            (format!("{SUBSCRIPTION_KIND}{subscription_id}").into(), detail)
        }
        Outcome::AddressChanged { address_id, .. } => {
            (format!("{ADDRESS_KIND}{address_id}").into(), OutcomeDetail::default())
        }
        Outcome::Commented { comment, .. } => {
            ("comment".into(), OutcomeDetail { comment: comment.clone(), ..OutcomeDetail::default() })
        }
        Outcome::Ingested(items) => {
            (INGEST_KIND.into(), OutcomeDetail { items: items.clone(), ..OutcomeDetail::default() })
        }
        Outcome::Coupon(coupon) => {
            (COUPON_KIND.into(), OutcomeDetail { coupon: Some(coupon.clone()), ..OutcomeDetail::default() })
        }
        Outcome::Product(product) => (
            PRODUCT_KIND.into(),
            OutcomeDetail { product: Some(product.clone()), ..OutcomeDetail::default() },
        ),
        Outcome::Linked { .. } => (LINK_KIND.into(), OutcomeDetail::default()),
        Outcome::Ordered(done) => {
            let kind = format!("{ORDER_KIND}{}/{}", done.version, done.order_id.show(entrypoint_id));
            (kind.into(), OutcomeDetail { link: done.token.clone(), ..OutcomeDetail::default() })
        }
        Outcome::Requested(done) => {
            let kind = format!("{REQUEST_KIND}{}/{}", done.version, done.request_id.show(entrypoint_id));
            (kind.into(), OutcomeDetail { link: done.token.clone(), ..OutcomeDetail::default() })
        }
        Outcome::Asked(done) => {
            let kind = format!("{ASK_KIND}{}/{}", done.version, done.call_id.show(entrypoint_id));
            (kind.into(), OutcomeDetail::default())
        }
        Outcome::Invoiced(done) => {
            let invoiced = Some(done.clone());
            (INVOICE_KIND.into(), OutcomeDetail { invoiced, ..OutcomeDetail::default() })
        }
        Outcome::Matched(report) => {
            ("match".into(), OutcomeDetail { report: Some(report.clone()), ..OutcomeDetail::default() })
        }
    }
}

fn update_lock_row(loaded: &mut Loaded) -> Result<(), StoreError> {
    let left = loaded.working_set.ids_left();
    let lock_row = &mut loaded.lock_row;
    lock_row.next_seq = loaded.working_set.numbered(lock_row.next_seq).next_seq;
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
        statistics::count(conn, &additions.counts)?;
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
        counts: additions.counts.as_slice().into(),
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
    counts: NewCounts<'a>,
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
        out.push_sql("), counts AS (");
        self.counts.walk_ast(out.reborrow())?;
        out.push_sql(ADD_COUNT);
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
