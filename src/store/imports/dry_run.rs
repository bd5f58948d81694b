//! The dry-run records of a dry run, so that later rows see the effects of earlier rows.
//!
//! A dry-run record is a customer as the dry run would leave it: a new one with an id that no real customer will have,
//! or a stored one with changes. Keyed digests of its identifiers lead to it.

use diesel::prelude::*;

use super::{Ad, JobId, of_job};
use crate::domain::customers::fields::TextField;
use crate::domain::customers::identifier::{IdField, Identifier, MatchKey, reference_keys};
use crate::domain::customers::record::{Customer, Stored};
use crate::domain::decide::working_set::WorkingSet;
use crate::store::customers::rows::open_document;
use crate::store::engine::conn::{Conn, on};
use crate::store::engine::error::StoreError;
use crate::store::engine::schema::{dry_run_record, dry_run_record_key};
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
        diesel::delete(of_job!(dry_run_record_key, job_id, id)).execute(c)
    })?;
    Ok(())
}
