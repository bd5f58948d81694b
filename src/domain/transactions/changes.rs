//! Which fields of a transaction changed, by their names on the wire, for events (rules 14).

use super::Transaction;

/// The names of the fields in which two states of a transaction differ, but its customer.
pub fn changes(before: &Transaction, after: &Transaction) -> Vec<&'static str> {
    let (old, new) = (&before.details, &after.details);
    let all = [
        ("operation", before.operation != after.operation),
        ("status", before.status != after.status),
        ("amount", before.amount != after.amount),
        ("currency", before.currency != after.currency),
        ("fee", before.fee != after.fee),
        ("net", before.net != after.net),
        ("baseAmount", before.base_amount != after.base_amount),
        ("occurredAt", before.occurred_at != after.occurred_at),
        ("refundOf", before.refund_of != after.refund_of),
        ("refundedAmount", before.refunded != after.refunded),
        ("method", before.method != after.method),
        ("invoiceNumber", old.invoice_number != new.invoice_number),
        ("orderId", old.order_id != new.order_id),
        ("maskedAccount", old.masked_account != new.masked_account),
        ("description", old.description != new.description),
        ("additionalData", old.additional != new.additional),
        ("candidates", old.candidates != new.candidates),
    ];
    all.into_iter().filter(|(_, is_other)| *is_other).map(|(name, _)| name).collect()
}
