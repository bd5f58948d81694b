//! The dry-run records of a dry run, so that later rows see the effects of earlier rows.
//!
//! A dry-run record is a customer as the dry run would leave it: a new one with an id that no real customer will have,
//! or a stored one with changes. Keyed digests of its identifiers lead to it. A dry run of transactions keeps these in the same
//! way.

use diesel::prelude::*;

use super::{Ad, JobId, of_job};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{IdField, Identifier, MatchKey, reference_keys};
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::decide::ledger::sale_of;
use crate::domain::decide::missing::ExternalKey;
use crate::domain::decide::working_set::WorkingSet;
use crate::domain::transactions::{Transaction, WAITING_MAX};
use crate::store::customers::rows::open_document;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{dry_run_payer, dry_run_record, dry_run_record_key, dry_run_transaction};
use crate::store::keys::index_keys::IndexKey;
use crate::store::transactions;
use crate::store::transactions::waiting::rows_of;
use crate::vault::{DataKey, Plain, SealKey};
use std::sync::Arc;

/// The dry-run records of one dry run, during a step.
pub(crate) struct DryRunRecords {
    id: JobId,
    seal: SealKey,
    /// The key for the digests of identifiers.
    key: Arc<DataKey>,
    /// Whether rows may name their own identifiers; every field of a dry-run record then gets a digest.
    by_fields: bool,
}

fn dry_run_ad(job_id: i64, customer_id: i64, version: i64) -> Ad {
    Ad::new("dry_run_record", &[job_id, customer_id, version])
}

fn transaction_ad(job_id: i64, digest: &[u8]) -> Ad {
    Ad::new("dry_run_transaction", &[job_id]).and(digest)
}

impl DryRunRecords {
    pub(super) fn new(id: JobId, seal: SealKey, key: Arc<DataKey>, by_fields: bool) -> DryRunRecords {
        DryRunRecords { id, seal, key, by_fields }
    }

    fn digest(&self, key: &MatchKey) -> Vec<u8> {
        self.key.identities().identity(&key.identifier.to_string(), &key.values).to_vec()
    }

    /// Loads the dry-run records among some customers into the working set.
    pub(crate) fn tell(
        &self,
        conn: &mut Conn,
        working_set: &mut WorkingSet,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        for id in ids {
            let found: Option<(i64, Vec<u8>)> = on!(conn, |c| dry_run_record::table
                .find((self.id.entrypoint_id, self.id.job_id, id))
                .select((dry_run_record::version, dry_run_record::document))
                .first(c)
                .optional())?;
            if let Some((version, document)) = found {
                let customer =
                    open_document(&self.seal, &dry_run_ad(self.id.job_id, *id, version), &document)?;
                working_set.add_customer(Stored { id: *id, version, customer, erased: false });
            }
        }
        Ok(())
    }

    /// Adds the dry-run records that may have some keys.
    pub(crate) fn candidates(
        &self,
        conn: &mut Conn,
        found: &mut [(MatchKey, Vec<i64>)],
    ) -> Result<(), StoreError> {
        for (key, ids) in found {
            ids.extend(self.with_digest(conn, &self.digest(key))?);
            if !self.by_fields {
                continue;
            }
            let mut common: Option<Vec<i64>> = None;
            for (field, value) in key.identifier.fields().iter().zip(&key.values) {
                let one = MatchKey {
                    identifier: Identifier::new(vec![field.clone()]),
                    values: vec![value.clone()],
                };
                let mut with_value = self.with_digest(conn, &self.digest(&one))?;
                with_value.retain(|id| common.as_ref().is_none_or(|common| common.contains(id)));
                common = Some(with_value);
            }
            ids.extend(common.unwrap_or_default());
        }
        Ok(())
    }

    fn with_digest(&self, conn: &mut Conn, digest: &[u8]) -> Result<Vec<i64>, StoreError> {
        Ok(on!(conn, |c| of_job!(dry_run_record_key, job_id, self.id)
            .filter(dry_run_record_key::digest.eq(digest))
            .select(dry_run_record_key::customer_id)
            .load(c))?)
    }

