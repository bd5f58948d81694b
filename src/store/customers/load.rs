//! Loads what a batch needs before it decides: the entrypoint, customers, candidates.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable};

use super::rows::{CustomerColumns, CustomerRow, whole};
use crate::domain::comments::COMMENTS_MAX;
use crate::domain::customers::identifier::MatchKey;
use crate::domain::customers::record::Stored;
use crate::domain::decide::asking::AskProvider;
use crate::domain::decide::command::{Action, Command, Holder, SubscriptionOwner};
use crate::domain::decide::ordering::ChangeOrder;
use crate::domain::decide::precomputed_keys;
use crate::domain::decide::requesting::ChangeRequest;
use crate::domain::decide::working_set::WorkingSet;
use crate::domain::kernel::time::Micros;
use crate::domain::orders::OrderId;
use crate::domain::provider::CallId;
use crate::domain::references::Reference;
use crate::domain::requests::RequestId;
use crate::store::comments;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::prepared::ask;
use crate::store::engine::schema::{history, id_block};
use crate::store::entrypoints::lock_row::LockRow;
use crate::store::idempotency::{self, IdempotencyRow};
use crate::store::imports::DryRunRecords;
use crate::store::index;
use crate::store::index::digests::{self, Customers};
use crate::store::invoices;
use crate::store::keys::index_keys::{IndexKey, IndexKeys};
use crate::store::keys::keyring::KeyRing;
use crate::store::orders;
use crate::store::provider;
use crate::store::requests;
use crate::store::subscriptions;
use crate::store::transactions::load::PayerRow;
use crate::store::transactions::totals;

/// The number of customer ids in a block.
pub(crate) const ID_BLOCK: i64 = 1024;

/// The block of a customer id.
pub(crate) fn block_of(customer_id: i64) -> i64 {
    (customer_id - 1) / ID_BLOCK + 1
}

/// The working set of one entrypoint, with the data needed to save it.
pub(crate) struct Loaded {
    pub working_set: WorkingSet,
    pub lock_row: LockRow,
    pub keys: IndexKeys,
    /// The rows of the loaded customers, for their salts and sealed documents.
    pub rows: HashMap<i64, CustomerRow>,
    /// What a dry run would have written so far.
    pub dry_run_records: Option<DryRunRecords>,
    /// Idempotency keys whose records have expired and still exist.
    pub expired: Vec<Vec<u8>>,
    /// How customers stand that were not loaded as a whole, and their salts.
    pub payers: HashMap<i64, PayerRow>,
    /// The cause of the changes, such as an import.
    pub cause: Option<String>,
}

