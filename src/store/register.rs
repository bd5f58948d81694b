//! The register of sealed tables, which erase, rotation and doctor walk.

use super::accounts::staff::sealed::StaffTable;
use super::comments::sealed::CommentTable;
use super::coupons::sealed::{CouponTable, RedemptionTable};
use super::customers::sealed::CustomerTables;
use super::idempotency::IdempotencyTable;
use super::ingest::sealed::IngestSecretTable;
use super::invoices::sealed::InvoiceTable;
use super::jobs::sealed::JobTables;
use super::keys::sealed_table::SealedTable;
use super::labels::sealed::LabelTable;
use super::mail::sealed::MailTable;
use super::orders::sealed::OrderTable;
use super::products::sealed::ProductTable;
use super::provider::sealed::ProviderTable;
use super::requests::sealed::RequestTable;
use super::transactions::sealed::TransactionTable;

/// All sealed tables. Customers come first, because a rotation needs the customers' salts to open the rows of other
/// tables.
pub(crate) const REGISTER: [&dyn SealedTable; 16] = [
    &CustomerTables,
    &IdempotencyTable,
    &JobTables,
    &MailTable,
    &CommentTable,
    &LabelTable,
    &IngestSecretTable,
    &TransactionTable,
    &InvoiceTable,
    &CouponTable,
    &RedemptionTable,
    &ProductTable,
    &OrderTable,
    &ProviderTable,
    &RequestTable,
    &StaffTable,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use diesel::prelude::*;

    use super::*;
    use crate::store::engine::conn::{Conn, DatabaseUrl, Purpose};
    use crate::store::engine::migrate::migrate;

    /// Columns of bytes that are not sealed, each with its content.
    const OTHERS: [(&str, &str); 53] = [
        ("service_state.value", "checks the master key"),
        ("data_key.wrapped", "a key, wrapped by the master key"),
        ("signing_key.secret", "of no customer; the keyring seals it under the service's key"),
        ("customer.salt", "random"),
        ("idempotency.key_hash", "a keyed hash"),
        ("idempotency.fingerprint", "a keyed hash"),
        ("identity_digest.digest", "a keyed hash, removed with its customer"),
        ("recent_identity_digest.packed", "keyed hashes, removed with their customers"),
        ("idempotency_digest.digest", "a keyed hash"),
        ("recent_idempotency_digest.packed", "keyed hashes"),
        ("index_memtable.terms", "keyed hashes, removed with their customers"),
        ("index_block.data", "keyed hashes, removed by compaction"),
        ("subscription.digest", "a keyed hash, removed with its customer"),
        ("invoice.number_digest", "a keyed hash"),
        ("invoice.salt", "random"),
        ("invoice_document.salt", "random"),
        ("coupon.coupon_id", "a time and random bits"),
        ("coupon.digest", "a keyed hash"),
        ("coupon_customer.coupon_id", "a time and random bits"),
        ("coupon_redemption.redemption_id", "a time and random bits"),
        ("coupon_redemption.coupon_id", "a time and random bits"),
        (
            "coupon_redemption.digest",
            "a keyed hash, removed when the place is given back or the person erased",
        ),
        ("product.product_id", "a time and random bits"),
        ("sales_order.order_id", "a time and random bits"),
        ("provider_call.call_id", "a time and random bits"),
        ("provider_call.charge_id", "a time and random bits"),
        ("provider_call.request_id", "a time and random bits"),
        ("payment_request.request_id", "a time and random bits"),
        ("payment_request.order_id", "a time and random bits"),
        ("payment_request.link_hash", "a hash of random bits"),
        ("payment_request.last_trans_id", "a time and random bits"),
        ("transaction.trans_id", "a time and random bits"),
        ("transaction.digest", "a keyed hash"),
        ("transaction.refund_of", "a keyed hash"),
        (
            "transaction_payer.digest",
            "a keyed hash, removed when the transaction is linked or the person erased",
        ),
        (
            "erased_payer.digest",
            "a keyed hash of an erased person, so that no payment registers the person again",
        ),
        ("transaction_payer.trans_id", "a time and random bits"),
        ("label.digest", "a keyed hash, removed with the last customer who has the label"),
        ("job.fingerprint", "a keyed hash"),
        ("job.salt", "random"),
        ("dry_run_record_key.digest", "a keyed hash, removed at the dry run's end"),
        ("dry_run_transaction.digest", "a keyed hash, removed at the dry run's end"),
        ("dry_run_transaction.refund_of", "a keyed hash, removed at the dry run's end"),
        ("dry_run_payer.digest", "a keyed hash, removed at the dry run's end"),
        ("dry_run_payer.waiting", "a keyed hash, removed at the dry run's end"),
        ("mail_outbox.salt", "random"),
        ("portal_link.token_hash", "a hash of random bits"),
        ("portal_session.token_hash", "a hash of random bits"),
        ("staff_member.email_digest", "a keyed hash of a member's address, removed with the member"),
        ("staff_member.salt", "random"),
        ("staff_link.token_hash", "a hash of random bits"),
        ("staff_session.token_hash", "a hash of random bits"),
        ("login_attempt.login_hash", "a keyed hash, removed after minutes"),
    ];

    #[test]
    fn every_column_of_bytes_is_registered_or_known_not_to_be_sealed() {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            value: String,
        }
        let folder = tempfile::tempdir().unwrap();
        let mut conn = Conn::open(&DatabaseUrl::Sqlite(folder.path().join("x.db")), Purpose::Write).unwrap();
        migrate(&mut conn).unwrap();
        let Conn::Sqlite(c, _) = &mut conn else { unreachable!() };
        let there: BTreeSet<String> = diesel::sql_query(
            "SELECT t.name || '.' || c.name AS value FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND c.type = 'BLOB'",
        )
        .load::<Row>(c)
        .unwrap()
        .into_iter()
        .map(|row| row.value)
        .collect();
        let sealed = REGISTER.iter().flat_map(|table| table.columns()).copied();
        let known: Vec<&str> = sealed.chain(OTHERS.iter().map(|(column, _)| *column)).collect();
        let all: BTreeSet<String> = known.iter().map(|column| (*column).to_owned()).collect();
        assert_eq!(all.len(), known.len(), "a column is named twice");
        assert_eq!(there, all);
    }
}