    /// Saves what a step would have written; `one_off` is the identifier named by the request.
    pub(super) fn save(
        &self,
        conn: &mut Conn,
        working_set: &WorkingSet,
        one_off: Option<&Identifier>,
    ) -> Result<(), StoreError> {
        let mut identifiers = working_set.entrypoint.policy.identifiers.clone();
        identifiers.extend([Identifier::customer_number(), Identifier::customer_username()]);
        identifiers.extend(one_off.cloned());
        for revision in working_set.revisions() {
            let after = &revision.after;
            let (place, job_id, id) = (self.id.entrypoint_id, self.id.job_id, after.id);
            let plain = Plain::from(serde_json::to_vec(&after.customer)?);
            let document = self.seal.seal(&dry_run_ad(job_id, id, after.version), &plain)?;
            let fields = if self.by_fields { fields(&after.customer) } else { Vec::new() };
            let mut digests: Vec<Vec<u8>> = identifiers
                .iter()
                .chain(&fields)
                .flat_map(|identifier| identifier.keys(&after.customer))
                .chain(reference_keys(&after.customer))
                .map(|key| self.digest(&key))
                .collect();
            digests.sort_unstable();
            digests.dedup();
            on!(conn, |c| {
                diesel::delete(dry_run_record::table.find((place, job_id, id))).execute(c)?;
                diesel::insert_into(dry_run_record::table)
                    .values((
                        dry_run_record::entrypoint_id.eq(place),
                        dry_run_record::job_id.eq(job_id),
                        dry_run_record::customer_id.eq(id),
                        dry_run_record::version.eq(after.version),
                        dry_run_record::document.eq(&document),
                    ))
                    .execute(c)?;
                for digest in &digests {
                    // An earlier state may have had the digest too. Lookups compare the values, so old digests do no
                    // harm.
                    diesel::delete(dry_run_record_key::table.find((place, job_id, digest, id))).execute(c)?;
                    diesel::insert_into(dry_run_record_key::table)
                        .values((
                            dry_run_record_key::entrypoint_id.eq(place),
                            dry_run_record_key::job_id.eq(job_id),
                            dry_run_record_key::digest.eq(digest),
                            dry_run_record_key::customer_id.eq(id),
                        ))
                        .execute(c)?;
                }
                Ok::<_, diesel::result::Error>(())
            })?;
        }
        Ok(())
    }

    fn transaction_digest(&self, (source, external_id): (&str, &str)) -> Vec<u8> {
        transactions::rows::digest(&self.key, source, external_id)
    }

    fn opened(&self, rows: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Vec<Transaction>, StoreError> {
        let open = |(digest, document): (Vec<u8>, Vec<u8>)| {
            let plain = self.seal.open(&transaction_ad(self.id.job_id, &digest), &document)?;
            Ok(serde_json::from_slice(&plain)?)
        };
        rows.into_iter().map(open).collect()
    }

    /// The transactions with some keys as the dry run left them, and with those that pay them back if `with_refunds`.
    pub(crate) fn transactions<'a>(
        &self,
        conn: &mut Conn,
        keys: impl Iterator<Item = &'a ExternalKey>,
        with_refunds: bool,
    ) -> Result<Vec<Transaction>, StoreError> {
        let mut rows = Vec::new();
        for (source, external_id) in keys {
            let digest = self.transaction_digest((source, external_id));
            let columns = (dry_run_transaction::digest, dry_run_transaction::document);
            let found: Vec<(Vec<u8>, Vec<u8>)> = on!(conn, |c| {
                let own = of_job!(dry_run_transaction, job_id, self.id);
                let mut found: Vec<(Vec<u8>, Vec<u8>)> =
                    own.filter(dry_run_transaction::digest.eq(&digest)).select(columns).load(c)?;
                if with_refunds {
                    let refunds = dry_run_transaction::table
                        // The sum keeps the planner from the primary key.
                        .filter((dry_run_transaction::entrypoint_id + 0_i64).eq(self.id.entrypoint_id))
                        .filter(dry_run_transaction::job_id.eq(self.id.job_id))
                        .filter(dry_run_transaction::refund_of.eq(&digest))
                        .select(columns);
                    found.extend(refunds.load::<(Vec<u8>, Vec<u8>)>(c)?);
                }
                Ok::<_, diesel::result::Error>(found)
            })?;
            rows.extend(found);
        }
        self.opened(rows)
    }