impl Loaded {
    /// Loads what some commands of one entrypoint need.
    pub(crate) fn load(
        conn: &mut Conn,
        ring: &KeyRing,
        lock_row: LockRow,
        commands: &[&Command],
        now: Micros,
    ) -> Result<Loaded, StoreError> {
        let key_hashes: Vec<Vec<u8>> = commands
            .iter()
            .filter_map(|command| command.idempotency.map(|key_use| key_use.key.to_vec()))
            .collect();
        let keys = lock_row.keys(conn, ring)?;
        let place = lock_row.entrypoint_id;
        let entrypoint = ring.directory.at(conn, place, lock_row.settings_version)?;
        // PostgreSQL holds one record per key; delete an expired one before the key is used again.
        let since = if matches!(conn, Conn::Postgres(_)) { Micros(i64::MIN) } else { now };
        let found = idempotency::find(conn, place, &key_hashes, since)?;
        let (outcomes, expired): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|row| row.expires_at_us > now.0);
        ring.remember_newest(place, &keys.new.key);
        let ids = lock_row.next_customer_id..lock_row.block_end;
        let mut loaded = Loaded {
            working_set: WorkingSet::new(entrypoint, now, ids),
            lock_row,
            keys,
            rows: HashMap::new(),
            dry_run_records: None,
            expired: expired.into_iter().map(|row| row.key_hash).collect(),
            payers: HashMap::new(),
            cause: None,
        };
        loaded.load_outcomes(conn, ring, outcomes)?;
        let targets: Vec<i64> = commands
            .iter()
            .filter_map(|command| match &command.action {
                Action::Update(update) => Some(update.id),
                Action::Delete(delete) => Some(delete.id),
                Action::Invite(invite) => Some(invite.id),
                Action::Consent(consent) => Some(consent.id),
                Action::Archive(archive) => Some(archive.id),
                Action::Address(address) => Some(address.id),
                Action::Reference(reference) => Some(reference.id),
                Action::Label(labels) => Some(labels.id),
                Action::Comment(change) => Some(change.id),
                Action::Method(change) => match &change.owner {
                    Holder::Customer(id) => Some(*id),
                    Holder::Found(_) => None,
                },
                Action::Subscription(put) => match &put.whose {
                    SubscriptionOwner::Id(id) => Some(*id),
                    _ => None,
                },
                Action::Invoice(change) => match change.holder() {
                    Some(Holder::Customer(id)) => Some(*id),
                    // That of an invoice is loaded with it.
                    Some(Holder::Found(_)) | None => None,
                },
                Action::Order(change) => match change.as_ref() {
                    ChangeOrder::Take { customer_id, .. } => Some(*customer_id),
                    // That of an order is loaded with it.
                    ChangeOrder::Cancel(_) | ChangeOrder::Resend { .. } => None,
                },
                Action::Request(change) => match change.as_ref() {
                    ChangeRequest::Make { customer_id, .. } => *customer_id,
                    // That of a request is loaded with it.
                    ChangeRequest::Cancel(_) | ChangeRequest::Resend { .. } => None,
                },
                Action::Provider(ask) => match ask.as_ref() {
                    AskProvider::Charge { customer_id, .. } => Some(*customer_id),
                    // That of a call is loaded with it.
                    AskProvider::Refund { .. }
                    | AskProvider::Void { .. }
                    | AskProvider::Answer { .. }
                    | AskProvider::Settle { .. } => None,
                },
                Action::Lifecycle(moved) => Some(moved.id),
                // What transactions need of their customers is loaded with them.
                Action::Create(_)
                | Action::Match(_)
                | Action::Ingest(_)
                | Action::Link(_)
                // Nor need coupons all of a customer.
                | Action::Coupon(_)
                | Action::Product(_)
                | Action::Replay(_) => None,
            })
            .collect();
        loaded.load_customers(conn, ring, &targets)?;
        loaded.load_precomputed(conn, ring, commands)?;
        loaded.load_ledger(conn, ring, commands)?;
        Ok(loaded)
    }

    pub(super) fn load_precomputed(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        commands: &[&Command],
    ) -> Result<(), StoreError> {
        let (mut keys, mut of_payers) = (Vec::new(), Vec::new());
        for command in commands {
            let own = precomputed_keys(&self.working_set, command);
            if matches!(command.action, Action::Ingest(_)) {
                of_payers.extend(own.iter().cloned());
            }
            keys.extend(own);
        }
        self.load_keys(conn, ring, keys)?;
        // Only who is a customer can be waited for; what waits for the others may be much.
        of_payers.retain(|key| self.working_set.live_with(key).is_ok_and(|ids| !ids.is_empty()));
        self.load_waiting(conn, ring, of_payers)
    }

    /// Loads the customers with some keys into the working set.
    pub(crate) fn load_keys(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        mut keys: Vec<MatchKey>,
    ) -> Result<(), StoreError> {
        keys.retain(|key| !self.working_set.knows_key(key));
        keys.sort();
        keys.dedup();
        let mut found: Vec<(MatchKey, Vec<i64>)> = keys.into_iter().map(|key| (key, Vec::new())).collect();
        for index in self.keys.all() {
            candidates(conn, self.lock_row.entrypoint_id, index, &mut found)?;
        }
        if let Some(dry_run_records) = &self.dry_run_records {
            dry_run_records.candidates(conn, &mut found)?;
        }
        let ids: Vec<i64> = found.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
        self.load_customers(conn, ring, &ids)?;
        for (key, ids) in found {
            self.working_set.add_candidates(key, ids);
        }
        Ok(())
    }

    /// Loads a new block of customer ids into the working set.
    pub(crate) fn load_ids(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let block: i64 = on!(conn, |c| diesel::insert_into(id_block::table)
            .values(id_block::entrypoint_id.eq(self.lock_row.entrypoint_id))
            .returning(id_block::block_no)
            .get_result(c))?;
        self.working_set.add_ids((block - 1) * ID_BLOCK + 1..block * ID_BLOCK + 1);
        Ok(())
    }

    /// Loads how many comments a customer has into the working set.
    pub(crate) fn load_comment_book(&mut self, conn: &mut Conn, customer_id: i64) -> Result<(), StoreError> {
        let book = comments::book(conn, self.lock_row.entrypoint_id, customer_id)?;
        self.working_set.add_comment_book(customer_id, book);
        Ok(())
    }

    /// Loads whether a customer has a comment with a text into the working set.
    pub(crate) fn load_comment_text(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        customer_id: i64,
        text: String,
    ) -> Result<(), StoreError> {
        let place = self.lock_row.entrypoint_id;
        let all = comments::page(conn, ring, place, customer_id, 0, COMMENTS_MAX)?.comments;
        let is_there = all.iter().any(|comment| comment.text == text);
        self.working_set.add_comment_text(customer_id, text, is_there);
        Ok(())
    }

    /// Loads a comment into the working set.
    pub(crate) fn load_comment(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        customer_id: i64,
        comment_id: i64,
    ) -> Result<(), StoreError> {
        let found = comments::one(conn, ring, self.lock_row.entrypoint_id, customer_id, comment_id)?;
        self.working_set.add_comment(customer_id, comment_id, found);
        Ok(())
    }

    /// Loads who has a subscription into the working set, with that customer.
    pub(crate) fn load_subscription(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        external: Reference,
    ) -> Result<(), StoreError> {
        let found = subscriptions::find(conn, self.lock_row.entrypoint_id, &self.keys, &external)?;
        if let Some((customer_id, _)) = found {
            self.load_customers(conn, ring, &[customer_id])?;
        }
        self.working_set.add_subscription(external, found);
        Ok(())
    }

    /// Loads an invoice into the working set, with its customer.
    pub(crate) fn load_invoice(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        id: i64,
    ) -> Result<(), StoreError> {
        let found = invoices::one(conn, ring, self.lock_row.entrypoint_id, id)?;
        if let Some(invoice) = &found {
            self.load_customers(conn, ring, &[invoice.customer_id])?;
        }
        self.working_set.invoices.add(id, found);
        Ok(())
    }

    /// Loads the invoice with a number into the working set, with its customer.
    pub(crate) fn load_invoice_number(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        number: String,
    ) -> Result<(), StoreError> {
        let found = invoices::find(conn, self.lock_row.entrypoint_id, &self.keys, &number)?;
        if let Some(id) = found {
            self.load_invoice(conn, ring, id)?;
        }
        self.working_set.invoices.add_number(number, found);
        Ok(())
    }

    /// Loads an order into the working set, with its customer.
    pub(crate) fn load_order(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        id: OrderId,
    ) -> Result<(), StoreError> {
        let found = orders::one(conn, ring, self.lock_row.entrypoint_id, id)?;
        if let Some(order) = &found {
            self.load_customers(conn, ring, &[order.customer_id])?;
        }
        self.working_set.orders.add(id, found);
        Ok(())
    }

    /// Loads a call of a payment provider into the working set, with its customer.
    pub(crate) fn load_call(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        id: CallId,
    ) -> Result<(), StoreError> {
        let found = provider::one(conn, ring, self.lock_row.entrypoint_id, id)?;
        if let Some(customer_id) = found.as_ref().and_then(|call| call.customer_id) {
            self.load_customers(conn, ring, &[customer_id])?;
        }
        self.working_set.calls.add(id, found);
        Ok(())
    }

    /// Loads a request into the working set, with its customer.
    pub(crate) fn load_request(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        id: RequestId,
    ) -> Result<(), StoreError> {
        let found = requests::one(conn, ring, self.lock_row.entrypoint_id, id)?;
        if let Some(customer_id) = found.as_ref().and_then(|request| request.customer_id) {
            self.load_customers(conn, ring, &[customer_id])?;
        }
        self.working_set.requests.add(id, found);
        Ok(())
    }

    /// Loads which request has a link into the working set.
    pub(crate) fn load_request_link(&mut self, conn: &mut Conn, hash: [u8; 32]) -> Result<(), StoreError> {
        let found = requests::with_link(conn, self.lock_row.entrypoint_id, &hash)?;
        self.working_set.requests.add_link(hash, found);
        Ok(())
    }

    /// Loads which requests of a customer wait to be answered into the working set.
    pub(crate) fn load_open_requests(&mut self, conn: &mut Conn, customer_id: i64) -> Result<(), StoreError> {
        let found = requests::open_of(conn, self.lock_row.entrypoint_id, customer_id)?;
        self.working_set.requests.add_open(customer_id, found);
        Ok(())
    }

    /// Loads when the last sale of a customer was paid into the working set.
    pub(crate) fn load_last_sale(&mut self, conn: &mut Conn, customer_id: i64) -> Result<(), StoreError> {
        let found = totals::last_sales(conn, self.lock_row.entrypoint_id, &[customer_id])?;
        self.working_set.add_last_sale(customer_id, found.get(&customer_id).copied());
        Ok(())
    }

    /// Loads some customers of this entrypoint into the working set.
    pub(crate) fn load_customers(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        let mut ids: Vec<i64> = ids
            .iter()
            .copied()
            .filter(|id| !self.rows.contains_key(id) && self.working_set.customer(*id).is_none())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        if let Some(dry_run_records) = &self.dry_run_records {
            dry_run_records.tell(conn, &mut self.working_set, &ids)?;
            ids.retain(|id| self.working_set.customer(*id).is_none());
        }
        for row in customer_rows(conn, self.lock_row.entrypoint_id, &ids)? {
            let key = ring.data_key(conn, row.key_id)?;
            self.working_set.add_customer(row.open(&key)?);
            self.rows.insert(row.customer_id, row);
        }
        Ok(())
    }

    fn load_outcomes(
        &mut self,
        conn: &mut Conn,
        ring: &KeyRing,
        rows: Vec<IdempotencyRow>,
    ) -> Result<(), StoreError> {
        for row in rows {
            if let Some(id) = row.customer_id {
                self.load_customers(conn, ring, &[id])?;
            }
            let owner = row.customer_id.and_then(|id| self.rows.get(&id)).cloned();
            if let (Some(owner), Some(version)) = (&owner, row.version)
                && let Some(stored) = version_of(conn, ring, owner, version)?
            {
                self.working_set.add_version(stored);
            }
            let (key_hash, record) = idempotency::open(conn, ring, &row, owner.as_ref())?;
            self.working_set.add_idempotency(key_hash, record);
        }
        Ok(())
    }
}

