//! Receipts: mails that say what was paid.

use super::load::{Opener, by_id, payers};
use crate::clock;
use crate::domain::customers::fields::TextField;
use crate::domain::decide::command::KeyUse;
use crate::domain::entrypoints::theme::Language;
use crate::domain::kernel::problem::{Problem, Rejection};
use crate::domain::mail::{MailKind, NewMail, Receipt};
use crate::domain::numbers;
use crate::domain::transactions::Transaction;
use crate::domain::transactions::id::TransId;
use crate::domain::transactions::status::{Operation, Status};
use crate::store::Transactions;
use crate::store::customers::find::find;
use crate::store::engine::error::StoreError;
use crate::store::entrypoints::lock_row::lock_entrypoint;
use crate::store::mail::enqueue_to;

fn refused(code: &'static str, message: &str) -> StoreError {
    Rejection::State(vec![Problem::parameter("transId", code, message)]).into()
}

/// What the receipt of a transaction says.
fn receipt_of(entrypoint_id: i64, language: Language, transaction: &Transaction) -> Receipt {
    let details = &transaction.details;
    let parts = [transaction.method.as_deref(), details.masked_account.as_deref()];
    Receipt {
        amount: numbers::price(language, transaction.currency, transaction.amount),
        day: numbers::day_of(language, transaction.occurred_at),
        number: transaction.id.show(entrypoint_id),
        description: details.description.as_deref().unwrap_or_default().to_owned(),
        method: parts.into_iter().flatten().collect::<Vec<_>>().join(" "),
    }
}

impl Transactions<'_> {
    /// Queues a receipt to the address of the customer who paid; `address` must be that one if it is named.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] if there is no such transaction, it is not paid, or nobody can get a receipt; the database's.
    pub async fn send_receipt(
        self,
        entrypoint_id: i64,
        id: TransId,
        address: Option<String>,
        key_use: Option<KeyUse>,
        answer: String,
    ) -> Result<(String, bool), StoreError> {
        let done = self
            .0
            .administer_once(key_use, move |conn, ring| {
                lock_entrypoint(conn, entrypoint_id)?;
                let row = by_id(conn, entrypoint_id, id)?.ok_or(Rejection::NotFound)?;
                let Some(customer_id) = row.customer_id else {
                    return Err(refused(
                        "unlinked",
                        "the transaction is unlinked; link it to its customer first",
                    ));
                };
                let salt = payers(conn, entrypoint_id, &[customer_id])?.pop().and_then(|payer| payer.salt);
                let salt_of = |_| salt.clone();
                let transaction = Opener::new(ring, &salt_of).open(conn, &row)?;
                if !transaction.status.is_confirmed() {
                    return Err(refused(
                        "not_paid",
                        "the money has not moved, so there is nothing to confirm",
                    ));
                }
                if transaction.operation != Operation::Sale || transaction.status != Status::Approved {
                    const MESSAGE: &str =
                        "a receipt thanks for a payment, and this money went back or was never the shop's";
                    return Err(refused("not_paid", MESSAGE));
                }
                let found = find(conn, ring, entrypoint_id, customer_id)?.ok_or(Rejection::NotFound)?;
                let customer = &found.record.stored.customer;
                let own = customer.text(TextField::Email).filter(|_| !customer.is_deleted());
                let Some(own) = own else {
                    return Err(refused("no_email", "the customer is deleted or has no e-mail address"));
                };
                if address.as_deref().is_some_and(|address| !address.eq_ignore_ascii_case(own)) {
                    let message =
                        "is not the customer's; a receipt goes to the address of the customer alone";
                    let problems = vec![Problem::parameter("email", "other_address", message)];
                    return Err(Rejection::Invalid(problems).into());
                }
                let receipt = Some(receipt_of(entrypoint_id, found.entrypoint.theme.language, &transaction));
                let mail = NewMail { receipt, ..NewMail::of(entrypoint_id, customer_id, MailKind::Receipt) };
                enqueue_to(conn, ring, &mail, customer, clock::now())?;
                Ok(answer)
            })
            .await;
        self.0.mail_queued.notify_one();
        done
    }
}