    /// The transactions of the dry run that may wait for a customer with a digest, as in `transaction_payer`.
    pub(crate) fn waiting(&self, conn: &mut Conn, digest: &[u8]) -> Result<Vec<Transaction>, StoreError> {
        let waiting: Vec<Vec<u8>> = on!(conn, |c| of_job!(dry_run_payer, job_id, self.id)
            .filter(dry_run_payer::digest.eq(digest))
            .order(dry_run_payer::waiting)
            .limit(i64::try_from(WAITING_MAX).unwrap_or(i64::MAX))
            .select(dry_run_payer::waiting)
            .load(c))?;
        let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(conn, |c| of_job!(dry_run_transaction, job_id, self.id)
            .filter(dry_run_transaction::digest.eq_any(&waiting))
            .select((dry_run_transaction::digest, dry_run_transaction::document))
            .load(c))?;
        self.opened(rows)
    }

    /// Saves the transactions that a step would have written. `key` makes the digests of what waits.
    pub(super) fn save_transactions(
        &self,
        conn: &mut Conn,
        working_set: &WorkingSet,
        key: &IndexKey,
    ) -> Result<(), StoreError> {
        let (place, job_id) = (self.id.entrypoint_id, self.id.job_id);
        for transaction in working_set.ledger.changed().filter_map(|(transaction, _)| transaction) {
            let digest = self.transaction_digest((&transaction.source, &transaction.external_id));
            let refund_of =
                sale_of(transaction).map(|(source, sale)| self.transaction_digest((&source, &sale)));
            let plain = Plain::from(serde_json::to_vec(&**transaction)?);
            let document = self.seal.seal(&transaction_ad(job_id, &digest), &plain)?;
            let waits_for = rows_of(key, place, transaction).into_iter().map(|row| row.digest);
            let waits_for: Vec<_> = waits_for
                .map(|payer| {
                    (
                        dry_run_payer::entrypoint_id.eq(place),
                        dry_run_payer::job_id.eq(job_id),
                        dry_run_payer::digest.eq(payer),
                        dry_run_payer::waiting.eq(digest.clone()),
                    )
                })
                .collect();
            on!(conn, |c| {
                diesel::delete(dry_run_transaction::table.find((place, job_id, &digest))).execute(c)?;
                diesel::insert_into(dry_run_transaction::table)
                    .values((
                        dry_run_transaction::entrypoint_id.eq(place),
                        dry_run_transaction::job_id.eq(job_id),
                        dry_run_transaction::digest.eq(&digest),
                        dry_run_transaction::refund_of.eq(&refund_of),
                        dry_run_transaction::customer_id.eq(transaction.customer_id),
                        dry_run_transaction::document.eq(&document),
                    ))
                    .execute(c)?;
                // Rows of an earlier state do no harm: what waits no more is not linked.
                for row in waits_for {
                    diesel::insert_into(dry_run_payer::table)
                        .values(row)
                        .on_conflict_do_nothing()
                        .execute(c)?;
                }
                Ok::<_, diesel::result::Error>(())
            })?;
        }
        Ok(())
    }
}

/// Each field that could be an identifier.
fn fields(customer: &Customer) -> Vec<Identifier> {
    let texts = TextField::all().map(IdField::Text);
    let additional = customer.additional.keys().cloned().map(IdField::Additional);
    texts.chain(additional).map(|field| Identifier::new(vec![field])).collect()
}

/// Removes the dry-run records of a job.
pub(super) fn clear(conn: &mut Conn, id: JobId) -> Result<(), StoreError> {
    on!(conn, |c| {
        diesel::delete(of_job!(dry_run_record, job_id, id)).execute(c)?;
        diesel::delete(of_job!(dry_run_transaction, job_id, id)).execute(c)?;
        diesel::delete(of_job!(dry_run_payer, job_id, id)).execute(c)?;
        diesel::delete(of_job!(dry_run_record_key, job_id, id)).execute(c)
    })?;
    Ok(())
}