/// Adds the customers that may have some keys, among those sealed under one data key.
fn candidates(
    conn: &mut Conn,
    entrypoint_id: i64,
    index: &IndexKey,
    found: &mut [(MatchKey, Vec<i64>)],
) -> Result<(), StoreError> {
    let (digested, by_terms): (Vec<_>, Vec<_>) =
        found.iter_mut().partition(|(key, _)| index.has_digest(&key.identifier));
    let wanted: Vec<Vec<u8>> = digested.iter().map(|(key, _)| index.digest(key)).collect();
    let owners = digests::find::<Customers>(conn, entrypoint_id, &wanted)?;
    for ((_, ids), digest) in digested.into_iter().zip(wanted) {
        ids.extend(owners.get(&digest).into_iter().flatten());
    }
    for (key, ids) in by_terms {
        ids.extend(index::find(conn, entrypoint_id, &index.key, key)?);
    }
    Ok(())
}

ask! {
    /// Customers with the newest versions in their histories; one look-up each, also without statistics of the table.
    fn versioned<'a> of PgConnection(
        concat!(
            "SELECT ", customer_columns!(), ", ", newest_version!(), " FROM unnest("
        ), ids: &'a [i64] as Array<BigInt>,
        ") AS w (id) CROSS JOIN LATERAL (SELECT * FROM customer WHERE entrypoint_id = ", entrypoint_id: i64 as BigInt;
        " AND customer_id = w.id OFFSET 0) AS c"
    ) -> (CustomerRow, Option<i64>) as (CustomerColumns, Nullable<BigInt>)
}

/// Rows of customers, each checked against the newest version in its history. The check detects an old row that
/// somebody put back together with its old version.
pub(crate) fn customer_rows(
    conn: &mut Conn,
    entrypoint_id: i64,
    ids: &[i64],
) -> Result<Vec<CustomerRow>, StoreError> {
    let pairs: Vec<(CustomerRow, Option<i64>)> = match conn {
        Conn::Postgres(c) if !ids.is_empty() => versioned(c, ids, entrypoint_id)?,
        conn => {
            let mut pairs = Vec::with_capacity(ids.len());
            for id in ids {
                pairs.extend(
                    whole(conn, *id, entrypoint_id)?.into_iter().map(|(row, version, ..)| (row, version)),
                );
            }
            pairs
        }
    };
    pairs.into_iter().map(|(row, version)| row.must_be_newest(version).map(|()| row)).collect()
}

/// A customer at an earlier version; `None` if that version is gone or never existed.
pub(crate) fn version_of(
    conn: &mut Conn,
    ring: &KeyRing,
    row: &CustomerRow,
    version: i64,
) -> Result<Option<Stored>, StoreError> {
    if row.version == version {
        return Ok(Some(row.open(&*ring.data_key(conn, row.key_id)?)?));
    }
    let image: Option<(Option<Vec<u8>>, Option<i64>)> = on!(conn, |c| history::table
        .filter(history::entrypoint_id.eq(row.entrypoint_id))
        .filter(history::customer_id.eq(row.customer_id))
        .filter(history::version.eq(version + 1))
        .select((history::document_before, history::key_id_before))
        .first(c)
        .optional())?;
    let record = row.open_image(conn, ring, version, image.unwrap_or_default())?;
    Ok(record.map(|customer| Stored { id: row.customer_id, version, customer, erased: false }))
}
